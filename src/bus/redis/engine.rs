//! The verbs of a bus, over Redis.

use super::connection::{Live, Supervisor};
use super::keys::Keys;
use super::reply::{self, AppendReply, SyncReply};
use super::scripts::Call;
use super::settings::Redis;
use super::{look, ring, trouble};
use crate::bus::engine::{
    Answer, Appended, BusError, Engine, Form, LogEntry, Question, Rings, Trouble, Verdict,
};
use crate::bus::{Census, Inquiry};
use crate::position::Mark;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::Value;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Everything it holds ends with it: its connection, and the connection of each
/// listener with its [`Rings`].
#[derive(Debug)]
pub(super) struct RedisEngine {
    pub(super) supervisor: Supervisor,
    pub(super) keys: Keys,
    max_log_entries: u64,
    /// Where batches have to be on replicas too. With a connection of its own:
    /// `WAIT` holds up what is behind it.
    replicated: Option<(Supervisor, u32)>,
}

impl RedisEngine {
    pub(super) fn new(settings: Redis) -> Self {
        Self {
            supervisor: Supervisor::new(&settings),
            replicated: (settings.wait_replicas > 0)
                .then(|| (Supervisor::new(&settings), settings.wait_replicas)),
            keys: settings.keys,
            max_log_entries: settings.max_log_entries,
        }
    }

    pub(super) async fn append_once(
        &self,
        payload: &[u8],
        mark: Mark,
        intent: Option<Duration>,
    ) -> Result<AppendReply, BusError> {
        let supervisor = match &self.replicated {
            Some((supervisor, _)) => supervisor,
            None => &self.supervisor,
        };
        let live = supervisor.live(&self.keys).await?;
        let most = self.max_log_entries;
        let call = Call::append(&self.keys, most, mark, payload, intent);
        let value = supervisor.run(&live, &call, &self.keys).await?;
        let reply = reply::append(value, &self.keys).map_err(|(error, health)| {
            supervisor.drop_doubtful(&live, health);
            error
        })?;
        if let Some((supervisor, replicas)) = &self.replicated {
            self.wait(supervisor, &live, *replicas).await?;
        }
        Ok(reply)
    }

    /// Waits until the replicas have what was written on this connection. Less than
    /// the reply timeout, so that an answer comes in any case.
    async fn wait(
        &self,
        supervisor: &Supervisor,
        live: &Live,
        replicas: u32,
    ) -> Result<(), BusError> {
        let limit = (supervisor.reply_timeout() / 2).as_millis().max(1);
        let mut command = redis::cmd("WAIT");
        command.arg(replicas).arg(limit.to_string());
        match supervisor.command(live, &command, &self.keys).await? {
            Value::Int(there) if there >= i64::from(replicas) => Ok(()),
            Value::Int(there) => Err(BusError::new(
                Trouble::Refused,
                format!(
                    "the batch is on {there} replicas of Redis, not on {replicas}: it is sent again"
                ),
            )),
            _ => Err(trouble::unreadable("of WAIT")),
        }
    }

    pub(super) async fn sync_once(&self, question: &Question) -> Result<SyncReply, BusError> {
        let live = self.supervisor.live(&self.keys).await?;
        let connection = live.connection();
        let most = self.max_log_entries;
        let call = Call::sync(&self.keys, most, nonce(), question, connection);
        let value = self.supervisor.run(&live, &call, &self.keys).await?;
        let mut reply = reply::sync(value, &self.keys).map_err(|(error, health)| {
            self.supervisor.drop_doubtful(&live, health);
            error
        })?;
        live.answered();
        distrust_holes(question, &mut reply.answer);
        Ok(reply)
    }
}

impl RedisEngine {
    async fn census_once(&self, inquiry: &Inquiry) -> Result<Census, BusError> {
        let live = self.supervisor.live(&self.keys).await?;
        let call = Call::census(&self.keys, self.max_log_entries, nonce(), inquiry);
        let value = self.supervisor.run(&live, &call, &self.keys).await?;
        reply::census(value, &self.keys).map_err(|(error, health)| {
            self.supervisor.drop_doubtful(&live, health);
            error
        })
    }

