//! `Coherence-Cache-Control`: a Dictionary.

use super::field;
use crate::fuzz::{Target, texts};
use crate::semantics::COHERENCE_CACHE_CONTROL;
use crate::semantics::cache_control::{CacheControl, MAX_DELTA};
use crate::semantics::targeted::{Expires, Instructions, strip_targeted};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use proptest::prelude::*;

fn target() -> Target {
    Target {
        name: "targeted",
        cases: 40_000,
        corpus: texts(&[
            "",
            "max-age=60",
            "public, s-maxage=7;x=1\nno-cache=\"set-cookie\"",
            "private, must-revalidate=?0, ext=(a \"b\");c, no-store=:YQ==:",
            "max-age=60.5, max-age=\"60\", max-age=-1, must-understand",
        ]),
        words: &[
            ",",
            ", ",
            "=",
            ";",
            "\"",
            "\n",
            " ",
            "\t",
            "?0",
            "?1",
            "no-store",
            ", no-store",
            "private",
            "public",
            "max-age=",
            "s-maxage=5",
            "MAX-AGE=7,",
            "0",
            "999999999999999",
            "(",
            ")",
        ],
    }
}

#[test]
fn a_targeted_field_decides_alone_or_not_at_all() {
    let list = [COHERENCE_CACHE_CONTROL];
    target().holds(|bytes| {
        let Some(mut headers) = field(&COHERENCE_CACHE_CONTROL, bytes) else {
            return Ok(false);
        };
        let alone = Instructions::of(&headers, &list);
        let plain = HeaderValue::from_static("private, max-age=1, s-maxage=2, \"");
        headers.insert(CACHE_CONTROL, plain);
        let read = Instructions::of(&headers, &list);
        let decides = read.expires == Expires::Ignored;
        let expected = if decides {
            alone.directives
        } else {
            CacheControl::of(&headers)
        };
        prop_assert_eq!(read.directives, expected);
        for age in [read.directives.max_age, read.directives.s_maxage] {
            prop_assert!(age.is_none_or(|age| age <= MAX_DELTA));
        }
        // A Dictionary goes on after a comma, and what is none stays none.
        let more = field(&COHERENCE_CACHE_CONTROL, &[bytes, b"\nno-store"].concat());
        let more = Instructions::of(&more.expect("a value"), &list);
        if decides {
            let strict = CacheControl {
                no_store: true,
                ..read.directives
            };
            prop_assert_eq!(more.directives, strict);
        }
        strip_targeted(&mut headers, &list);
        prop_assert_eq!(Instructions::of(&headers, &list).expires, Expires::Counts);
        Ok(decides)
    });
}
