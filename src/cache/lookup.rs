//! The hit path: may this request be answered from memory?

use super::alone;
use super::rule::Rule;
use super::shared::Shared;
use super::slot::{Entry, Slot};
use crate::clock::Moment;
use crate::semantics::{self, KeyParts, VaryNames};
use crate::store::race;
use http::HeaderMap;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a request asks for. Borrowed: looking up allocates nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) key: KeyParts<'a>,
    pub(crate) headers: &'a HeaderMap,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The slot holds an entry that may answer, as of this moment.
    Hit(Arc<Slot>, Moment),
    /// A fill is needed. The fingerprint names the flight to join.
    Miss(Miss, u128),
    /// The key is known to be uncacheable for now: run side by side.
    Pass(u128),
}

/// Why a look-up found nothing to serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Miss {
    Absent,
    /// The URI is there, but not the variant that the request chooses.
    OtherVariants,
    Expired,
    Invalidated,
    /// There is something, but this instance is deaf.
    Deaf,
    /// There is something, but this instance has ended.
    ShutDown,
    /// There is something, but not for this request: it has cookies or
    /// credentials, or the fingerprint is that of another key.
    NotForThis,
}

impl Miss {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Absent | Self::OtherVariants => "absent",
            Self::Expired => "expired",
            Self::Invalidated => "invalidated",
            Self::Deaf => "deaf",
            Self::ShutDown => "shut-down",
            Self::NotForThis => "not-for-this-request",
        }
    }
}

impl Shared {
    /// Looks for an entry that may answer.
    ///
    /// Requests with cookies or credentials have flights of their own, and their
    /// own memory of what is uncacheable: what is refused to them may be stored
    /// for the others.
    pub(crate) fn look_up(&self, rule: &Rule, ask: &Ask<'_>) -> Found {
        let found = self.find(rule, ask);
        let (Found::Miss(_, fingerprint) | Found::Pass(fingerprint)) = found else {
            return found;
        };
        if !semantics::carries_credentials(ask.headers) {
            return found;
        }
        let carried = self.names.of_key(|hasher| {
            hasher.write_u128(fingerprint);
            hasher.write_u8(b'c');
        });
        match (found, rule.shelf.get(carried).as_deref()) {
            (_, Some(Slot::Pass { until })) => self.pass(*until, carried),
            (Found::Miss(miss, _), _) => Found::Miss(miss, carried),
            _ => Found::Miss(Miss::Absent, carried),
        }
    }

    fn find(&self, rule: &Rule, ask: &Ask<'_>) -> Found {
        let primary = self.fingerprint(ask);
        match rule.shelf.get(primary) {
            None => Found::Miss(Miss::Absent, primary),
            Some(slot) => match &*slot {
                Slot::Entry(_) => self.examine(rule, ask, slot, primary),
                Slot::Pass { until } => self.pass(*until, primary),
                Slot::Variants(variants) => {
                    let variant = self.variant(primary, &variants.names, ask.headers);
                    match rule.shelf.get(variant) {
                        None => Found::Miss(Miss::OtherVariants, variant),
                        Some(slot) => match &*slot {
                            Slot::Pass { until } => self.pass(*until, variant),
                            _ => self.examine(rule, ask, slot, variant),
                        },
                    }
                }
            },
        }
    }

    /// The fingerprint of the request's key.
    pub(crate) fn fingerprint(&self, ask: &Ask<'_>) -> u128 {
        self.names.of_key(|hasher| ask.key.hash_into(hasher))
    }

    /// The fingerprint of a variant of the key with this fingerprint.
    pub(crate) fn variant(&self, primary: u128, names: &VaryNames, headers: &HeaderMap) -> u128 {
        self.names.of_key(|hasher| {
            hasher.write_u128(primary);
            names.hash_request(headers, hasher);
        })
    }

    fn pass(&self, until: Moment, fingerprint: u128) -> Found {
        if self.clock.now() < until {
            return Found::Pass(fingerprint);
        }
        Found::Miss(Miss::Absent, fingerprint)
    }

    fn examine(&self, rule: &Rule, ask: &Ask<'_>, slot: Arc<Slot>, fingerprint: u128) -> Found {
        let Slot::Entry(entry) = &*slot else {
            return Found::Miss(Miss::NotForThis, fingerprint);
        };
        match self.verdict(rule, ask, entry) {
            Ok(now) => Found::Hit(slot, now),
            Err(miss) => Found::Miss(miss, fingerprint),
        }
    }

    /// The order matters: the proof is read first, then the cells are compared
    /// (both in `look`), then the time is read. What is served is then covered
    /// by a proof that is young *now*, and a process that was paused anywhere
    /// before the last step notices it there. Without such a proof the entry may
    /// prove itself; for that the same time counts.
    fn verdict(&self, rule: &Rule, ask: &Ask<'_>, entry: &Entry) -> Result<Moment, Miss> {
        if !entry.is_for(ask) {
            return Err(Miss::NotForThis);
        }
        let Some(bond) = &entry.bond else {
            return Err(Miss::Invalidated);
        };
        let look = self.core.look(bond);
        let now = self.clock.now();
        if look.validity != race::Validity::Valid {
            return Err(Miss::Invalidated);
        }
        let as_of = Moment(look.as_of);
        if !self.is_proven(rule, now, as_of) && !rule.proves_itself(now, as_of, entry) {
            return Err(Miss::Deaf);
        }
        // After the comparison: what was found serving here was compared before
        // this instance signed off.
        if !self.serving.load(Ordering::SeqCst) {
            return Err(Miss::ShutDown);
        }
        if !entry.is_fresh(now) {
            return Err(Miss::Expired);
        }
        Ok(now)
    }
}

impl Shared {
    /// Whether a proof as of then is young enough now. A larger bound than that of
    /// the cache counts once the log has heard of it: who waits until an
    /// invalidation is applied everywhere waits as long as that.
    pub(crate) fn is_proven(&self, rule: &Rule, now: Moment, as_of: Moment) -> bool {
        let age = now.since(as_of);
        age <= rule.proof_within
            || (age <= rule.while_deaf && self.coherence.has_reported(rule.bound))
    }
}

impl Rule {
    /// Whether the entry answers while this instance is deaf, its last proof being
    /// as of `as_of`: see [`alone`].
    fn proves_itself(&self, now: Moment, as_of: Moment, entry: &Entry) -> bool {
        alone::proves_itself(self.proof_within, now, as_of, entry.read_as_of)
    }
}

impl Entry {
    /// Whether it answers this request, valid or not.
    pub(crate) fn is_for(&self, ask: &Ask<'_>) -> bool {
        self.audience.includes(ask.headers)
            && ask.key.same_as(&self.key)
            && self.vary.selects(ask.headers, &self.selection)
    }
}
