//! Numbers with their unit.

use std::time::Duration;

pub(super) const TIMES: &str = "d, h, m, s and ms";
pub(super) const SIZES: &str = "B, KiB, MiB, GiB, kB, MB and GB";

const MILLIS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

const BYTES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// `1h30m`: each unit once, the largest first.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut units = MILLIS.iter();
    let (mut rest, mut total) = (text, 0_u64);
    loop {
        let (number, unit, after) = quantity(rest)?;
        let (_, millis) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*millis)?)?;
        if after.is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = after;
    }
}

/// `16MiB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit, after) = quantity(text)?;
    let (_, bytes) = BYTES.iter().find(|(name, _)| *name == unit)?;
    after
        .is_empty()
        .then(|| number.checked_mul(*bytes))
        .flatten()
}

/// `90%`, as a part of one.
pub(super) fn part(text: &str) -> Option<f32> {
    let number = text.strip_suffix('%')?;
    let plain = |letter: char| letter.is_ascii_digit() || letter == '.';
    let percent: f32 = number.parse().ok().filter(|_| number.chars().all(plain))?;
    (percent <= 100.0).then_some(percent / 100.0)
}

/// `404` or `400-499`: the first status and the last.
pub(super) fn statuses(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

fn status(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|status| digits && *status >= 100)
}

/// A number, its unit, and what comes after.
fn quantity(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|letter: char| letter.is_ascii_digit());
    let (unit, after) = rest.split_at(letters.unwrap_or(rest.len()));
    Some((number.parse().ok()?, unit, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_units_each_once_and_the_largest_first() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "10",
            "10 m",
            " 10m",
            "10m ",
            "30m1h",
            "1m1m",
            "1.5h",
            "-1s",
            "1w",
            "1S",
            "1M",
            "10m5",
            "18446744073709551616s",
            "18446744073709551615s",
            "1٣s",
            "+1s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_is_one_number_with_a_unit() {
        for (text, size) in [
            ("0B", 0),
            ("16MiB", 16 << 20),
            ("1GiB", 1 << 30),
            ("10kB", 10_000),
            ("2MB", 2_000_000),
            ("3GB", 3_000_000_000),
            ("64KiB", 65_536),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in [
            "",
            "16",
            "16mib",
            "16 MiB",
            "1.5MiB",
            "1MiB1KiB",
            "1KB",
            "18446744073709551615KiB",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_is_in_percent() {
        assert_eq!(part("90%"), Some(0.9));
        assert_eq!(part("0%"), Some(0.0));
        assert_eq!(part("100%"), Some(1.0));
        assert_eq!(part("12.5%"), Some(0.125));
        for text in [
            "90", "0.9", "101%", "-1%", "nan%", "inf%", "1e1%", "%", ".%", "90 %",
        ] {
            assert_eq!(part(text), None, "{text}");
        }
    }

    #[test]
    fn statuses_are_one_or_a_range() {
        assert_eq!(statuses("404"), Some((404, 404)));
        assert_eq!(statuses("400-499"), Some((400, 499)));
        for text in [
            "",
            "4xx",
            "499-400",
            "404-",
            "-404",
            "99",
            "0404",
            "40",
            "+40",
            "400-499-500",
        ] {
            assert_eq!(statuses(text), None, "{text}");
        }
    }
}
