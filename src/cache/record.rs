//! Putting a whole response on the shelf.

use super::idle::Idle;
use super::leaving::Leaving;
use super::rule::Rule;
use super::shared::Shared;
use super::slot::{Entry, Slot, Softened, Usage, Variants};
use crate::clock::Moment;
use crate::path::CanonicalPath;
use crate::scope::Scope;
use crate::semantics::{self, Audience, Dating, Reuse, StoredKey, Validators, VaryNames};
use crate::store::EntryNames;
use crate::store::race::{Bond, Fill, Unbound, Validity, Verdict};
use crate::tag::{MAX_TAGS, Tags};
use crate::template::Facts;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, request};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How many variants of one URI are kept: a client must not be able to make any
/// number of them.
const MAX_VARIANTS: usize = 32;

/// For how long requests for a key run side by side after a response to it could
/// not be stored.
const PASS_FOR: Duration = Duration::from_secs(10);

/// What is known of a fill before its handler runs.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) rule: Arc<Rule>,
    pub(crate) key: StoredKey,
    /// Where the key stands on the shelf.
    pub(crate) primary: u128,
    /// Where this request's variant is looked for; that is the flight's.
    pub(crate) selected: u128,
    pub(crate) request: request::Parts,
}

impl Recipe {
    /// The fields as they are kept. Those of a call leave without an age.
    fn kept(&self, fields: HeaderMap) -> HeaderMap {
        if self.rule.policy.is_for_calls() {
            return fields;
        }
        semantics::with_room_for_age(fields)
    }

    /// Whether the client may be content with less than the whole response.
    pub(crate) fn asks_for_less(&self) -> bool {
        semantics::asks_for_less(&self.request.headers)
    }

    /// The tags that the templates of the policy make of it, see
    /// [`Policy::tags_of`](crate::policy::Policy::tags_of).
    pub(crate) fn tags(&self, response: &HeaderMap) -> Option<Tags> {
        let key = self.key.parts();
        let pattern = self.rule.pattern.as_ref();
        let parameters = pattern.map(|pattern| pattern.parameters(self.key.path()));
        self.rule.policy.tags_of(&Facts {
            parameters: parameters.as_deref().unwrap_or_default(),
            query: key.query,
            headers: &self.request.headers,
            scope: key.scope.map(Scope::as_str),
            host: key.authority,
            response: Some(response),
        })
    }
}

/// A response that may be stored, but for its body.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) vary: VaryNames,
    pub(crate) lifetime: Duration,
    pub(crate) reuse: Reuse,
    pub(crate) validators: Validators,
    pub(crate) audience: Audience,
    pub(crate) began: Moment,
    pub(crate) received: Moment,
    pub(crate) initial_age: Duration,
    pub(crate) dating: Dating,
    pub(crate) leaving: Leaving,
    pub(crate) tags: Tags,
    pub(crate) groups: Vec<Box<str>>,
}

/// What a response has beside its head.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Why a response that might have been stored was not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unstored {
    /// The handler said so.
    Forbidden,
    /// The body is longer than the limit.
    TooLong,
    /// The body, or the head, took longer than a fill may.
    TooSlow,
    /// The body ended with an error.
    Failed,
    /// The body disagrees with `Content-Length`.
    WrongLength,
    /// More tags or longer ones than an entry may have.
    Tags,
    /// A tag field of a vendor has something that is not printable.
    UnreadableTags,
    /// It was invalidated while it was filled.
    Invalidated,
    /// It began so soon after an invalidation that it may have read what was before.
    Settling,
    /// There are as many cells as there may be.
    Cells,
    /// The URI has as many variants as it may have.
    Variants,
    /// No permit for another fill.
    Fills,
    /// A closure of the policy says so.
    StoreIf,
    /// A closure of the policy panicked.
    PolicyPanicked,
    /// A hole of a template has nothing that fits.
    Template,
    /// A gRPC call did not end with `grpc-status: 0`.
    GrpcStatus,
    /// The answer of a gRPC call is not one message.
    GrpcStreaming,
    /// What a gRPC call was answered with is no gRPC.
    GrpcResponse,
}

