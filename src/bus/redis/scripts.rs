//! The scripts, and how one is called: by its hash, and with its text where the
//! server does not know it yet.

use super::keys::Keys;
use crate::bus::engine::Question;
use crate::bus::{Inquiry, RollCall};
use crate::position::{Mark, Position};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind, Value};
use std::sync::LazyLock;
use std::time::Duration;

/// More follows than this: too far behind.
pub(super) const MAX_ANSWER_ENTRIES: usize = 1024;
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Of the members that have not reported, this many are told by name.
pub(super) const MAX_MISSING: usize = 1000;
/// A member that has not reported for so many syncs of the namespace is forgotten.
const FORGET_AFTER_SYNCS: u64 = 1_000_000;

/// A script as text, and as the hash the server knows it by.
struct Source {
    text: &'static str,
    hash: String,
}

impl Source {
    fn of(text: &'static str) -> Self {
        let hash = Script::new(text).get_hash().into();
        Self { text, hash }
    }
}

macro_rules! source {
    ($file:literal) => {
        LazyLock::new(|| Source::of(concat!(include_str!("common.lua"), include_str!($file))))
    };
}

static APPEND: LazyLock<Source> = source!("append.lua");
static SYNC: LazyLock<Source> = source!("sync.lua");
static CENSUS: LazyLock<Source> = source!("census.lua");
static LEAVE: LazyLock<Source> = source!("leave.lua");
static LOOK: LazyLock<Source> = source!("look.lua");

/// One call of one script, ready to be sent.
pub(super) struct Call<'a> {
    source: &'static Source,
    keys: &'a Keys,
    /// What follows the channel.
    arguments: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn append(
        keys: &'a Keys,
        most: u64,
        mark: Mark,
        payload: &[u8],
        intent: Option<Duration>,
    ) -> Self {
        let mut arguments = vec![text(&most), text(&mark), payload.to_vec()];
        arguments.extend(intent.map(|lasts| text(&millis(lasts))));
        Self {
            source: &APPEND,
            keys,
            arguments,
        }
    }

    /// `connection` tells the script whether an answer on the same connection
    /// went before.
    pub(super) fn sync(
        keys: &'a Keys,
        most: u64,
        nonce: Mark,
        question: &Question,
        connection: Connection,
    ) -> Self {
        let [id, mark] = place(question.from);
        let checkpoint = question.checkpoint;
        let [oldest, oldest_mark] = place(checkpoint.map(|checkpoint| checkpoint.oldest));
        let [newest, newest_mark] = place(checkpoint.map(|checkpoint| checkpoint.newest));
        let arguments = vec![
            text(&most),
            text(&nonce),
            id,
            mark,
            text(&Mark(question.member)),
            text(&question.counter),
            text(&millis(question.bound)),
            text(&u8::from(connection == Connection::New)),
            text(&MAX_ANSWER_ENTRIES),
            text(&MAX_ANSWER_BYTES),
            text(&FORGET_AFTER_SYNCS),
            oldest,
            oldest_mark,
            newest,
            newest_mark,
        ];
        Self {
            source: &SYNC,
            keys,
            arguments,
        }
    }

    pub(super) fn census(keys: &'a Keys, most: u64, nonce: Mark, inquiry: &Inquiry) -> Self {
        let [id, mark] = place(Some(inquiry.entry));
        let call = u8::from(inquiry.call == RollCall::Ring);
        let mut arguments = vec![text(&most), text(&nonce), id, mark, text(&call)];
        arguments.push(text(&MAX_MISSING));
        for gone in &inquiry.gone {
            arguments.extend([text(&Mark(gone.member)), text(&gone.counter)]);
        }
        Self {
            source: &CENSUS,
            keys,
            arguments,
        }
    }

    pub(super) fn leave(keys: &'a Keys, member: u64, counter: u64) -> Self {
        let (member, counter) = (text(&Mark(member)), text(&counter));
        Self {
            source: &LEAVE,
            keys,
            arguments: vec![text(&1), Vec::new(), member, counter],
        }
    }

    pub(super) fn look(keys: &'a Keys) -> Self {
        let arguments = vec![text(&1), text(&Mark(0))];
        Self {
            source: &LOOK,
            keys,
            arguments,
        }
    }

    /// # Cancel safety
    ///
    /// The script may run all the same.
    pub(super) async fn run(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<Value, RedisError> {
        let by_hash = self.command("EVALSHA", &self.source.hash);
        match by_hash.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let by_text = self.command("EVAL", self.source.text);
                by_text.query_async(connection).await
            }
            outcome => outcome,
        }
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let keys = self.keys;
        let mut cmd = redis::cmd(verb);
        cmd.arg(script).arg(4);
        cmd.arg(&keys.log).arg(&keys.meta);
        cmd.arg(&keys.members).arg(&keys.beats);
        cmd.arg(&keys.ring);
        for argument in &self.arguments {
            cmd.arg(argument);
        }
        cmd
    }
}

fn text(value: &impl ToString) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A position as two arguments; none is two empty ones.
fn place(position: Option<Position>) -> [Vec<u8>; 2] {
    position.map_or_else(Default::default, |position| {
        [text(&position.sequence), text(&position.mark)]
    })
}

/// In milliseconds, rounded up. What is too long for that has no end.
fn millis(bound: Duration) -> u64 {
    u64::try_from(bound.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// Whether a connection has carried an answer of the log before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Connection {
    New,
    Used,
}