    async fn leave(&self, member: u64, counter: u64) -> Result<(), BusError> {
        let live = self.supervisor.live(&self.keys).await?;
        let call = Call::leave(&self.keys, member, counter);
        let value = self.supervisor.run(&live, &call, &self.keys).await?;
        reply::left(value, &self.keys).map_err(|(error, health)| {
            self.supervisor.drop_doubtful(&live, health);
            error
        })
    }
}

impl Engine for RedisEngine {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn append(&self, payload: Bytes, mark: Mark) -> BoxFuture<'_, Result<Appended, BusError>> {
        async move { Ok(self.append_once(&payload, mark, None).await?.appended) }.boxed()
    }

    fn announce(
        &self,
        payload: Bytes,
        mark: Mark,
        lasts: Duration,
    ) -> BoxFuture<'_, Result<Appended, BusError>> {
        let intent = Some(lasts);
        async move { Ok(self.append_once(&payload, mark, intent).await?.appended) }.boxed()
    }

    fn sync(&self, question: Question) -> BoxFuture<'_, Result<Answer, BusError>> {
        async move { Ok(self.sync_once(&question).await?.answer) }.boxed()
    }

    fn census(&self, inquiry: Inquiry) -> BoxFuture<'_, Result<Census, BusError>> {
        async move { self.census_once(&inquiry).await }.boxed()
    }

    fn sign_off(&self, member: u64, counter: u64) -> BoxFuture<'_, Result<(), BusError>> {
        self.leave(member, counter).boxed()
    }

    fn rings(&self) -> BoxFuture<'_, Result<Rings, BusError>> {
        ring::listen(&self.supervisor, &self.keys).boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<Vec<String>, BusError>> {
        look::look(self).boxed()
    }
}

/// Each entry of ours names the one before it. If it is not the one that stands
/// there now, somebody has removed an entry, and what was missed cannot be known.
fn distrust_holes(question: &Question, answer: &mut Answer) {
    if answer.verdict == Verdict::Verified && !chained(question, &answer.entries) {
        answer.verdict = Verdict::Unknown;
        answer.entries.clear();
    }
}

fn chained(question: &Question, entries: &[LogEntry]) -> bool {
    let mut before = question.from;
    entries.iter().all(|entry| {
        let follows = entry.form == Form::Foreign || entry.previous == before;
        before = Some(entry.position);
        follows
    })
}

/// Makes the mark of an "everything" entry that the script may have to write.
fn nonce() -> Mark {
    Mark(RandomState::new().hash_one(0_u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Position, Sequence};

    fn at(number: u64) -> Position {
        let sequence = Sequence { millis: 1, number };
        Position {
            sequence,
            mark: Mark(number),
        }
    }

    fn entry(number: u64, previous: Option<u64>, form: Form) -> LogEntry {
        LogEntry {
            position: at(number),
            previous: previous.map(at),
            form,
            payload: Bytes::new(),
        }
    }

    fn verdict(entries: Vec<LogEntry>) -> Verdict {
        let question = Question {
            from: Some(at(1)),
            member: 1,
            counter: 1,
            bound: Duration::from_secs(3),
            checkpoint: None,
        };
        let mut answer = Answer {
            verdict: Verdict::Verified,
            entries,
            head: at(9),
            cloned: false,
            list: None,
            standing: crate::bus::Standing::NotAsked,
            longest_intent: Duration::ZERO,
        };
        distrust_holes(&question, &mut answer);
        answer.verdict
    }

    #[test]
    fn an_entry_removed_from_the_middle_makes_the_answer_worthless() {
        let whole = vec![
            entry(2, Some(1), Form::Appended),
            entry(3, None, Form::Foreign),
            entry(4, Some(3), Form::Appended),
        ];
        assert_eq!(verdict(whole.clone()), Verdict::Verified);
        assert_eq!(verdict(whole[1..].to_vec()), Verdict::Verified);
        assert_eq!(verdict(whole[2..].to_vec()), Verdict::Unknown);
        assert_eq!(
            verdict(vec![entry(4, None, Form::Appended)]),
            Verdict::Unknown
        );
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
    }
}
