//! The command connection: one, made on demand, dropped when in doubt.

use super::keys::Keys;
use super::scripts::{Call, Connection};
use super::settings::Redis;
use super::trouble::{self, Health};
use crate::bus::engine::{BusError, Trouble};
use crate::clock::Clock;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, RedisError, Value};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Owns the command connection.
///
/// ```text
///            a call             connected
///   none ────────────► attempt ───────────► live ──┐ any error or timeout that
///    ▲   all callers share it │ failed        │    │ says nothing about health
///    └────────────────────────┴───────────────┴────┘
/// ```
///
/// There is no retry and no backoff here: the caller decides when to come again.
pub(super) struct Supervisor {
    server: ConnectionInfo,
    connect_timeout: Duration,
    reply_timeout: Duration,
    slot: Arc<Mutex<Slot>>,
}

/// Locked for a moment only, never over an await.
#[derive(Default)]
struct Slot {
    /// How many connections there have been.
    generation: u64,
    live: Option<Arc<Live>>,
    /// Weak: an attempt that nobody waits for any more ends.
    attempt: Option<WeakShared<Attempt>>,
}

/// One connection.
pub(super) struct Live {
    generation: u64,
    connection: MultiplexedConnection,
    /// Set when the first sync on it was answered.
    answered: AtomicBool,
}

type Attempt = BoxFuture<'static, Result<Arc<Live>, RedisError>>;

impl Supervisor {
    pub(super) fn new(settings: &Redis) -> Self {
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(TcpKeepalive::new().with_time(Duration::from_secs(30)));
        Self {
            server: settings.server.clone().set_tcp_settings(tcp),
            connect_timeout: settings.connect_timeout,
            reply_timeout: settings.reply_timeout,
            slot: Arc::default(),
        }
    }

    pub(super) fn server(&self) -> &ConnectionInfo {
        &self.server
    }

    pub(super) fn reply_timeout(&self) -> Duration {
        self.reply_timeout
    }

    /// The live connection, or the outcome of the one attempt that all callers
    /// share. Ends within the connect timeout.
    pub(super) async fn live(&self, keys: &Keys) -> Result<Arc<Live>, BusError> {
        let attempt = {
            let mut slot = lock(&self.slot);
            if let Some(live) = &slot.live {
                return Ok(live.clone());
            }
            self.attempt(&mut slot)
        };
        attempt.await.map_err(|error| self.unconnected(error, keys))
    }

    fn attempt(&self, slot: &mut Slot) -> Shared<Attempt> {
        let under_way = slot.attempt.as_ref().and_then(WeakShared::upgrade);
        under_way.unwrap_or_else(|| {
            let attempt = self.connect().boxed().shared();
            slot.attempt = attempt.downgrade();
            attempt
        })
    }

    fn connect(&self) -> impl Future<Output = Result<Arc<Live>, RedisError>> + Send + 'static {
        let slot = self.slot.clone();
        let server = self.server.clone();
        let limit = self.connect_timeout;
        async move {
            let outcome = dial(server, AsyncConnectionConfig::new(), limit).await;
            let mut slot = lock(&slot);
            slot.attempt = None;
            let connection = outcome?;
            slot.generation += 1;
            let live = Arc::new(Live {
                generation: slot.generation,
                connection,
                answered: AtomicBool::new(false),
            });
            slot.live = Some(live.clone());
            Ok(live)
        }
    }

    /// A connection of its own, for the ring.
    pub(super) async fn dial_apart(
        &self,
        server: ConnectionInfo,
        config: AsyncConnectionConfig,
        keys: &Keys,
    ) -> Result<MultiplexedConnection, BusError> {
        let dialled = dial(server, config, self.connect_timeout).await;
        dialled.map_err(|error| self.unconnected(error, keys))
    }

    fn unconnected(&self, error: RedisError, keys: &Keys) -> BusError {
        let (mut error, _) = trouble::of(error, keys);
        error.message = format!("{} (at {})", error.message, self.server.addr());
        error
    }

    /// Runs a script, within the reply timeout.
    pub(super) async fn run(
        &self,
        live: &Live,
        call: &Call<'_>,
        keys: &Keys,
    ) -> Result<Value, BusError> {
        let mut connection = live.connection.clone();
        self.within(live, call.run(&mut connection), keys).await
    }

    /// Runs a command, within the reply timeout.
    pub(super) async fn command(
        &self,
        live: &Live,
        command: &Cmd,
        keys: &Keys,
    ) -> Result<Value, BusError> {
        let mut connection = live.connection.clone();
        let call = command.query_async(&mut connection);
        self.within(live, call, keys).await
    }

    /// The answer, if it came in time and the connection is still the live one:
    /// one that was given up in the meantime may have led to a server that is no
    /// longer the right one.
    async fn within(
        &self,
        live: &Live,
        call: impl Future<Output = Result<Value, RedisError>>,
        keys: &Keys,
    ) -> Result<Value, BusError> {
        let Some(outcome) = Clock::Real.timeout(self.reply_timeout, call).await else {
            self.drop_doubtful(live, Health::Doubtful);
            return Err(late(self.reply_timeout));
        };
        let value = outcome.map_err(|error| {
            let (error, health) = trouble::of(error, keys);
            self.drop_doubtful(live, health);
            error
        })?;
        if lock(&self.slot).generation_live() == Some(live.generation) {
            return Ok(value);
        }
        let message = "the connection to Redis was given up before the answer came";
        Err(BusError::new(Trouble::Unreachable, message))
    }

    /// Gives a connection up, unless it has been replaced already.
    pub(super) fn drop_doubtful(&self, live: &Live, health: Health) {
        let mut slot = lock(&self.slot);
        if health == Health::Doubtful && slot.generation_live() == Some(live.generation) {
            slot.live = None;
        }
    }
}

impl Slot {
    fn generation_live(&self) -> Option<u64> {
        self.live.as_ref().map(|live| live.generation)
    }
}

impl Live {
    pub(super) fn connection(&self) -> Connection {
        if self.answered.load(Ordering::Acquire) {
            Connection::Used
        } else {
            Connection::New
        }
    }

    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("address", &format_args!("{}", self.server.addr()))
            .field("live", &lock(&self.slot).generation_live())
            .finish_non_exhaustive()
    }
}

pub(super) fn late(limit: Duration) -> BusError {
    BusError::new(
        Trouble::TimedOut,
        format!("Redis did not reply within {limit:?}"),
    )
}

/// Resolves the name anew each time. The client's own timeouts are off: they do
/// not cover all of it.
async fn dial(
    server: ConnectionInfo,
    config: AsyncConnectionConfig,
    limit: Duration,
) -> Result<MultiplexedConnection, RedisError> {
    let config = config
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let attempt = async {
        let client = Client::open(server)?;
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    };
    let outcome = Clock::Real.timeout(limit, attempt).await;
    outcome.unwrap_or_else(|| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
