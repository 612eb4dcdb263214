//! One instance: its follower, what it has appended, and what it still holds.

use super::environment::{Environment, Heard, Own, Resent};
use super::follower::{Follower, Invalidation, Step};
use super::kept::{Again, Kept};
use super::servers::{Said, Servers};
use crate::bus::{Answer, LogEntry, Question};
use crate::position::Sequence;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

pub(super) const BOUND: u64 = 1;

/// A set of keys, one bit each.
pub(super) type Keys = u8;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Instance {
    number: usize,
    /// The server that its connection leads to.
    pub(super) home: usize,
    follower: Follower,
    pub(super) kept: Kept,
    pub(super) proof: Option<u64>,
    /// The keys of which it may hold what was before their write. As if it filled
    /// each anew as soon as it falls: only what was committed by then is gone.
    pub(super) old: Keys,
    /// To be sent once more.
    pub(super) outbox: VecDeque<Bytes>,
    /// Everything is to be sent, after a while.
    pub(super) due: bool,
    /// A question that was answered, and the answer on its way.
    pub(super) letter: Option<(Question, Answer<Bytes>)>,
}

impl Instance {
    /// Has adopted the log, and verified what it adopted.
    pub(super) fn new(number: usize, old: Keys, servers: &mut Servers) -> Self {
        let member = u64::from(number == 1);
        let mut instance = Self {
            number,
            home: 0,
            follower: Follower::new(member, Duration::from_nanos(BOUND)),
            kept: Kept::default(),
            proof: None,
            old,
            outbox: VecDeque::new(),
            due: false,
            letter: None,
        };
        for _ in 0..2 {
            instance.ask(0, servers, &Environment::default());
            instance.receive(0, &Environment::default());
        }
        instance
    }

    /// Connects to the other server. The answers of the old connection are dropped.
    pub(super) fn lead(&mut self) {
        self.home = 1 - self.home;
        if let Some((question, _)) = self.letter.take() {
            self.follower.give_up(question.counter);
        }
    }

    pub(super) fn ask(&mut self, now: u64, servers: &mut Servers, environment: &Environment) {
        let question = Question {
            checkpoint: self.kept.checkpoint(),
            ..self.follower.ask(now)
        };
        let answer = servers.sync(self.home, &question, environment.checkpoints);
        self.letter = Some((question, answer));
    }

    pub(super) fn receive(&mut self, committed: Keys, environment: &Environment) {
        let Some((question, answer)) = self.letter.take() else {
            return;
        };
        let step = self.follower.answer(question.counter, &answer);
        let everything = self.take(step, &answer, committed, environment);
        if step.prove.is_none() {
            return;
        }
        if everything.is_some_and(|at| self.kept.makes_needless(answer.list, at)) {
            self.due = false;
        }
        let again = self.kept.answered(question.checkpoint, &answer);
        match again {
            Again::Nothing => {}
            Again::Batches(payloads) => self.outbox.extend(payloads),
            Again::Everything => self.due = true,
        }
    }

    /// Returns where the log last said everything.
    fn take(
        &mut self,
        step: Step,
        answer: &Answer<Bytes>,
        committed: Keys,
        environment: &Environment,
    ) -> Option<Sequence> {
        let mut everything = None;
        match step.invalidate {
            Invalidation::Nothing => {}
            Invalidation::Everything => self.old &= !committed,
            Invalidation::Entries => {
                for entry in &answer.entries {
                    if self.apply(entry, committed, environment) {
                        everything = Some(entry.position.sequence);
                    }
                }
            }
        }
        self.proof = step.prove.or(self.proof);
        everything
    }

    /// Returns whether it is news that says everything.
    fn apply(
        &mut self,
        entry: &LogEntry<Bytes>,
        committed: Keys,
        environment: &Environment,
    ) -> bool {
        match Said::read(&entry.payload) {
            Said::Key(key) => self.old &= !(1 << key),
            Said::Everything { by } => {
                let own = by == Some(self.number);
                if own && environment.own == Own::IsSkipped {
                    return false;
                }
                self.old &= !committed;
                return true;
            }
        }
        false
    }

    /// An entry rings.
    pub(super) fn hear(
        &mut self,
        entry: &LogEntry<Bytes>,
        committed: Keys,
        environment: &Environment,
    ) {
        let everything = self.apply(entry, committed, environment);
        if everything && self.due && environment.heard == Heard::IsAskedFor {
            self.follower.gap();
        } else {
            let _ = self.follower.ring(entry);
        }
    }

    /// A write, of which the log has not heard yet, is applied here before.
    pub(super) fn write(&mut self, key: u8, servers: &mut Servers) {
        self.old &= !(1 << key);
        self.append(Said::Key(key), Resent::IsKeptAgain, servers);
    }

    /// Sends the next batch once more.
    pub(super) fn send(
        &mut self,
        servers: &mut Servers,
        environment: &Environment,
    ) -> Option<LogEntry<Bytes>> {
        let payload = self.outbox.pop_front()?;
        Some(self.append(Said::read(&payload), environment.resent, servers))
    }

    /// Sends everything, and so nothing of what waits.
    pub(super) fn send_everything(
        &mut self,
        servers: &mut Servers,
        environment: &Environment,
    ) -> LogEntry<Bytes> {
        self.due = false;
        self.outbox.clear();
        let by = Some(self.number);
        self.append(Said::Everything { by }, environment.resent, servers)
    }

    fn append(
        &mut self,
        said: Said,
        resent: Resent,
        servers: &mut Servers,
    ) -> LogEntry<Bytes> {
        let (entry, list) = servers.append(self.home, said);
        if resent == Resent::IsKeptAgain {
            self.kept.acknowledged(entry.position, said.bytes(), list);
        }
        entry
    }
}
