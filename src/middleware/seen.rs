//! What counts of a request: its key is made of it, its stored responses are chosen by
//! it, and the handler of a fill sees nothing else.

use super::outside;
use crate::policy::{Authorization, InputChoices, Inputs, Policy, Query};
use crate::scope::Scope;
use crate::semantics::{self, Bypass, Counts, KeyParts, MAX_KEY_BYTES, More};
use http::header::{AUTHORIZATION, COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Uri, request};
use std::borrow::Cow;

/// What counts of a request. Where the policy says nothing of inputs, all does, and it
/// is borrowed.
pub(super) struct Seen<'a> {
    /// The URI as the client sent it.
    uri: Cow<'a, Uri>,
    /// By which a stored response is chosen: without the cookies that are in the key.
    pub(super) headers: Cow<'a, HeaderMap>,
    more: Vec<u8>,
    reduced: Option<Reduced>,
}

/// What a handler sees otherwise than the client sent it, beside the above.
#[derive(Default)]
pub(super) struct Reduced {
    /// The request's own URI, where that is another one than the client's.
    own: Option<Uri>,
    /// The cookies that are in the key.
    cookies: Option<HeaderValue>,
}

impl<'a> Seen<'a> {
    /// What counts of the request by this policy, or why it bypasses.
    pub(super) fn of(policy: &Policy, request: &'a request::Parts) -> Result<Self, &'static str> {
        let whole = Self {
            uri: Cow::Borrowed(outside::uri(request)),
            headers: Cow::Borrowed(&request.headers),
            more: Vec::new(),
            reduced: None,
        };
        if policy.is_for_calls() {
            return whole.reduce_call(policy, request);
        }
        match policy.inputs() {
            None => Ok(whole),
            Some(inputs) => whole.reduce(inputs, request),
        }
    }

    /// Of a gRPC call nothing of the metadata counts that is not named.
    fn reduce_call(
        mut self,
        policy: &Policy,
        request: &request::Parts,
    ) -> Result<Self, &'static str> {
        let inputs = policy.inputs();
        if let Some(choice @ (Inputs::Bypass | Inputs::BypassOn(_))) =
            inputs.and_then(|inputs| inputs.headers.as_ref())
        {
            self.take_fields(Some(choice), &mut More::default())?;
        }
        let shown = semantics::shown_to_method(&self.headers, &policy.named_metadata());
        self.headers = Cow::Owned(shown);
        self.reduced = Some(Reduced::default());
        match inputs {
            None => Ok(self),
            Some(inputs) => self.reduce(inputs, request),
        }
    }

