//! `Range`.

use super::field;
use crate::fuzz::{Target, texts};
use crate::semantics::{Dating, Extent, asked_range};
use http::header::RANGE;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

fn target() -> Target {
    Target {
        name: "range",
        cases: 40_000,
        corpus: texts(&[
            "bytes=0-0",
            "bytes=2-4",
            "bytes=7-",
            "bytes=-3",
            "bytes=5-18446744073709551615",
            "bytes=18446744073709551616-",
            "bytes=0-1, 3-4",
            "bytes=,1-2,",
            "Bytes=-0",
            "items=0-1",
            "bytes=0-1\nbytes=2-3",
        ]),
        words: &[
            "bytes=",
            "=",
            "-",
            ",",
            " ",
            "\t",
            "\n",
            "0",
            "9",
            "10",
            "18446744073709551615",
            "x",
        ],
    }
}

/// First and last position of the one range, read by pieces of text and in 128 bits.
fn second_reading(line: &[u8], length: u128) -> Option<Result<(u128, u128), ()>> {
    let text = std::str::from_utf8(line).ok()?.to_ascii_lowercase();
    let members = text.strip_prefix("bytes=")?.split(',');
    let members = members.map(|member| member.trim_matches([' ', '\t']));
    let named: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let [one] = named[..] else { return None };
    let (first, last) = one.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let long = text.trim_start_matches('0').len() > 30;
        digits.then(|| {
            if long {
                u128::MAX
            } else {
                text.parse().expect("30 digits")
            }
        })
    };
    if first.is_empty() {
        return match number(last)? {
            0 => Some(Err(())),
            _ if length == 0 => None,
            many => Some(Ok((length.saturating_sub(many), length - 1))),
        };
    }
    let first = number(first)?;
    let last = if last.is_empty() {
        u128::MAX
    } else {
        number(last)?
    };
    if last < first {
        return None;
    }
    Some(if first < length {
        Ok((first, last.min(length - 1)))
    } else {
        Err(())
    })
}

#[test]
fn a_range_is_a_part_of_the_bytes_that_a_second_reading_also_finds() {
    target().holds(|bytes| {
        let Some(headers) = field(&RANGE, bytes) else {
            return Ok(false);
        };
        let stored = HeaderMap::new();
        let range = asked_range(
            &Method::GET,
            &headers,
            &stored,
            Dating::of(&stored, UNIX_EPOCH),
        );
        let one_line = !bytes.contains(&b'\n');
        for length in [0, 1, 5, 10, usize::MAX] {
            let wide = u128::try_from(length).expect("fewer bits");
            let expected = second_reading(bytes, wide).filter(|_| one_line);
            match range.map(|range| range.of(length)) {
                None | Some(Extent::Whole) => prop_assert_eq!(expected, None),
                Some(Extent::Unsatisfiable) => prop_assert_eq!(expected, Some(Err(()))),
                Some(Extent::Part(part)) => {
                    prop_assert!(part.start < part.end && part.end <= length);
                    let wide = |at| u128::try_from(at).expect("fewer bits");
                    let found = (wide(part.start), wide(part.end) - 1);
                    // Of as many bytes as there can be, the last one has no number.
                    if length < usize::MAX {
                        prop_assert_eq!(expected, Some(Ok(found)));
                    }
                }
            }
        }
        Ok(range.is_some())
    });
}
