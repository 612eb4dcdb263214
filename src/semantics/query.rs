//! Which part of a query counts, where a route does not take it byte by byte.

use std::borrow::Cow;
use std::cmp::Ordering;

/// What of a query counts. A name that ends in `*` stands for all that begin so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counts<'a> {
    Only(&'a [String]),
    Without(&'a [String]),
    /// All of it, in the order of the names.
    Sorted,
}

/// What counts of this query; `None` if that is nothing. The pairs are those between
/// two `&`, their names are compared as a form decodes them, and what is kept is kept
/// byte by byte: so a handler reads of it what it would have read of the whole.
pub(crate) fn reduced<'q>(query: &'q str, counts: Counts<'_>) -> Option<Cow<'q, str>> {
    let kept = |pair: &&str| match counts {
        Counts::Only(names) => is_named(pair, names),
        Counts::Without(names) => !is_named(pair, names),
        Counts::Sorted => true,
    };
    let pairs = || query.split('&');
    if let Counts::Sorted = counts {
        if pairs().is_sorted_by(|a, b| by_name(a, b) != Ordering::Greater) {
            return Some(Cow::Borrowed(query));
        }
        let mut pairs: Vec<&str> = pairs().collect();
        // Stable: a handler may read several pairs of one name as a list.
        pairs.sort_by(|a, b| by_name(a, b));
        return Some(Cow::Owned(pairs.join("&")));
    }
    if pairs().all(|pair| kept(&pair)) {
        return Some(Cow::Borrowed(query));
    }
    let left: Vec<&str> = pairs().filter(kept).collect();
    (!left.is_empty()).then(|| Cow::Owned(left.join("&")))
}

fn is_named(pair: &str, names: &[String]) -> bool {
    names.iter().any(|wanted| match wanted.strip_suffix('*') {
        Some(start) => {
            let mut name = name(pair);
            start.bytes().all(|byte| name.next() == Some(byte))
        }
        None => name(pair).eq(wanted.bytes()),
    })
}

fn by_name(a: &str, b: &str) -> Ordering {
    name(a).cmp(name(b))
}

/// The name of a pair, as `application/x-www-form-urlencoded` decodes it.
fn name(pair: &str) -> impl Iterator<Item = u8> {
    let text = pair.split('=').next().unwrap_or_default();
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match (byte, after) {
            (b'%', &[high, low, ..]) => {
                let digit = |byte| char::from(byte).to_digit(16);
                let value = digit(high).zip(digit(low));
                let value = value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                if value.is_some() {
                    rest = &after[2..];
                }
                Some(value.unwrap_or(byte))
            }
            (b'+', _) => Some(b' '),
            _ => Some(byte),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, counts: Counts<'_>) -> Option<String> {
        reduced(query, counts).map(Cow::into_owned)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_the_named_pairs_count_in_their_order_and_byte_by_byte() {
        let names = names(&["page", "s ort"]);
        for (query, left) in [
            ("page=2", Some("page=2")),
            ("x=1&page=2&y&page=%31", Some("page=2&page=%31")),
            ("p%61ge=2&x", Some("p%61ge=2")),
            ("s+ort=a&s%20ort=b&sort=c", Some("s+ort=a&s%20ort=b")),
            ("page", Some("page")),
            ("page=a=b&z", Some("page=a=b")),
            ("Page=1&pages=2&pag=3&page%=4", None),
            ("", None),
            ("&&", None),
        ] {
            assert_eq!(of(query, Counts::Only(&names)).as_deref(), left, "{query}");
        }
    }

    #[test]
    fn without_the_named_pairs_all_others_count() {
        let names = names(&["utm_*", "gclid"]);
        for (query, left) in [
            ("a=1&&b", Some("a=1&&b")),
            ("", Some("")),
            ("utm_source=x&a=1&gclid=2", Some("a=1")),
            ("%75tm_source=x&a=%31", Some("a=%31")),
            ("utm=1&gclids=2", Some("utm=1&gclids=2")),
            ("utm_=1", None),
        ] {
            let found = of(query, Counts::Without(&names));
            assert_eq!(found.as_deref(), left, "{query}");
        }
    }

    #[test]
    fn sorting_is_by_decoded_name_and_keeps_the_order_of_equal_ones() {
        for (query, sorted) in [
            ("b=1&a=2", "a=2&b=1"),
            ("a=2&b=1", "a=2&b=1"),
            ("b=2&a=9&b=1", "a=9&b=2&b=1"),
            // By their bytes the second would come first.
            ("z&a=1&%61=2", "a=1&%61=2&z"),
            ("z&%61=2&a=1", "%61=2&a=1&z"),
            ("b&", "&b"),
            ("", ""),
        ] {
            assert_eq!(of(query, Counts::Sorted).as_deref(), Some(sorted));
        }
    }

    #[test]
    fn a_broken_escape_is_its_own_bytes() {
        assert!(name("%4").eq(*b"%4"));
        assert!(name("%zz%41%").eq(*b"%zzA%"));
        assert!(name("%+1").eq(*b"% 1"));
    }
}
