//! What the user says about the Redis bus.

use super::engine::RedisEngine;
use super::keys::Keys;
use crate::bus::Bus;
use crate::bus::engine::Engine;
use crate::bus::sealed::{AnyEngine, Sealed};
use crate::error::{Error, ErrorKind};
use redis::{ConnectionInfo, IntoConnectionInfo};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);
const MOST_LOG_ENTRIES: u64 = 1_000_000_000;

/// The bus over one Redis server (6.2 or later, or Valkey), shared by all
/// processes that name the same server and namespace.
///
/// Nothing is connected before the cache is first used.
///
#[doc = include_str!("../../docs/anyone.md")]
#[derive(Clone)]
pub struct Redis {
    pub(super) server: ConnectionInfo,
    pub(super) keys: Keys,
    pub(super) connect_timeout: Duration,
    pub(super) reply_timeout: Duration,
    pub(super) max_log_entries: u64,
    pub(super) wait_replicas: u32,
}

impl Redis {
    /// The bus at `url` (`redis://user:password@host:port/db`) under `namespace`:
    /// 1 to 64 bytes without braces, whitespace and control characters. Processes
    /// that serve the same data use the same namespace; two applications in two
    /// databases of one server need two.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if the URL or the namespace cannot be used,
    /// [`ErrorKind::NotYet`] for a cluster, Sentinel, several hosts, and TLS
    /// where it is not built in.
    pub fn new(url: &str, namespace: &str) -> Result<Self, Error> {
        let keys = Keys::of(namespace).map_err(Error::configuration)?;
        refuse_topologies(url)?;
        Ok(Self {
            server: server(url)?,
            keys,
            connect_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_millis(500),
            max_log_entries: 100_000,
            wait_replicas: 0,
        })
    }

    /// How long one attempt to connect may take, name resolution and login
    /// included. One second unless set.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long the server may take for one reply. After that the connection is
    /// given up. Half a second unless set.
    #[must_use]
    pub fn reply_timeout(mut self, limit: Duration) -> Self {
        self.reply_timeout = limit;
        self
    }

    /// How many entries the log keeps; an instance that has missed more
    /// invalidates everything. 100,000 unless set.
    #[must_use]
    pub fn max_log_entries(mut self, entries: u64) -> Self {
        self.max_log_entries = entries;
        self
    }

    /// On how many replicas an invalidation has to be before it counts as published
    /// (`WAIT`). None unless set.
    ///
    /// A failover to one of them then loses nothing that was published. Without it
    /// nothing stays stale either: a new master invalidates everything. Costs
    /// one round trip more for each batch, on a connection of its own. With fewer replicas
    /// than this, nothing is published: each batch is kept and tried again, and the
    /// bus counts as down.
    #[must_use]
    pub fn wait_replicas(mut self, replicas: u32) -> Self {
        self.wait_replicas = replicas;
        self
    }

    /// Whether the settings are possible.
    pub(crate) fn check(&self) -> Result<(), Error> {
        possible("connect timeout", self.connect_timeout)?;
        possible("reply timeout", self.reply_timeout)?;
        if !(1..=MOST_LOG_ENTRIES).contains(&self.max_log_entries) {
            return Err(Error::configuration(format!(
                "the log keeps 1 to {MOST_LOG_ENTRIES} entries, not {}",
                self.max_log_entries
            )));
        }
        Ok(())
    }

    pub(crate) fn engine(self) -> Arc<dyn Engine> {
        Arc::new(RedisEngine::new(self))
    }
}

impl Bus for Redis {}

impl Sealed for Redis {
    fn into_engine(self) -> Result<AnyEngine, Error> {
        self.check()?;
        Ok(AnyEngine(self.engine()))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("address", &format_args!("{}", self.server.addr()))
            .field("log", &self.keys.log)
            .field("connect_timeout", &self.connect_timeout)
            .field("reply_timeout", &self.reply_timeout)
            .field("max_log_entries", &self.max_log_entries)
            .field("wait_replicas", &self.wait_replicas)
            .finish()
    }
}

fn possible(what: &str, limit: Duration) -> Result<(), Error> {
    if limit.is_zero() || limit > LONGEST_TIMEOUT {
        return Err(Error::configuration(format!(
            "the {what} of Redis must be more than nothing and at most an hour, not {limit:?}"
        )));
    }
    Ok(())
}

/// Sentinel, clusters and lists of hosts are told apart from mistakes.
fn refuse_topologies(url: &str) -> Result<(), Error> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let words = scheme.to_ascii_lowercase();
    let topology = if words.contains("sentinel") {
        "Sentinel"
    } else if words.contains("cluster") {
        "a Redis cluster"
    } else if hosts(url).contains(',') {
        "several Redis hosts"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::NotYet,
        format!("{topology}: not yet; give the URL of one server, `redis://host:port`"),
    ))
}

/// The part of a URL that names hosts; a password may contain a comma.
fn hosts(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts)
}

/// No error of this quotes the URL: it may hold a password.
fn server(url: &str) -> Result<ConnectionInfo, Error> {
    match url.into_connection_info() {
        Ok(info) if info.addr().is_supported() => Ok(info),
        Err(source) if !url.starts_with("rediss://") && !url.starts_with("valkeys://") => {
            Err(Error::configuration(
                "the Redis URL cannot be read: write it as `redis://user:password@host:port/db`",
            )
            .caused_by(source))
        }
        _ => Err(Error::new(
            ErrorKind::NotYet,
            "this Redis URL asks for TLS (or a socket), which is not built in yet",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(url: &str, namespace: &str) -> ErrorKind {
        Redis::new(url, namespace).unwrap_err().kind()
    }

    #[test]
    fn a_url_that_cannot_be_used_is_a_configuration_error() {
        for url in [
            "",
            "nonsense",
            "http://localhost",
            "redis://",
            "redis://h:99999",
            "redis://h/x",
        ] {
            assert_eq!(kind(url, "shop"), ErrorKind::Configuration, "{url}");
        }
        assert_eq!(kind("redis://localhost", ""), ErrorKind::Configuration);
    }

    #[test]
    fn what_this_version_does_not_do_is_said_to_be_not_yet() {
        for url in [
            "redis+sentinel://h:26379/main",
            "redis-sentinel://h",
            "redis+cluster://h",
            "redis-cluster://h",
            "rediss-cluster://h",
            "redis://a:6379,b:6379",
            "rediss://h",
        ] {
            let error = Redis::new(url, "shop").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotYet, "{url}");
            assert!(error.to_string().contains("not"), "{url}");
        }
    }

    #[test]
    fn a_comma_in_a_password_is_no_second_host() {
        assert!(Redis::new("redis://me:a,b@localhost:6379/1", "shop").is_ok());
    }

    #[test]
    fn the_password_is_never_shown() {
        let bus = Redis::new("redis://me:secret@localhost:6379", "shop").unwrap();
        assert!(!format!("{bus:?}").contains("secret"));
        assert!(format!("{bus:?}").contains("localhost:6379"));
        let error = Redis::new("redis://me:secret@local host", "shop").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
    }

    #[test]
    fn impossible_settings_are_told_when_checked() {
        let bus = Redis::new("redis://localhost", "shop").unwrap();
        assert!(bus.check().is_ok());
        assert!(bus.clone().connect_timeout(Duration::ZERO).check().is_err());
        assert!(bus.clone().reply_timeout(Duration::MAX).check().is_err());
        assert!(bus.clone().max_log_entries(0).check().is_err());
        assert!(bus.max_log_entries(u64::MAX).check().is_err());
    }
}
