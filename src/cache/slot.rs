//! What stands on the shelf.

use super::edition::Edition;
use super::idle::Idle;
use super::leaving::Leaving;
use crate::clock::Moment;
use crate::semantics::Validators;
use crate::semantics::{
    self, Audience, Dating, Demands, Freshness, Reuse, Selection, StoredKey, VaryNames,
};
use crate::store::Weigh;
use crate::store::race::Bond;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What stands on the shelf under one fingerprint.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all slots are entries, and each is in an `Arc`"
)]
pub(crate) enum Slot {
    /// A response.
    Entry(Entry),
    /// The responses of this URI differ by these request fields: the entry
    /// stands under the fingerprint of the URI and their values.
    Variants(Variants),
    /// The last response could not be stored. Until then requests run side by
    /// side, so that an uncacheable key does not serialise its callers.
    Pass { until: Moment },
}

/// A stored response.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Compared in full before the entry is served: a fingerprint may collide.
    pub(crate) key: StoredKey,
    /// Of its route, when it was stored.
    pub(super) edition: Arc<Edition>,
    /// The request fields that chose it, and what they were.
    pub(crate) vary: VaryNames,
    pub(crate) selection: Selection,
    pub(crate) status: StatusCode,
    /// As stored: without hop-by-hop fields, and with room for an `Age`.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    /// What ties it to the invalidation clock. `None`: it was invalidated while it
    /// was filled, and goes to those who came before the invalidation; or it may
    /// have read what was before one, and goes to those who wait while that is
    /// within the bound. Never on the shelf.
    pub(crate) bond: Option<Bond>,
    /// The response is not older news than this: when the fill began, less what the
    /// handler's source may lag behind.
    pub(crate) read_as_of: Moment,
    /// When the response head was there.
    pub(crate) received: Moment,
    /// Its age at that moment (RFC 9111 §4.2.3).
    pub(crate) initial_age: Duration,
    /// What the dates of a client's conditions are compared with.
    pub(crate) dating: Dating,
    /// What those behind us are told instead of what is stored.
    pub(crate) leaving: Leaving,
    /// How long it is fresh, counted from age zero.
    pub(crate) lifetime: Duration,
    /// How it is used when it is not fresh any more.
    pub(crate) reuse: Reuse,
    /// By what the handler can be asked about it.
    pub(crate) validators: Validators,
    /// When it was first seen here that it is softly invalidated.
    pub(crate) softened: Softened,
    /// Whether it may answer requests with cookies or credentials.
    pub(crate) audience: Audience,
    /// Since when nobody asks for it, where that counts.
    pub(crate) idle: Option<Idle>,
}

/// How an entry that is valid may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Usage {
    Fresh,
    /// Fresh, and late enough to be fetched anew.
    Ahead,
    /// It may answer while it is fetched anew.
    Stale,
    /// Not as it is: the handler has to be asked.
    Ask,
    /// Not for this client, which demands more.
    Refused,
}

/// The moment at which something was first noticed.
#[derive(Debug, Default)]
pub(crate) struct Softened(AtomicU64);

impl Softened {
    /// When it was noticed: now, if it was not before.
    fn notice(&self, now: Moment) -> Moment {
        let first = self
            .0
            .compare_exchange(0, now.0, Ordering::Relaxed, Ordering::Relaxed);
        Moment(first.map_or_else(|before| before, |_| now.0))
    }
}

/// Under which request fields the variants of a URI differ.
#[derive(Debug)]
pub(crate) struct Variants {
    pub(crate) key: StoredKey,
    pub(crate) names: VaryNames,
    /// The fingerprints of the variants that were stored, bounded: a client must
    /// not be able to make any number of them.
    pub(crate) stored: Vec<u128>,
}

impl Entry {
    /// How it may be used. `soft`: it is softly invalidated.
    pub(crate) fn usage(&self, now: Moment, soft: bool) -> Usage {
        let age = self.age(now);
        if !soft && !self.reuse.always_ask && semantics::is_fresh(self.lifetime, age) {
            return if age < self.reuse.ahead_after {
                Usage::Fresh
            } else {
                Usage::Ahead
            };
        }
        if self.stale_for(now, soft) < self.reuse.windows.while_revalidate {
            return Usage::Stale;
        }
        Usage::Ask
    }

