//! Whether what was stored under one policy may answer under another.

use super::Policy;
use super::inputs::InputChoices;
use std::sync::Arc;

impl Policy {
    /// Whether what was stored under `old` is as this policy would have stored it, but for
    /// the time it may be used. A closure is only like itself.
    pub(crate) fn stores_like(&self, old: &Self) -> bool {
        // Named one by one: a new option has to be thought of here.
        let Self {
            lifetime,
            tags,
            tag_with,
            scope,
            own_store,
            store,
            while_deaf: _,
            settle,
            stale,
            choosing,
            body_key,
            classify,
            inputs,
            idle,
            // What is stored has the time that it was stored with.
            jitter: _,
            client_directives: _,
            etag,
            status: _,
            downstream,
            // Nothing is looked up then, and what was stored waits.
            bypass: _,
            storing,
            calls,
        } = self;
        let windows = |stale: &super::stale::Stale| (stale.while_revalidate, stale.if_error);
        // What the route kept without a word of the handler has no lifetime any more.
        (lifetime.is_some() || old.lifetime.is_none())
            && *tags == old.tags
            && same(tag_with.as_ref(), old.tag_with.as_ref())
            && same(scope.as_ref(), old.scope.as_ref())
            && *own_store == old.own_store
            && *store == old.store
            && *settle == old.settle
            && windows(stale) == windows(&old.stale)
            && choosing.stores_like(&old.choosing)
            && *body_key == old.body_key
            && classify.is_like(&old.classify)
            && inputs_alike(inputs.as_deref(), old.inputs.as_deref())
            && *idle == old.idle
            && *etag == old.etag
            && *downstream == old.downstream
            && *storing == old.storing
            && *calls == old.calls
    }
}

fn inputs_alike(new: Option<&InputChoices>, old: Option<&InputChoices>) -> bool {
    let (default, other) = (InputChoices::default(), InputChoices::default());
    let (new, old) = (new.unwrap_or(&default), old.unwrap_or(&other));
    let InputChoices {
        query,
        headers,
        cookies,
        authorization,
        // Asked of each request, before anything is looked up.
        requires: _,
        key_with,
    } = new;
    *query == old.query
        && *headers == old.headers
        && *cookies == old.cookies
        && *authorization == old.authorization
        && same(key_with.as_ref(), old.key_with.as_ref())
}

/// Whether both are the same closure, or none.
pub(super) fn same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other)),
        _ => false,
    }
}
