//! One writer that has announced its write and may be killed at any point, one instance
//! that serves the key, a server and its replica, and a network that loses, delays
//! and repeats.
//!
//! This file is compiled once for each variant, beside the production files.

use super::intents::{Begun, Due, Heard, Intents, Order};
use crate::bus::{Answer, LogEntry, Question};
use super::super::environment::{Environment, Left, Proving, Publishing};
use super::super::follower::{Follower, Invalidation, Step};
use super::super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::position::Mark;
use crate::write_intent::IntentId;
use stateright::{Model, Property};
use std::time::Duration;

pub(crate) const COVERED: &str = "nothing stale outlives the intent of a writer that was killed";
pub(crate) const P3: &str = "P3: nothing that the bus accepted is served later than the bound";
pub(crate) const RUNS_OUT: &str = "a write runs out, and the instance serves what is new";
pub(crate) const ENDS: &str = "a write ends, and nothing is due any more";

const BOUND: u64 = 1;
/// How long the handler takes at most.
const LASTS: u64 = 2;
const WRITE: IntentId = IntentId(7);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Payload {
    Begun,
    Stale,
    Ended,
    /// In one batch.
    StaleAndEnded,
    Everything,
}

impl Weigh for Payload {
    fn weight(&self) -> usize {
        1
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    /// The log was told of the write at 0.
    now: u64,
    master: Server,
    replica: Server,
    replication: u64,
    next_mark: u64,
    /// All that ever rang. Each may be heard never, late, and again.
    rung: Vec<LogEntry<Payload>>,
    writer: Writer,
    committed: bool,
    /// When the log took what the write made stale.
    accepted: Option<u64>,
    reader: Reader,
    left: Left,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Server {
    run: u64,
    log: Log<Payload>,
}

/// How far the one write is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Writer {
    Running,
    /// The handler has answered; this is what its instance has still to append.
    Answered(&'static [Payload]),
    Killed,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Reader {
    follower: Follower,
    intents: Intents<()>,
    stored: Option<Version>,
    /// A fill under way: what its handler read, and whether it was invalidated since.
    filling: Option<(Version, Validity)>,
    proof: Option<u64>,
    travelling: Option<Letter>,
    /// What is still to be raised, by one that proves first.
    half: bool,
    /// When it last had to assume that it had missed something.
    missed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Version {
    Old,
    New,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Validity {
    Valid,
    Dead,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Letter {
    Question(Question),
    Answer(u64, Answer<Payload>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Tick,
    Commit,
    Refuse,
    Append,
    Kill,
    Replicate,
    Failover,
    Wipe,
    Ask,
    Serve,
    Receive,
    Hear(usize),
    BeginFill,
    EndFill,
    Finish,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) bounds: Left,
    pub(crate) environment: Environment,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let log = Log::new(Limits {
            entries: 8,
            answer_entries: 4,
            answer_bytes: 100,
        });
        let server = |run| Server {
            run,
            log: log.clone(),
        };
        let mut state = State {
            now: 0,
            master: server(1),
            replica: server(2),
            replication: 1,
            next_mark: 1,
            rung: Vec::new(),
            writer: Writer::Running,
            committed: false,
            accepted: None,
            reader: Reader::new(self.environment.own),
            left: self.bounds,
        };
        if self.environment.late {
            state.announce();
        } else {
            state.ask();
            state.serve();
            state.receive(&self.environment);
            state.reader.stored = Some(Version::Old);
            // The start is long ago.
            state.reader.intents = Intents::default();
            state.reader.intents.learn(self.environment.own);
            state.replica.log = state.master.log.clone();
            state.announce();
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.reader.half {
            actions.push(Action::Finish);
            return;
        }
        let left = &state.left;
        let mut offer = |left: bool, action| {
            if left {
                actions.push(action);
            }
        };
        offer(left.ticks > 0, Action::Tick);
        match state.writer {
            Writer::Running => {
                let in_time = state.now < LASTS + u64::from(self.environment.slower);
                offer(in_time, Action::Commit);
                offer(left.refusals > 0, Action::Refuse);
                offer(true, Action::Kill);
            }
            Writer::Answered([]) | Writer::Killed => {}
            Writer::Answered(_) => {
                offer(true, Action::Append);
                offer(true, Action::Kill);
            }
        }
        offer(left.replications > 0, Action::Replicate);
        offer(left.failovers > 0, Action::Failover);
        offer(left.wipes > 0, Action::Wipe);
        let reader = &state.reader;
        match reader.travelling {
            None => offer(left.questions > 0, Action::Ask),
            Some(Letter::Question(_)) => offer(true, Action::Serve),
            Some(Letter::Answer(..)) => offer(true, Action::Receive),
        }
        if left.rings > 0 {
            (0..state.rung.len()).for_each(|ring| offer(true, Action::Hear(ring)));
        }
        let fills = left.fills > 0 && reader.filling.is_none() && reader.stored.is_none();
        offer(fills, Action::BeginFill);
        offer(reader.filling.is_some(), Action::EndFill);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, &self.environment);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(COVERED, |_, state: &State| {
                let missed = state.reader.missed + LASTS + BOUND;
                let limit = missed.max(LASTS + 2 * BOUND);
                !state.serves_stale() || state.now <= limit
            }),
            Property::always(P3, |_, state: &State| {
                let limit = state.accepted.map(|at| at + BOUND);
                !state.serves_stale() || limit.is_none_or(|limit| state.now <= limit)
            }),
            Property::sometimes(RUNS_OUT, |_, state: &State| {
                let new = state.reader.stored == Some(Version::New);
                new && state.writer == Writer::Killed && state.reader.is_proven(state.now)
            }),
            Property::sometimes(ENDS, |_, state: &State| {
                let reader = &state.reader;
                let due = reader.intents.clone().due(u64::MAX);
                state.accepted.is_some() && due == Due::Targets(Vec::new())
            }),
        ]
    }
}

impl State {
    fn act(&mut self, action: Action, environment: &Environment) {
        match action {
            Action::Tick => {
                self.left.ticks -= 1;
                self.now += 1;
            }
            Action::Commit => {
                self.committed = true;
                self.writer = Writer::Answered(match environment.publishing {
                    Publishing::Together => &[Payload::StaleAndEnded],
                    Publishing::Apart => &[Payload::Stale, Payload::Ended],
                    Publishing::EndFirst => &[Payload::Ended, Payload::Stale],
                });
            }
            Action::Refuse => {
                self.left.refusals -= 1;
                self.writer = Writer::Answered(&[Payload::Ended]);
            }
            Action::Append => self.publish(),
            Action::Kill => self.writer = Writer::Killed,
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
            Action::Ask => {
                self.left.questions -= 1;
                self.ask();
            }
            Action::Serve => self.serve(),
            Action::Receive => self.receive(environment),
            Action::Hear(ring) => self.hear(ring, environment),
            Action::BeginFill => {
                self.left.fills -= 1;
                self.reader.filling = Some((self.version(), Validity::Valid));
            }
            Action::EndFill => {
                if let Some((version, Validity::Valid)) = self.reader.filling.take() {
                    self.reader.stored = Some(version);
                }
            }
            Action::Finish => {
                self.reader.half = false;
                self.reader.raise();
            }
        }
    }

    fn announce(&mut self) {
        self.append(Payload::Begun);
    }

    fn publish(&mut self) {
        if let Writer::Answered([payload, rest @ ..]) = self.writer {
            self.append(*payload);
            self.writer = Writer::Answered(rest);
            if matches!(payload, Payload::Stale | Payload::StaleAndEnded) {
                self.accepted = Some(self.now);
            }
        }
    }

    /// What the origin gives now.
    fn version(&self) -> Version {
        if self.committed {
            Version::New
        } else {
            Version::Old
        }
    }

    fn spare(&mut self) -> Spare<Payload> {
        let mark = self.mark();
        Spare {
            server: Identity {
                run: self.master.run,
                replication: self.replication,
            },
            mark,
            payload: Payload::Everything,
        }
    }

    fn mark(&mut self) -> Mark {
        self.next_mark += 1;
        Mark(self.next_mark)
    }

    fn append(&mut self, payload: Payload) {
        let (spare, mark) = (self.spare(), self.mark());
        let log = &mut self.master.log;
        self.rung.extend(log.begin(spare.clone()));
        let entry = match payload {
            Payload::Begun => log.announce(spare, mark, payload, Duration::from_nanos(LASTS)),
            _ => log.append(spare, mark, payload),
        };
        self.rung.push(entry);
    }

    fn ask(&mut self) {
        let question = self.reader.follower.ask(self.now);
        self.reader.travelling = Some(Letter::Question(question));
    }

    fn serve(&mut self) {
        let Some(Letter::Question(question)) = self.reader.travelling.take() else {
            return;
        };
        let before = self.next_mark;
        let spare = self.spare();
        let mark = spare.mark;
        self.rung.extend(self.master.log.begin(spare.clone()));
        let answer = self.master.log.sync(spare, &question);
        if answer.head.mark != mark {
            self.next_mark = before;
        }
        self.reader.travelling = Some(Letter::Answer(question.counter, answer));
    }

    fn receive(&mut self, environment: &Environment) {
        let Some(Letter::Answer(counter, answer)) = self.reader.travelling.take() else {
            return;
        };
        let reader = &mut self.reader;
        let step = reader.follower.answer(counter, &answer);
        let longest = u64::try_from(answer.longest_intent.as_nanos()).unwrap_or(u64::MAX);
        reader.intents.learn(longest);
        let payloads: Vec<_> = answer.entries.iter().map(|entry| entry.payload).collect();
        reader.take(step, &payloads, Order::Kept, self.now, environment);
    }

    fn hear(&mut self, ring: usize, environment: &Environment) {
        self.left.rings -= 1;
        let (reader, entry) = (&mut self.reader, &self.rung[ring]);
        let step = reader.follower.ring(entry);
        let joined = reader.follower.position() == Some(entry.position);
        let order = if joined { Order::Kept } else { Order::Unknown };
        reader.take(step, &[entry.payload], order, self.now, environment);
    }

    fn serves_stale(&self) -> bool {
        let reader = &self.reader;
        self.committed && reader.stored == Some(Version::Old) && reader.is_proven(self.now)
    }
}

impl Reader {
    fn new(own: u64) -> Self {
        let mut intents = Intents::default();
        intents.learn(own);
        Self {
            follower: Follower::new(1, Duration::from_nanos(BOUND)),
            intents,
            stored: None,
            filling: None,
            proof: None,
            travelling: None,
            half: false,
            missed: 0,
        }
    }

    fn is_proven(&self, now: u64) -> bool {
        self.proof.is_some_and(|proof| now - proof <= BOUND)
    }

    /// As the crate does it: see `coherence::shared`.
    fn take(
        &mut self,
        step: Step,
        payloads: &[Payload],
        order: Order,
        now: u64,
        environment: &Environment,
    ) {
        let mut raises = match step.invalidate {
            Invalidation::Nothing => false,
            Invalidation::Entries => {
                let heard = payloads.iter().map(|payload| self.heard(*payload, order, now));
                heard.fold(false, |any, raises| any | raises)
            }
            Invalidation::Everything => {
                self.intents.missed(now);
                self.missed = now;
                true
            }
        };
        let mut due = false;
        if let Some(as_of) = step.prove {
            due = self.intents.due(now) != Due::Targets(Vec::new());
            self.proof = Some(as_of);
        }
        match environment.proving {
            Proving::Last => raises |= due,
            Proving::First => self.half = due,
        }
        if raises {
            self.raise();
        }
    }

    /// Returns whether it makes the key stale at once.
    fn heard(&mut self, payload: Payload, order: Order, now: u64) -> bool {
        let everything = payload == Payload::Everything;
        let ends = matches!(payload, Payload::Ended | Payload::StaleAndEnded);
        let begins = payload == Payload::Begun;
        let cut_off = !self.is_proven(now);
        let heard = Heard {
            begun: begins.then(|| Begun {
                id: WRITE,
                lasts: LASTS,
                targets: vec![()],
                weight: 1,
            }),
            ended: ends.then_some(WRITE).into_iter().collect(),
            everything,
        };
        self.intents.hear(heard, order, now);
        if everything || (begins && cut_off) {
            self.missed = now;
        }
        let stale = matches!(payload, Payload::Stale | Payload::StaleAndEnded);
        stale || everything || (begins && cut_off)
    }

    fn raise(&mut self) {
        self.stored = None;
        if let Some((_, validity)) = &mut self.filling {
            *validity = Validity::Dead;
        }
    }
}
