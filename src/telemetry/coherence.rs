//! What the coherence of an instance says.

use crate::concern::Applied;
use crate::position::Position;
use std::fmt::Display;

pub(crate) fn bus_lost(bus: &str, trouble: &dyn Display) {
    tracing::warn!(
        name: "bus_lost",
        target: "tower_coherence",
        bus, %trouble,
        "the bus does not answer; what cannot be sent is kept, and nothing is served beyond the staleness bound"
    );
}

pub(crate) fn bus_back(bus: &str) {
    tracing::info!(
        name: "bus_back",
        target: "tower_coherence",
        bus,
        "the bus answers"
    );
}

/// No bus was chosen: maybe it was forgotten.
pub(crate) fn no_bus() {
    tracing::warn!(
        name: "no_bus",
        target: "tower_coherence",
        bus = "local",
        "no bus was chosen: this cache hears no other process (say `.bus(Local::new())` if that is meant)"
    );
}

/// A position was taken without replay, and everything was invalidated.
pub(crate) fn adopted(position: Option<Position>) {
    let position = position.map(|position| position.to_string());
    tracing::info!(
        name: "adopted",
        target: "tower_coherence",
        position,
        "what was missed cannot be known: everything is invalidated"
    );
}

/// What the bus lacks, one sentence.
pub(crate) fn bus_finding(bus: &str, finding: &str) {
    tracing::warn!(
        name: "bus_finding",
        target: "tower_coherence",
        bus,
        "{finding}"
    );
}

pub(crate) fn ring_lost(bus: &str, reason: &dyn Display) {
    tracing::debug!(
        name: "ring_lost",
        target: "tower_coherence",
        bus, %reason,
        "the ring is connected anew"
    );
}

/// Said once for each kind.
pub(crate) fn entry_unreadable(kind: &str, position: Position) {
    tracing::warn!(
        name: "entry_unreadable",
        target: "tower_coherence",
        kind, %position,
        "an entry of the log cannot be understood and is read as everything"
    );
}

/// A log has lost what it had acknowledged.
pub(crate) fn sent_again(batches: usize) {
    tracing::warn!(
        name: "sent_again",
        target: "tower_coherence",
        batches,
        "the log has lost what it had acknowledged; it is sent once more"
    );
}

pub(crate) fn sent_again_everything() {
    tracing::warn!(
        name: "sent_again_everything",
        target: "tower_coherence",
        "the log has lost more than is kept here: everything is invalidated"
    );
}

/// How a wait until all had applied something ended.
pub(crate) fn applied(applied: &Applied) {
    match applied {
        Applied::Everywhere { by, waited_out } => tracing::debug!(
            name: "applied_everywhere",
            target: "tower_coherence",
            by, waited_out,
            "an invalidation is applied everywhere"
        ),
        Applied::TimedOut { by, missing } => tracing::warn!(
            name: "applied_timed_out",
            target: "tower_coherence",
            by, ?missing,
            "not all instances have applied an invalidation in time"
        ),
    }
}

/// Nobody has heard in time that writes have ended.
pub(crate) fn intents_ran_out(targets: usize) {
    tracing::warn!(
        name: "intents_ran_out",
        target: "tower_coherence",
        targets,
        "a write elsewhere did not end within its intent; what it may have made stale is invalidated"
    );
}

pub(crate) fn outbox_widened() {
    tracing::warn!(
        name: "outbox_widened",
        target: "tower_coherence",
        "the outbox is full: what waits in it became \"everything\""
    );
}

pub(crate) fn member_renamed() {
    tracing::warn!(
        name: "member_renamed",
        target: "tower_coherence",
        "another instance reports under the same id: this one takes a new one"
    );
}

pub(crate) fn task_panicked(task: &str) {
    tracing::error!(
        name: "task_panicked",
        target: "tower_coherence",
        task,
        "a background task panicked; it is started anew, and everything is invalidated"
    );
}
