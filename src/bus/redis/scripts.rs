//! The scripts, and how one is called: by its hash, and with its text where the
//! server does not know it yet.

use super::keys::Keys;
use crate::bus::engine::Question;
use crate::position::Mark;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind, Value};
use std::sync::LazyLock;

/// More follows than this: too far behind.
pub(super) const MAX_ANSWER_ENTRIES: usize = 1024;
const MAX_ANSWER_BYTES: usize = 4 << 20;
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
static LOOK: LazyLock<Source> = source!("look.lua");

/// One call of one script, ready to be sent.
pub(super) struct Call<'a> {
    source: &'static Source,
    keys: &'a Keys,
    /// What follows the channel.
    arguments: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn append(keys: &'a Keys, most: u64, mark: Mark, payload: &[u8]) -> Self {
        let arguments = vec![text(&most), text(&mark), payload.to_vec()];
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
        let (id, mark) = match question.from {
            Some(from) => (text(&from.sequence), text(&from.mark)),
            None => Default::default(),
        };
        let arguments = vec![
            text(&most),
            text(&nonce),
            id,
            mark,
            text(&Mark(question.member)),
            text(&question.counter),
            text(&question.bound.as_micros().div_ceil(1000)),
            text(&u8::from(connection == Connection::New)),
            text(&MAX_ANSWER_ENTRIES),
            text(&MAX_ANSWER_BYTES),
            text(&FORGET_AFTER_SYNCS),
        ];
        Self {
            source: &SYNC,
            keys,
            arguments,
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

/// Whether a connection has carried an answer of the log before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Connection {
    New,
    Used,
}
