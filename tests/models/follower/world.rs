//! The world around the follower: one writer, a server and its replica, a
//! network that loses, delays and repeats, and instances that serve one key, and
//! write it.
//!
//! This file is compiled once for each variant, beside the production files.

use super::follower::{Follower, Invalidation, Step};
use super::local::{Identity, Limits};
use super::servers::{Payload, Servers};
use crate::bus::{Answer, LogEntry, Question, Verdict};
use crate::clock::Moment;
use crate::environment::{
    Environment, FillTime, Hit, Identification, Left, Order, Own, ProofTime, Start, StartUp, Trips,
    Writer,
};
use crate::position::{Mark, Position};
use stateright::{Model, Property};
use std::time::Duration;

pub(crate) const P3: &str = "P3: nothing stale is served later than the bound";
pub(crate) const EARNED: &str = "a position is in the log and earned, or it is not trusted";
pub(crate) const SERVES: &str = "an instance serves after a disaster";
pub(crate) const ALONE: &str = "a deaf instance serves what it has filled, though it is stale";

const BOUND: u64 = 2;
/// Not zero: that would be no proof.
const BEGINNING: u64 = 1;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    now: u64,
    servers: Servers,
    /// When the log accepted the write that made version 1, 2, ...
    accepted: Vec<u64>,
    instances: Vec<Instance>,
    left: Left,
    struck: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Instance {
    follower: Follower,
    /// The stored entry, if it is valid.
    stored: Option<Stored>,
    /// What the handler has read for a fill that goes on, if it is valid.
    filling: Option<Stored>,
    /// The marks of what it has appended itself.
    sent: Vec<Mark>,
    /// What the hit path sees.
    proof: Option<u64>,
    /// On their way, both directions.
    travelling: Vec<Letter>,
    /// The second half of a step that has begun.
    half: Option<Half>,
    /// For a follower that compares identities itself.
    seen: Option<Identity>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Stored {
    version: u8,
    began: u64,
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
    WriteOn(usize),
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
    Store(usize),
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
        let servers = Servers::new(Limits {
            entries: 8,
            answer_entries: 2,
            answer_bytes: 100,
        });
        let instance = |member| Instance {
            follower: Follower::new(u64::from(member), Duration::from_nanos(BOUND)),
            stored: Some(Stored::FIRST),
            filling: None,
            sent: Vec::new(),
            proof: None,
            travelling: Vec::new(),
            half: None,
            seen: None,
        };
        let mut state = State {
            now: BEGINNING,
            servers,
            accepted: Vec::new(),
            instances: (0..self.bounds.instances).map(instance).collect(),
            left: self.bounds,
            struck: false,
        };
        let running = match self.bounds.start {
            Start::Fresh => 0,
            Start::Running => 1,
            Start::BothRunning => 2,
        };
        for i in 0..running {
            state.run(i, &self.environment);
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
        let from_outside = left.writer == Writer::Outside;
        offer(left.key_writes > 0 && from_outside, Action::Write);
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
            offer(left.key_writes > 0 && !from_outside, Action::WriteOn(i));
            let fills = instance.filling.is_some();
            offer(left.fills > 0 && !fills, Action::Fill(i));
            offer(fills, Action::Store(i));
            for (l, letter) in instance.travelling.iter().enumerate() {
                let answer = matches!(letter, Letter::Answer(..));
                offer(answer, Action::Receive(i, l));
                offer(!answer, Action::Serve(i, l));
            }
            for r in 0..state.servers.rung.len() {
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
                    i.stored.is_some()
                        && state.serves(i, &world.environment)
                        && state.now > BEGINNING + BOUND
                };
                state.struck && state.instances.iter().any(serves)
            }),
            Property::sometimes(ALONE, |world: &Self, state: &State| {
                let alone = |i: &Instance| {
                    let stale = state.stale_for(i) > 0;
                    stale && !state.is_proven(i) && state.serves(i, &world.environment)
                };
                state.instances.iter().any(alone)
            }),
        ]
    }
}

