//! How a stored response leaves, as the route chooses.

use super::rule::Rule;
use super::shared::Shared;
use super::slot::Entry;
use crate::clock::Moment;
use crate::policy::{Downstream, Policy};
use crate::semantics::{self, Dated, Dating, LifetimeSource, Stricter};
use crate::store::race::Validity;
use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderMap, HeaderValue};
use std::time::SystemTime;

/// What differs between a stored response and what leaves of it; made once, when it is
/// stored.
#[derive(Clone, Debug)]
pub(crate) enum Leaving {
    /// It says its age, and nothing else differs.
    AsStored,
    /// This is its `Cache-Control`, and it has no `Expires`.
    Stricter(HeaderValue),
    /// As if the handler had answered now, while this instance hears of writes.
    Regenerated(Dated),
}

impl Leaving {
    /// `response` is as it came from the handler.
    pub(crate) fn of(
        policy: &Policy,
        source: LifetimeSource,
        response: &HeaderMap,
        received: SystemTime,
    ) -> Self {
        let choice = policy.downstream_choice();
        let ours = matches!(source, LifetimeSource::Route | LifetimeSource::Targeted);
        match (choice, stricter(choice)) {
            (_, Some(than)) => Self::Stricter(semantics::stricter(response, than)),
            (Downstream::Regenerate, _) if ours => Self::Regenerated(Dated::of(response, received)),
            _ => Self::AsStored,
        }
    }

    /// What the dates of a client's conditions are compared with. A client that was told
    /// another `Date` than the handler's may send it back.
    pub(crate) fn dating(&self, response: &HeaderMap, received: SystemTime) -> Dating {
        let dating = Dating::of(response, received);
        match self {
            Self::Regenerated(_) => dating.by_last_modified(response),
            Self::AsStored | Self::Stricter(_) => dating,
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Stricter(value) => value.len(),
            Self::AsStored | Self::Regenerated(_) => 0,
        }
    }
}

/// What the choice makes of a `Cache-Control`, if anything.
pub(crate) fn stricter(choice: Downstream) -> Option<Stricter> {
    match choice {
        Downstream::Transparent | Downstream::Regenerate => None,
        Downstream::Revalidate => Some(Stricter::NoCache),
        Downstream::NoStore => Some(Stricter::NoStore),
    }
}

/// Says it in a response.
pub(crate) fn say(headers: &mut HeaderMap, cache_control: HeaderValue) {
    headers.insert(CACHE_CONTROL, cache_control);
    headers.remove(EXPIRES);
}

impl Shared {
    /// Writes what those behind us are told of this entry, as of this moment.
    pub(crate) fn tell_downstream(
        &self,
        rule: &Rule,
        entry: &Entry,
        now: Moment,
        headers: &mut HeaderMap,
    ) {
        semantics::write_age_in_its_place(headers, entry.age(now));
        match &entry.leaving {
            Leaving::AsStored => {}
            Leaving::Stricter(cache_control) => say(headers, cache_control.clone()),
            Leaving::Regenerated(dated) if self.hears_of_writes(rule, entry, now) => {
                dated.write(headers, now.since(entry.received));
            }
            Leaving::Regenerated(_) => {}
        }
    }

    /// Whether all that was written to the entry's names would be known by now. What
    /// only proves itself, or is served while deaf, may be older news than a new answer.
    fn hears_of_writes(&self, rule: &Rule, entry: &Entry, now: Moment) -> bool {
        let look = entry.bond.as_ref().map(|bond| self.core.look(bond));
        look.is_some_and(|look| {
            let as_of = Moment(look.as_of);
            look.validity == Validity::Valid
                && as_of != Moment::default()
                && now.since(as_of) <= rule.proof_within
        })
    }
}
