//! How long a response is fresh (RFC 9111 §4.2.1), beside heuristics (RFC 9111 §4.2.2).

use super::{Exchange, Heuristics, Refusal, RouteRules};
use crate::semantics::dates::parse_date;
use crate::semantics::freshness::date;
use crate::semantics::targeted::{Expires, Instructions};
use http::header::{EXPIRES, LAST_MODIFIED};
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

/// The declared lifetime, or the route's where none is declared; of both the shorter.
pub(super) fn freshness(
    exchange: &Exchange<'_>,
    instructions: &Instructions,
    route: &RouteRules,
    received: SystemTime,
) -> Result<Freshness, Refusal> {
    let own = route.lifetime_of(exchange.status);
    let declared = declared_lifetime(instructions, exchange.response, received)
        .map(|declared| capped(declared, exchange.status, route));
    let guessed = || heuristic(exchange, instructions, route, received);
    let declared = declared.or_else(|| own.map_or_else(guessed, |_| None));
    let source = match instructions.expires {
        Expires::Counts => LifetimeSource::Declared,
        Expires::Ignored => LifetimeSource::Targeted,
    };
    let (lifetime, source) = match (declared, route.longest_for(exchange.status), own) {
        (Some(declared), Some(most), _) if most < declared => (most, LifetimeSource::Route),
        (Some(declared), ..) => (declared, source),
        (None, _, Some(own)) => (own, LifetimeSource::Route),
        (None, _, None) => return Err(Refusal::NoLifetime),
    };
    Ok(Freshness { lifetime, source })
}

/// An error is kept for a short time only, whatever it declares.
fn capped(declared: Duration, status: StatusCode, route: &RouteRules) -> Duration {
    let is_error = status.is_client_error() || status.is_server_error();
    match route.errors_at_most {
        Some(most) if is_error => declared.min(most),
        _ => declared,
    }
}

/// A guess never holds for longer.
const LONGEST_GUESS: Duration = Duration::from_secs(24 * 60 * 60);

/// A tenth of the time since the response was modified (RFC 9111 §4.2.2).
fn heuristic(
    exchange: &Exchange<'_>,
    instructions: &Instructions,
    route: &RouteRules,
    received: SystemTime,
) -> Option<Duration> {
    let status = exchange.status.as_u16();
    let by_status = matches!(
        status,
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    );
    if route.heuristics == Heuristics::Off || !(by_status || instructions.directives.public) {
        return None;
    }
    let modified = parse_date(exchange.response.get(LAST_MODIFIED)?, received)?;
    let made = date(exchange.response, received).unwrap_or(received);
    let unmodified = made.duration_since(modified).ok()?;
    Some((unmodified / 10).min(LONGEST_GUESS))
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
