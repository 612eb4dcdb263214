//! Requests and responses with fields that chance has put together, and what RFC 9111 §3
//! says of them, once more and straight.

use http::{HeaderMap, HeaderName};
use proptest::prelude::*;

/// What a response says, before it is written in one of many ways.
#[derive(Clone, Debug)]
pub(super) struct Says {
    pub(super) status: u16,
    pub(super) directives: Vec<&'static str>,
    /// How they are written: on one line or each on its own, and in which case.
    one_line: bool,
    upper: bool,
    pub(super) others: Vec<(&'static str, &'static str)>,
}

/// What a request says of who asks.
#[derive(Clone, Debug)]
pub(super) struct Asks(pub(super) Vec<(&'static str, &'static str)>);

const DIRECTIVES: [&str; 16] = [
    "public",
    "private",
    "private=\"x-a\"",
    "no-store",
    "no-cache",
    "no-cache=\"x-a\"",
    "must-revalidate",
    "must-understand",
    "max-age=60",
    "max-age=0",
    "max-age=-1",
    "s-maxage=60",
    "s-maxage=0",
    "no-transform",
    "x=\"max-age=600, public\"",
    "stale-if-error=60",
];

const OTHERS: [(&str, &str); 9] = [
    ("set-cookie", "a=b"),
    ("vary", "*"),
    ("vary", "x-a"),
    ("expires", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("expires", "Fri, 06 Nov 2054 08:49:37 GMT"),
    ("expires", "0"),
    ("etag", "\"a\""),
    ("age", "59"),
    ("age", "61"),
];

const REQUESTS: [(&str, &str); 7] = [
    ("authorization", "Basic x"),
    ("cookie", "a=b"),
    ("cache-control", "no-store"),
    ("cache-control", "max-age=0"),
    ("x-a", "1"),
    ("pragma", "no-cache"),
    ("if-none-match", "\"b\""),
];

pub(super) fn says() -> impl Strategy<Value = Says> {
    let status = prop::sample::select(vec![
        200, 200, 200, 203, 204, 206, 302, 304, 404, 410, 500, 599,
    ]);
    let directives = prop::sample::subsequence(DIRECTIVES.to_vec(), 0..4);
    let others = prop::sample::subsequence(OTHERS.to_vec(), 0..3);
    (status, directives, any::<[bool; 2]>(), others).prop_map(
        |(status, directives, [one_line, upper], others)| Says {
            status,
            directives,
            one_line,
            upper,
            others,
        },
    )
}

pub(super) fn asks() -> impl Strategy<Value = Asks> {
    prop::sample::subsequence(REQUESTS.to_vec(), 0..3).prop_map(Asks)
}

impl Asks {
    pub(super) fn has(&self, line: (&str, &str)) -> bool {
        self.0.contains(&line)
    }

    fn carries(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| *other == name)
    }
}

impl Says {
    pub(super) fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        let written = |text: &str| match self.upper {
            true => text.to_ascii_uppercase(),
            false => text.to_owned(),
        };
        let lines: Vec<String> = match self.one_line {
            true => vec![written(&self.directives.join(" ,, "))],
            false => self.directives.iter().map(|text| written(text)).collect(),
        };
        for line in lines {
            fields.append("cache-control", line.parse().unwrap());
        }
        for (name, value) in &self.others {
            let name: HeaderName = name.parse().unwrap();
            fields.append(name, value.parse().unwrap());
        }
        fields
    }

    fn has(&self, directive: &str) -> bool {
        let name = |text: &&str| text.split('=').next() == Some(directive);
        self.directives.iter().any(name)
    }

    fn says(&self, directive: &str) -> bool {
        self.directives.contains(&directive)
    }

    fn carries(&self, line: (&str, &str)) -> bool {
        self.others.contains(&line)
    }

    /// For how many seconds it is fresh, where it says so itself (RFC 9111 §4.2.1).
    fn lifetime(&self) -> Option<u64> {
        let shortest = |name| match () {
            () if self.has(name) && !self.says(&format!("{name}=60")) => Some(0),
            () if self.says(&format!("{name}=0"))
                || self.says("max-age=-1") && name == "max-age" =>
            {
                Some(0)
            }
            () if self.has(name) => Some(60),
            () => None,
        };
        let expires = || {
            let lines: Vec<_> = self
                .others
                .iter()
                .filter(|(name, _)| *name == "expires")
                .collect();
            match lines[..] {
                [] => None,
                [(_, value)] if value.contains("2054") => Some(u64::MAX),
                _ => Some(0),
            }
        };
        shortest("s-maxage")
            .or_else(|| shortest("max-age"))
            .or_else(expires)
    }

    /// Whether HTTP forbids that what this request got answers a second one of any kind
    /// without the handler's word.
    pub(super) fn forbids(&self, first: &Asks, second: &Asks) -> Option<&'static str> {
        let understood = [200, 203, 204, 302, 404, 410].contains(&self.status);
        let understands = self.says("must-understand") && understood;
        let for_all = self.says("public") || self.has("s-maxage");
        let age = match () {
            () if self.carries(("age", "59")) => 59,
            () if self.carries(("age", "61")) => 61,
            () => 0,
        };
        let carries = |name| first.carries(name) || second.carries(name);
        match () {
            () if [206, 304].contains(&self.status) => Some("part"),
            () if self.says("must-understand") && !understood => Some("must-understand"),
            () if self.says("no-store") && !understands => Some("no-store"),
            () if self.has("private") => Some("private"),
            () if self.has("no-cache") => Some("no-cache"),
            () if first.has(("cache-control", "no-store")) => Some("request"),
            () if carries("authorization") && !for_all && !self.says("must-revalidate") => {
                Some("authorization")
            }
            () if carries("cookie") && !for_all => Some("cookie"),
            () if self.carries(("vary", "*")) => Some("vary"),
            () if self.carries(("vary", "x-a"))
                && first.carries("x-a") != second.carries("x-a") =>
            {
                Some("variant")
            }
            // A route may say otherwise of what follows.
            () if self.carries(("set-cookie", "a=b")) => Some("set-cookie"),
            () => match self.lifetime() {
                None => Some("no lifetime"),
                Some(lifetime) if lifetime <= age => Some("stale"),
                Some(_) => None,
            },
        }
    }
}
