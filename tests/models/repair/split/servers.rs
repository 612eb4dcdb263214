//! Two servers with a log each.

use super::environment::{Checkpoints, Replicas};
use super::local::{Identity, Limits, Log, Spare, Weigh};
use crate::bus::{Answer, LogEntry, Question, Standing};
use crate::position::{Mark, Position};
use bytes::Bytes;

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Key(u8),
    /// The log begins anew, or an instance has lost more than it keeps.
    Everything { by: Option<usize> },
}

impl Said {
    pub(super) fn bytes(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Key(0) => b"0",
            Self::Key(1) => b"1",
            Self::Key(_) => b"2",
            Self::Everything { by: None } => b"**",
            Self::Everything { by: Some(0) } => b"*0",
            Self::Everything { by: Some(_) } => b"*1",
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        match bytes {
            [b'*', b'*'] => Self::Everything { by: None },
            [b'*', by] => Self::Everything {
                by: Some(usize::from(by - b'0')),
            },
            [key] => Self::Key(key - b'0'),
            _ => unreachable!("nothing else is written"),
        }
    }
}

impl Weigh for Bytes {
    fn weight(&self) -> usize {
        1
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Servers {
    servers: [Server; 2],
    next_mark: u64,
    /// Histories of replication so far.
    histories: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Server {
    role: Role,
    /// The history of replication that it leads, or has led last.
    replication: u64,
    log: Log<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Role {
    Master,
    Replica,
}

impl Servers {
    /// A master with a log that has begun, and a replica that has it.
    pub(super) fn new() -> Self {
        let server = |role| Server {
            role,
            replication: 1,
            log: Log::new(Limits {
                entries: 16,
                answer_entries: 16,
                answer_bytes: 100,
            }),
        };
        let mut servers = Self {
            servers: [server(Role::Master), server(Role::Replica)],
            next_mark: 0,
            histories: 1,
        };
        let spare = servers.spare(0);
        servers.servers[0].log.begin(spare);
        servers.replicate();
        servers
    }

    pub(super) fn is_master(&self, at: usize) -> bool {
        self.servers[at].role == Role::Master
    }

    /// The only master, if there is only one.
    pub(super) fn healed(&self) -> Option<usize> {
        match [self.is_master(0), self.is_master(1)] {
            [true, true] => None,
            [first, _] => Some(usize::from(!first)),
        }
    }

    /// Both verbs write first, so a server that refuses writes refuses both.
    pub(super) fn accepts(&self, at: usize, replicas: Replicas) -> bool {
        let has_its_replica = self.servers[1 - at].role == Role::Replica;
        self.is_master(at) && (replicas == Replicas::MayLack || has_its_replica)
    }

    /// The entry that rings, and the list of members of its log.
    pub(super) fn append(&mut self, at: usize, said: Said) -> (LogEntry<Bytes>, Option<Mark>) {
        let spare = self.spare(at);
        let mark = self.mark();
        let log = &mut self.servers[at].log;
        let entry = log.append(spare, mark, said.bytes());
        (entry, log.list().map(|list| list.born))
    }

    pub(super) fn sync(
        &mut self,
        at: usize,
        question: &Question,
        checkpoints: Checkpoints,
    ) -> Answer<Bytes> {
        let before = self.next_mark;
        let spare = self.spare(at);
        let mark = spare.mark;
        let log = &mut self.servers[at].log;
        let mut answer = log.sync(spare, question);
        if checkpoints == Checkpoints::ByNumber {
            answer.standing = by_number(log, question, answer.standing);
        }
        if answer.head.mark != mark {
            self.next_mark = before;
        }
        answer
    }

    pub(super) fn replicate(&mut self) {
        if let Some(master) = self.healed() {
            self.servers[1 - master].log = self.servers[master].log.clone();
        }
    }

    /// The replica becomes a master, and the old one knows nothing of it.
    pub(super) fn promote(&mut self) {
        if let Some(master) = self.healed() {
            self.histories += 1;
            let promoted = &mut self.servers[1 - master];
            promoted.role = Role::Master;
            promoted.replication = self.histories;
        }
    }

    /// The other one becomes a replica of this one, whichever is the older master.
    pub(super) fn heal(&mut self, master: usize) {
        self.servers[1 - master].role = Role::Replica;
        self.replicate();
    }

    pub(super) fn trim(&mut self, at: usize, entries: usize) {
        self.servers[at].log.trim(entries);
    }

    fn spare(&mut self, at: usize) -> Spare<Bytes> {
        let mark = self.mark();
        // A replica that is asked by mistake says what its master has written.
        let at = if self.is_master(at) { at } else { 1 - at };
        Spare {
            server: Identity {
                run: u64::from(at == 1),
                replication: self.servers[at].replication,
            },
            mark,
            payload: Said::Everything { by: None }.bytes(),
        }
    }

    fn mark(&mut self) -> Mark {
        self.next_mark += 1;
        Mark(self.next_mark)
    }
}

/// A mistake: an entry is taken for another one that has its number.
fn by_number(log: &Log<Bytes>, question: &Question, standing: Standing) -> Standing {
    let Some(checkpoint) = question.checkpoint else {
        return standing;
    };
    let stands = |at: Position| {
        let same = |entry: &LogEntry<Bytes>| entry.position.sequence == at.sequence;
        log.entries().any(same)
    };
    match standing {
        _ if stands(checkpoint.newest) => Standing::Whole,
        Standing::Lacking if stands(checkpoint.oldest) => Standing::Cut,
        standing => standing,
    }
}
