//! Age and freshness (RFC 9111 §4.2).

use super::cache_control::{MAX_DELTA, delta_seconds};
use super::dates::parse_date;
use super::list::trim;
use http::header::{AGE, DATE};
use http::{HeaderMap, HeaderValue};
use std::time::{Duration, SystemTime};

/// How old a response is at the moment it is received (RFC 9111 §4.2.3,
/// `corrected_initial_age`): the later of what `Date` and `Age` say. `delay` is
/// how long the response took. A `Date` that is missing or unreadable says
/// nothing.
pub(crate) fn initial_age(headers: &HeaderMap, received: SystemTime, delay: Duration) -> Duration {
    let apparent = date(headers, received)
        .and_then(|date| received.duration_since(date).ok())
        .unwrap_or_default();
    let corrected = age(headers).unwrap_or_default().saturating_add(delay);
    apparent.max(corrected)
}

/// How old it is after it was stored for `resident` (RFC 9111 §4.2.3).
pub(crate) fn current_age(initial: Duration, resident: Duration) -> Duration {
    initial.saturating_add(resident)
}

/// Whether a response of this age may still be used (RFC 9111 §4.2).
pub(crate) fn is_fresh(lifetime: Duration, age: Duration) -> bool {
    lifetime > age
}

/// Says the age, in whole seconds, instead of what stood there (RFC 9111 §4, §5.1).
pub(crate) fn write_age(headers: &mut HeaderMap, age: Duration) {
    headers.insert(AGE, seconds(age.min(MAX_DELTA).as_secs()));
}

/// The same for fields that [have room](with_room_for_age) for it. An `insert` would make
/// room for one more before it looks for the one that is there.
pub(crate) fn write_age_in_its_place(headers: &mut HeaderMap, age: Duration) {
    match headers.get_mut(AGE) {
        Some(place) => *place = seconds(age.min(MAX_DELTA).as_secs()),
        None => write_age(headers, age),
    }
}

/// Makes room for an age in fields that are to be cloned: a clone has no room for one
/// more, and would be moved to get it.
pub(crate) fn with_room_for_age(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(AGE, HeaderValue::from_static("0"));
    headers
}

/// Ages that are written already, up to a little under three hours.
static WRITTEN: [[u8; 4]; 10_000] = written();

const fn written() -> [[u8; 4]; 10_000] {
    let mut all = [[b'0'; 4]; 10_000];
    let mut number = 0;
    while number < all.len() {
        let (mut rest, mut digit) = (number, 4);
        while digit > 0 {
            digit -= 1;
            all[number][digit] = b"0123456789"[rest % 10];
            rest /= 10;
        }
        number += 1;
    }
    all
}

fn seconds(age: u64) -> HeaderValue {
    let place = usize::try_from(age).ok();
    let digits = place.and_then(|place| WRITTEN.get(place));
    let zeros = match age {
        0..10 => 3,
        10..100 => 2,
        100..1000 => 1,
        _ => 0,
    };
    let text = digits.and_then(|digits| str::from_utf8(&digits[zeros..]).ok());
    text.map_or_else(|| HeaderValue::from(age), HeaderValue::from_static)
}

/// The one `Date`. None if it is there twice.
pub(super) fn date(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    let mut lines = headers.get_all(DATE).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => parse_date(line, now),
        _ => None,
    }
}

/// The first member of `Age`; ignored if it is not a non-negative integer
/// (RFC 9111 §5.1).
pub(super) fn age(headers: &HeaderMap) -> Option<Duration> {
    let line = headers.get(AGE)?.as_bytes();
    delta_seconds(trim(line.split(|byte| *byte == b',').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const SECOND: Duration = Duration::from_secs(1);

    fn received() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn initial(lines: &[(http::HeaderName, &'static str)]) -> Duration {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        initial_age(&headers, received(), SECOND)
    }

    #[test]
    fn the_first_member_of_age_counts_if_it_is_a_number() {
        for (value, seconds) in [
            ("7", 7),
            ("0", 0),
            (" 7 , 9", 7),
            ("007", 7),
            ("", 0),
            ("-1", 0),
            ("1.5", 0),
            ("abc", 0),
            ("abc, 7", 0),
            (", 7", 0),
            ("\"7\"", 0),
            ("2147483649", 1 << 31),
            ("99999999999999999999", 1 << 31),
        ] {
            let expected = Duration::from_secs(seconds) + SECOND;
            assert_eq!(initial(&[(AGE, value)]), expected, "{value}");
        }
        assert_eq!(initial(&[(AGE, "5"), (AGE, "9")]), 6 * SECOND);
    }

    #[test]
    fn of_date_and_age_the_older_counts() {
        let date = (DATE, "Sun, 06 Nov 1994 08:49:27 GMT");
        assert_eq!(initial(std::slice::from_ref(&date)), 10 * SECOND);
        assert_eq!(initial(&[date.clone(), (AGE, "3")]), 10 * SECOND);
        assert_eq!(initial(&[date.clone(), (AGE, "30")]), 31 * SECOND);
        assert_eq!(initial(&[date.clone(), date]), SECOND);
        assert_eq!(initial(&[(DATE, "today")]), SECOND);
        assert_eq!(initial(&[(DATE, "Sat, 06 Nov 2094 08:49:27 GMT")]), SECOND);
    }

    #[test]
    fn a_response_as_old_as_its_lifetime_is_stale() {
        let age = current_age(3 * SECOND, 4 * SECOND);
        assert!(is_fresh(8 * SECOND, age));
        assert!(!is_fresh(7 * SECOND, age));
        assert_eq!(current_age(Duration::MAX, SECOND), Duration::MAX);
    }

    #[test]
    fn the_age_is_said_once_and_in_whole_seconds() {
        let mut headers = HeaderMap::new();
        headers.append(AGE, HeaderValue::from_static("1"));
        headers.append(AGE, HeaderValue::from_static("2"));
        write_age(&mut headers, Duration::from_millis(3999));
        assert_eq!(headers.get_all(AGE).iter().collect::<Vec<_>>(), ["3"]);
        write_age(&mut headers, Duration::MAX);
        assert_eq!(headers[AGE], "2147483648");
    }

    #[test]
    fn an_age_is_written_as_a_number() {
        for age in (0..10_100).chain([86_400, 1 << 31]) {
            assert_eq!(seconds(age), age.to_string(), "{age}");
        }
    }
}
