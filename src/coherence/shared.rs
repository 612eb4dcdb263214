//! What the tasks and the handle of one instance's coherence share.

use super::everywhere::{Everywhere, LogOf};
use super::figures::{Condition, Deafness, Figures};
use super::follower::{Ask, Ear, Follower, Invalidation, Member, Step};
use super::intents::{Intents, Order};
use super::kept::{Again, Kept};
use super::lately::HeardBy;
use super::outbox::{Limits, Outbox, Ticket};
use super::sent::Sent;
use super::settings::Settings;
use super::sink::Sink;
use super::tokens::{self, Applied};
use crate::bus::{Answer, BusError, Checkpoint, Engine, LogEntry, Question, Ring};
use crate::clock::{Clock, Moment, nanos};
use crate::position::{Mark, Position, Sequence};
use crate::target::Target;
use crate::wire::{self, Decoded, Message};
use crate::{random, telemetry, write_intent};
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Everything but the tasks. The tasks hold this, and the handle holds the tasks,
/// so the last handle ends them.
pub(super) struct Shared {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) sink: Arc<dyn Sink>,
    /// Held while a step is taken, so that steps are taken one after the other
    /// and in the order of what they prove. Taken before `figures`.
    pub(super) follower: Mutex<Follower>,
    pub(super) outbox: Outbox,
    pub(super) everywhere: Everywhere,
    /// Locked for a moment only.
    pub(super) kept: Mutex<Kept>,
    /// Locked for a moment only.
    pub(super) intents: Mutex<Intents<Target>>,
    /// Somebody waits until all have reported.
    roll_call: AtomicBool,
    /// The largest bound that the log has heard of this instance, in nanoseconds.
    reported: AtomicU64,
    pub(super) sent: Sent,
    /// The ticket up to which what is put into the outbox comes late into the log, or
    /// was not applied here at all.
    late: AtomicU64,
    pub(super) applied: Applied,
    pub(super) figures: Mutex<Figures>,
    /// The tasks that run now, by number; zero when none do.
    pub(super) running: AtomicU64,
    /// Questions begun. Counts on when the follower begins anew.
    pub(super) asked: AtomicU64,
    /// The last question that was answered, by the same count.
    pub(super) answered: watch::Sender<u64>,
    /// The proof that the sink has.
    pub(super) proved: watch::Sender<Option<Moment>>,
    /// A question is due before the heartbeat.
    pub(super) due: Notify,
    /// The ring is to be connected anew.
    pub(super) reconnect: Notify,
    /// The log has lost more than is kept here.
    pub(super) log_lacks: Notify,
    /// Held while a question is out.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// No question is asked any more.
    pub(super) leaving: AtomicBool,
}

fn targets_of(payload: &Bytes) -> Vec<Target> {
    match wire::decode(payload) {
        Decoded::Message(message) => message.targets,
        Decoded::Unreadable(_) => vec![Target::everything()],
    }
}

