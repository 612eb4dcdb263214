//! How a cache is made.

use super::edition::Editions;
use super::fields::{Fields, NAME, cache_name};
use super::handle::Cache;
use super::hosts::Hosts;
use super::invalidating::Applier;
use super::mistakes::Mistakes;
use super::routes::InUse;
use super::shared::{Settings, Shared};
use super::shelves::Shelves;
use super::tokens::Tokens;
use crate::bus::sealed::{AnyEngine, Sealed};
use crate::bus::{Bus, Local};
use crate::clock::Clock;
use crate::coherence::{self, Coherence, DEFAULT_BOUND};
use crate::concern::WriteConcern;
use crate::error::Error;
use crate::eviction::Eviction;
use crate::policy::{BusDown, Policy, WhileDeaf};
use crate::routes::RouteTable;
use crate::telemetry;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Makes a [`Cache`].
///
/// | setting | default |
/// |---|---|
/// | bus | in-process ([`Local`]): one instance, nothing shared |
/// | routes | none: the default policy for all |
/// | default policy | [`Policy::from_headers`] |
/// | store | 64 MiB, LRU |
/// | largest stored body | 1 MiB |
/// | staleness bound, heartbeat | 3 s, a third of the bound |
/// | while deaf | bypass |
/// | writes while the bus is down | queue |
/// | write concern | published, 500 ms |
/// | fills and writes in tasks | 1,024 at once; a fill 30 s |
/// | cells | 1,000,000 |
/// | targeted fields | `Coherence-Cache-Control` |
/// | tag fields of vendors | none; stripped where they are heeded |
/// | tokens of writes | none; a request waits 100 ms for one |
#[must_use = "a builder does nothing until `build` is called"]
pub struct CacheBuilder {
    bus: Option<Result<AnyEngine, Error>>,
    pub(super) settings: Settings,
    heartbeat: Option<Duration>,
    max_bytes: u64,
    eviction: Eviction,
    max_fills: usize,
    max_cells: usize,
    pub(super) tokens: Tokens,
    pub(super) status_name: Option<String>,
    pub(super) hosts: Option<Vec<String>>,
    routes: Option<RouteTable>,
    clock: Clock,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            bus: None,
            settings: Settings {
                policy: Policy::from_headers(),
                while_deaf: WhileDeaf::Bypass,
                while_bus_down: BusDown::Queue,
                concern: WriteConcern::default(),
                bound: DEFAULT_BOUND,
                max_body_bytes: 1024 * 1024,
                fill_timeout: Duration::from_secs(30),
                tokens: None,
                fields: Fields::default(),
                hosts: Hosts::default(),
            },
            heartbeat: None,
            max_bytes: 64 * 1024 * 1024,
            eviction: Eviction::Lru,
            max_fills: 1024,
            max_cells: 1_000_000,
            tokens: Tokens::default(),
            status_name: None,
            hosts: None,
            routes: None,
            clock: Clock::Real,
        }
    }
}

