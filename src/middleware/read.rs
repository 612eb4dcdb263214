//! Safe requests that nothing on the shelf answers: one leads, the others wait.

use super::body::CacheBody;
use super::context::CacheContext;
use super::seen::Reduced;
use super::service::EmptyBody;
use super::status::{self, Status};
use super::{fill, instead, pass, respond, token};
use crate::cache::{Ask, Found, Landed, Miss, Recipe, Rule, Shared, Slot};
use crate::clock::Moment;
use crate::semantics::{self, Collapsed, Forward};
use crate::store::race::{Landing, Lead, Seat, Tick, Validity};
use crate::token::Token;
use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body::Body;
use std::sync::Arc;
use tower_service::Service;

/// How often a request joins a flight anew before it goes on by itself: each time
/// something was invalidated, or the flight was for another variant.
const ROUNDS: usize = 4;

/// A request that missed, or has to wait before it may look.
pub(super) struct Read {
    pub(super) cache: Arc<Shared>,
    pub(super) context: CacheContext,
    pub(super) recipe: Recipe,
    /// The invalidation clock when the request arrived.
    pub(super) arrived: Tick,
    pub(super) coalesce: Coalesce,
    /// Nothing was looked up yet: first this has to be applied here.
    pub(super) awaited: Option<Token>,
    /// It wants to see a write, which has been applied here once it looks.
    pub(super) bears_token: bool,
    pub(super) status: Status,
    /// What the look-up found that may not answer as it is.
    pub(super) old: Option<Arc<Slot>>,
    /// No client waits: the cache itself asks.
    pub(super) background: bool,
    /// What the handler of a fill does not see, where not all of the request counts.
    pub(super) reduced: Option<Reduced>,
}

/// Whether the request may wait for somebody else's fill.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coalesce {
    Yes,
    /// The key is known to be uncacheable for now, or each request has to ask.
    No,
}

/// The leader's ticket of a flight of entries.
pub(super) type Ticket = Lead<(u32, u128), Landed>;

/// How a request goes on.
enum Turn {
    Answer(Arc<Slot>, Moment),
    /// With what another request got.
    Share(Landed, Moment),
    Lead(Ticket),
    Alone,
    Pass,
}

/// Why a request for a key that is uncacheable for now does not try to fill the store:
/// its fields are for the handler, which would not see them on a fill.
const CONDITIONAL: &str = "conditional";

/// Why a request that found nothing cannot fill the store.
pub(super) fn cannot_fill(rule: &Rule, request: &request::Parts) -> Option<&'static str> {
    // A gRPC call has no fields that speak to a cache.
    if rule.policy.is_for_calls() {
        return None;
    }
    if request.method == Method::HEAD {
        return Some("head");
    }
    semantics::forbids_storing(&request.headers).then_some("request-no-store")
}

/// A key that is known to be uncacheable for now.
pub(super) fn uncacheable(rule: &Rule) -> Status {
    Status::new(rule, Forward::Miss, "uncacheable")
}

/// Answers the request from somebody else's fill, or leads one.
pub(super) async fn run<S, B, X>(
    mut read: Read,
    service: S,
    request: Request<B>,
) -> Result<Response<CacheBody<X>>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: EmptyBody,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send,
{
    let turn = read.begin().await;
    let answer = match &turn {
        Turn::Answer(slot, now) => Some((slot, *now)),
        Turn::Share(landed, now) => Some((&landed.slot, *now)),
        Turn::Lead(_) | Turn::Alone | Turn::Pass => None,
    };
    if let Some((slot, now)) = answer
        && let Some(mut response) = respond::from_slot(
            &read.cache,
            &read.recipe.rule,
            slot,
            now,
            &read.recipe.request,
        )
    {
        read.tell(&turn, slot, now, &mut response);
        return Ok(response);
    }
    match turn {
        Turn::Lead(lead) => fill::run(read, Some(lead), service, request).await,
        Turn::Alone if read.old.is_none() && read.recipe.asks_for_less() => {
            read.recipe.rule.counts.unfilled.add(CONDITIONAL);
            let status = read.status.because(Forward::Bypass, CONDITIONAL);
            pass::run(
                read.cache,
                &read.recipe.rule,
                read.context,
                status,
                service,
                request,
            )
            .await
        }
        Turn::Alone => fill::run(read, None, service, request).await,
        Turn::Answer(..) | Turn::Share(..) | Turn::Pass => {
            pass::run(
                read.cache,
                &read.recipe.rule,
                read.context,
                read.status,
                service,
                request,
            )
            .await
        }
    }
}

impl Read {
    /// Says of an answer without the handler where it comes from.
    fn tell<X>(&self, turn: &Turn, slot: &Slot, now: Moment, response: &mut Response<X>) {
        match turn {
            Turn::Share(landed, now) => {
                if landed.stale {
                    self.recipe.rule.counts.stale.add(instead::REASON);
                }
                self.status.tell_shared(&self.cache, landed, *now, response);
            }
            _ => status::tell_hit(&self.cache, &self.recipe.rule, slot, now, response),
        }
    }

    async fn begin(&mut self) -> Turn {
        if let Some(token) = self.awaited.take()
            && let Some(turn) = self.look_after(&token).await
        {
            return turn;
        }
        match self.coalesce {
            Coalesce::Yes => self.turn().await,
            Coalesce::No => Turn::Alone,
        }
    }