impl State {
    /// This instance adopts the log, and stores the key.
    fn run(&mut self, i: usize, environment: &Environment) {
        self.ask(i, environment);
        while !matches!(self.instances[i].travelling[0], Letter::Answer(..)) {
            self.serve(i, 0, environment);
        }
        self.receive(i, 0, environment);
        self.instances[i].finish();
        self.instances[i].stored = Some(Stored::FIRST);
        self.servers.replicate();
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
                self.servers.append(Payload::Key(self.version()));
            }
            Action::WriteOn(i) => self.write_on(i, environment),
            Action::WriteOther => {
                self.left.other_writes -= 1;
                self.servers.append(Payload::Other);
            }
            Action::WriteForeign => self.append_foreign(),
            Action::Ask(i) => self.ask(i, environment),
            Action::Serve(i, letter) => self.serve(i, letter, environment),
            Action::Receive(i, letter) => self.receive(i, letter, environment),
            Action::Hear(i, ring) => self.hear(i, ring),
            Action::Fill(i) => {
                self.left.fills -= 1;
                self.instances[i].filling = Some(Stored {
                    version: self.version(),
                    began: self.now,
                });
            }
            Action::Store(i) => self.store(i, environment),
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
                self.servers.fail_over();
            }
            Action::Replicate => {
                self.left.replications -= 1;
                self.servers.replicate();
            }
            Action::Wipe => {
                self.left.wipes -= 1;
                self.servers.master.log.wipe();
            }
            Action::Trim(entries) => {
                self.left.trims -= 1;
                self.servers.master.log.trim(entries);
            }
            _ => {}
        }
    }

    /// The version that the origin gives now.
    fn version(&self) -> u8 {
        u8::try_from(self.accepted.len()).unwrap_or(u8::MAX)
    }

    /// A write that an instance takes: it applies it, and appends it.
    fn write_on(&mut self, i: usize, environment: &Environment) {
        self.left.key_writes -= 1;
        if environment.own == Own::AppliedBefore {
            self.instances[i].raise();
        }
        self.accepted.push(self.now);
        let entry = self.servers.append(Payload::Key(self.version()));
        self.instances[i].sent.push(entry.position.mark);
    }

    /// The end of a fill.
    fn store(&mut self, i: usize, environment: &Environment) {
        let filled = self.instances[i].filling.take();
        self.instances[i].stored = filled.map(|filled| Stored {
            began: match environment.fill_time {
                FillTime::Began => filled.began,
                FillTime::Ended => self.now,
            },
            ..filled
        });
    }

    /// A plain `XADD`: its mark is a hash of its content.
    fn append_foreign(&mut self) {
        self.left.foreign_writes -= 1;
        let version = self.version() + 1;
        let mark = Mark(1000 + u64::from(version));
        if self.servers.master.log.append_foreign(mark, Payload::Key(version)).is_some() {
            self.accepted.push(self.now);
        }
    }

    fn ask(&mut self, i: usize, environment: &Environment) {
        let told = (environment.identification == Identification::ByTheFollower)
            .then(|| self.servers.identity());
        let letters = self.left.letters;
        let instance = &mut self.instances[i];
        if environment.start_up == StartUp::FlushThenAsk && instance.follower.position().is_none() {
            instance.raise();
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
                let mut answer = self.servers.sync(&question);
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
        self.servers.master.log.entries().filter(later).cloned().collect()
    }

    fn receive(&mut self, i: usize, letter: usize, environment: &Environment) {
        let now = self.now;
        let instance = &mut self.instances[i];
        if let Letter::Answer(counter, answer) = instance.travelling.remove(letter) {
            let step = instance.follower.answer(counter, &answer);
            instance.take(step, &answer.entries, now, environment);
        }
    }

    fn hear(&mut self, i: usize, ring: usize) {
        let instance = &mut self.instances[i];
        let entry = &self.servers.rung[ring];
        let step = instance.follower.ring(entry);
        let entries = std::slice::from_ref(entry);
        instance.take(step, entries, self.now, &Environment::default());
    }

    fn serves(&self, instance: &Instance, environment: &Environment) -> bool {
        environment.hit == Hit::WithoutProof
            || self.is_proven(instance)
            || self.proves_itself(instance, environment)
    }

    fn is_proven(&self, instance: &Instance) -> bool {
        instance.proof.is_some_and(|proof| self.now - proof <= BOUND)
    }

    /// Whether the stored entry answers by the time of its fill.
    fn proves_itself(&self, instance: &Instance, environment: &Environment) -> bool {
        let (now, as_of) = (Moment(self.now), Moment(instance.proof.unwrap_or_default()));
        let within = Duration::from_nanos(BOUND);
        let rule = environment.alone.rule();
        instance
            .stored
            .is_some_and(|stored| rule(within, now, as_of, Moment(stored.began)))
    }

    /// For how long the log has known that what is stored here is stale.
    fn stale_for(&self, instance: &Instance) -> u64 {
        let since = instance
            .stored
            .and_then(|stored| self.accepted.get(usize::from(stored.version)));
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
        let log = &self.servers.master.log;
        let Some(place) = log.entries().position(|e| e.position == position) else {
            let mut asked = self.clone();
            let question = instance.follower.clone().ask(self.now);
            return asked.servers.sync(&question).verdict != Verdict::Verified;
        };
        let missed = |entry: &LogEntry<Payload>| match (entry.payload, instance.stored) {
            (Payload::Key(made), Some(stored)) => stored.version < made,
            _ => false,
        };
        !log.entries().take(place + 1).any(missed)
    }
}

impl Stored {
    const FIRST: Self = Self {
        version: 0,
        began: BEGINNING,
    };
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
        entries: &[LogEntry<Payload>],
        now: u64,
        environment: &Environment,
    ) {
        let raises = match step.invalidate {
            Invalidation::Nothing => false,
            Invalidation::Entries => entries.iter().any(|entry| self.is_raised_by(entry)),
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
                self.raise();
                self.half = prove.map(Half::Prove);
            }
            (false, _, _) => self.proof = prove.or(self.proof),
        }
    }

    fn is_raised_by(&self, entry: &LogEntry<Payload>) -> bool {
        let own = self.sent.contains(&entry.position.mark);
        entry.payload != Payload::Other && !own
    }

    fn raise(&mut self) {
        self.stored = None;
        self.filling = None;
    }

    fn finish(&mut self) {
        match self.half.take() {
            Some(Half::Raise) => self.raise(),
            Some(Half::Prove(as_of)) => self.proof = Some(as_of),
            None => {}
        }
    }
}
