//! What is said in `Cache-Status` of what became of a request (RFC 9211).

use super::instead;
use crate::cache::{Entry, Landed, Miss, Rule, Shared, Slot, Unstored};
use crate::clock::Moment;
use crate::policy::StatusHeader;
use crate::semantics::{self, Collapsed, Forward, Forwarded, Handled, Stored};
use http::{HeaderMap, Response, StatusCode};

/// What is known of a request that is not answered from memory, for its
/// `Cache-Status`. Off, it says nothing and costs nothing.
#[derive(Clone, Copy)]
pub(super) struct Status {
    header: StatusHeader,
    why: Forward,
    pub(super) collapsed: Collapsed,
    /// What of the response was found out: whether it was stored, and its time.
    stored: Stored,
    ttl: Option<i64>,
    detail: &'static str,
}

impl Status {
    pub(super) fn new(rule: &Rule, why: Forward, detail: &'static str) -> Self {
        Self {
            header: rule.policy.status_header(),
            why,
            collapsed: Collapsed::No,
            stored: Stored::Unsaid,
            ttl: None,
            detail,
        }
    }

    pub(super) fn missed(rule: &Rule, miss: Miss) -> Self {
        Self::new(rule, why(miss), miss.as_str())
    }

    /// The reason, as it is counted.
    pub(super) fn detail(self) -> &'static str {
        self.detail
    }

    pub(super) fn is_on(self) -> bool {
        self.header != StatusHeader::Off
    }

    /// The same request, forwarded for another reason than that it missed.
    pub(super) fn because(self, why: Forward, detail: &'static str) -> Self {
        Self {
            why,
            detail,
            ..self
        }
    }

    /// It is known why the response is not stored.
    pub(super) fn refused(self, detail: &'static str) -> Self {
        Self { detail, ..self }
    }

    /// The body was copied before the head left.
    pub(super) fn copied(self, outcome: Result<(), Unstored>) -> Self {
        match outcome {
            Ok(()) => Self {
                stored: Stored::Yes,
                ..self
            },
            Err(reason) => self.refused(reason.as_str()),
        }
    }

    /// It is known for how long the response is fresh.
    pub(super) fn fresh_for(self, ttl: i64) -> Self {
        Self {
            ttl: Some(ttl),
            ..self
        }
    }

    /// Says it of a response of the handler.
    pub(super) fn tell<X>(self, cache: &Shared, response: &mut Response<X>) {
        let status = response.status();
        self.say(cache, status, response.headers_mut());
    }

    pub(super) fn say(self, cache: &Shared, status: StatusCode, headers: &mut HeaderMap) {
        self.write(cache, Some(status), headers);
    }

    fn write(self, cache: &Shared, status: Option<StatusCode>, headers: &mut HeaderMap) {
        let handled = Handled::Forwarded(Forwarded {
            why: self.why,
            status,
            stored: self.stored,
            collapsed: self.collapsed,
        });
        add(cache, self.header, headers, handled, self.ttl, self.detail);
    }

    /// Says it of what stands in for an answer of the handler.
    pub(super) fn tell_instead<X>(
        self,
        cache: &Shared,
        entry: &Entry,
        now: Moment,
        failed: Option<StatusCode>,
        response: &mut Response<X>,
    ) {
        let instead = Self {
            ttl: Some(ttl(entry, now)),
            detail: instead::REASON,
            ..self
        };
        instead.write(cache, failed, response.headers_mut());
    }

    /// Says it of an answer that another request got of the handler.
    pub(super) fn tell_shared<X>(
        self,
        cache: &Shared,
        landed: &Landed,
        now: Moment,
        response: &mut Response<X>,
    ) {
        let Slot::Entry(entry) = &*landed.slot else {
            return;
        };
        let answered = Self {
            collapsed: Collapsed::Answered,
            ..self
        };
        if landed.stale {
            return answered.tell_instead(cache, entry, now, None, response);
        }
        let answered = answered.fresh_for(ttl(entry, now));
        answered.say(cache, entry.status, response.headers_mut());
    }
}

/// Says it of an answer from memory.
pub(super) fn tell_hit<X>(
    cache: &Shared,
    rule: &Rule,
    slot: &Slot,
    now: Moment,
    response: &mut Response<X>,
) {
    let header = rule.policy.status_header();
    if header == StatusHeader::Off {
        return;
    }
    if let Slot::Entry(entry) = slot {
        let ttl = Some(ttl(entry, now));
        add(cache, header, response.headers_mut(), Handled::Hit, ttl, "");
    }
}

fn ttl(entry: &Entry, now: Moment) -> i64 {
    semantics::ttl(entry.lifetime, entry.age(now))
}

fn add(
    cache: &Shared,
    header: StatusHeader,
    headers: &mut HeaderMap,
    handled: Handled,
    ttl: Option<i64>,
    detail: &'static str,
) {
    let detail = match header {
        StatusHeader::Off => return,
        StatusHeader::On => None,
        StatusHeader::WithDetail => Some(detail),
    };
    let name = &cache.settings.fields.cache_name;
    semantics::add_status(headers, name, handled, ttl, detail);
}

/// An entry that was invalidated is as good as none, and one that this instance
/// cannot prove is none that it may use.
fn why(miss: Miss) -> Forward {
    match miss {
        Miss::Absent => Forward::UriMiss,
        Miss::OtherVariants => Forward::VaryMiss,
        Miss::Expired | Miss::SoftlyInvalidated | Miss::NeverFresh => Forward::Stale,
        Miss::Idle | Miss::Invalidated | Miss::Deaf => Forward::Miss,
        Miss::ShutDown => Forward::Bypass,
        Miss::NotForThis | Miss::NotFreshEnough => Forward::Request,
    }
}