impl Shared {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        clock: Clock,
        settings: Settings,
        sink: Arc<dyn Sink>,
    ) -> Self {
        let limits = Limits {
            targets: settings.waiting_targets,
            bytes: settings.waiting_bytes,
        };
        let figures = Figures {
            deafness: Deafness::since(clock.now()),
            ..Figures::default()
        };
        let log = if engine.in_process().is_some() {
            LogOf::ThisProcess
        } else {
            LogOf::AServer
        };
        Self {
            engine,
            clock,
            settings,
            sink,
            follower: Mutex::new(Follower::new(random::number(), settings.bound)),
            outbox: Outbox::new(limits),
            everywhere: Everywhere::new(settings.bound, log),
            kept: Mutex::default(),
            intents: Mutex::default(),
            roll_call: AtomicBool::new(false),
            reported: AtomicU64::new(0),
            sent: Sent::default(),
            late: AtomicU64::new(0),
            applied: Applied::new(),
            figures: Mutex::new(figures),
            running: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            answered: watch::Sender::new(0),
            proved: watch::Sender::new(None),
            due: Notify::new(),
            reconnect: Notify::new(),
            log_lacks: Notify::new(),
            asking: tokio::sync::Mutex::default(),
            leaving: AtomicBool::new(false),
        }
    }

    pub(super) fn follower(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where things stand now.
    pub(super) fn stand(&self) -> Figures {
        let now = self.clock.now();
        let heard = self.heard_until();
        let proof = *self.proved.borrow();
        let mut figures = self.figures().clone();
        figures.deafness.count(heard, now);
        figures.deaf = figures.deafness.total();
        figures.lag = proof.map(|as_of| now.since(as_of));
        figures.coherent = heard.is_some_and(|until| now <= until);
        figures.position = self.follower().position();
        figures.outbox = self.outbox.len();
        figures.widened = self.outbox.widened();
        figures
    }

    /// The next question, as of now.
    pub(super) fn question(&self) -> Question {
        let checkpoint = self.kept().checkpoint();
        let question = self.follower().ask(self.clock.now().0);
        Question {
            checkpoint,
            ..question
        }
    }

    /// The answer to this question.
    pub(super) fn receive(&self, question: &Question, answer: &Answer) {
        let mut follower = self.follower();
        let unheard = self.unheard(&follower, answer);
        let step = follower.answer(question.counter, answer);
        self.detected(&unheard, &step, &mut self.figures());
        let counts = step.prove.is_some();
        let longest = answer.longest_intent.min(write_intent::LONGEST);
        self.intents().learn(nanos(longest));
        let mut everything = None;
        self.take(&mut follower, step, || {
            let mut all = Vec::new();
            for entry in &answer.entries {
                let targets = self.read(entry);
                if targets.contains(&Target::everything()) {
                    everything = Some(entry.position.sequence);
                }
                all.extend(targets);
            }
            all
        });
        let applied = tokens::rules::after_answer(step.invalidate, answer);
        self.applied.record(applied);
        let moved = follower.position() != question.from;
        drop(follower);
        if !counts {
            return;
        }
        let bound = nanos(question.bound);
        self.reported.fetch_max(bound, Ordering::Relaxed);
        self.everywhere.watch().saw(answer.list, self.clock.now().0);
        self.send_again(question.checkpoint, answer, everything);
        // Who waits for a report waits for one of the position that this answer
        // led to.
        if self.roll_call.swap(false, Ordering::Relaxed) && moved {
            self.due.notify_one();
        }
    }

    /// Whether the log has heard that this instance uses this bound.
    pub(super) fn has_reported(&self, bound: Duration) -> bool {
        self.reported.load(Ordering::Relaxed) >= nanos(bound)
    }

    /// What a log has lost of what it had acknowledged here. Everything waits for a
    /// while: if somebody else is faster, one is enough for all.
    fn send_again(
        &self,
        checkpoint: Option<Checkpoint>,
        answer: &Answer,
        everything: Option<Sequence>,
    ) {
        let mut kept = self.kept();
        let needless = everything.is_some_and(|at| kept.makes_needless(answer.list, at));
        let again = kept.answered(checkpoint, answer);
        if kept.is_in_question() {
            self.due.notify_one();
        }
        drop(kept);
        let mut figures = self.figures();
        if needless {
            figures.everything_due = None;
        }
        match again {
            Again::Nothing => {}
            Again::Batches(payloads) => {
                figures.sent_again += u64::try_from(payloads.len()).unwrap_or(u64::MAX);
                drop(figures);
                telemetry::sent_again(payloads.len());
                let targets: Vec<_> = payloads.iter().flat_map(targets_of).collect();
                self.outbox.put(&targets);
            }
            Again::Everything => {
                let wait = random::jittered(self.settings.heartbeat);
                figures.everything_due = Some(self.clock.now().plus(wait));
                drop(figures);
                self.log_lacks.notify_one();
            }
        }
    }

    /// Sends the everything that is due, if nobody else was faster.
    pub(super) fn send_everything(&self) {
        let mut figures = self.figures();
        if figures.everything_due.take().is_some() {
            figures.sent_again += 1;
            drop(figures);
            telemetry::sent_again_everything();
            let (ticket, _) = self.outbox.put(&[Target::everything()]);
            self.late.fetch_max(ticket.number(), Ordering::Relaxed);
        }
    }

    /// Writes down that this is an own message, which was applied here before. But an
    /// everything that comes late into the log is applied where it stands there:
    /// others who have lost something go by it, and do not send what was written after
    /// it was applied here.
    pub(super) fn remember(&self, mark: Mark, message: &Bytes) {
        let everything = Target::everything();
        if !self.outbox.has_reached(self.late()) && targets_of(message).contains(&everything) {
            return;
        }
        self.sent.remember(mark);
    }

    fn late(&self) -> Ticket {
        Ticket::of(self.late.load(Ordering::Relaxed))
    }

    /// What waits comes late into the log.
    pub(super) fn comes_late(&self) {
        self.late
            .fetch_max(self.outbox.last().number(), Ordering::Relaxed);
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a log that answers without waiting. Returns whether it is such a log.
    pub(super) fn ask_now(&self) -> bool {
        let Some(log) = self.engine.in_process() else {
            return false;
        };
        if self.leaving.load(Ordering::Relaxed) {
            return false;
        }
        let question = self.question();
        self.receive(&question, &log.answer(&question));
        true
    }

    /// Something came out of the ring.
    pub(super) fn hear(&self, ring: Ring) {
        match ring {
            Ring::Entry(entry) => match wire::decode(&entry.payload) {
                Decoded::Message(message) => self.ring(&entry, message),
                Decoded::Unreadable(_) => self.hear(Ring::Garbage),
            },
            Ring::RollCall => {
                self.roll_call.store(true, Ordering::Relaxed);
                self.due.notify_one();
            }
            Ring::Garbage => {
                self.figures().garbage += 1;
                self.due.notify_one();
            }
            Ring::Gap => {
                self.follower().gap();
                self.figures().gaps += 1;
                self.due.notify_one();
            }
        }
    }

    fn ring(&self, entry: &LogEntry, message: Message) {
        // It makes the own everything needless, if it stands in this log: an answer says
        // so, where the ring has not moved the position past it.
        let everything = message.targets.contains(&Target::everything());
        if everything && self.figures().everything_due.is_some() {
            self.figures().rings += 1;
            self.sink.apply(&message.targets);
            return self.hear(Ring::Gap);
        }
        let mut follower = self.follower();
        let step = follower.ring(entry);
        // Only what moves the position is not read again in an answer.
        if message.unknown > 0 && step.invalidate == Invalidation::Entries && step.ask != Ask::Now {
            self.count_unreadable("unknown operation", entry.position);
        }
        let mut figures = self.figures();
        figures.rings += 1;
        figures.gaps += u64::from(step.ask == Ask::Now);
        drop(figures);
        let applied = tokens::rules::after_ring(follower.position(), entry);
        let order = match applied {
            Some(_) => Order::Kept,
            None => Order::Unknown,
        };
        let heard = || self.heard(entry, message, order, HeardBy::Ring);
        self.take(&mut follower, step, heard);
        self.applied.record(applied);
    }

    /// Takes the step: **first the cells, then the proof**.
    fn take(&self, follower: &mut Follower, step: Step, targets: impl FnOnce() -> Vec<Target>) {
        let mut targets = match step.invalidate {
            Invalidation::Nothing => Vec::new(),
            Invalidation::Entries => targets(),
            Invalidation::Everything => {
                self.intents().missed(self.clock.now().0);
                vec![Target::everything()]
            }
        };
        if let Some(as_of) = step.prove {
            targets.extend(self.ran_out());
            self.prove(&targets, Moment(as_of));
        } else if !targets.is_empty() {
            self.sink.apply(&targets);
        }
        if step.invalidate == Invalidation::Everything {
            self.figures().adoptions += 1;
            if let Some(position) = follower.position() {
                self.note(position, 1, false, HeardBy::Adoption);
            }
            telemetry::adopted(follower.position());
        }
        if step.ask == Ask::Now {
            self.due.notify_one();
        }
        if step.ear == Ear::Reconnect {
            self.reconnect.notify_one();
        }
        if step.member == Member::Rename {
            follower.rename(random::number());
            telemetry::member_renamed();
        }
    }

    fn prove(&self, targets: &[Target], as_of: Moment) {
        self.sink.apply_then_prove(targets, as_of);
        let heard = self.heard_until();
        let now = self.clock.now();
        self.figures().deafness.count(heard, now);
        self.proved.send_replace(Some(as_of));
    }

    /// Until when the proof is young enough.
    pub(super) fn heard_until(&self) -> Option<Moment> {
        let proof = *self.proved.borrow();
        proof.map(|as_of| as_of.plus(self.settings.bound))
    }

    /// An entry of the log that cannot be understood is read as everything.
    fn read(&self, entry: &LogEntry) -> Vec<Target> {
        let message = match wire::decode(&entry.payload) {
            Decoded::Message(message) => message,
            Decoded::Unreadable(kind) => {
                self.count_unreadable(kind.as_str(), entry.position);
                Message {
                    targets: vec![Target::everything()],
                    ..Message::default()
                }
            }
        };
        if message.unknown > 0 {
            self.count_unreadable("unknown operation", entry.position);
        }
        self.heard(entry, message, Order::Kept, HeardBy::Question)
    }

    fn count_unreadable(&self, kind: &'static str, position: Position) {
        let mut figures = self.figures();
        figures.unreadable += 1;
        if figures.is_new(kind) {
            drop(figures);
            telemetry::entry_unreadable(kind, position);
        }
    }

    /// Begins anew, since a step may have been left half taken: the next answer
    /// invalidates everything.
    pub(super) fn forget(&self) {
        let mut follower = self.follower();
        // A larger bound goes on in use: it has to be reported under the new id too.
        *follower = Follower::new(random::number(), follower.bound());
        drop(follower);
        self.due.notify_one();
    }

    /// A call went well.
    pub(super) fn went_well(&self, change: impl FnOnce(&mut Figures) -> &mut Condition) {
        let mut figures = self.figures();
        let was_down = figures.is_down();
        *change(&mut figures) = Condition::Up;
        if was_down && !figures.is_down() {
            drop(figures);
            telemetry::bus_back(self.engine.name());
        }
    }

    /// A call failed; `None`: it took too long.
    pub(super) fn failed(
        &self,
        error: Option<&BusError>,
        change: impl FnOnce(&mut Figures) -> &mut Condition,
    ) {
        let trouble = error.map_or_else(|| "no answer in time".to_owned(), BusError::to_string);
        let mut figures = self.figures();
        let was_down = figures.is_down();
        *change(&mut figures) = Condition::Down;
        figures.last_trouble = Some(trouble.clone());
        drop(figures);
        if !was_down {
            telemetry::bus_lost(self.engine.name(), &trouble);
        }
    }
}