impl Unstored {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden-by-handler",
            Self::TooLong => "body-too-long",
            Self::TooSlow => "too-slow",
            Self::Failed => "body-failed",
            Self::WrongLength => "wrong-content-length",
            Self::Tags => "tags-over-the-limit",
            Self::UnreadableTags => "unreadable-tag-field",
            Self::Invalidated => "invalidated-meanwhile",
            Self::Settling => "settling",
            Self::Cells => "cells-over-the-limit",
            Self::Variants => "variants-over-the-limit",
            Self::StoreIf => "store-if",
            Self::PolicyPanicked => "policy-panicked",
            Self::Template => "template",
            Self::GrpcStatus => "grpc-status",
            Self::GrpcStreaming => "grpc-streaming",
            Self::GrpcResponse => "grpc-response",
            Self::Fills => "fills-over-the-limit",
        }
    }
}

/// Whether an entry may have these tags.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), Unstored> {
    if tags.len() > MAX_TAGS || !tags.iter().all(crate::tag::Tag::is_storable) {
        return Err(Unstored::Tags);
    }
    Ok(())
}

impl Shared {
    /// Ties the response to the invalidation clock and puts it on the shelf. The
    /// slot and the verdict are for those who wait for it, whether or not it
    /// could be stored. `renewed` is what ties the entry that the handler has
    /// confirmed; `refused` is why it is not stored, if that is known.
    pub(crate) fn store(
        &self,
        fill: &Fill,
        recipe: &Recipe,
        mut draft: Draft,
        content: Content,
        renewed: Option<&Bond>,
        refused: Option<Unstored>,
    ) -> (Arc<Slot>, Verdict, Result<(), Unstored>) {
        // Held while the variants of a URI are read and written again.
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let variants = Self::variants(recipe);
        draft.vary = match variants.as_deref() {
            Some(Slot::Variants(variants)) => {
                variants.names.union(&draft.vary).unwrap_or(draft.vary)
            }
            _ => draft.vary,
        };
        let names = self.names_of(recipe, &draft);
        let bond = match renewed {
            Some(old) => self.core.renew(fill, old, &names),
            None => self.core.bind(fill, &names),
        };
        let verdict = Verdict::of(fill.reading(), &bond);
        let bound = match &bond {
            Ok(_) if refused.is_some() => refused.map_or(Ok(()), Err),
            Ok(_) if !self.has_settled(recipe, &draft, &names) => Err(Unstored::Settling),
            Ok(_) => Ok(()),
            Err(Unbound::Invalidated { .. }) => Err(Unstored::Invalidated),
            Err(Unbound::Full { .. }) => Err(Unstored::Cells),
        };
        let idle = recipe.rule.policy.idle_time();
        let selection = draft.vary.select(&recipe.request.headers);
        let slot = Arc::new(Slot::Entry(Entry {
            key: recipe.key.clone(),
            edition: recipe.rule.edition.clone(),
            vary: draft.vary,
            selection,
            status: draft.status,
            headers: recipe.kept(draft.headers),
            body: content.body,
            trailers: content.trailers,
            // Unsettled, it is proven by its beginning only: later proofs of this
            // instance say nothing of what the handler had not read.
            bond: bond.ok().filter(|_| bound != Err(Unstored::Settling)),
            read_as_of: recipe.rule.read_as_of(draft.began),
            received: draft.received,
            initial_age: draft.initial_age,
            dating: draft.dating,
            leaving: draft.leaving,
            lifetime: draft.lifetime,
            reuse: draft.reuse,
            validators: draft.validators,
            softened: Softened::default(),
            audience: draft.audience,
            idle: idle.map(|within| Idle::new(within, self.clock.now())),
        }));
        let placed = bound.and_then(|()| self.place(recipe, &slot, variants.as_deref()));
        (slot, verdict, placed)
    }

