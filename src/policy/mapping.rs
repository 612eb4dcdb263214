//! What the writes of a route make stale, and after which outcomes.

use super::read::ScopeOf;
use super::write::WritePolicy;
use crate::scope::Scope;
use crate::tag::Tags;
use crate::target::{Invalidate, Strength};
use crate::template::Templates;
use http::{StatusCode, request, response};
use std::fmt;
use std::sync::Arc;

/// What a write makes stale of its own URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OwnPath {
    /// Its path with all queries, authorities and variants. The default: a `POST` to
    /// `/products` changes `/products?page=2` too.
    #[default]
    AllQueries,
    /// Its URI alone, with this authority and this query (RFC 9111 §4.4). Of a request
    /// without a usable authority, its path.
    ExactUri,
    /// Nothing. For one URL that many different writes go to, like that of a GraphQL
    /// service.
    Off,
}

/// After which outcomes of a write the things count that its URI and its route say.
///
/// An outcome that nobody knows counts with each choice: the handler panicked, failed,
/// or was given up after its client had gone. It may have committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum After {
    /// After 1xx, 2xx and 3xx. For handlers that never fail after their commit.
    Success,
    /// Also after 5xx: a handler may fail after its commit. Only 4xx means that it was
    /// refused. The default.
    #[default]
    UnlessRefused,
    /// After 4xx as well.
    Always,
}

/// What becomes of a write whose client hangs up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum HangUp {
    /// It runs on, in a task of the cache, for the fill timeout at most. The default:
    /// what it committed is known.
    #[default]
    Finish,
    /// Its handler is dropped, as without a cache. What it may have made stale by its
    /// URI and its route counts.
    Drop,
}

/// Whether the writes of a route change anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Effect {
    #[default]
    Writes,
    Safe,
}

/// What the writes of a route make stale, and after which outcomes.
#[derive(Clone, Default)]
pub(crate) struct Mapping {
    pub(crate) tags: Templates,
    pub(crate) paths: Templates,
    pub(crate) prefixes: Templates,
    with: Option<Arc<With>>,
    scope: Option<Arc<ScopeOf>>,
    pub(crate) own_path: OwnPath,
    after: After,
    hang_up: HangUp,
    effect: Effect,
    strength: Option<Strength>,
}

type With = dyn Fn(&request::Parts, Option<&response::Parts>) -> Invalidate + Send + Sync;

impl WritePolicy {
    /// For a route whose unsafe methods change nothing, like a search by `POST`: nothing
    /// is made stale but what the handler marks, and it runs while the bus is down.
    pub fn safe() -> Self {
        let mut safe = Self::new().while_bus_down(super::BusDown::Queue);
        safe.mapping.effect = Effect::Safe;
        safe
    }

    /// Its writes make these tags stale. A text with a hole (`product:{id:int}`) is a
    /// template, see [Templates](crate::policy#templates).
    ///
    /// Where a hole has nothing that fits, more becomes stale instead, never less: of a
    /// hole for a parameter of the path, every path below what stands before that
    /// parameter; of any other hole, everything in the scope of the request. Say `?` in
    /// a hole that clients may leave empty.
    /// [`Stats::templates_widened`](crate::Stats::templates_widened) counts it.
    pub fn tags(mut self, tags: impl Into<Tags>) -> Self {
        let tags = tags.into();
        tags.iter()
            .for_each(|tag| self.mapping.tags.add(tag.as_str()));
        self
    }