    fn reduce(
        mut self,
        inputs: &InputChoices,
        request: &request::Parts,
    ) -> Result<Self, &'static str> {
        let mut reduced = Reduced::default();
        if let Some(uri) = with_query(&self.uri, &inputs.query)? {
            self.uri = Cow::Owned(uri);
            reduced.own = with_query(&request.uri, &inputs.query)?;
        }
        let mut more = More::default();
        self.authorize(inputs, request)?;
        reduced.cookies = self.take_cookies(inputs.cookies.as_ref(), &mut more)?;
        self.take_fields(inputs.headers.as_ref(), &mut more)?;
        if let Some(key_with) = &inputs.key_with {
            let text = key_with(request).ok_or("key-with")?;
            more.push(b'k', Some(text.as_bytes()));
        }
        self.more = more.into_bytes();
        if self.more.len() > MAX_KEY_BYTES {
            return Err(Bypass::LongKey.as_str());
        }
        self.reduced = Some(reduced);
        Ok(self)
    }

    fn authorize(
        &mut self,
        inputs: &InputChoices,
        request: &request::Parts,
    ) -> Result<(), &'static str> {
        let proves = inputs.requires;
        if proves.is_some_and(|proves| !proves(&request.extensions)) {
            return Err("unproven");
        }
        let hides = match inputs.authorization {
            Authorization::Rfc9111 => false,
            Authorization::Hide => true,
            Authorization::AlreadyChecked => proves.is_some(),
        };
        if hides && self.headers.contains_key(AUTHORIZATION) {
            self.headers.to_mut().remove(AUTHORIZATION);
        }
        Ok(())
    }

    /// Takes the cookies out of what counts, and returns those that are in the key.
    fn take_cookies(
        &mut self,
        choice: Option<&Inputs>,
        more: &mut More,
    ) -> Result<Option<HeaderValue>, &'static str> {
        let there = self.headers.contains_key(COOKIE);
        let mut kept = None;
        match choice {
            None => return Ok(None),
            Some(Inputs::Bypass) if there => return Err("cookies"),
            Some(Inputs::BypassOn(names)) => {
                if semantics::cookies(&self.headers, names).next().is_some() {
                    return Err("cookies");
                }
            }
            Some(Inputs::Key(names)) => {
                let pairs: Vec<_> = semantics::cookies(&self.headers, names).collect();
                kept = semantics::cookie_field(&pairs);
                more.push(b'c', kept.as_ref().map(HeaderValue::as_bytes));
            }
            Some(Inputs::Bypass | Inputs::Hide) => {}
        }
        if there {
            self.headers.to_mut().remove(COOKIE);
        }
        Ok(kept)
    }

    fn take_fields(
        &mut self,
        choice: Option<&Inputs>,
        more: &mut More,
    ) -> Result<(), &'static str> {
        match choice {
            None => {}
            Some(Inputs::Hide) => semantics::hide_all(self.headers.to_mut()),
            Some(Inputs::Key(names)) => {
                more.push_fields(&self.headers, names);
                if semantics::has_unkeyed(&self.headers) {
                    semantics::hide_unkeyed(self.headers.to_mut(), names);
                }
            }
            Some(Inputs::Bypass) if semantics::has_unkeyed(&self.headers) => {
                return Err("headers");
            }
            Some(Inputs::BypassOn(names)) => {
                let there = |name: &String| self.headers.contains_key(name.as_str());
                if names.iter().any(there) {
                    return Err("headers");
                }
            }
            Some(Inputs::Bypass) => {}
        }
        Ok(())
    }

    /// The content counts too.
    pub(super) fn count(&mut self, content: &[u8]) {
        self.more.extend_from_slice(content);
    }

    /// The key to look up, or why there is none.
    pub(super) fn key(&'a self, scope: Option<&'a Scope>) -> Result<KeyParts<'a>, &'static str> {
        let parts = KeyParts::of(&self.uri, &self.headers, scope).map_err(Bypass::as_str)?;
        Ok(KeyParts {
            more: &self.more,
            ..parts
        })
    }

    /// The request as it counts, and what of it a handler has yet to be shown.
    pub(super) fn request(self, request: &request::Parts) -> (request::Parts, Option<Reduced>) {
        let mut seen = request.clone();
        if let Some(reduced) = &self.reduced {
            seen.headers = self.headers.into_owned();
            if let Some(own) = &reduced.own {
                seen.uri = own.clone();
                outside::set_uri(&mut seen.extensions, self.uri.into_owned());
            }
        }
        (seen, self.reduced)
    }
}

impl Reduced {
    /// Leaves of the request what counts of it: `seen`, and the cookies of its key.
    pub(super) fn hide<B>(self, seen: &request::Parts, request: &mut Request<B>) {
        *request.headers_mut() = seen.headers.clone();
        if let Some(cookies) = self.cookies {
            request.headers_mut().insert(COOKIE, cookies);
        }
        if self.own.is_some() {
            *request.uri_mut() = seen.uri.clone();
            outside::set_uri(request.extensions_mut(), outside::uri(seen).clone());
        }
    }
}

/// The URI with what counts of its query; `None` if all of it does.
fn with_query(uri: &Uri, query: &Query) -> Result<Option<Uri>, &'static str> {
    let counts = match query {
        Query::All => return Ok(None),
        Query::Only(names) => Counts::Only(names),
        Query::Without(names) => Counts::Without(names),
        Query::Sorted => Counts::Sorted,
    };
    let Some(text) = uri.query() else {
        return Ok(None);
    };
    let left = match semantics::reduced(text, counts) {
        Some(Cow::Borrowed(_)) => return Ok(None),
        Some(Cow::Owned(left)) => format!("{}?{left}", uri.path()),
        None => uri.path().to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(left).ok();
    // It is made of parts of a URI, so it is one.
    let uri = Uri::from_parts(parts).map_err(|_| Bypass::TargetForm.as_str())?;
    Ok(Some(uri))
}
