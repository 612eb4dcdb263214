//! HTTP dates (RFC 9110 §5.6.7), around `httpdate`.

use http::HeaderValue;
use httpdate::HttpDate;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 50 years, as years are on average.
const FIFTY_YEARS: Duration = Duration::from_secs(50 * 31_556_952);

/// The end of the year 9999, in seconds since 1970.
const LAST: u64 = 253_402_300_799;

/// The date in any of the three forms, in any case. `now` places the two-digit
/// year of RFC 850: a date more than 50 years ahead is one of the past century.
/// `:60`, a leap second, is read as `:59`. `None` for anything else.
pub(crate) fn parse_date(value: &HeaderValue, now: SystemTime) -> Option<SystemTime> {
    let mut text = in_usual_case(value.to_str().ok()?);
    if let Some(at) = text.rfind(':').filter(|at| text[*at..].starts_with(":60")) {
        text.replace_range(at..at + 3, ":59");
    }
    match text.split_once('-') {
        Some(_) => with_short_year(&text, now),
        None => httpdate::parse_http_date(&text).ok(),
    }
}

/// The date as `Date` has it. A time that HTTP cannot say is the nearest one that
/// it can.
pub(crate) fn http_date(time: SystemTime) -> HeaderValue {
    let text = imf_fixdate(time);
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

fn imf_fixdate(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = Duration::from_secs(since.as_secs().min(LAST));
    HttpDate::from(UNIX_EPOCH + seconds).to_string()
}

/// `sUN, 06 NOV` as `Sun, 06 Nov`, and the zone as `GMT`.
fn in_usual_case(text: &str) -> String {
    let mut after_letter = false;
    let mut usual: String = text
        .chars()
        .map(|letter| {
            let lower = std::mem::replace(&mut after_letter, letter.is_ascii_alphabetic());
            match lower {
                true => letter.to_ascii_lowercase(),
                false => letter.to_ascii_uppercase(),
            }
        })
        .collect();
    if let Some(zone) = usual.strip_suffix("Gmt").map(str::len) {
        usual.replace_range(zone.., "GMT");
    }
    usual
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`, as `Sun, 06 Nov 1994 08:49:37 GMT` with the
/// latest century that is not more than 50 years ahead.
fn with_short_year(text: &str, now: SystemTime) -> Option<SystemTime> {
    let (weekday, rest) = text.split_once(", ")?;
    let (date, time) = rest.split_once(' ')?;
    let mut parts = date.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 2 {
        return None;
    }
    let weekday = short_weekday(weekday)?;
    let century = century_of(now)?;
    let latest = now.checked_add(FIFTY_YEARS)?;
    [century + 1, century, century - 1]
        .into_iter()
        .filter_map(|century| {
            let text = format!("{weekday}, {day} {month} {century}{year} {time}");
            httpdate::parse_http_date(&text).ok()
        })
        .find(|date| *date <= latest)
}

/// 20 for the years from 2000 to 2099.
fn century_of(now: SystemTime) -> Option<u32> {
    imf_fixdate(now).get(12..14)?.parse().ok()
}

fn short_weekday(name: &str) -> Option<&str> {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    NAMES.contains(&name).then(|| name.get(..3)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Some day in November 2026.
    const NOW: u64 = 1_795_000_000;

    fn parse(text: &str) -> Option<u64> {
        let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
        let date = parse_date(&value, at(NOW))?;
        Some(date.duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn the_three_forms_are_one_date() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sUN, 06 nOV 1994 08:49:37 gmt",
            "SUNDAY, 06-NOV-94 08:49:37 gMT",
            "sun nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_one_before() {
        let leap = parse("Sat, 31 Dec 2016 23:59:60 GMT");
        assert_eq!(leap, parse("Sat, 31 Dec 2016 23:59:59 GMT"));
        assert!(leap.is_some());
        assert!(parse("Saturday, 31-Dec-16 23:59:60 GMT").is_some());
        assert!(parse("Sat Dec 31 23:59:60 2016").is_some());
        assert_eq!(parse("Sat, 31 Dec 2016 23:60:00 GMT"), None);
        assert_eq!(parse("Sat, 31 Dec 2016 23:59:61 GMT"), None);
    }

    #[test]
    fn a_short_year_is_at_most_fifty_years_ahead() {
        // 2076 is 50 years ahead, in January less than that.
        assert_eq!(
            parse("Wednesday, 01-Jan-76 00:00:00 GMT"),
            parse("Wed, 01 Jan 2076 00:00:00 GMT")
        );
        // In December more: the one of 1976.
        assert_eq!(
            parse("Friday, 31-Dec-76 00:00:00 GMT"),
            parse("Fri, 31 Dec 1976 00:00:00 GMT")
        );
        assert_eq!(
            parse("Thursday, 01-Jan-77 00:00:00 GMT"),
            None,
            "in 1977 it was a Saturday"
        );
        assert_eq!(
            parse("Saturday, 01-Jan-77 00:00:00 GMT"),
            parse("Sat, 01 Jan 1977 00:00:00 GMT")
        );
        // At the end of 2098, the next century is nearer.
        let value = HeaderValue::from_static("Wednesday, 01-Jan-10 00:00:00 GMT");
        let date = parse_date(&value, at(4_070_000_000)).map(http_date);
        assert_eq!(date.unwrap(), "Wed, 01 Jan 2110 00:00:00 GMT");
    }

    #[test]
    fn what_is_not_exactly_a_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "-",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov  1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-+4 08:49:37 GMT",
            "Sunday, 06-Nov-94-1 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-9\u{e9} 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "784111777",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn any_time_can_be_written() {
        assert_eq!(http_date(at(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            http_date(UNIX_EPOCH - Duration::from_secs(9)),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
        assert_eq!(http_date(at(LAST + 9)), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~]{0,40}", near in "[A-Za-z]{3,9},? [0-9 -]{2,3}[A-Za-z]{3}[0-9 -]{3,5} [0-9:]{6,9} [A-Z]{3}") {
            parse(&text);
            parse(&near);
        }

        #[test]
        fn a_written_date_reads_back(seconds in 0..=LAST) {
            let date = parse_date(&http_date(at(seconds)), at(NOW));
            proptest::prop_assert_eq!(date, Some(at(seconds)));
        }
    }
}