impl CacheBuilder {
    /// The bus that the instances share. Without one, the cache is alone: that is
    /// logged at start and visible in [`Cache::health`].
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Some(bus.into_engine());
        self
    }

    /// Which policy a request has, by its method and path. Layers choose by it that are
    /// given no policy of their own.
    pub fn routes(mut self, routes: RouteTable) -> Self {
        self.routes = Some(routes);
        self
    }

    /// The policy of requests without a route, in layers that are given none.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The size of the shared store in bytes: keys, header fields, bodies,
    /// trailers and tags, with what keeps them together.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The longest body that is stored, in bytes. A longer one streams through.
    pub fn max_body_bytes(mut self, max_body_bytes: usize) -> Self {
        self.settings.max_body_bytes = max_body_bytes;
        self
    }

    /// Which responses leave the shared store first when it is full.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// For how long an instance may serve what another one has made stale. A
    /// shorter bound costs more heartbeats and makes an instance deaf sooner.
    pub fn staleness_bound(mut self, bound: Duration) -> Self {
        self.settings.bound = bound;
        self
    }

    /// How often each instance proves that it has missed nothing. A third of the
    /// staleness bound unless said; at most half of it.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// What to do while deaf, for policies that do not say.
    pub fn while_deaf(mut self, choice: WhileDeaf) -> Self {
        self.settings.while_deaf = choice;
        self
    }

    /// What becomes of unsafe requests while the bus is known to be down, where the
    /// [`WritePolicy`](crate::policy::WritePolicy) of a layer does not say. Not of
    /// gRPC calls, see [`BusDown`].
    pub fn while_bus_down(mut self, choice: BusDown) -> Self {
        self.settings.while_bus_down = choice;
        self
    }

    /// How far an invalidation has to travel before a write's response leaves.
    pub fn write_concern(mut self, concern: WriteConcern) -> Self {
        self.settings.concern = concern;
        self
    }

    /// How long a fill may take before those who wait for it go on by themselves,
    /// and how long a fill or a write goes on when its client has gone.
    pub fn fill_timeout(mut self, timeout: Duration) -> Self {
        self.settings.fill_timeout = timeout;
        self
    }

    /// How many fills and writes may run in tasks of the cache at once. Above it,
    /// requests run in their client's own future: not coalesced, not stored.
    pub fn max_fills(mut self, max_fills: usize) -> Self {
        self.max_fills = max_fills;
        self
    }

    /// How many cells (names that stored responses are known by) are kept. At the
    /// limit, further responses are not stored.
    pub fn max_cells(mut self, max_cells: usize) -> Self {
        self.max_cells = max_cells;
        self
    }

    /// The clock, for tests.
    pub(crate) fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the cache. Needs no runtime: background work starts with the first
    /// request or invalidation inside one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a setting
    /// is impossible: a zero bound, heartbeat, capacity or timeout, or a heartbeat
    /// longer than half of the bound, or a name that no cookie has. What the bus says about its own settings,
    /// such as a URL it cannot use.
    pub fn build(self) -> Result<Cache, Error> {
        self.check()?;
        let name = self.status_name.as_deref().unwrap_or(NAME);
        let cache_name = cache_name(name)?;
        let hosts = self.hosts.as_deref().map(Hosts::new).transpose()?;
        let heartbeat = self.heartbeat.unwrap_or(self.settings.bound / 3);
        let AnyEngine(engine) = self.bus.unwrap_or_else(|| {
            telemetry::no_bus();
            Local::new().into_engine()
        })?;
        let applier = Arc::new(Applier::new(
            Shelves::new(self.max_bytes, self.eviction),
            self.max_cells,
            self.clock.clone(),
            name.into(),
        ));
        let most = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        let max_tasks = self.max_fills.min(Semaphore::MAX_PERMITS).min(most);
        let settings = coherence::Settings::new(self.settings.bound, heartbeat);
        let sink = applier.clone();
        let coherence = Coherence::new(engine, self.clock.clone(), settings, sink);
        let cache = Cache::new(Shared {
            settings: Settings {
                tokens: self.tokens.in_use(),
                hosts: hosts.unwrap_or_default(),
                fields: Fields {
                    cache_name,
                    ..self.settings.fields
                },
                ..self.settings
            },
            clock: self.clock,
            core: applier.core.clone(),
            names: applier.names.clone(),
            flights: Arc::default(),
            switched_off: AtomicBool::new(false),
            shelves: applier.sweeper.shelves.clone(),
            placing: Mutex::default(),
            nesting: Once::new(),
            routes: InUse::default(),
            editions: Editions::default(),
            unread_calls: Once::new(),
            mistakes: Mistakes::default(),
            counters: applier.counters.clone(),
            applier,
            coherence,
            permits: Arc::new(Semaphore::new(max_tasks)),
            max_tasks,
            serving: AtomicBool::new(true),
        });
        if let Some(table) = self.routes {
            cache.shared().use_routes(table);
        }
        Ok(cache)
    }

    fn check(&self) -> Result<(), Error> {
        self.check_zeros()?;
        self.tokens.check()?;
        if let Some(mistake) = self.settings.policy.mistakes(&[], &[]).first() {
            return Err(Error::configuration(format!(
                "the default policy: {mistake}"
            )));
        }
        let bound = self.settings.bound;
        let heartbeat = self.heartbeat.unwrap_or(bound / 3);
        if heartbeat.is_zero() {
            return Err(Error::configuration(format!(
                "`staleness_bound` ({bound:?}) is too short for a heartbeat"
            )));
        }
        if heartbeat > bound / 2 {
            return Err(Error::configuration(format!(
                "the heartbeat ({heartbeat:?}) is longer than half of the staleness bound ({bound:?}): one late beat would make this instance deaf"
            )));
        }
        Ok(())
    }

    fn check_zeros(&self) -> Result<(), Error> {
        const NOTHING_STORED: &str = "nothing could be stored; to cache nothing use `Policy::bypass()`, for a process that only writes use `Publisher`";
        let settings = &self.settings;
        let no_wait = matches!(
            settings.concern,
            WriteConcern::Published { timeout } | WriteConcern::Applied { timeout }
                if timeout.is_zero()
        );
        let zeros = [
            (
                "staleness_bound",
                settings.bound.is_zero(),
                "no proof could be young enough to answer from memory",
            ),
            (
                "heartbeat",
                self.heartbeat.is_some_and(|heartbeat| heartbeat.is_zero()),
                "the bus would be asked without a pause",
            ),
            (
                "fill_timeout",
                settings.fill_timeout.is_zero(),
                "no fill could end in time",
            ),
            (
                "write_concern",
                no_wait,
                "to wait for nothing use `WriteConcern::Enqueued`",
            ),
            ("max_bytes", self.max_bytes == 0, NOTHING_STORED),
            (
                "max_body_bytes",
                settings.max_body_bytes == 0,
                NOTHING_STORED,
            ),
            ("max_cells", self.max_cells == 0, NOTHING_STORED),
            (
                "max_fills",
                self.max_fills == 0,
                "no fill could run, and no write would outlive its client",
            ),
        ];
        match zeros.iter().find(|(_, zero, _)| *zero) {
            Some((name, _, why)) => Err(Error::configuration(format!("`{name}` is zero: {why}"))),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
