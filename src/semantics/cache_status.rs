//! `Cache-Status` (RFC 9211): what this cache did with a request.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::fmt::Write;
use std::time::Duration;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What a cache is called in `Cache-Status`, as a member of the field: a Token, or
/// else a String (RFC 9651 §3.3.3, §3.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CacheName(Box<str>);

impl CacheName {
    /// `None` for a name that is empty or not printable ASCII.
    pub(crate) fn new(name: &str) -> Option<Self> {
        if name.is_empty() || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        if is_token(name) {
            return Some(Self(name.into()));
        }
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        Some(Self(format!("\"{escaped}\"").into()))
    }
}

impl Default for CacheName {
    fn default() -> Self {
        Self("tower-coherence".into())
    }
}

fn is_token(name: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'*';
    let later = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
    name.bytes().next().is_some_and(first) && name.bytes().all(later)
}

/// How a request was handled (RFC 9211 §2.1, §2.2): one or the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handled {
    /// From memory.
    Hit,
    Forwarded(Forwarded),
}

/// A request that the handler answered, its own or one that it was collapsed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Forwarded {
    pub(crate) why: Forward,
    /// What the handler answered, if it did (RFC 9211 §2.2).
    pub(crate) status: Option<StatusCode>,
    pub(crate) stored: Stored,
    pub(crate) collapsed: Collapsed,
}

/// Why a request went to the handler (RFC 9211 §2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forward {
    /// The cache does not handle such requests here.
    Bypass,
    Method,
    UriMiss,
    VaryMiss,
    /// Nothing is stored that may be used, and more is not said.
    Miss,
    /// Something is stored, but not for such a request.
    Request,
    Stale,
}

/// Whether the response was stored (RFC 9211 §2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stored {
    Yes,
    /// No, or that is not known when the head leaves: nothing is said.
    Unsaid,
}

/// Whether the request waited for another one (RFC 9211 §2.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Collapsed {
    /// And was answered with what that one got.
    Answered,
    /// And had to go to the handler after all.
    InVain,
    No,
}

impl Forward {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

/// For how many seconds a response is fresh, in whole ones as `Age` has them; negative
/// when it is stale (RFC 9211 §2.3).
pub(crate) fn ttl(lifetime: Duration, age: Duration) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    seconds(lifetime).saturating_sub(seconds(age))
}

/// Adds the member of this cache after those that are there: the first is the one
/// closest to the origin (RFC 9211 §2). `detail` is a word of ours.
pub(crate) fn add_status(
    headers: &mut HeaderMap,
    name: &CacheName,
    handled: Handled,
    ttl: Option<i64>,
    detail: Option<&'static str>,
) {
    let mut member = String::from(&*name.0);
    match handled {
        Handled::Hit => member.push_str("; hit"),
        Handled::Forwarded(forwarded) => forwarded.write(&mut member),
    }
    if let Some(ttl) = ttl {
        // Writing into a `String` does not fail.
        let _ = write!(member, "; ttl={ttl}");
    }
    if let Some(detail) = detail.filter(|detail| is_token(detail)) {
        let _ = write!(member, "; detail={detail}");
    }
    if let Ok(member) = HeaderValue::try_from(member) {
        headers.append(CACHE_STATUS, member);
    }
}

impl Forwarded {
    fn write(&self, member: &mut String) {
        let _ = write!(member, "; fwd={}", self.why.as_str());
        if let Some(status) = self.status {
            let _ = write!(member, "; fwd-status={}", status.as_u16());
        }
        match self.stored {
            Stored::Yes => member.push_str("; stored"),
            Stored::Unsaid => {}
        }
        match self.collapsed {
            Collapsed::Answered => member.push_str("; collapsed"),
            Collapsed::InVain => member.push_str("; collapsed=?0"),
            Collapsed::No => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfv::{BareItem, List, ListEntry, Parser};

    fn said(handled: Handled, ttl: Option<i64>, detail: Option<&'static str>) -> String {
        let mut headers = HeaderMap::new();
        let name = CacheName::new("shop").unwrap();
        add_status(&mut headers, &name, handled, ttl, detail);
        headers[CACHE_STATUS].to_str().unwrap().to_owned()
    }

    const MISSED: Forwarded = Forwarded {
        why: Forward::UriMiss,
        status: Some(StatusCode::OK),
        stored: Stored::Unsaid,
        collapsed: Collapsed::No,
    };

    #[test]
    fn hit_and_forward_exclude_each_other() {
        assert_eq!(said(Handled::Hit, Some(59), None), "shop; hit; ttl=59");
        assert_eq!(
            said(Handled::Forwarded(MISSED), None, None),
            "shop; fwd=uri-miss; fwd-status=200"
        );
        let whole = Forwarded {
            why: Forward::Stale,
            status: Some(StatusCode::NOT_FOUND),
            stored: Stored::Yes,
            collapsed: Collapsed::Answered,
        };
        assert_eq!(
            said(Handled::Forwarded(whole), Some(-3), Some("expired")),
            "shop; fwd=stale; fwd-status=404; stored; collapsed; ttl=-3; detail=expired"
        );
        let in_vain = Forwarded {
            collapsed: Collapsed::InVain,
            ..MISSED
        };
        assert!(said(Handled::Forwarded(in_vain), None, None).ends_with("; collapsed=?0"));
    }

    #[test]
    fn the_own_member_comes_last_and_the_others_stay() {
        let mut headers = HeaderMap::new();
        headers.append(CACHE_STATUS, HeaderValue::from_static("origin; hit, b"));
        headers.append(CACHE_STATUS, HeaderValue::from_static("not a list;;"));
        let name = CacheName::new("shop").unwrap();
        add_status(&mut headers, &name, Handled::Hit, None, None);
        let lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(lines, ["origin; hit, b", "not a list;;", "shop; hit"]);
    }

    #[test]
    fn a_name_is_a_token_or_a_string_and_cannot_split_the_field() {
        for name in [
            "shop",
            "Shop-1.eu:80/a",
            "*",
            "a b",
            "7",
            "a,b; hit",
            "\"\\",
            "-",
        ] {
            let mut headers = HeaderMap::new();
            let own = CacheName::new(name).unwrap();
            add_status(&mut headers, &own, Handled::Hit, Some(1), None);
            let list: List = Parser::new(headers[CACHE_STATUS].as_bytes())
                .parse()
                .unwrap();
            let [ListEntry::Item(item)] = list.as_slice() else {
                unreachable!("one member: {name}")
            };
            let read = match &item.bare_item {
                BareItem::Token(token) => token.as_str(),
                BareItem::String(text) => text.as_str(),
                other => unreachable!("{other:?}"),
            };
            assert_eq!(read, name);
            let names: Vec<_> = item.params.keys().map(|key| key.as_str()).collect();
            assert_eq!(names, ["hit", "ttl"]);
        }
        for name in ["", "a\n", "\u{e9}", "\0", "\x7f"] {
            assert_eq!(CacheName::new(name), None, "{name:?}");
        }
    }

    #[test]
    fn ttl_is_negative_when_stale() {
        let ttl = |lifetime, age| {
            let millis = Duration::from_millis;
            ttl(millis(lifetime), millis(age))
        };
        assert_eq!(ttl(60_000, 0), 60);
        assert_eq!(ttl(60_000, 999), 60);
        assert_eq!(ttl(60_000, 59_999), 1);
        assert_eq!(ttl(60_000, 60_000), 0);
        assert_eq!(ttl(60_000, 62_500), -2);
        assert_eq!(super::ttl(Duration::MAX, Duration::ZERO), i64::MAX);
    }
}
