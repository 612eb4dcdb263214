//! The world around the follower: one writer, a server and its replica, a
//! network that loses, delays and repeats, and instances that serve one key.
//!
//! This file is compiled once for each variant, beside the production files.

use super::follower::{Follower, Invalidation, Step};
use super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::bus::{Answer, LogEntry, Question, Verdict};
use crate::environment::{
    Environment, Hit, Identification, Left, Order, ProofTime, Start, StartUp, Trips,
};
use crate::position::{Mark, Position};
use stateright::{Model, Property};
use std::time::Duration;

pub(crate) const P3: &str = "P3: nothing stale is served later than the bound";
pub(crate) const EARNED: &str = "a position is in the log and earned, or it is not trusted";
pub(crate) const SERVES: &str = "an instance serves after a disaster";

const BOUND: u64 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Payload {
    /// The key that instances serve, and the version that its write made.
    Key(u8),
    /// Something else.
    Other,
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
    /// When the log accepted the write that made version 1, 2, ...
    accepted: Vec<u64>,
    next_mark: u64,
    /// All that ever rang. Each may be heard never, late, and again.
    rung: Vec<LogEntry<Payload>>,
    instances: Vec<Instance>,
    left: Left,
    struck: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Server {
    run: u64,
    log: Log<Payload>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Instance {
    follower: Follower,
    /// The version of the stored entry, if it is valid.
    stored: Option<u8>,
    /// What the hit path sees.
    proof: Option<u64>,
    /// On their way, both directions.
    travelling: Vec<Letter>,
    /// The second half of a step that has begun.
    half: Option<Half>,
    /// For a follower that compares identities itself.
    seen: Option<Identity>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Letter {
    /// With what a follower that compares identities has just been told.
    Question(Question, Option<Identity>),
    /// Answered in the first of two round trips.
    Halfway(Question, Answer<Payload>),
    Answer(u64, Answer<Payload>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Half {
    Raise,
    Prove(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Tick,
    Write,
    WriteOther,
    WriteForeign,
    Replicate,
    Failover,
    Wipe,
    Trim(usize),
    Ask(usize),
    Serve(usize, usize),
    Receive(usize, usize),
    Hear(usize, usize),
    Fill(usize),
    Finish(usize),
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
            answer_entries: 2,
            answer_bytes: 100,
        });
        let server = |run| Server {
            run,
            log: log.clone(),
        };
        let instance = |member| Instance {
            follower: Follower::new(u64::from(member), Duration::from_nanos(BOUND)),
            stored: Some(0),
            proof: None,
            travelling: Vec::new(),
            half: None,
            seen: None,
        };
        let mut state = State {
            now: 0,
            master: server(1),
            replica: server(2),
            replication: 1,
            accepted: Vec::new(),
            next_mark: 1,
            rung: Vec::new(),
            instances: (0..self.bounds.instances).map(instance).collect(),
            left: self.bounds,
            struck: false,
        };
        if self.bounds.start == Start::Running {
            state.run(&self.environment);
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let halves = state.instances.iter().position(|i| i.half.is_some());
        if let Some(halfway) = halves {
            actions.push(Action::Finish(halfway));
            return;
        }
        let left = &state.left;
        let mut offer = |left: bool, action| {
            if left {
                actions.push(action);
            }
        };
        offer(left.ticks > 0, Action::Tick);
        offer(left.key_writes > 0, Action::Write);
        offer(left.other_writes > 0, Action::WriteOther);
        offer(left.foreign_writes > 0, Action::WriteForeign);
        offer(left.replications > 0, Action::Replicate);
        offer(left.failovers > 0, Action::Failover);
        offer(left.wipes > 0, Action::Wipe);
        offer(left.trims > 0, Action::Trim(0));
        offer(left.trims > 0, Action::Trim(1));
        for (i, instance) in state.instances.iter().enumerate() {
            let asks = instance.follower.counter() < left.questions;
            offer(asks && instance.may_ask(left.letters), Action::Ask(i));
            offer(left.fills > 0 && instance.stored.is_none(), Action::Fill(i));
            for (l, letter) in instance.travelling.iter().enumerate() {
                let answer = matches!(letter, Letter::Answer(..));
                offer(answer, Action::Receive(i, l));
                offer(!answer, Action::Serve(i, l));
            }
            for r in 0..state.rung.len() {
                offer(true, Action::Hear(i, r));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, &self.environment);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(P3, |world: &Self, state: &State| {
                let stale = |i: &Instance| {
                    state.serves(i, &world.environment) && state.stale_for(i) > BOUND
                };
                !state.instances.iter().any(stale)
            }),
            Property::always(EARNED, |_, state: &State| {
                state.instances.iter().all(|i| state.earned(i))
            }),
            Property::sometimes(SERVES, |world: &Self, state: &State| {
                let serves = |i: &Instance| {
                    i.stored.is_some() && state.serves(i, &world.environment) && state.now > BOUND
                };
                state.struck && state.instances.iter().any(serves)
            }),
        ]
    }
}

impl State {
    /// Brings a fresh world to [`Start::Running`].
    fn run(&mut self, environment: &Environment) {
        self.ask(0, environment);
        while !matches!(self.instances[0].travelling[0], Letter::Answer(..)) {
            self.serve(0, 0, environment);
        }
        self.receive(0, 0, environment);
        self.instances[0].finish();
        self.instances[0].stored = Some(0);
        self.replica.log = self.master.log.clone();
    }

    fn act(&mut self, action: Action, environment: &Environment) {
        match action {
            Action::Tick => {
                self.left.ticks -= 1;
                self.now += 1;
            }
            Action::Write => {
                self.left.key_writes -= 1;
                self.accepted.push(self.now);
                self.append(Payload::Key(self.version()));
            }
            Action::WriteOther => {
                self.left.other_writes -= 1;
                self.append(Payload::Other);
            }
            Action::WriteForeign => self.append_foreign(),
            Action::Ask(i) => self.ask(i, environment),
            Action::Serve(i, letter) => self.serve(i, letter, environment),
            Action::Receive(i, letter) => self.receive(i, letter, environment),
            Action::Hear(i, ring) => self.hear(i, ring),
            Action::Fill(i) => {
                self.left.fills -= 1;
                self.instances[i].stored = Some(self.version());
            }
            Action::Finish(i) => self.instances[i].finish(),
            disaster => {
                self.struck = true;
                self.strike(disaster);
            }
        }
    }

    fn strike(&mut self, disaster: Action) {
        match disaster {
            Action::Failover => {
                self.left.failovers -= 1;
                self.replication += 1;
                std::mem::swap(&mut self.master, &mut self.replica);
            }
            Action::Replicate => {
                self.left.replications -= 1;
                self.replica.log = self.master.log.clone();
            }
            Action::Wipe => {
                self.left.wipes -= 1;
                self.master.log.wipe();
            }
            Action::Trim(entries) => {
                self.left.trims -= 1;
                self.master.log.trim(entries);
            }
            _ => {}
        }
    }

    /// The version that the origin gives now.
    fn version(&self) -> u8 {
        u8::try_from(self.accepted.len()).unwrap_or(u8::MAX)
    }

    fn identity(&self) -> Identity {
        Identity {
            run: self.master.run,
            replication: self.replication,
        }
    }

    fn spare(&mut self) -> Spare<Payload> {
        let mark = self.mark();
        Spare {
            server: self.identity(),
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
        self.rung.extend(self.master.log.begin(spare.clone()));
        let entry = self.master.log.append(spare, mark, payload);
        self.rung.push(entry);
    }

    /// A plain `XADD`: its mark is a hash of its content.
    fn append_foreign(&mut self) {
        self.left.foreign_writes -= 1;
        let version = self.version() + 1;
        let mark = Mark(1000 + u64::from(version));
        if self.master.log.append_foreign(mark, Payload::Key(version)).is_some() {
            self.accepted.push(self.now);
        }
    }

    fn ask(&mut self, i: usize, environment: &Environment) {
        let told = (environment.identification == Identification::ByTheFollower)
            .then(|| self.identity());
        let letters = self.left.letters;
        let instance = &mut self.instances[i];
        if environment.start_up == StartUp::FlushThenAsk && instance.follower.position().is_none() {
            instance.stored = None;
        }
        instance.follower.give_up(instance.follower.counter());
        let question = instance.follower.ask(self.now);
        if instance.travelling.len() >= letters {
            instance.travelling.remove(0);
        }
        instance.travelling.push(Letter::Question(question, told));
    }

    fn serve(&mut self, i: usize, letter: usize, environment: &Environment) {
        let next = match self.instances[i].travelling[letter].clone() {
            Letter::Question(question, told) => {
                let mut answer = self.sync(&question);
                if let Some(identity) = told {
                    self.compare(i, identity, &mut answer);
                }
                match environment.trips {
                    Trips::One => Letter::Answer(question.counter, answer),
                    Trips::Two => Letter::Halfway(question, answer),
                }
            }
            Letter::Halfway(question, mut answer) => {
                if answer.verdict == Verdict::Verified {
                    answer.entries = self.read_after(question.from);
                }
                Letter::Answer(question.counter, answer)
            }
            answer @ Letter::Answer(..) => answer,
        };
        self.instances[i].travelling[letter] = next;
    }

    fn sync(&mut self, question: &Question) -> Answer<Payload> {
        let before = self.next_mark;
        let spare = self.spare();
        let mark = spare.mark;
        self.rung.extend(self.master.log.begin(spare.clone()));
        let answer = self.master.log.sync(spare, question);
        if answer.head.mark != mark {
            self.next_mark = before;
        }
        answer
    }

    /// What `INFO` said in a round trip of its own.
    fn compare(&mut self, i: usize, identity: Identity, answer: &mut Answer<Payload>) {
        let seen = self.instances[i].seen.replace(identity);
        if seen != Some(identity) {
            answer.verdict = Verdict::Unknown;
            answer.entries.clear();
        }
    }

    /// What `XRANGE` says in a round trip of its own.
    fn read_after(&self, from: Option<Position>) -> Vec<LogEntry<Payload>> {
        let later = |entry: &&LogEntry<Payload>| {
            from.is_some_and(|from| entry.position.sequence > from.sequence)
        };
        self.master.log.entries().filter(later).cloned().collect()
    }

    fn receive(&mut self, i: usize, letter: usize, environment: &Environment) {
        let now = self.now;
        let instance = &mut self.instances[i];
        if let Letter::Answer(counter, answer) = instance.travelling.remove(letter) {
            let step = instance.follower.answer(counter, &answer);
            let payloads = answer.entries.iter().map(|entry| entry.payload);
            instance.take(step, payloads, now, environment);
        }
    }

    fn hear(&mut self, i: usize, ring: usize) {
        let instance = &mut self.instances[i];
        let entry = &self.rung[ring];
        let step = instance.follower.ring(entry);
        let payloads = std::iter::once(entry.payload);
        instance.take(step, payloads, self.now, &Environment::default());
    }

    fn serves(&self, instance: &Instance, environment: &Environment) -> bool {
        let young = |proof: u64| self.now - proof <= BOUND;
        environment.hit == Hit::WithoutProof || instance.proof.is_some_and(young)
    }

    /// For how long the log has known that what is stored here is stale.
    fn stale_for(&self, instance: &Instance) -> u64 {
        let since = instance
            .stored
            .and_then(|version| self.accepted.get(usize::from(version)));
        since.map_or(0, |since| self.now - since)
    }

    /// If the position stands in the log, all up to it was applied; if not, the
    /// log says so.
    fn earned(&self, instance: &Instance) -> bool {
        let Some(position) = instance.follower.position() else {
            return true;
        };
        if instance.half.is_some() {
            return true;
        }
        let log = &self.master.log;
        let Some(place) = log.entries().position(|e| e.position == position) else {
            let mut asked = self.clone();
            let question = instance.follower.clone().ask(self.now);
            return asked.sync(&question).verdict != Verdict::Verified;
        };
        let missed = |entry: &LogEntry<Payload>| match (entry.payload, instance.stored) {
            (Payload::Key(made), Some(stored)) => stored < made,
            _ => false,
        };
        !log.entries().take(place + 1).any(missed)
    }
}

impl Instance {
    /// A question that is lost before it is served is one that was never asked.
    fn may_ask(&self, letters: usize) -> bool {
        let question = |letter: &Letter| !matches!(letter, Letter::Answer(..));
        letters > 1 || !self.travelling.iter().any(question)
    }

    /// The two halves of a step are two moments, and requests come in between.
    fn take(
        &mut self,
        step: Step,
        mut payloads: impl Iterator<Item = Payload>,
        now: u64,
        environment: &Environment,
    ) {
        let raises = match step.invalidate {
            Invalidation::Nothing => false,
            Invalidation::Entries => payloads.any(|payload| payload != Payload::Other),
            Invalidation::Everything => true,
        };
        let prove = match environment.proof_time {
            ProofTime::Sent => step.prove,
            ProofTime::Received => step.prove.map(|_| now),
        };
        match (raises, prove, environment.order) {
            (true, Some(_), Order::ProveFirst) => {
                self.proof = prove;
                self.half = Some(Half::Raise);
            }
            (true, _, _) => {
                self.stored = None;
                self.half = prove.map(Half::Prove);
            }
            (false, _, _) => self.proof = prove.or(self.proof),
        }
    }

    fn finish(&mut self) {
        match self.half.take() {
            Some(Half::Raise) => self.stored = None,
            Some(Half::Prove(as_of)) => self.proof = Some(as_of),
            None => {}
        }
    }
}
