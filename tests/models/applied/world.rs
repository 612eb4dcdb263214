//! One writer that waits until its writes are applied everywhere, one instance that
//! serves the key, a server and its replica, and a network that loses and delays.
//!
//! This file is compiled once for each variant, beside the production files.

use super::everywhere::{LogOf, Verdict, Waiting, Watch};
use super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::bus::{Answer, Census, Inquiry, LogEntry, Question, RollCall};
use crate::clock::Moment;
use crate::coherence::outbox::Landed;
use crate::follower::{Follower, Invalidation, Step};
use crate::position::{Mark, Position, Sequence};
use crate::{Bounds, Leaving, Waits, cache};
use stateright::{Model, Property};
use std::time::Duration;

pub(crate) const P5: &str = "P5: nobody serves the old answer once the wait is over";
pub(crate) const BY_REPORT: &str = "a wait ends by report";
pub(crate) const BY_TIME: &str = "a wait ends by time";
pub(crate) const AT_ONCE: &str = "two waits end by one report";

const BOUND: Duration = Duration::from_nanos(2);
/// The bound, less what is kept back for the rates of clocks.
const WITHIN: Duration = Duration::from_nanos(1);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Payload {
    Key,
    Everything,
}

impl Weigh for Payload {
    fn weight(&self) -> usize {
        1
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    now: u64,
    master: Server,
    replica: Server,
    /// The history of replication that the master leads.
    replication: u64,
    next_mark: u64,
    instance: Instance,
    watch: Watch,
    waiting: Waiting,
    /// Up to which waiter all are done.
    done: u64,
    inquiry: Option<Asked>,
    written: Vec<Written>,
    left: Bounds,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Server {
    run: u64,
    log: Log<Payload>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Instance {
    follower: Follower,
    stored: Option<Stored>,
    proof: u64,
    travelling: Option<Letter>,
    serving: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Stored {
    /// The writes that it knows of.
    version: usize,
    began: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Letter {
    Question(Question),
    Answer(u64, Answer<Payload>),
}

/// A census under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Asked {
    sent: u64,
    /// Up to which waiter it counts.
    number: u64,
    entry: Position,
    answer: Option<Counted>,
}

/// What of a census counts, and can be hashed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Counted {
    list: Option<crate::bus::List>,
    entry: crate::bus::Stands,
    past: usize,
    missing: Vec<crate::bus::Report>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Written {
    entry: LogEntry<Payload>,
    taken: u64,
    wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Wait {
    NotYet,
    /// The number of the waiter.
    Begun(u64),
    Over(Over),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Over {
    ByReport,
    ByTime,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Tick,
    Fill,
    Write,
    Wait(usize),
    Hear(usize),
    Ask,
    Serve,
    Receive,
    AskCensus,
    ServeCensus,
    ReceiveCensus,
    Pass(usize),
    Replicate,
    Failover,
    Wipe,
    Delete,
    StopServing,
    SignOff,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) bounds: Bounds,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let log = Log::new(Limits {
            entries: 8,
            answer_entries: 8,
            answer_bytes: 100,
        });
        let server = |run| Server {
            run,
            log: log.clone(),
        };
        let mut state = State {
            now: 1,
            master: server(1),
            replica: server(2),
            replication: 1,
            next_mark: 1,
            instance: Instance {
                follower: Follower::new(7, BOUND),
                stored: None,
                proof: 0,
                travelling: None,
                serving: true,
            },
            watch: Watch::new(BOUND, LogOf::AServer),
            waiting: Waiting::default(),
            done: 0,
            inquiry: None,
            written: Vec::new(),
            left: self.bounds,
        };
        // The replica has the log and not yet the report.
        let spare = state.spare();
        state.master.log.begin(spare);
        for _ in 0..2 {
            let spare = state.spare();
            let mark = spare.mark;
            state.master.log.append(spare, mark, Payload::Everything);
        }
        state.replica.log = state.master.log.clone();
        // One that has adopted, and has verified what it adopted.
        state.look();
        state.look();
        // The writer has heard of the list, just now.
        state.ask_census();
        state.serve_census();
        state.receive_census();
        if self.bounds.list_is_old > 0 {
            state.now += self.bounds.list_is_old;
            state.look();
        }
        state.instance.stored = Some(Stored {
            version: 0,
            began: state.now,
        });
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let instance = &state.instance;
        let mut offer = |may: bool, action| {
            if may {
                actions.push(action);
            }
        };
        offer(left.ticks > 0, Action::Tick);
        offer(left.fills > 0, Action::Fill);
        offer(left.writes > 0, Action::Write);
        for (w, written) in state.written.iter().enumerate() {
            offer(left.rings > 0, Action::Hear(w));
            offer(written.wait == Wait::NotYet, Action::Wait(w));
            let passes = state.watch.passes(written.taken);
            let passed = passes.is_some_and(|at| at <= state.now);
            let waits = matches!(written.wait, Wait::Begun(_));
            offer(waits && passed, Action::Pass(w));
        }
        let signed_off = left.leaving == Leaving::Left;
        offer(left.questions > 0 && !signed_off, Action::Ask);
        offer(matches!(instance.travelling, Some(Letter::Question(_))), Action::Serve);
        offer(matches!(instance.travelling, Some(Letter::Answer(..))), Action::Receive);
        let counts = state.written.is_empty() || state.waiting.next(state.done).is_some();
        offer(counts && left.censuses > 0 && state.inquiry.is_none(), Action::AskCensus);
        let answered = state.inquiry.as_ref().map(|asked| asked.answer.is_some());
        offer(answered == Some(false), Action::ServeCensus);
        offer(answered == Some(true), Action::ReceiveCensus);
        offer(left.replications > 0, Action::Replicate);
        offer(left.failovers > 0, Action::Failover);
        offer(left.wipes > 0, Action::Wipe);
        offer(left.deletions > 0, Action::Delete);
        offer(instance.serving && left.leaving != Leaving::Never, Action::StopServing);
        let may_leave = match left.leaving {
            Leaving::AfterServing => !instance.serving,
            Leaving::Anytime => true,
            Leaving::Never | Leaving::Left => false,
        };
        offer(may_leave && instance.travelling.is_none(), Action::SignOff);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(P5, |_, state: &State| !state.serves_what_is_over()),
            Property::sometimes(BY_REPORT, |_, state: &State| {
                state.ended(Over::ByReport) > 0
            }),
            Property::sometimes(BY_TIME, |_, state: &State| state.ended(Over::ByTime) > 0),
            Property::sometimes(AT_ONCE, |_, state: &State| {
                state.ended(Over::ByReport) > 1
            }),
        ]
    }
}

impl State {
    fn act(&mut self, action: Action) {
        match action {
            Action::Tick => {
                self.left.ticks -= 1;
                self.now += 1;
            }
            Action::Fill => {
                self.left.fills -= 1;
                self.instance.stored = Some(Stored {
                    version: self.written.len(),
                    began: self.now,
                });
            }
            Action::Write => self.write(),
            Action::Wait(w) => self.wait(w),
            Action::Hear(w) => self.hear(w),
            Action::Ask => {
                self.left.questions -= 1;
                self.ask();
            }
            Action::Serve => self.serve(),
            Action::Receive => self.receive(),
            Action::AskCensus => {
                self.left.censuses -= 1;
                self.ask_census();
            }
            Action::ServeCensus => self.serve_census(),
            Action::ReceiveCensus => self.receive_census(),
            Action::Pass(w) => self.end(w, Over::ByTime),
            Action::StopServing => self.instance.serving = false,
            Action::SignOff => {
                self.left.leaving = Leaving::Left;
                let (member, counter) = self.instance.follower.signature();
                self.master.log.sign_off(member, counter);
            }
            disaster => self.strike(disaster),
        }
    }

    fn strike(&mut self, disaster: Action) {
        match disaster {
            Action::Replicate => {
                self.left.replications -= 1;
                self.replica.log = self.master.log.clone();
            }
            Action::Failover => {
                self.left.failovers -= 1;
                self.replication += 1;
                std::mem::swap(&mut self.master, &mut self.replica);
            }
            Action::Wipe => {
                self.left.wipes -= 1;
                self.master.log.wipe();
            }
            Action::Delete => {
                self.left.deletions -= 1;
                self.master.log.delete();
            }
            _ => {}
        }
    }

    /// Whether it answers from memory with what a write made stale whose wait is
    /// over.
    fn serves_what_is_over(&self) -> bool {
        let instance = &self.instance;
        let over = |written: &Written| matches!(written.wait, Wait::Over(_));
        let version = self.written.iter().rposition(over).map_or(0, |w| w + 1);
        let older = |stored: &Stored| stored.version < version;
        let Some(stored) = instance.stored.filter(older) else {
            return false;
        };
        let now = Moment(self.now);
        let proof = Moment(instance.proof);
        let proven = now.since(proof) <= WITHIN;
        let alone = cache::proves_itself(WITHIN, now, proof, Moment(stored.began));
        instance.serving && (proven || alone)
    }

    /// How many waits have ended so.
    fn ended(&self, over: Over) -> usize {
        let ended = |written: &&Written| written.wait == Wait::Over(over);
        self.written.iter().filter(ended).count()
    }

    fn spare(&mut self) -> Spare<Payload> {
        self.next_mark += 1;
        Spare {
            server: Identity {
                run: self.master.run,
                replication: self.replication,
            },
            mark: Mark(self.next_mark),
            payload: Payload::Everything,
        }
    }

    /// A mark that no entry has is given out again: states that differ in it alone
    /// are the same.
    fn unless_used(&mut self, before: u64) {
        let newest = self.master.log.entries().last();
        if newest.is_none_or(|entry| entry.position.mark.0 <= before) {
            self.next_mark = before;
        }
    }

    /// The commit, and the append that the log acknowledges at once.
    fn write(&mut self) {
        self.left.writes -= 1;
        let spare = self.spare();
        self.next_mark += 1;
        let mark = Mark(self.next_mark);
        let entry = self.master.log.append(spare, mark, Payload::Key);
        self.written.push(Written {
            entry,
            taken: self.now,
            wait: Wait::NotYet,
        });
        if self.left.waits == Waits::WithTheWrite {
            self.wait(self.written.len() - 1);
        }
    }

    fn wait(&mut self, w: usize) {
        let written = &mut self.written[w];
        let landed = Landed {
            position: written.entry.position,
            at: Moment(written.taken),
        };
        written.wait = Wait::Begun(self.waiting.enter(landed));
    }

    fn end(&mut self, w: usize, over: Over) {
        self.written[w].wait = Wait::Over(over);
        self.waiting.leave();
    }

    fn hear(&mut self, w: usize) {
        self.left.rings -= 1;
        let step = self.instance.follower.ring(&self.written[w].entry);
        self.take(step);
    }

    fn look(&mut self) {
        self.ask();
        self.serve();
        self.receive();
    }

    fn ask(&mut self) {
        let follower = &mut self.instance.follower;
        let question = follower.ask(self.now);
        self.instance.travelling = Some(Letter::Question(question));
    }

    fn serve(&mut self) {
        let Some(Letter::Question(question)) = self.instance.travelling.take() else {
            return;
        };
        let before = self.next_mark;
        let spare = self.spare();
        let answer = self.master.log.sync(spare, &question);
        self.unless_used(before);
        self.instance.travelling = Some(Letter::Answer(question.counter, answer));
    }

    fn receive(&mut self) {
        if let Some(Letter::Answer(counter, answer)) = self.instance.travelling.take() {
            let step = self.instance.follower.answer(counter, &answer);
            self.take(step);
        }
    }

    fn take(&mut self, step: Step) {
        if step.invalidate != Invalidation::Nothing {
            self.instance.stored = None;
        }
        if let Some(as_of) = step.prove {
            self.instance.proof = as_of;
        }
    }

    /// Before the write, for an entry that nobody can have reported: as a wait
    /// before this one may have found the instance silent.
    fn ask_census(&mut self) {
        let nobodys = Position {
            sequence: Sequence {
                millis: u64::MAX,
                number: 0,
            },
            mark: Mark(0),
        };
        let next = self.waiting.next(self.done);
        let (number, entry) = next.unwrap_or((0, nobodys));
        self.inquiry = Some(Asked {
            sent: self.now,
            number,
            entry,
            answer: None,
        });
    }

    fn serve_census(&mut self) {
        let Some(mut asked) = self.inquiry.take() else {
            return;
        };
        let inquiry = Inquiry {
            entry: asked.entry,
            call: RollCall::Quiet,
            gone: Vec::new(),
        };
        let before = self.next_mark;
        let spare = self.spare();
        let census = self.master.log.census(spare, &inquiry);
        self.unless_used(before);
        asked.answer = Some(Counted {
            list: census.list,
            entry: census.entry,
            past: census.past,
            missing: census.missing,
        });
        self.inquiry = Some(asked);
    }

    fn receive_census(&mut self) {
        let Some(Asked {
            sent,
            number,
            answer: Some(counted),
            ..
        }) = self.inquiry.take()
        else {
            return;
        };
        let census = Census {
            list: counted.list,
            entry: counted.entry,
            past: counted.past,
            missing: counted.missing,
            more: 0,
        };
        let judged = self.watch.judge(&census, sent, self.now);
        if judged.verdict != Verdict::Everywhere {
            return;
        }
        self.done = self.done.max(number);
        for w in 0..self.written.len() {
            if matches!(self.written[w].wait, Wait::Begun(waiter) if waiter <= self.done) {
                self.end(w, Over::ByReport);
            }
        }
    }
}
