//! A policy with the shelf that it uses.

use super::counts::Counts;
use super::edition::Edition;
use super::mistakes::Mistakes;
use super::routes::Stores;
use super::shared::Shared;
use super::shelves::ShelfId;
use super::slot::{Entry, Slot};
use super::storing::route_rules;
use crate::clock::{Moment, nanos};
use crate::policy::{OwnStore, Part, Policy, WhileDeaf};
use crate::routes::Pattern;
use crate::semantics::{Demands, RouteRules};
use crate::store::Shelf;
use http::HeaderMap;
use std::sync::{Arc, Once};
use std::time::Duration;

/// A policy, made ready: what a layer looks at for each request.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) policy: Policy,
    /// What it counts.
    pub(crate) counts: Arc<Counts>,
    /// The pattern of its route.
    pub(crate) pattern: Option<Arc<Pattern>>,
    /// What it says about storing.
    pub(crate) storing: RouteRules,
    /// Whether requests have a say in what is fresh enough.
    pub(crate) heeds_clients: bool,
    /// After which part of its lifetime a response is fetched anew.
    pub(crate) refresh_ahead: Part,
    /// What was stored by it is found by this.
    pub(super) edition: Arc<Edition>,
    /// It may have stored what was to be used for longer than it now says.
    pub(super) shortened: bool,
    pub(crate) shelf: Arc<Shelf<Slot>>,
    pub(crate) shelf_id: ShelfId,
    /// How old the proof may be for an answer from memory.
    pub(crate) proof_within: Duration,
    /// How old it may be once the log has heard that this instance uses `bound`.
    pub(crate) while_deaf: Duration,
    /// By how much what the handler reads may lag behind.
    pub(crate) settle: Duration,
    /// The staleness bound of this rule; [`Duration::MAX`]: none.
    pub(crate) bound: Duration,
    /// That a layer cannot read content is said once.
    unread: Once,
}

impl Rule {
    pub(crate) fn new(
        policy: Policy,
        pattern: Option<Arc<Pattern>>,
        counts: Arc<Counts>,
        (shelf_id, shelf): (ShelfId, Arc<Shelf<Slot>>),
        bound: Duration,
        default: WhileDeaf,
    ) -> Self {
        let largest = match policy.deaf_choice().unwrap_or(default) {
            WhileDeaf::Bypass => bound,
            WhileDeaf::ServeFor(more) => bound.saturating_add(more),
            WhileDeaf::ServeUntilExpiry => Duration::MAX,
        };
        Self {
            settle: policy.settle_window(),
            storing: route_rules(&policy),
            heeds_clients: policy.heeds_clients(),
            refresh_ahead: policy.stale_windows().refresh_ahead,
            policy,
            counts,
            pattern,
            edition: Arc::default(),
            shortened: false,
            shelf,
            shelf_id,
            proof_within: within(bound),
            while_deaf: within(largest),
            bound: largest,
            unread: Once::new(),
        }
    }

    /// A layer with this rule was not told how to hand content on.
    pub(crate) fn cannot_read(&self, mistakes: &Mistakes) {
        self.unread.call_once(|| {
            let whose = self.pattern.as_ref().map(|pattern| pattern.text());
            let whose = whose.map_or_else(String::new, |path| format!("read {path:?}: "));
            mistakes.note(vec![format!(
                "{whose}`classify` and `body_key` read no content on a layer without `CacheLayer::replay`"
            )]);
        });
    }

    /// What such a request demands, where that counts.
    pub(crate) fn demands(&self, request: &HeaderMap) -> Option<Demands> {
        let demands = self.heeds_clients.then(|| Demands::of(request))?;
        (!demands.is_empty()).then_some(demands)
    }

    /// Whether the route, as it now is, would not have kept the entry for as long as this.
    pub(super) fn has_cut(&self, entry: &Entry, now: Moment) -> bool {
        let longest = || self.storing.longest_for(entry.status);
        self.shortened && longest().is_some_and(|longest| entry.age(now) >= longest)
    }

    /// The moment that a fill which began then may have read as of.
    pub(crate) fn read_as_of(&self, began: Moment) -> Moment {
        Moment(began.0.saturating_sub(nanos(self.settle)))
    }
}

/// The bound less a thousandth of it: two clocks may run at different rates, and
/// the bound is to hold by either. Clocks that are slewed differ by half of that.
fn within(bound: Duration) -> Duration {
    if bound == Duration::MAX {
        return bound;
    }
    bound - bound / 1000
}

impl Shared {
    /// The policy of a layer, made ready for use.
    pub(crate) fn rule(&self, policy: Policy) -> Arc<Rule> {
        let shelf = match policy.store_name() {
            None => self.shelves.of(policy.own()),
            Some(_) => self.shelves.of(Some(OwnStore::NOTHING)),
        };
        Arc::new(self.ready(policy, None, shelf))
    }

    /// The same for a route, beside the stores that there are by name. `old` is what the
    /// route was before.
    pub(super) fn rule_at(
        &self,
        policy: Policy,
        pattern: Option<Arc<Pattern>>,
        stores: &Stores,
        old: Option<&Arc<Rule>>,
    ) -> Arc<Rule> {
        let old = old.filter(|old| policy.stores_like(&old.policy));
        let named = policy.store_name().map(|name| stores.named(name));
        let shelf = match (named, policy.own(), old) {
            (Some(known), ..) => known.unwrap_or_else(|| self.shelves.of(Some(OwnStore::NOTHING))),
            (None, Some(_), Some(old)) => (old.shelf_id, old.shelf.clone()),
            (None, own, _) => self.shelves.of(own),
        };
        let is_shorter = |old: &Rule| {
            let lifetime = |policy: &Policy| policy.declared_lifetime().unwrap_or(Duration::MAX);
            old.shortened || lifetime(&policy) < lifetime(&old.policy)
        };
        let shortened = old.is_some_and(|old| is_shorter(old));
        let edition = old.map(|old| old.edition.clone());
        Arc::new(Rule {
            edition: edition.unwrap_or_else(|| self.new_edition()),
            shortened,
            ..self.ready(policy, pattern, shelf)
        })
    }

    fn ready(
        &self,
        policy: Policy,
        pattern: Option<Arc<Pattern>>,
        shelf: (ShelfId, Arc<Shelf<Slot>>),
    ) -> Rule {
        let settings = &self.settings;
        let counts = self.counters.routes.of_reads(pattern.as_deref());
        let (bound, deaf) = (settings.bound, settings.while_deaf);
        let rule = Rule::new(policy, pattern, counts, shelf, bound, deaf);
        self.coherence.widen(rule.bound);
        let settling = &self.applier.settling;
        settling.widen(rule.settle, settings.fill_timeout, || self.clock.now());
        rule
    }
}
