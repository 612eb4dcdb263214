//! Listening to the ring, on a connection of its own for each listener.
//!
//! The client's own pub/sub puts what it hears into a queue without a bound. So
//! this listens over RESP3, where each message is given to a closure inside the
//! connection's own task: it parses, and puts into a bounded queue or drops.
//! Nothing in between can grow, and the socket is always read.

use super::connection::{Supervisor, late};
use super::keys::Keys;
use super::reply::before;
use super::trouble;
use crate::bus::engine::{BusError, Form, LogEntry, Ring, Rings};
use crate::clock::Clock;
use crate::position::{Mark, Position, Sequence};
use crate::tasks;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError, Value,
};
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How many rings wait for the follower at most.
const QUEUE: usize = 256;
/// A larger ring is not kept: it counts as lost, and the log is asked. Together
/// with [`QUEUE`] this bounds what may wait, to 32 MiB.
const MAX_RING_BYTES: usize = 128 << 10;
/// A connection that is dead in either direction is noticed after this and the
/// reply timeout.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Connects, subscribes, and leaves behind a task that ends with the returned
/// [`Rings`] or with the connection, whichever is first.
pub(super) async fn listen(supervisor: &Supervisor, keys: &Keys) -> Result<Rings, BusError> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let ended = Arc::new(Notify::new());
    let ear = Ear {
        channel: keys.ring.clone(),
        sender: sender.clone(),
        ended: ended.clone(),
    };
    let connection = subscribe(supervisor, keys, ear).await?;
    let limit = supervisor.reply_timeout();
    // Without a runtime nothing keeps the connection, and the rings end at once.
    if let Some(runtime) = tasks::runtime() {
        tasks::detach(&runtime, keep(connection, sender, ended, limit));
    }
    Ok(Rings { receiver })
}

async fn subscribe(
    supervisor: &Supervisor,
    keys: &Keys,
    ear: Ear,
) -> Result<MultiplexedConnection, BusError> {
    let login = supervisor.server().redis_settings().clone();
    let login = login.set_protocol(ProtocolVersion::RESP3);
    let server = supervisor.server().clone().set_redis_settings(login);
    let config = AsyncConnectionConfig::new().set_push_sender(move |push| ear.hear(push));
    let mut connection = supervisor.dial_apart(server, config, keys).await?;
    let limit = supervisor.reply_timeout();
    let subscribed = Clock::Real
        .timeout(limit, connection.subscribe(&keys.ring))
        .await;
    subscribed
        .ok_or_else(|| late(limit))?
        .map_err(|error| refused(error, keys))?;
    Ok(connection)
}

fn refused(error: RedisError, keys: &Keys) -> BusError {
    let text = trouble::said(&error);
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => trouble::Refusal {
            command: "SUBSCRIBE",
            key: &keys.ring,
            text: &text,
        }
        .error(keys),
        _ => trouble::of(error, keys).0,
    }
}

/// Holds the connection as long as it answers and somebody listens. With it the
/// connection's task ends, and with that the last sender.
async fn keep(
    mut connection: MultiplexedConnection,
    sender: mpsc::Sender<Ring>,
    ended: Arc<Notify>,
    limit: Duration,
) {
    let pings = async {
        while answers(&mut connection, limit).await {
            Clock::Real.sleep(PING_EVERY).await;
        }
    };
    tokio::select! {
        () = sender.closed() => {}
        () = ended.notified() => {}
        () = pings => {}
    }
}

/// A refusal is an answer too.
async fn answers(connection: &mut MultiplexedConnection, limit: Duration) -> bool {
    let command = redis::cmd("PING");
    let ping = command.query_async::<Value>(connection);
    match Clock::Real.timeout(limit, ping).await {
        Some(Ok(_)) => true,
        Some(Err(error)) => matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension),
        None => false,
    }
}

/// What the connection's task calls with each message.
struct Ear {
    channel: String,
    sender: mpsc::Sender<Ring>,
    ended: Arc<Notify>,
}

impl Ear {
    /// Never waits.
    fn hear(&self, push: PushInfo) -> Result<(), Infallible> {
        match push.kind {
            PushKind::Message => self.message(push.data),
            PushKind::Disconnection | PushKind::Unsubscribe => self.ended.notify_one(),
            _ => {}
        }
        Ok(())
    }