    /// Waits for the token's write, then goes on as a request that arrives then.
    async fn look_after(&mut self, token: &Token) -> Option<Turn> {
        let cache = self.cache.clone();
        let counts = self.recipe.rule.counts.clone();
        if !token::wait(&cache, token).await {
            counts.bypasses.add(token::REASON);
            self.status = self.status.because(Forward::Request, token::REASON);
            return Some(Turn::Pass);
        }
        self.arrived = cache.core.clock();
        let found = cache.look_up(&self.recipe.rule, &self.ask());
        if let Found::Hit(slot, now) | Found::Ahead(slot, now, _) = found {
            counts.hits.one();
            return Some(Turn::Answer(slot, now));
        }
        self.missed(found);
        counts.misses.add(self.status.detail());
        let reason = cannot_fill(&self.recipe.rule, &self.recipe.request)?;
        counts.unfilled.add(reason);
        self.status = self.status.refused(reason);
        Some(Turn::Pass)
    }

    /// Goes on with what a look-up found that is no hit.
    pub(super) fn missed(&mut self, found: Found) {
        let rule = &self.recipe.rule;
        match found {
            Found::Hit(..) | Found::Ahead(..) => {}
            Found::Miss(miss, selected) => {
                self.status = Status::missed(rule, miss);
                self.recipe.selected = selected;
                self.old = None;
            }
            Found::Old(miss, selected, old) => {
                self.status = Status::missed(rule, miss);
                self.recipe.selected = selected;
                self.note(old);
                if miss == Miss::NotFreshEnough {
                    // What somebody else is fetching may have been asked for before.
                    self.coalesce = Coalesce::No;
                }
            }
            Found::Stale(old, _, fingerprint) => {
                self.status = Status::missed(rule, Miss::Expired);
                self.recipe.selected = self.cache.own_flight(fingerprint, &self.ask());
                self.note(old);
            }
            Found::Pass(selected) => {
                self.status = uncacheable(rule);
                self.recipe.selected = selected;
                self.coalesce = Coalesce::No;
            }
        }
    }

    fn note(&mut self, old: Arc<Slot>) {
        if let Slot::Entry(entry) = &*old
            && entry.asks_each_time()
        {
            self.coalesce = Coalesce::No;
        }
        self.old = Some(old);
    }

    async fn turn(&mut self) -> Turn {
        for _ in 0..ROUNDS {
            let flight = (self.recipe.rule.shelf_id, self.recipe.selected);
            let wait = match self.cache.flights.join(flight, self.arrived) {
                Seat::Lead(lead) => return self.second_look(lead),
                Seat::Wait(wait) => wait,
            };
            self.recipe.rule.counts.waiters.one();
            self.status.collapsed = Collapsed::InVain;
            match wait.await {
                Landing::Lead(lead) => return self.second_look(lead),
                Landing::Alone => return Turn::Alone,
                Landing::Shared(landed) => {
                    if let Some(now) = self.may_take(&landed) {
                        return Turn::Share(landed, now);
                    }
                }
                Landing::Again => {}
            }
            self.arrived = self.cache.core.clock();
            if let Some(turn) = self.look_again() {
                return turn;
            }
        }
        Turn::Alone
    }

    /// Between the look-up and the flight another one may have landed: then there
    /// is nothing to lead, and the lead that is dropped goes on to the next one,
    /// who looks too.
    fn second_look(&mut self, lead: Ticket) -> Turn {
        self.look_again().unwrap_or(Turn::Lead(lead))
    }

    /// Looks up anew; also finds the variant's own flight, once there is an index.
    fn look_again(&mut self) -> Option<Turn> {
        let rule = self.recipe.rule.clone();
        match self.cache.look_up(&rule, &self.ask()) {
            Found::Hit(slot, now) | Found::Ahead(slot, now, _) => Some(Turn::Answer(slot, now)),
            Found::Pass(_) => Some(Turn::Alone),
            found => {
                // Why it missed was when it came.
                let status = self.status;
                self.missed(found);
                self.status = status;
                (self.coalesce == Coalesce::No).then_some(Turn::Alone)
            }
        }
    }

    /// Whether the result of a flight answers this request: it is for the same
    /// key and variant, and it is proven.
    ///
    /// A fill proves itself: what it read is no older than its own beginning (less
    /// the settle window, where its source lags), so
    /// flights go on while this instance is deaf. The proof of the instance counts
    /// only for what is valid after that proof was read: a process that was paused
    /// between the landing and this look may have heard since what the result
    /// does not know.
    ///
    /// A token asks for what the source would say now. A fill without a bond may have
    /// read a replica that did not have the write yet, and by now has it.
    fn may_take(&self, landed: &Landed) -> Option<Moment> {
        let Slot::Entry(entry) = &*landed.slot else {
            return None;
        };
        if landed.stale {
            let stands = self.cache.stands_in(&self.recipe.rule, &self.ask(), entry);
            return stands.map(|(now, _)| now);
        }
        if self.bears_token && entry.bond.is_none() {
            return None;
        }
        let look = entry.bond.as_ref().map(|bond| self.cache.core.look(bond));
        let valid = look.filter(|look| look.validity == Validity::Valid);
        let own = entry.read_as_of;
        let as_of = valid.map_or(own, |look| Moment(look.as_of).max(own));
        let now = self.cache.clock.now();
        let taken =
            entry.is_for(&self.ask()) && self.cache.is_proven(&self.recipe.rule, now, as_of);
        taken.then_some(now)
    }

    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            key: self.recipe.key.parts(),
            headers: &self.recipe.request.headers,
            bears_token: self.bears_token,
        }
    }
}
