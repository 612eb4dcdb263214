//! Whether a response may be stored, and for how long it is fresh (RFC 9111 §3,
//! §4.2.1).

mod audience;
mod lifetime;
mod refusal;
mod route;
#[cfg(test)]
mod tests;

use super::cache_control::CacheControl;
use super::freshness::initial_age;
use super::groups::groups;
use super::reuse::Reuse;
use super::targeted::Instructions;
use super::validation::Validators;
use super::vary::{VaryNames, VaryTrouble};
use http::header::{CONTENT_TYPE, SET_COOKIE, UPGRADE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use lifetime::freshness;
use std::time::{Duration, SystemTime};

pub(crate) use audience::Audience;
pub(crate) use lifetime::{Freshness, LifetimeSource};
pub(crate) use refusal::Refusal;
pub(crate) use route::{Cookies, Heuristics, Overrides, RouteRules};

/// A request and the head of its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a Method,
    pub(crate) request: &'a HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) response: &'a HeaderMap,
    /// The fields that come before `Cache-Control` (RFC 9213 §2.2).
    pub(crate) targeted: &'a [HeaderName],
}

/// How a response is stored, if its body also arrives whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Storable {
    pub(crate) freshness: Freshness,
    pub(crate) reuse: Reuse,
    /// By what the handler can be asked about it later.
    pub(crate) validators: Validators,
    pub(crate) audience: Audience,
    pub(crate) vary: VaryNames,
    /// Of RFC 9875; they belong to the origin of the request.
    pub(crate) groups: Vec<Box<str>>,
}

/// Whether the response may be stored, by its head and by what the route says. `received` is the wall
/// clock when the response came.
pub(crate) fn storable(
    exchange: &Exchange<'_>,
    route: &RouteRules,
    received: SystemTime,
) -> Result<Storable, Refusal> {
    let said = Instructions::of(exchange.response, exchange.targeted);
    let instructions = route.heeded(said, exchange.status);
    request_allows(exchange)?;
    status_allows(exchange.status)?;
    directives_allow(&instructions.directives, exchange.status)?;
    // A route that overrides a lifetime does not change for whom the response is, nor
    // what forbids to serve it stale.
    let audience = Audience::of(&said.directives);
    audience.excluded(exchange.request).map_or(Ok(()), Err)?;
    fields_allow(exchange.response, route)?;
    let vary = VaryNames::of(exchange.response).map_err(|trouble| match trouble {
        VaryTrouble::Any => Refusal::VaryAny,
        VaryTrouble::TooMany | VaryTrouble::Unreadable => Refusal::Vary,
    })?;
    let groups = groups(exchange.response).map_err(|_| Refusal::Groups)?;
    let no_cache = instructions.directives.no_cache;
    let directives = CacheControl {
        no_cache,
        ..said.directives
    };
    let reuse = Reuse::of(&directives, route.windows);
    let validators = Validators::of(exchange.status, exchange.response, received);
    if reuse.always_ask && validators.is_empty() {
        return Err(Refusal::NoCache);
    }
    let freshness = freshness(exchange, &instructions, route, received);
    let freshness = match freshness {
        // It is never fresh; how long it would be is nothing to anybody.
        Err(Refusal::NoLifetime) if reuse.always_ask => Freshness::NONE,
        freshness => freshness?,
    };
    let age = initial_age(exchange.response, received, Duration::ZERO);
    if !reuse.is_useful(freshness.lifetime, age, validators) {
        return Err(Refusal::Stale);
    }
    Ok(Storable {
        freshness,
        reuse,
        validators,
        audience,
        vary,
        groups,
    })
}

/// Whether a request with these fields forbids to store what it gets (RFC 9111
/// §5.2.1.5), or may do so in a line that cannot be read.
pub(crate) fn forbids_storing(request: &HeaderMap) -> bool {
    let asked = CacheControl::of(request);
    asked.no_store || asked.unreadable
}

fn request_allows(exchange: &Exchange<'_>) -> Result<(), Refusal> {
    if exchange.method != Method::GET {
        return Err(Refusal::Method);
    }
    if forbids_storing(exchange.request) {
        return Err(Refusal::RequestNoStore);
    }
    Ok(())
}

fn status_allows(status: StatusCode) -> Result<(), Refusal> {
    match status.as_u16() {
        206 | 304 => Err(Refusal::Partial),
        // No cache may, whatever they say (RFC 6585 §3 to §6).
        428 | 429 | 431 | 511 => Err(Refusal::Status),
        200..=599 => Ok(()),
        _ => Err(Refusal::Status),
    }
}

fn directives_allow(directives: &CacheControl, status: StatusCode) -> Result<(), Refusal> {
    if directives.unreadable {
        return Err(Refusal::Unreadable);
    }
    // RFC 9111 §5.2.2.3: beside `must-understand`, `no-store` is for those who do
    // not understand the status.
    if directives.must_understand && !is_understood(status) {
        return Err(Refusal::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Err(Refusal::NoStore);
    }
    if directives.private {
        return Err(Refusal::Private);
    }
    Ok(())
}

fn fields_allow(response: &HeaderMap, route: &RouteRules) -> Result<(), Refusal> {
    if response.contains_key(UPGRADE) {
        return Err(Refusal::Upgrade);
    }
    if response.contains_key(SET_COOKIE) && route.cookies == Cookies::Refused {
        return Err(Refusal::SetCookie);
    }
    if response.get_all(CONTENT_TYPE).iter().any(is_event_stream) {
        return Err(Refusal::EventStream);
    }
    Ok(())
}

fn is_event_stream(kind: &http::HeaderValue) -> bool {
    let kind = kind.as_bytes().split(|byte| *byte == b';').next();
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// The statuses whose meaning for a cache is implemented here (RFC 9110 §15).
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 302 | 303 | 307 | 308 | 404 | 405 | 410 | 414 | 501
    )
}
