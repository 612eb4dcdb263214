//! Dates.

use crate::fuzz::{Target, texts};
use crate::semantics::dates::{http_date, parse_date};
use http::HeaderValue;
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];

/// 1970, the day of writing, the end of 2098 and the last of the year 9999.
const NOWS: [u64; 4] = [0, 1_795_000_000, 4_070_000_000, 253_402_300_799];

const FIFTY_YEARS: u64 = 50 * 31_556_952;

fn target() -> Target {
    Target {
        name: "dates",
        cases: 60_000,
        corpus: texts(&[
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sat, 31 Dec 2016 23:59:60 GMT",
            "Thu, 29 Feb 2024 00:00:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Friday, 31-Dec-76 00:00:00 GMT",
        ]),
        words: &[
            "Mon", "Tue", "Sunday", "Monday", "Jan", "Feb", "Dec", "GMT", "gmt", " ", ", ", "-",
            ":", ":60", "00", "29", "31", "1970", "2000", "2100", "9999", "+4", "99",
        ],
    }
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, counted day by day and
/// not by `httpdate`. Dates before 1970 and days of other months are none.
fn counted(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let fixed = [
        (3, ", "),
        (7, " "),
        (11, " "),
        (16, " "),
        (19, ":"),
        (22, ":"),
        (25, " gmt"),
    ];
    let shaped = fixed
        .iter()
        .all(|(at, part)| text.get(*at..at + part.len()) == Some(*part));
    if text.len() != 29 || !shaped {
        return None;
    }
    let (day, year) = (number(5, 7)?, number(12, 16)?);
    let month = MONTHS
        .iter()
        .position(|name| text.get(8..11) == Some(*name))?;
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    let leap = |year: u64| {
        let by = |count| year.is_multiple_of(count);
        by(4) && (!by(100) || by(400))
    };
    let length = |month: usize| match month {
        1 => 28 + u64::from(leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    let fits = (1..=length(month)).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if year < 1970 || !fits {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + (0..month).map(length).sum::<u64>() + day - 1;
    let weekday = usize::try_from(days % 7).ok()?;
    let right = text.get(..3) == Some(DAYS[weekday]);
    right.then_some(days * 86_400 + hour * 3600 + minute * 60 + second.min(59))
}

fn since(date: SystemTime) -> u64 {
    date.duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

#[test]
fn a_date_is_what_a_calendar_counts_and_reads_back_as_it_is_written() {
    target().holds(|bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else {
            return Ok(false);
        };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let mut read = false;
        for now in NOWS {
            let date = parse_date(&value, UNIX_EPOCH + Duration::from_secs(now));
            if text.contains('-') {
                prop_assert!(date.is_none_or(|date| since(date) <= now + FIFTY_YEARS));
            } else if text.len() == 29 {
                prop_assert_eq!(date.map(since), counted(text), "{}", text);
            }
            if let Some(date) = date {
                let written = http_date(date);
                prop_assert_eq!(parse_date(&written, UNIX_EPOCH), Some(date));
                read = true;
            }
        }
        Ok(read)
    });
}
