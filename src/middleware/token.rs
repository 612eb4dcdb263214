//! The tokens that requests carry, and those that responses take along.

use super::context::CacheContext;
use crate::cache::Shared;
use crate::coherence::Satisfied;
use crate::concern::Receipt;
use crate::token::{Part, Token};
use http::header::{COOKIE, Entry, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response};
use std::time::Duration;

/// How requests that a token leads past the store are counted.
pub(super) const REASON: &str = "token";

/// How long a client keeps a token for which no bound holds yet.
const UNBOUND: Duration = Duration::from_secs(3600);

/// What a request carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Carried {
    Nothing,
    /// One, or several joined.
    Token(Token),
    /// Something that is not a token of ours.
    Unreadable,
}

/// Whether a read may look into the store.
pub(super) enum May {
    Look,
    /// Once this is satisfied.
    LookAfter(Token),
    Pass,
}

/// Reads what the request carries, and takes the cookie away: it is no credential,
/// and it is nothing to the handler.
pub(super) fn take(cache: &Shared, headers: &mut HeaderMap) -> Carried {
    let mut carried = Carried::Nothing;
    let Some(tokens) = &cache.settings.tokens else {
        return carried;
    };
    if let Some(name) = &tokens.header {
        for line in headers.get_all(name) {
            for text in line.as_bytes().split(|byte| *byte == b',') {
                carried = carried.and(tokens.read(text.trim_ascii()));
            }
        }
    }
    if let Some(name) = tokens.cookie {
        for text in take_cookies(headers, name) {
            carried = carried.and(tokens.read(&text));
        }
    }
    carried
}

impl Carried {
    fn and(self, token: Option<Token>) -> Self {
        match (self, token) {
            (Self::Nothing, Some(token)) => Self::Token(token),
            (Self::Token(one), Some(other)) => Self::Token(one.join(other)),
            _ => Self::Unreadable,
        }
    }

    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nothing | Self::Unreadable => None,
        }
    }

    /// Asked before the invalidation clock is read: what the token stands for came
    /// before the request.
    pub(super) fn may(&self, cache: &Shared) -> May {
        match self {
            Self::Nothing => May::Look,
            Self::Unreadable => May::Pass,
            Self::Token(token) => match cache.coherence.satisfies(token) {
                Satisfied::Yes => May::Look,
                Satisfied::NotYet => May::LookAfter(token.clone()),
                Satisfied::Never => May::Pass,
            },
        }
    }
}

/// Waits for the write of the token, if that helps. Returns whether it is applied
/// here.
///
/// # Cancel safety
///
/// Dropping the future ends the wait.
pub(super) async fn wait(cache: &Shared, token: &Token) -> bool {
    match &cache.settings.tokens {
        Some(tokens) => cache.coherence.wait_for(token, tokens.wait).await,
        None => false,
    }
}