    /// Asked after the fill was bound: an invalidation leaves its note before it
    /// raises the cells.
    fn has_settled(&self, recipe: &Recipe, draft: &Draft, names: &[u128]) -> bool {
        let settling = &self.applier.settling;
        settling.settled(names, draft.began, recipe.rule.settle)
    }

    /// Lets requests for this key run side by side for a while. What was stored before
    /// is not used any more, unless it is fresh: it was stored meanwhile then.
    pub(crate) fn pass_for_a_while(&self, recipe: &Recipe) {
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recipe.rule.shelf.get(recipe.selected);
        if known.is_some_and(|slot| self.serves(&slot)) {
            return;
        }
        let until = self.clock.now().plus(PASS_FOR);
        recipe
            .rule
            .shelf
            .put(recipe.selected, Arc::new(Slot::Pass { until }));
    }

    /// Whether the slot may still answer requests, or lead to one that may.
    fn serves(&self, slot: &Slot) -> bool {
        match slot {
            Slot::Entry(entry) => self.is_live(entry),
            Slot::Variants(_) => true,
            Slot::Pass { .. } => false,
        }
    }

    fn is_live(&self, entry: &Entry) -> bool {
        let valid = entry
            .bond
            .as_ref()
            .is_some_and(|bond| self.core.validity(bond) == Validity::Valid);
        let now = self.clock.now();
        let usage = entry.usage(now, false);
        valid && !entry.is_idle(now) && matches!(usage, Usage::Fresh | Usage::Ahead)
    }

    fn variants(recipe: &Recipe) -> Option<Arc<Slot>> {
        recipe
            .rule
            .shelf
            .get(recipe.primary)
            .filter(|slot| match &**slot {
                Slot::Variants(variants) => variants.key == recipe.key,
                _ => false,
            })
    }

    fn names_of(&self, recipe: &Recipe, draft: &Draft) -> Vec<u128> {
        let key = &recipe.key;
        let tags: Vec<_> = draft.tags.iter().cloned().collect();
        self.names.of_entry(&EntryNames {
            scope: key.scope(),
            uri: key.uri(),
            any_query: recipe.rule.policy.reduces_query(),
            path: &CanonicalPath::new(key.path()),
            tags: &tags,
            origin: key.origin(),
            groups: &draft.groups,
        })
    }

    fn place(
        &self,
        recipe: &Recipe,
        slot: &Arc<Slot>,
        variants: Option<&Slot>,
    ) -> Result<(), Unstored> {
        let Slot::Entry(entry) = &**slot else {
            return Ok(());
        };
        let shelf = &recipe.rule.shelf;
        if entry.vary.is_empty() {
            shelf.put(recipe.primary, slot.clone());
            return Ok(());
        }
        let headers = &recipe.request.headers;
        let fingerprint = self.variant(recipe.primary, &entry.vary, headers);
        let mut stored = match variants {
            Some(Slot::Variants(known)) if known.names == entry.vary => known.stored.clone(),
            _ => Vec::new(),
        };
        if !stored.contains(&fingerprint) {
            if stored.len() >= MAX_VARIANTS {
                stored.retain(|known| shelf.get(*known).is_some_and(|slot| self.serves(&slot)));
            }
            if stored.len() >= MAX_VARIANTS {
                return Err(Unstored::Variants);
            }
            stored.push(fingerprint);
        }
        let names = entry.vary.clone();
        // The entry first: the sweeper takes an index that leads to nothing.
        shelf.put(fingerprint, slot.clone());
        shelf.put(
            recipe.primary,
            Arc::new(Slot::Variants(Variants {
                key: recipe.key.clone(),
                names,
                stored,
            })),
        );
        Ok(())
    }
}
