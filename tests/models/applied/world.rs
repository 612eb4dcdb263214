//! One writer that waits until its write is applied everywhere, one instance that
//! serves the key, a server and its replica, and a network that loses and delays.
//!
//! This file is compiled once for each variant, beside the production files.

use super::everywhere::{LogOf, Verdict, Watch};
use super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::bus::{Answer, Census, Inquiry, LogEntry, Question, RollCall};
use crate::clock::Moment;
use crate::follower::{Follower, Invalidation, Step};
use crate::position::{Mark, Position, Sequence};
use crate::{Bounds, Leaving, cache};
use stateright::{Model, Property};
use std::time::Duration;

pub(crate) const P5: &str = "P5: nobody serves the old answer once the wait is over";
pub(crate) const BY_REPORT: &str = "a wait ends by report";
pub(crate) const BY_TIME: &str = "a wait ends by time";

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
    inquiry: Option<Asked>,
    written: Option<Written>,
    over: Option<Over>,
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
    old: bool,
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
    Hear,
    Ask,
    Serve,
    Receive,
    AskCensus,
    ServeCensus,
    ReceiveCensus,
    Pass,
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
            inquiry: None,
            written: None,
            over: None,
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
        for _ in 0..2 {
            state.ask();
            state.serve();
            state.receive();
        }
        state.instance.stored = Some(Stored {
            old: true,
            began: state.now,
        });
        // The writer has heard of the list, just now.
        state.ask_census();
        state.serve_census();
        state.receive_census();
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
        offer(state.written.is_none(), Action::Write);
        offer(state.written.is_some() && left.rings > 0, Action::Hear);
        let signed_off = left.leaving == Leaving::Left;
        offer(left.questions > 0 && !signed_off, Action::Ask);
        offer(matches!(instance.travelling, Some(Letter::Question(_))), Action::Serve);
        offer(matches!(instance.travelling, Some(Letter::Answer(..))), Action::Receive);
        let waits = state.over.is_none();
        offer(waits && left.censuses > 0 && state.inquiry.is_none(), Action::AskCensus);
        let answered = state.inquiry.as_ref().map(|asked| asked.answer.is_some());
        offer(answered == Some(false), Action::ServeCensus);
        offer(answered == Some(true), Action::ReceiveCensus);
        let passes = state.written.as_ref().and_then(|w| state.watch.passes(w.taken));
        offer(waits && passes.is_some_and(|at| at <= state.now), Action::Pass);
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
            Property::always(P5, |_, state: &State| {
                state.over.is_none() || !state.serves_old()
            }),
            Property::sometimes(BY_REPORT, |_, state: &State| {
                state.over == Some(Over::ByReport)
            }),
            Property::sometimes(BY_TIME, |_, state: &State| state.over == Some(Over::ByTime)),
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
                    old: self.written.is_none(),
                    began: self.now,
                });
            }
            Action::Write => self.write(),
            Action::Hear => self.hear(),
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
            Action::Pass => self.over = Some(Over::ByTime),
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

    /// Whether it answers from memory with what the write made stale.
    fn serves_old(&self) -> bool {
        let instance = &self.instance;
        let Some(stored) = instance.stored.filter(|stored| stored.old) else {
            return false;
        };
        let now = Moment(self.now);
        let proof = Moment(instance.proof);
        let proven = now.since(proof) <= WITHIN;
        let alone = cache::proves_itself(WITHIN, now, proof, Moment(stored.began));
        instance.serving && (proven || alone)
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
        let spare = self.spare();
        self.next_mark += 1;
        let mark = Mark(self.next_mark);
        let entry = self.master.log.append(spare, mark, Payload::Key);
        self.written = Some(Written {
            entry,
            taken: self.now,
        });
    }

    fn hear(&mut self) {
        self.left.rings -= 1;
        if let Some(written) = self.written.clone() {
            let step = self.instance.follower.ring(&written.entry);
            self.take(step);
        }
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
        let entry = match &self.written {
            Some(written) => written.entry.position,
            None => Position {
                sequence: Sequence {
                    millis: u64::MAX,
                    number: 0,
                },
                mark: Mark(0),
            },
        };
        self.inquiry = Some(Asked {
            sent: self.now,
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
            entry,
            answer: Some(counted),
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
        let written = self.written.as_ref();
        let own = written.is_some_and(|written| written.entry.position == entry);
        if own && judged.verdict == Verdict::Everywhere {
            self.over = Some(Over::ByReport);
        }
    }
}