    /// How it may be used for a client that demands this.
    pub(crate) fn usage_for(&self, demands: &Demands, now: Moment, soft: bool) -> Usage {
        let by = Freshness {
            age: self.age(now),
            lifetime: self.lifetime,
            stale_for: self.stale_for(now, soft),
            may_be_stale: self.reuse.may_be_stale && !soft,
        };
        if demands.refuse(by) {
            Usage::Refused
        } else if demands.allow_stale(by) {
            Usage::Fresh
        } else {
            self.usage(now, soft)
        }
    }

    /// Whether it may answer where the handler has failed; `asked` is the window that the
    /// client opens.
    pub(crate) fn stands_in(&self, now: Moment, soft: bool, asked: Option<Duration>) -> bool {
        let asked = asked.filter(|_| self.reuse.may_be_stale);
        let window = self.reuse.windows.if_error.max(asked.unwrap_or_default());
        self.stale_for(now, soft) < window
    }

    /// The same response with these fields, as received then. It is bound to nothing.
    pub(crate) fn with_fields(&self, headers: HeaderMap, received: Moment) -> Self {
        Self {
            key: self.key.clone(),
            edition: self.edition.clone(),
            vary: self.vary.clone(),
            selection: self.selection.clone(),
            status: self.status,
            headers,
            body: self.body.clone(),
            trailers: self.trailers.clone(),
            bond: None,
            read_as_of: self.read_as_of,
            received,
            initial_age: Duration::ZERO,
            dating: self.dating,
            leaving: Leaving::AsStored,
            lifetime: self.lifetime,
            reuse: self.reuse,
            validators: self.validators,
            softened: Softened::default(),
            audience: self.audience,
            idle: None,
        }
    }

    /// Whether it may still answer somebody without the handler's word.
    pub(crate) fn may_answer(&self, now: Moment, soft: bool) -> bool {
        self.usage(now, soft) != Usage::Ask || self.stands_in(now, soft, None)
    }

    /// Whether nobody has asked for it for too long.
    pub(crate) fn is_idle(&self, now: Moment) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.is_over(now))
    }

    /// Whether each request has to ask the handler: it never was fresh.
    pub(crate) fn asks_each_time(&self) -> bool {
        self.reuse.always_ask || !semantics::is_fresh(self.lifetime, self.initial_age)
    }

    /// Since when it is not fresh, by its age or since it was softly invalidated.
    fn stale_for(&self, now: Moment, soft: bool) -> Duration {
        let expired = self.age(now).saturating_sub(self.lifetime);
        if !soft {
            return expired;
        }
        expired.max(now.since(self.softened.notice(now)))
    }

    pub(crate) fn age(&self, now: Moment) -> Duration {
        semantics::current_age(self.initial_age, now.since(self.received))
    }
}

impl Weigh for Slot {
    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Entry(entry) => entry.weight(),
                Self::Variants(variants) => {
                    variants.key.weight()
                        + variants.names.weight()
                        + variants.stored.capacity() * size_of::<u128>()
                }
                Self::Pass { .. } => 0,
            }
    }
}

impl Entry {
    fn weight(&self) -> usize {
        let trailers = self.trailers.as_ref().map_or(0, fields_weight);
        let cells = self.bond.as_ref().map_or(0, Bond::weight);
        self.key.weight()
            + self.vary.weight()
            + self.selection.weight()
            + fields_weight(&self.headers)
            + trailers
            + self.leaving.weight()
            + self.body.len()
            + cells
    }
}

/// About what a header map takes: names and values, and the table around them.
fn fields_weight(fields: &HeaderMap) -> usize {
    const AROUND_A_FIELD: usize = 104;
    fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum::<usize>()
        + fields.capacity() * AROUND_A_FIELD
}
