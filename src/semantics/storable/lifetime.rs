//! How long a response is fresh (RFC 9111 §4.2.1), without heuristics.

use super::{Exchange, Refusal};
use crate::semantics::dates::parse_date;
use crate::semantics::freshness::date;
use crate::semantics::targeted::{Expires, Instructions};
use http::header::EXPIRES;
use http::{HeaderMap, StatusCode};
use std::time::{Duration, SystemTime};

/// How long a response is fresh, counted from when it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Freshness {
    pub(crate) lifetime: Duration,
    pub(crate) source: LifetimeSource,
}

impl Freshness {
    /// Of what is never fresh.
    pub(super) const NONE: Self = Self {
        lifetime: Duration::ZERO,
        source: LifetimeSource::Declared,
    };
}

/// Who says how long.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum LifetimeSource {
    /// The response, so those behind us count from the same moment.
    Declared,
    /// The response, to this cache alone (RFC 9213).
    Targeted,
    /// The route.
    Route,
}

/// The statuses that a route's lifetime is for. Never an error: those are stored
/// only if the response itself says how long.
fn is_for_routes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308)
}

/// The declared lifetime, or the route's where none is declared; of both the
/// shorter.
pub(super) fn freshness(
    exchange: &Exchange<'_>,
    instructions: &Instructions,
    route: Option<Duration>,
    received: SystemTime,
) -> Result<Freshness, Refusal> {
    let declared = declared_lifetime(instructions, exchange.response, received);
    let (lifetime, source) = match (declared, route) {
        (Some(declared), Some(route)) if route < declared => (route, LifetimeSource::Route),
        (Some(declared), _) => (declared, declared_by(instructions)),
        (None, Some(route)) if is_for_routes(exchange.status) => (route, LifetimeSource::Route),
        (None, _) => return Err(Refusal::NoLifetime),
    };
    Ok(Freshness { lifetime, source })
}

/// A targeted field says nothing to those behind us.
fn declared_by(instructions: &Instructions) -> LifetimeSource {
    match instructions.expires {
        Expires::Counts => LifetimeSource::Declared,
        Expires::Ignored => LifetimeSource::Targeted,
    }
}

/// The first of these that is there hides the others.
fn declared_lifetime(
    instructions: &Instructions,
    response: &HeaderMap,
    received: SystemTime,
) -> Option<Duration> {
    let directives = &instructions.directives;
    let declared = directives.s_maxage.or(directives.max_age);
    match instructions.expires {
        Expires::Counts => declared.or_else(|| expires(response, received)),
        Expires::Ignored => declared,
    }
}

/// `Expires` minus `Date` (or the time of receipt). Zero if it is in the past,
/// unreadable or there twice (RFC 9111 §5.3).
fn expires(response: &HeaderMap, received: SystemTime) -> Option<Duration> {
    let mut lines = response.get_all(EXPIRES).iter();
    let line = lines.next()?;
    let until = match lines.next() {
        None => parse_date(line, received),
        Some(_) => None,
    };
    let from = date(response, received).unwrap_or(received);
    let lifetime = until.and_then(|until| until.duration_since(from).ok());
    Some(lifetime.unwrap_or_default())
}
