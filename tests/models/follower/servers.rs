//! A server and its replica, what happens to them, and all that ever rang.

use super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::bus::{Answer, LogEntry, Question};
use crate::position::Mark;

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
pub(crate) struct Servers {
    pub(crate) master: Server,
    replica: Server,
    /// The history of replication that the master leads.
    replication: u64,
    next_mark: u64,
    /// Each may be heard never, late, and again.
    pub(crate) rung: Vec<LogEntry<Payload>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Server {
    run: u64,
    pub(crate) log: Log<Payload>,
}

impl Servers {
    pub(crate) fn new(limits: Limits) -> Self {
        let server = |run| Server {
            run,
            log: Log::new(limits),
        };
        Self {
            master: server(1),
            replica: server(2),
            replication: 1,
            next_mark: 1,
            rung: Vec::new(),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            run: self.master.run,
            replication: self.replication,
        }
    }

    pub(crate) fn append(&mut self, payload: Payload) -> LogEntry<Payload> {
        let (spare, mark) = (self.spare(), self.mark());
        self.rung.extend(self.master.log.begin(spare.clone()));
        let entry = self.master.log.append(spare, mark, payload);
        self.rung.push(entry.clone());
        entry
    }

    pub(crate) fn sync(&mut self, question: &Question) -> Answer<Payload> {
        let before = self.next_mark;
        let spare = self.spare();
        let mark = spare.mark;
        self.rung.extend(self.master.log.begin(spare.clone()));
        let answer = self.master.log.sync(spare, question);
        // A mark that no entry has is given out again: states that differ in it
        // alone are the same.
        if answer.head.mark != mark {
            self.next_mark = before;
        }
        answer
    }

    pub(crate) fn replicate(&mut self) {
        self.replica.log = self.master.log.clone();
    }

    pub(crate) fn fail_over(&mut self) {
        self.replication += 1;
        std::mem::swap(&mut self.master, &mut self.replica);
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
}
