//! What all handles of one cache share.

use super::counters::Counters;
use super::edition::Editions;
use super::fields::Fields;
use super::hosts::Hosts;
use super::invalidating::Applier;
use super::mistakes::Mistakes;
use super::routes::InUse;
use super::shelves::{ShelfId, Shelves};
use super::slot::Slot;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::coherence::Coherence;
use crate::concern::WriteConcern;
use crate::policy::{BusDown, Policy, WhileDeaf};
use crate::store::Names;
use crate::store::race::{Core, Flights};
use crate::telemetry;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What all handles of one cache share.
///
/// The background tasks hold the parts that they need, never this: the last
/// handle to go ends them.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) core: Arc<Core>,
    pub(crate) names: Arc<Names>,
    pub(crate) flights: Arc<Flights<FlightKey, Landed>>,
    pub(crate) shelves: Arc<Shelves>,
    /// Held while the variants of a URI are read and written again. Taken before
    /// the lock of the race core.
    pub(crate) placing: Mutex<()>,
    pub(crate) counters: Arc<Counters>,
    /// Two layers on one request are warned of once.
    pub(crate) nesting: Once,
    /// A layer that cannot read calls is warned of once.
    pub(crate) unread_calls: Once,
    /// The route table.
    pub(super) routes: InUse,
    pub(super) editions: Editions,
    /// What is wrong with the policies of layers.
    pub(crate) mistakes: Mistakes,
    /// Shared with the tasks, which hear of what others invalidated.
    pub(crate) applier: Arc<Applier>,
    pub(crate) coherence: Arc<Coherence>,
    /// One permit for each fill or write that runs in a task.
    pub(crate) permits: Arc<Semaphore>,
    /// How many permits there are.
    pub(crate) max_tasks: usize,
    /// Whether it is switched off, see [`Mode`](super::Mode).
    pub(crate) switched_off: AtomicBool,
    /// Whether anything is answered from memory. Set to `false` once, at the end,
    /// before this instance signs off. Looked at after the comparison of a hit.
    pub(crate) serving: AtomicBool,
}

/// Flights are told apart by shelf: what one policy stores is not for another.
pub(crate) type FlightKey = (ShelfId, u128);

/// What a flight ended with, for those who waited.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) slot: Arc<Slot>,
    /// The handler has failed, and this stands in.
    pub(crate) stale: bool,
}

/// What the builder was told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) policy: Policy,
    pub(crate) while_deaf: WhileDeaf,
    pub(crate) while_bus_down: BusDown,
    pub(crate) concern: WriteConcern,
    pub(crate) bound: Duration,
    pub(crate) max_body_bytes: usize,
    pub(crate) fill_timeout: Duration,
    /// `None`: no request carries any.
    pub(crate) tokens: Option<Tokens>,
    pub(crate) fields: Fields,
    pub(crate) hosts: Hosts,
}

impl Shared {
    /// Whether requests are looked up at all.
    pub(crate) fn uses_memory(&self) -> bool {
        !self.switched_off.load(Ordering::Relaxed)
    }

    pub(crate) fn warn_of_nesting(&self) {
        self.nesting.call_once(telemetry::nested_layer);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
