//! Where requests carry the tokens of writes, and how long they wait for them.

use super::builder::CacheBuilder;
use crate::error::Error;
use crate::token::{Token, TokenKey};
use http::HeaderName;
use http::header::{COOKIE, SET_COOKIE};
use std::time::Duration;

/// What the builder was told of tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) header: Option<HeaderName>,
    pub(crate) cookie: Option<&'static str>,
    key: Option<TokenKey>,
    /// How long a request waits.
    pub(crate) wait: Duration,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            header: None,
            cookie: None,
            key: None,
            wait: Duration::from_millis(100),
        }
    }
}

impl Tokens {
    /// `None`: nobody carries any.
    pub(super) fn in_use(self) -> Option<Self> {
        (self.header.is_some() || self.cookie.is_some()).then_some(self)
    }

    /// The text for a client.
    pub(crate) fn write(&self, token: &Token) -> String {
        match &self.key {
            Some(key) => key.seal(token),
            None => token.to_string(),
        }
    }

    pub(crate) fn read(&self, text: &[u8]) -> Option<Token> {
        let text = str::from_utf8(text).ok()?;
        match &self.key {
            Some(key) => key.open(text),
            None => Token::read(text),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(name) = self.cookie {
            check_cookie(name)?;
        }
        match &self.header {
            Some(header) if [COOKIE, SET_COOKIE].contains(header) => Err(Error::configuration(
                format!("`token_header` is `{header}`: for a cookie use `token_cookie`"),
            )),
            _ => Ok(()),
        }
    }
}

/// A token of RFC 9110 §5.6.2 (RFC 6265 §4.1.1), without a prefix that browsers
/// take with `Secure` only.
fn check_cookie(name: &str) -> Result<(), Error> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(in_name) {
        return Err(Error::configuration(format!(
            "`token_cookie` is {name:?}, which is no name of a cookie"
        )));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Err(Error::configuration(format!(
            "`token_cookie` is {name:?}: browsers take that prefix with `Secure` only, which the cache does not say"
        )));
    }
    Ok(())
}

impl CacheBuilder {
    /// Read your writes, by a header field of this name: the response of an unsafe
    /// request that invalidated something carries the token of it, and a safe
    /// request that carries tokens is answered, by any instance, with nothing older
    /// than their writes. Off unless this or [`token_cookie`](Self::token_cookie) is
    /// said.
    ///
    /// For clients that send back what they were told. A request may carry several
    /// fields, or several tokens between commas. An instance that has not yet
    /// applied what a token stands for waits for [`token_wait`](Self::token_wait),
    /// then passes the request to its handler; so it does with a token that it cannot
    /// read or that nobody can satisfy. [`Stats::bypasses`](crate::Stats::bypasses)
    /// counts those under `token`.
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.tokens.header = Some(name);
        self
    }

    /// The same by a cookie of this name: browsers send it back by themselves.
    ///
    /// It is set with `Path=/; HttpOnly; SameSite=Lax` and a `Max-Age` of twice the
    /// largest staleness bound in use: after the bound no instance serves anything
    /// older than the write anyway. A write that had not reached the bus when its
    /// response left has no bound yet, since the bound counts from there: its cookie
    /// stays for an hour.
    ///
    /// The layer takes the cookie out of the request. It is no credential, it keeps
    /// no response from being stored, and handlers do not see it; they find the token
    /// in [`CacheContext::token`](crate::CacheContext::token).
    pub fn token_cookie(mut self, name: &'static str) -> Self {
        self.tokens.cookie = Some(name);
        self
    }

    /// A secret that all instances share. With it a token without the right tag is
    /// not read: clients can neither make tokens up nor have instances wait for
    /// them. Then only what a layer wrote into a response is read back, not the
    /// text of [`Receipt::token`](crate::Receipt::token).
    pub fn token_key(mut self, key: [u8; 16]) -> Self {
        self.tokens.key = Some(TokenKey(key));
        self
    }

    /// How long a request waits for the write of its token to arrive here before it
    /// is passed to its handler. 100 ms unless said.
    pub fn token_wait(mut self, wait: Duration) -> Self {
        self.tokens.wait = wait;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_a_cookie_is_refused() {
        for name in [
            "",
            "a b",
            "a=b",
            "a;b",
            "a,b",
            "ä",
            "a\n",
            "__Host-a",
            "__secure-a",
        ] {
            assert!(check_cookie(name).is_err(), "{name}");
        }
        assert!(check_cookie("wrote").is_ok());
    }
}