/// Gives the response of a write the token of it. What the request carried and
/// this instance does not have goes along: the client has only this one after.
pub(super) fn tell<X>(
    cache: &Shared,
    context: &CacheContext,
    receipt: Option<&Receipt>,
    response: Option<&mut Response<X>>,
) {
    let Some(tokens) = &cache.settings.tokens else {
        return;
    };
    let written = receipt.and_then(Receipt::token);
    let (Some(token), Some(response)) = (written, response) else {
        return;
    };
    let mut token = token.clone();
    if let Some(carried) = context.token()
        && cache.coherence.satisfies(&carried) != Satisfied::Yes
    {
        token = token.join(carried);
    }
    let text = tokens.write(&token);
    let headers = response.headers_mut();
    if let Some(name) = &tokens.header
        && let Ok(value) = HeaderValue::from_str(&text)
    {
        headers.insert(name, value);
    }
    if let Some(name) = tokens.cookie {
        let seconds = max_age(&token, cache.coherence.largest_bound());
        let cookie = format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// For how many seconds a client keeps the token. The bound counts from when the
/// bus took the write: before that, and where a route serves without one, nothing
/// says when all instances will have it.
fn max_age(token: &Token, bound: Duration) -> u64 {
    let in_the_log = |part: &Part| matches!(part, Part::At(_));
    let bounded = token.parts().iter().all(in_the_log) && bound != Duration::MAX;
    let age = if bounded {
        bound.saturating_mul(2)
    } else {
        UNBOUND
    };
    let begun = u64::from(age.subsec_nanos() > 0);
    age.as_secs().saturating_add(begun).max(1)
}

/// Takes all cookies of this name out, and returns their values. A field of which
/// nothing is left goes.
fn take_cookies(headers: &mut HeaderMap, name: &str) -> Vec<Vec<u8>> {
    let mut lines = headers.get_all(COOKIE).iter();
    if !lines.any(|line| holds(line, name)) {
        return Vec::new();
    }
    let lines: Vec<_> = match headers.entry(COOKIE) {
        Entry::Occupied(entry) => entry.remove_entry_mult().1.collect(),
        Entry::Vacant(_) => Vec::new(),
    };
    let mut taken = Vec::new();
    for line in lines {
        if let Some(line) = without(line, name, &mut taken) {
            headers.append(COOKIE, line);
        }
    }
    taken
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes()
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
}

/// The value of the pair, if it is of this name.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    value.strip_prefix(b"=").map(<[u8]>::trim_ascii_start)
}

fn holds(line: &HeaderValue, name: &str) -> bool {
    pairs(line).any(|pair| value_of(pair, name).is_some())
}

/// The line without the pairs of this name; as it was, if there are none.
fn without(line: HeaderValue, name: &str, taken: &mut Vec<Vec<u8>>) -> Option<HeaderValue> {
    let before = taken.len();
    let mut left: Vec<&[u8]> = Vec::new();
    for pair in pairs(&line) {
        match value_of(pair, name) {
            Some(value) => taken.push(value.to_vec()),
            None => left.push(pair),
        }
    }
    if taken.len() == before {
        return Some(line);
    }
    left.retain(|pair| !pair.is_empty());
    if left.is_empty() {
        return None;
    }
    // It is made of parts of a value, so it is one.
    HeaderValue::from_bytes(&left.join(&b"; "[..])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(lines: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let taken = take_cookies(&mut headers, "t");
        let left = headers.get_all(COOKIE).iter();
        (
            left.map(|line| text(line.as_bytes())).collect(),
            taken.iter().map(|value| text(value)).collect(),
        )
    }

    fn case(lines: &[&'static str], want: &[&str], taken: &[&str]) {
        let (left, found) = left(lines);
        assert_eq!((left, found), (owned(want), owned(taken)), "{lines:?}");
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn the_cookie_is_taken_out_and_the_others_stay() {
        case(&["t=1"], &[], &["1"]);
        case(&["a=2; t=1; b=3"], &["a=2; b=3"], &["1"]);
        case(&["a=2", "t=1;t=4 ; ", "b=3"], &["a=2", "b=3"], &["1", "4"]);
        case(&["t =\t1"], &[], &["1"]);
        case(&["t="], &[], &[""]);
    }

    #[test]
    fn a_line_without_it_stays_as_it_is() {
        for line in ["a=2;b=3 ;; c", "tt=1; T=1", "t", "at=1", "a=t=1", "=t"] {
            case(&[line], &[line], &[]);
        }
    }

    #[test]
    fn a_token_is_kept_for_twice_the_bound_in_whole_seconds() {
        let token: Token = "1-0:00000000000000ff".parse().unwrap();
        let seconds = |millis| max_age(&token, Duration::from_millis(millis));
        assert_eq!([seconds(1), seconds(900), seconds(3000)], [1, 2, 6]);
        assert_eq!(max_age(&token, Duration::MAX), 3600);
        let joined = token.join("n".parse().unwrap());
        assert_eq!(max_age(&joined, Duration::from_secs(3)), 3600);
        let here: Token = "h00000000000000ff-1".parse().unwrap();
        assert_eq!(max_age(&here, Duration::from_secs(3)), 3600);
    }
}
