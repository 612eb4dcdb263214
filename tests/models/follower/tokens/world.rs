//! Two instances that write and serve one key, a log, and a network that loses,
//! delays and repeats. No clock: what a token promises has no bound.
//!
//! This file is compiled once for each variant, beside the production files.

use super::super::{Bounds, Carried, Ears, Held, Order, Second, Usage};
use super::follower::{Follower, Invalidation, Step};
use super::local::Limits;
use super::servers::{Payload, Servers};
use super::tokens::rules;
use super::tokens::satisfied::{self, Satisfied};
use crate::bus::{Answer, LogEntry, Question};
use crate::position::{Mark, Position};
use crate::token::{Part, Token};
use stateright::{Model, Property};
use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

pub(crate) const P4: &str = "P4: with its token nobody is answered with less than a write";
pub(crate) const SATISFIED: &str = "a token is satisfied where it was not made";
pub(crate) const REFUSED: &str = "a token is refused where something older is stored";

const BOUND: Duration = Duration::from_nanos(2);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    servers: Servers,
    /// What the origin gives now: the writes committed.
    version: u8,
    given: Vec<Given>,
    instances: Vec<Instance>,
    left: Bounds,
}

/// A token that a client may carry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Given {
    by: usize,
    token: Token,
    /// What its write made, and those made that it stands for.
    version: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Instance {
    follower: Follower,
    /// The version of the stored entry, if it is valid.
    stored: Option<u8>,
    /// What the entries are remembered by that count as applied.
    applied: BTreeSet<u64>,
    /// The marks of what it has appended itself.
    sent: Vec<Mark>,
    /// Oldest first.
    outbox: Vec<Batch>,
    /// On their way, both directions.
    travelling: Vec<Letter>,
    /// Cells that are still to be raised, where that is done last.
    half: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Batch {
    payload: Payload,
    /// If it is the last part of a write: what its token stands for.
    ends: Option<Ends>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Ends {
    Version(u8),
    /// This many tokens: those that were given before the write.
    Carried(usize),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Letter {
    Question(Question),
    Answer(u64, Answer<Payload>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Write(usize),
    WriteOther(usize),
    Append(usize),
    AppendUnheard(usize),
    Ask(usize),
    Serve(usize, usize),
    Receive(usize, usize),
    Hear(usize, usize),
    Fill(usize),
    Finish(usize),
    Forget(usize),
    Replicate,
    Failover,
    Wipe,
    Trim(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) bounds: Bounds,
    pub(crate) usage: Usage,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let instance = |member| Instance {
            follower: Follower::new(member, BOUND),
            stored: Some(0),
            applied: BTreeSet::new(),
            sent: Vec::new(),
            outbox: Vec::new(),
            travelling: Vec::new(),
            half: false,
        };
        let mut state = State {
            servers: Servers::new(Limits {
                entries: 8,
                answer_entries: 3,
                answer_bytes: 100,
            }),
            version: 0,
            given: Vec::new(),
            instances: (1..=2).map(instance).collect(),
            left: self.bounds,
        };
        let follow = match self.bounds.second {
            Second::Follows => 2,
            Second::ComesLate => 1,
        };
        for i in 0..follow {
            state.ask(i);
            state.serve(i, 0);
            state.receive(i, 0, self.usage);
            state.instances[i].finish();
            state.instances[i].stored = Some(0);
        }
        state.servers.replicate();
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if let Some(halfway) = state.instances.iter().position(|i| i.half) {
            actions.push(Action::Finish(halfway));
            return;
        }
        let left = &state.left;
        let mut offer = |may: bool, action| {
            if may {
                actions.push(action);
            }
        };
        offer(left.replications > 0, Action::Replicate);
        offer(left.failovers > 0, Action::Failover);
        offer(left.wipes > 0, Action::Wipe);
        offer(left.trims > 0, Action::Trim(0));
        offer(left.trims > 0, Action::Trim(1));
        for (i, instance) in state.instances.iter().enumerate() {
            offer(left.writes > 0 && i < left.writers, Action::Write(i));
            offer(left.other_writes > 0, Action::WriteOther(i));
            let waits = !instance.outbox.is_empty();
            offer(waits, Action::Append(i));
            offer(waits && left.unheard > 0, Action::AppendUnheard(i));
            let asks = instance.follower.counter() < left.questions;
            offer(asks && instance.may_ask(left.letters), Action::Ask(i));
            offer(instance.stored.is_none(), Action::Fill(i));
            offer(left.forgets > 0, Action::Forget(i));
            for (l, letter) in instance.travelling.iter().enumerate() {
                let answer = matches!(letter, Letter::Answer(..));
                offer(answer, Action::Receive(i, l));
                offer(!answer, Action::Serve(i, l));
            }
            for r in 0..state.servers.rung.len() {
                offer(left.ears == Ears::Open, Action::Hear(i, r));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, self.usage);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(P4, |world: &Self, state: &State| {
                !state.any(|i, given| {
                    state.satisfies(i, given, world.usage) && state.has_older(i, given)
                })
            }),
            Property::sometimes(SATISFIED, |world: &Self, state: &State| {
                state.any(|i, given| {
                    let stored = state.instances[i].stored.is_some();
                    stored && i != given.by && state.satisfies(i, given, world.usage)
                })
            }),
            Property::sometimes(REFUSED, |world: &Self, state: &State| {
                state.any(|i, given| {
                    state.has_older(i, given) && !state.satisfies(i, given, world.usage)
                })
            }),
        ]
    }
}

impl State {
    fn any(&self, is_so: impl Fn(usize, &Given) -> bool) -> bool {
        let mut given = self.given.iter();
        given.any(|given| (0..self.instances.len()).any(|i| is_so(i, given)))
    }

    fn satisfies(&self, i: usize, given: &Given, usage: Usage) -> bool {
        let instance = &self.instances[i];
        let holds = |position: Position| match usage.held {
            Held::Recorded => instance.applied.contains(&remembered(position)),
            Held::UpToThePosition => {
                let reached = instance.follower.position();
                reached.is_some_and(|reached| reached.sequence >= position.sequence)
            }
        };
        satisfied::by(&given.token, number(i), holds) == Satisfied::Yes
    }

    fn has_older(&self, i: usize, given: &Given) -> bool {
        let stored = self.instances[i].stored;
        stored.is_some_and(|version| version < given.version)
    }

    fn act(&mut self, action: Action, usage: Usage) {
        match action {
            Action::Write(i) => self.write(i),
            Action::WriteOther(i) => {
                self.left.other_writes -= 1;
                self.instances[i].outbox.push(Batch {
                    payload: Payload::Other,
                    ends: Some(Ends::Carried(self.given.len())),
                });
            }
            Action::Append(i) => self.append(i, usage),
            Action::AppendUnheard(i) => {
                self.left.unheard -= 1;
                let batch = self.instances[i].outbox[0];
                self.send(i, batch);
            }
            Action::Ask(i) => self.ask(i),
            Action::Serve(i, letter) => self.serve(i, letter),
            Action::Receive(i, letter) => self.receive(i, letter, usage),
            Action::Hear(i, ring) => self.hear(i, ring, usage),
            Action::Fill(i) => self.instances[i].stored = Some(self.version),
            Action::Finish(i) => self.instances[i].finish(),
            Action::Forget(i) => {
                self.left.forgets -= 1;
                self.instances[i].follower = Follower::new(number(i) + 10, BOUND);
            }
            disaster => self.strike(disaster),
        }
    }

    fn strike(&mut self, disaster: Action) {
        match disaster {
            Action::Replicate => {
                self.left.replications -= 1;
                self.servers.replicate();
            }
            Action::Failover => {
                self.left.failovers -= 1;
                self.servers.fail_over();
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

    /// The commit; its own instance applies it, and has a token at once that only
    /// this one can satisfy. Its last batch says nothing of the key.
    fn write(&mut self, i: usize) {
        self.left.writes -= 1;
        self.version += 1;
        self.instances[i].stored = None;
        for part in 1..=self.left.parts {
            self.instances[i].outbox.push(Batch {
                payload: if part == 1 {
                    Payload::Key(self.version)
                } else {
                    Payload::Other
                },
                ends: (part == self.left.parts).then_some(Ends::Version(self.version)),
            });
        }
        let ticket = u64::from(self.version);
        let instance = number(i);
        self.give(i, Part::Here { instance, ticket }, self.version);
    }

    /// The log acknowledges the oldest batch.
    fn append(&mut self, i: usize, usage: Usage) {
        let batch = self.instances[i].outbox.remove(0);
        let position = self.send(i, batch);
        self.instances[i].applied.insert(remembered(position));
        let stands_for = match batch.ends {
            Some(Ends::Version(version)) => Some(version),
            Some(Ends::Carried(tokens)) => self.carried(i, tokens, usage),
            None => None,
        };
        if let Some(version) = stands_for {
            self.give(i, Part::At(position), version);
        }
    }

    /// The newest write whose token a client has brought, and does not take away again
    /// beside the new one.
    fn carried(&self, i: usize, tokens: usize, usage: Usage) -> Option<u8> {
        let dropped = |given: &&Given| {
            usage.carried == Carried::Dropped || self.satisfies(i, given, usage)
        };
        let dropped = self.given[..tokens].iter().filter(dropped);
        dropped.map(|given| given.version).max()
    }

    fn send(&mut self, i: usize, batch: Batch) -> Position {
        let entry = self.servers.append(batch.payload);
        self.instances[i].sent.push(entry.position.mark);
        entry.position
    }

    fn give(&mut self, by: usize, part: Part, version: u8) {
        let token = Token::of(part);
        self.given.push(Given { by, token, version });
    }

    fn ask(&mut self, i: usize) {
        let letters = self.left.letters;
        let instance = &mut self.instances[i];
        instance.follower.give_up(instance.follower.counter());
        let question = instance.follower.ask(1);
        if instance.travelling.len() >= letters {
            instance.travelling.remove(0);
        }
        instance.travelling.push(Letter::Question(question));
    }

    fn serve(&mut self, i: usize, letter: usize) {
        let letter = &mut self.instances[i].travelling[letter];
        if let Letter::Question(question) = letter {
            let answer = self.servers.sync(question);
            *letter = Letter::Answer(question.counter, answer);
        }
    }

    fn receive(&mut self, i: usize, letter: usize, usage: Usage) {
        let instance = &mut self.instances[i];
        if let Letter::Answer(counter, answer) = instance.travelling.remove(letter) {
            let step = instance.follower.answer(counter, &answer);
            let applied = rules::after_answer(step.invalidate, &answer);
            instance.take(step, &answer.entries, applied, usage);
        }
    }

    fn hear(&mut self, i: usize, ring: usize, usage: Usage) {
        let instance = &mut self.instances[i];
        let entry = &self.servers.rung[ring];
        let step = instance.follower.ring(entry);
        let applied = rules::after_ring(instance.follower.position(), entry);
        instance.take(step, std::slice::from_ref(entry), applied, usage);
    }
}

impl Instance {
    /// A question that is lost before it is served is one that was never asked.
    fn may_ask(&self, letters: usize) -> bool {
        let question = |letter: &Letter| matches!(letter, Letter::Question(_));
        letters > 1 || !self.travelling.iter().any(question)
    }

    /// What it has sent itself it has applied before.
    fn take(
        &mut self,
        step: Step,
        entries: &[LogEntry<Payload>],
        applied: impl IntoIterator<Item = Position>,
        usage: Usage,
    ) {
        let own = |entry: &LogEntry<Payload>| self.sent.contains(&entry.position.mark);
        let mut raising = entries.iter().filter(|entry| entry.payload != Payload::Other);
        let raises = match step.invalidate {
            Invalidation::Nothing => false,
            Invalidation::Entries => raising.any(|entry| !own(entry)),
            Invalidation::Everything => true,
        };
        if raises && usage.order == Order::RaiseFirst {
            self.stored = None;
        }
        self.half = raises && usage.order == Order::RecordFirst;
        self.applied.extend(applied.into_iter().map(remembered));
    }

    fn finish(&mut self) {
        if std::mem::take(&mut self.half) {
            self.stored = None;
        }
    }
}

/// What stands for an instance in a token.
fn number(i: usize) -> u64 {
    if i == 0 { 1 } else { 2 }
}

/// As production does it, but for the keys of the hash.
fn remembered(position: Position) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(rules::name(position))
}