    /// Its writes make these paths stale, by templates: each with all queries,
    /// authorities and variants. Where a hole has nothing that fits, every path below
    /// what stands before the hole.
    pub fn paths<P: AsRef<str>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        let mut paths = paths.into_iter();
        paths
            .by_ref()
            .for_each(|path| self.mapping.paths.add(path.as_ref()));
        self
    }

    /// Its writes make these paths and all below them stale, by templates. Where a hole
    /// has nothing that fits, every path below what stands before the hole.
    pub fn prefixes<P: AsRef<str>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        let mut paths = paths.into_iter();
        paths
            .by_ref()
            .for_each(|path| self.mapping.prefixes.add(path.as_ref()));
        self
    }

    /// Its writes make stale what this says, beside the rest. There is no response before
    /// the handler has run (for an [`intent`](Self::intent)) and where nobody knows how
    /// it ended. If the closure panics, everything becomes stale in the scope of the
    /// request, since nobody knows what should have.
    pub fn with<F>(mut self, with: F) -> Self
    where
        F: Fn(&request::Parts, Option<&response::Parts>) -> Invalidate + Send + Sync + 'static,
    {
        self.mapping.with = Some(Arc::new(with));
        self
    }

    /// The scope of its writes, as [`Policy::scope`](crate::Policy::scope) finds that of
    /// reads. Without it, that of the reads of the same path. A write in which it finds
    /// nothing invalidates outside all scopes. If it panics, that panic is the caller's.
    pub fn scope<F>(mut self, scope: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<Scope> + Send + Sync + 'static,
    {
        self.mapping.scope = Some(Arc::new(scope));
        self
    }

    /// The same by a closure that others have too.
    pub(crate) fn scope_by(mut self, scope: Arc<ScopeOf>) -> Self {
        self.mapping.scope = Some(scope);
        self
    }

    /// What a write makes stale of its own URI, see [`OwnPath`]. What the response names
    /// in `Location` and `Content-Location` counts with each choice.
    pub fn own_path(mut self, choice: OwnPath) -> Self {
        self.mapping.own_path = choice;
        self
    }

    /// After which outcomes its URI, its response's fields and its route count, see
    /// [`After`]. What a handler marks counts always.
    pub fn after(mut self, choice: After) -> Self {
        self.mapping.after = choice;
        self
    }

    /// What becomes of a write whose client hangs up, see [`HangUp`].
    pub fn on_hang_up(mut self, choice: HangUp) -> Self {
        self.mapping.hang_up = choice;
        self
    }

    /// What its URI and its route say is made stale softly, see
    /// [`Invalidate::soft`](crate::Invalidate::soft). What a handler marks is as it says.
    pub fn soft(mut self) -> Self {
        self.mapping.strength = Some(Strength::Soft);
        self
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// What is wrong with it where the path has these parameters.
    pub(crate) fn mistakes(&self, parameters: &[&str]) -> Vec<String> {
        let mapping = &self.mapping;
        let mut mistakes = mapping.tags.mistakes(parameters);
        for paths in [&mapping.paths, &mapping.prefixes] {
            mistakes.extend(paths.mistakes(parameters));
            let relative = paths.iter().filter(|one| !one.beginning().starts_with('/'));
            mistakes.extend(relative.map(|one| format!("{one:?} is no path: it begins with `/`")));
        }
        mistakes
    }
}

impl Mapping {
    /// Whether the route says more than HTTP does.
    pub(crate) fn says_more(&self) -> bool {
        let templates = [&self.tags, &self.paths, &self.prefixes];
        self.with.is_some() || templates.into_iter().any(|list| !list.is_empty())
    }

    /// Its tags as they were written, and what they look like.
    pub(crate) fn tag_shapes(&self) -> impl Iterator<Item = (&str, String)> {
        self.tags.shapes()
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.effect == Effect::Safe
    }

    pub(crate) fn hang_up(&self) -> HangUp {
        self.hang_up
    }

    /// Whether what the URI and the route say counts after this. `None`: nobody knows.
    pub(crate) fn counts_after(&self, status: Option<StatusCode>) -> bool {
        let Some(status) = status else { return true };
        match self.after {
            After::Success => status.as_u16() < 400,
            After::UnlessRefused => !status.is_client_error(),
            After::Always => true,
        }
    }

    pub(crate) fn strengthened(&self, what: Invalidate) -> Invalidate {
        match self.strength {
            Some(Strength::Soft) => what.soft(),
            _ => what,
        }
    }

    pub(crate) fn has_closure(&self) -> bool {
        self.with.is_some()
    }

    pub(crate) fn by_closure(
        &self,
        request: &request::Parts,
        response: Option<&response::Parts>,
    ) -> Invalidate {
        let with = self.with.as_ref();
        with.map_or_else(Invalidate::nothing, |with| with(request, response))
    }

    /// The scope of this write, where the route finds it itself.
    #[allow(clippy::option_option, reason = "no choice is not the choice of none")]
    pub(crate) fn scope_of(&self, request: &request::Parts) -> Option<Option<Scope>> {
        self.scope.as_ref().map(|scope| scope(request))
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("tags", &self.tags)
            .field("paths", &self.paths)
            .field("prefixes", &self.prefixes)
            .field("own_path", &self.own_path)
            .field("after", &self.after)
            .field("hang_up", &self.hang_up)
            .field("effect", &self.effect)
            .field("strength", &self.strength)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_count_as_the_choice_says_and_unknown_ones_always() {
        for (choice, counting) in [
            (After::Success, &[101, 200, 304][..]),
            (After::UnlessRefused, &[101, 200, 304, 500, 503, 600]),
            (
                After::Always,
                &[101, 200, 304, 400, 404, 499, 500, 503, 600],
            ),
        ] {
            let policy = WritePolicy::new().after(choice);
            for status in [101, 200, 304, 400, 404, 499, 500, 503, 600] {
                let counts = policy
                    .mapping
                    .counts_after(StatusCode::from_u16(status).ok());
                assert_eq!(counts, counting.contains(&status), "{choice:?} {status}");
            }
            assert!(policy.mapping.counts_after(None));
        }
    }

    #[test]
    fn a_path_that_begins_with_no_slash_is_a_mistake() {
        for paths in [["products"], ["{id}/x"]] {
            assert_eq!(WritePolicy::new().paths(paths).mistakes(&["id"]).len(), 1);
            assert_eq!(
                WritePolicy::new().prefixes(paths).mistakes(&["id"]).len(),
                1
            );
        }
        let right = WritePolicy::new().paths(["/"]).prefixes(["/{id}"]);
        assert_eq!(right.mistakes(&["id"]), [""; 0]);
    }
}