    fn message(&self, data: Vec<Value>) {
        let mut data = data.into_iter();
        let ours = Value::BulkString(self.channel.clone().into_bytes());
        match (data.next(), data.next()) {
            (Some(channel), _) if channel != ours => {}
            (_, Some(Value::BulkString(message))) => self.deliver(&message),
            _ => self.put(Ring::Garbage),
        }
    }

    fn deliver(&self, message: &[u8]) {
        if message.len() > MAX_RING_BYTES {
            self.put(Ring::Gap);
        } else if let Some(ring) = read(message) {
            self.put(ring);
        }
    }

    /// Only a gap ever takes the last place of the queue, so whatever is dropped
    /// is dropped while a gap waits behind all else: who meets that gap and asks
    /// the log, asks after the loss. This is the only one that sends.
    fn put(&self, ring: Ring) {
        let full = self.sender.capacity() <= 1;
        // Refused where nobody listens any more, and where even the last place is
        // taken: by a gap.
        let _ = self.sender.try_send(if full { Ring::Gap } else { ring });
    }
}

/// A ring is `e <id> <mark> <id before> <mark before> <payload>`. An `r` calls the
/// roll. An `h` only says hello and is nothing to hear.
fn read(message: &[u8]) -> Option<Ring> {
    match message {
        b"h" => None,
        b"r" => Some(Ring::RollCall),
        _ => Some(entry(message).map_or(Ring::Garbage, Ring::Entry)),
    }
}

fn entry(message: &[u8]) -> Option<LogEntry> {
    let mut words = message.splitn(6, |&byte| byte == b' ');
    if words.next()? != b"e" {
        return None;
    }
    let sequence: Sequence = parsed(words.next()?)?;
    let mark: Mark = parsed(words.next()?)?;
    let previous = match (words.next()?, words.next()?) {
        (b"-", b"-") => None,
        (id, mark) => Some(before(text(id)?, text(mark)?)?),
    };
    Some(LogEntry {
        position: Position { sequence, mark },
        previous,
        form: Form::Appended,
        payload: Bytes::copy_from_slice(words.next()?),
    })
}

fn parsed<T: FromStr>(word: &[u8]) -> Option<T> {
    text(word)?.parse().ok()
}

fn text(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ear() -> (Ear, mpsc::Receiver<Ring>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let ear = Ear {
            channel: "ring".into(),
            sender,
            ended: Arc::default(),
        };
        (ear, receiver)
    }

    #[test]
    fn a_ring_carries_the_whole_entry() {
        let message = b"e 5-1 00000000000000ff 4-0 0000000000000001 a b\0c";
        let Some(Ring::Entry(entry)) = read(message) else {
            panic!("no entry");
        };
        assert_eq!(entry.position.to_string(), "5-1:00000000000000ff");
        assert_eq!(entry.previous.unwrap().to_string(), "4-0:0000000000000001");
        assert_eq!(&entry.payload[..], b"a b\0c");
    }

    #[test]
    fn a_hello_is_not_heard_and_a_roll_call_is() {
        assert_eq!(read(b"h"), None);
        assert_eq!(read(b"r"), Some(Ring::RollCall));
    }

    proptest! {
        #[test]
        fn whatever_is_no_entry_is_garbage(message in "[e h\\-0-9a-f]{0,60}") {
            let _ = read(message.as_bytes());
            prop_assume!(message != "h" && message != "r" && !message.starts_with("e "));
            prop_assert_eq!(read(message.as_bytes()), Some(Ring::Garbage));
        }
    }

    #[test]
    fn a_full_queue_drops_and_says_so_once_at_its_end() {
        let (ear, mut receiver) = ear();
        for _ in 0..2 * QUEUE {
            ear.deliver(b"garbage");
        }
        let heard: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        assert_eq!(heard.len(), QUEUE);
        assert_eq!(heard.iter().filter(|ring| **ring == Ring::Gap).count(), 1);
        assert_eq!(heard.last(), Some(&Ring::Gap));
        ear.deliver(b"garbage");
        assert_eq!(receiver.try_recv(), Ok(Ring::Garbage));
    }

    #[test]
    fn a_ring_that_is_too_large_is_a_gap() {
        let (ear, mut receiver) = ear();
        ear.deliver(&vec![b'e'; MAX_RING_BYTES + 1]);
        assert_eq!(receiver.try_recv(), Ok(Ring::Gap));
    }
}
