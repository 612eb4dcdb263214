//! The hit path: may this request be answered from memory?

use super::alone;
use super::rule::Rule;
use super::shared::Shared;
use super::slot::{Entry, Slot, Usage};
use crate::clock::Moment;
use crate::semantics::{self, KeyParts, VaryNames};
use crate::store::race::{self, Validity};
use http::HeaderMap;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a request asks for. Borrowed: looking up allocates nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) key: KeyParts<'a>,
    pub(crate) headers: &'a HeaderMap,
    /// It wants to see a write: what is softly invalidated is not for it.
    pub(crate) bears_token: bool,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The slot holds an entry that may answer, as of this moment.
    Hit(Arc<Slot>, Moment),
    /// It holds one that may answer, and is to be fetched anew in that flight.
    Ahead(Arc<Slot>, Moment, u128),
    /// It holds one that may answer while it is fetched anew, in the flight that the
    /// fingerprint names.
    Stale(Arc<Slot>, Moment, u128),
    /// A fill is needed. The fingerprint names the flight to join.
    Miss(Miss, u128),
    /// The handler has to be asked, whether the entry of the slot still holds.
    Old(Miss, u128, Arc<Slot>),
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
    /// Nobody has asked for it for too long.
    Idle,
    Invalidated,
    /// Invalidated, but it may be served while it is fetched anew; or it might have
    /// been, and that time is over.
    SoftlyInvalidated,
    /// It says `no-cache`.
    NeverFresh,
    /// It is not what the client demands.
    NotFreshEnough,
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
            Self::Idle => "idle",
            Self::Invalidated => "invalidated",
            Self::SoftlyInvalidated => "softly-invalidated",
            Self::NeverFresh => "no-cache",
            Self::NotFreshEnough => "client-directives",
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
        let fingerprint = match found {
            // What fetches it anew has no credentials.
            Found::Hit(..) | Found::Ahead(..) | Found::Stale(..) => return found,
            Found::Miss(_, fingerprint)
            | Found::Old(_, fingerprint, _)
            | Found::Pass(fingerprint) => fingerprint,
        };
        if !semantics::carries_credentials(ask.headers) {
            return found;
        }
        let carried = self.carried(fingerprint);
        match (found, rule.shelf.get(carried).as_deref()) {
            (Found::Old(miss, _, old), _) => Found::Old(miss, carried, old),
            (_, Some(Slot::Pass { until })) => self.pass(*until, carried),
            (Found::Miss(miss, _), _) => Found::Miss(miss, carried),
            _ => Found::Miss(Miss::Absent, carried),
        }
    }

    /// The flight of the requests with credentials.
    fn carried(&self, fingerprint: u128) -> u128 {
        self.names.of_key(|hasher| {
            hasher.write_u128(fingerprint);
            hasher.write_u8(b'c');
        })
    }

    /// The flight in which a request fetches for itself what it found stale under this
    /// fingerprint.
    pub(crate) fn own_flight(&self, fingerprint: u128, ask: &Ask<'_>) -> u128 {
        if semantics::carries_credentials(ask.headers) {
            return self.carried(fingerprint);
        }
        fingerprint
    }

    fn find(&self, rule: &Rule, ask: &Ask<'_>) -> Found {
        let primary = self.fingerprint(rule, ask);
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

    /// The fingerprint of the request's key, by the edition of its route.
    pub(crate) fn fingerprint(&self, rule: &Rule, ask: &Ask<'_>) -> u128 {
        rule.edition.salt() ^ self.names.of_key(|hasher| ask.key.hash_into(hasher))
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
        let (now, soft) = match self.verdict(rule, ask, entry) {
            Ok(verdict) => verdict,
            Err(miss) => return Found::Miss(miss, fingerprint),
        };
        if let Some(idle) = &entry.idle {
            if idle.is_over(now) {
                return Found::Miss(Miss::Idle, fingerprint);
            }
            idle.ask(now);
        }
        let usage = match rule.demands(ask.headers) {
            Some(demands) => entry.usage_for(&demands, now, soft),
            None => entry.usage(now, soft),
        };
        match usage {
            Usage::Refused => Found::Old(Miss::NotFreshEnough, fingerprint, slot),
            Usage::Ahead if entry.can_be_fetched() => Found::Ahead(slot, now, fingerprint),
            Usage::Fresh | Usage::Ahead => Found::Hit(slot, now),
            Usage::Stale if entry.can_be_fetched() => Found::Stale(slot, now, fingerprint),
            Usage::Stale | Usage::Ask => Found::Old(entry.why_not(soft), fingerprint, slot),
        }
    }

    /// The order matters: the proof is read first, then the cells are compared
    /// (both in `look`), then the time is read. What is served is then covered
    /// by a proof that is young *now*, and a process that was paused anywhere
    /// before the last step notices it there. Without such a proof the entry may
    /// prove itself; for that the same time counts. Whether it is fresh is the
    /// caller's to say, and whether it is softly invalidated comes with the time.
    fn verdict(&self, rule: &Rule, ask: &Ask<'_>, entry: &Entry) -> Result<(Moment, bool), Miss> {
        if !entry.is_for(ask) {
            return Err(Miss::NotForThis);
        }
        let Some(bond) = &entry.bond else {
            return Err(Miss::Invalidated);
        };
        let look = self.core.look(bond);
        let now = self.clock.now();
        let soft = look.validity == Validity::Soft;
        if look.validity == Validity::Dead || (soft && ask.bears_token) {
            return Err(Miss::Invalidated);
        }
        let as_of = Moment(look.as_of);
        if !self.is_proven(rule, now, as_of) && !rule.proves_itself(now, as_of, entry) {
            return Err(Miss::Deaf);
        }
        if rule.has_cut(entry, now) {
            return Err(Miss::Expired);
        }
        // After the comparison: what was found serving here was compared before
        // this instance signed off.
        if !self.serving.load(Ordering::SeqCst) {
            return Err(Miss::ShutDown);
        }
        Ok((now, soft))
    }

    /// Whether the entry may answer this request in the place of a handler that has
    /// failed, as of when, and who else may have it then.
    pub(crate) fn stands_in(
        &self,
        rule: &Rule,
        ask: &Ask<'_>,
        entry: &Entry,
    ) -> Option<(Moment, race::Verdict)> {
        let verdict = race::Verdict::of_standing(&self.core, entry.bond.as_ref()?)?;
        let (now, soft) = self.verdict(rule, ask, entry).ok()?;
        let asked = rule.demands(ask.headers);
        let asked = asked.and_then(|demands| demands.if_error);
        entry.stands_in(now, soft, asked).then_some((now, verdict))
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
    /// Whether a request of the cache itself can fetch it anew: such a one is nobody's,
    /// and would choose another variant where `Vary` names who asks, or another key where
    /// that has more in it than the URI.
    fn can_be_fetched(&self) -> bool {
        self.key.is_of_its_uri() && !self.vary.iter().any(semantics::is_of_the_client)
    }

    /// Why it is not fresh.
    fn why_not(&self, soft: bool) -> Miss {
        if soft {
            Miss::SoftlyInvalidated
        } else if self.reuse.always_ask {
            Miss::NeverFresh
        } else {
            Miss::Expired
        }
    }

    /// Whether it answers this request, valid or not.
    pub(crate) fn is_for(&self, ask: &Ask<'_>) -> bool {
        self.audience.includes(ask.headers)
            && ask.key.same_as(&self.key)
            && self.vary.selects(ask.headers, &self.selection)
    }
}
