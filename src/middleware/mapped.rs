//! What the route of a write says that it makes stale.
//!
//! A hole that has nothing that fits makes it more, never less: what nobody can name
//! exactly becomes stale with all that is beside it.

use super::outside;
use crate::cache::{Shared, WriteRule};
use crate::scope::Scope;
use crate::semantics::StoredKey;
use crate::tag::Tag;
use crate::target::Invalidate;
use crate::telemetry;
use crate::template::{Facts, Hole, Rendered, Source, Template, Use};
use http::{HeaderMap, Response, request, response};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// No stored path is as long as this, however it is encoded: a key has 8 KiB.
const MAX_PATH_BYTES: usize = 3 * 3 * 8 * 1024;

/// What is known of the response.
pub(super) enum Known<'a, X> {
    /// The handler has not run yet.
    Before,
    /// `None`: there is none, and will be none.
    Ended(Option<&'a Response<X>>),
}

/// A request whose route says what it makes stale.
pub(super) struct Mapped<'a> {
    pub(super) cache: &'a Shared,
    pub(super) rule: &'a WriteRule,
    pub(super) request: &'a request::Parts,
    /// The request's path, as the client sent it.
    pub(super) path: &'a str,
    pub(super) key: Option<&'a StoredKey>,
    pub(super) scope: Option<&'a Scope>,
}

impl<X> Clone for Known<'_, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X> Copy for Known<'_, X> {}

impl<X> Known<'_, X> {
    pub(super) fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Before | Self::Ended(None) => None,
            Self::Ended(Some(response)) => Some(response.headers()),
        }
    }

    /// Whether this template can be filled now, or never better.
    fn suffices(&self, template: &Template) -> bool {
        let of_response = |hole: &Hole| matches!(hole.source(), Source::Response(_));
        matches!(self, Self::Ended(_)) || !template.holes().any(of_response)
    }
}

impl Mapped<'_> {
    pub(super) fn stale<X>(&self, known: Known<'_, X>) -> Invalidate {
        let mapping = self.rule.policy.mapping();
        let facts = Facts {
            parameters: &self.rule.parameters(self.path),
            query: outside::uri(self.request).query(),
            headers: &self.request.headers,
            scope: self.scope.map(Scope::as_str),
            host: self.key.map_or("", |key| key.parts().authority),
            response: known.headers(),
        };
        let mut stale = Invalidate::nothing();
        let lists = [&mapping.tags, &mapping.paths, &mapping.prefixes];
        if lists.iter().any(|list| list.is_broken()) {
            stale = stale.and(self.everything());
        }
        for template in mapping.tags.iter().filter(|one| known.suffices(one)) {
            let tag = self.tag(template, &facts);
            stale = stale.and(self.counted(known, "tag", template, tag));
        }
        for template in mapping.paths.iter().filter(|one| known.suffices(one)) {
            let path = self.path(template, &facts, Invalidate::and_path);
            stale = stale.and(self.counted(known, "path", template, path));
        }
        for template in mapping.prefixes.iter().filter(|one| known.suffices(one)) {
            let prefix = self.path(template, &facts, Invalidate::and_prefix);
            stale = stale.and(self.counted(known, "prefix", template, prefix));
        }
        stale.and(self.by_closure(known))
    }

    fn counted<X>(
        &self,
        known: Known<'_, X>,
        kind: &str,
        template: &Template,
        stale: Invalidate,
    ) -> Invalidate {
        self.count(known, &stale, || format!("{kind} {}", template.text()));
        stale
    }

    /// Counts what the policy names, and whether something here bears it. What is
    /// announced is named again when the write has ended.
    fn count<X>(&self, known: Known<'_, X>, stale: &Invalidate, name: impl FnOnce() -> String) {
        if matches!(known, Known::Before) || stale.is_empty() {
            return;
        }
        let met = match self.scope {
            Some(scope) => self.cache.is_borne(&stale.clone().inside(scope)),
            None => self.cache.is_borne(stale),
        };
        self.rule.counts.named(name(), met);
    }

    fn tag(&self, template: &Template, facts: &Facts<'_>) -> Invalidate {
        match template.render(facts, Use::Tag) {
            // With a longer one nothing is stored.
            Rendered::Whole(text) if Tag::new(&text).is_storable() => Invalidate::tag(text),
            Rendered::Whole(_) | Rendered::LeftOut => Invalidate::nothing(),
            Rendered::Open(_, hole) => self.beside(hole),
        }
    }

    fn path<F>(&self, template: &Template, facts: &Facts<'_>, and: F) -> Invalidate
    where
        F: Fn(Invalidate, String) -> Invalidate,
    {
        match template.render(facts, Use::Path) {
            Rendered::Whole(text) if text.len() <= MAX_PATH_BYTES => {
                and(Invalidate::nothing(), text)
            }
            Rendered::Whole(_) | Rendered::LeftOut => Invalidate::nothing(),
            Rendered::Open(before, _) => {
                let directory = before.rfind('/').map_or("", |slash| &before[..slash]);
                self.below(directory)
            }
        }
    }

    /// What the tag may be on whose hole has nothing that fits.
    fn beside(&self, hole: &Hole) -> Invalidate {
        let before = match hole.source() {
            Source::Path(name) => self.rule.before(self.path, name),
            _ => None,
        };
        before.map_or_else(|| self.everything(), |before| self.below(before))
    }

    fn below(&self, directory: &str) -> Invalidate {
        self.rule.counts.templates_widened.one();
        Invalidate::prefix(directory)
    }

    fn everything(&self) -> Invalidate {
        self.rule.counts.templates_widened.one();
        Invalidate::everything()
    }

    fn by_closure<X>(&self, known: Known<'_, X>) -> Invalidate {
        let mapping = self.rule.policy.mapping();
        if !mapping.has_closure() {
            return Invalidate::nothing();
        }
        let response = match known {
            Known::Ended(Some(response)) => Some(head_of(response)),
            Known::Before | Known::Ended(None) => None,
        };
        let closure = AssertUnwindSafe(|| mapping.by_closure(self.request, response.as_ref()));
        let stale = catch_unwind(closure).unwrap_or_else(|_| {
            telemetry::mapping_panicked(self.path);
            self.everything()
        });
        self.count(known, &stale, || "closure".to_owned());
        stale
    }
}

fn head_of<X>(response: &Response<X>) -> response::Parts {
    let mut head = Response::new(());
    *head.status_mut() = response.status();
    *head.version_mut() = response.version();
    *head.headers_mut() = response.headers().clone();
    *head.extensions_mut() = response.extensions().clone();
    head.into_parts().0
}
