//! Tags in the header fields of vendors. No RFC: each has a grammar of its own.

use crate::tag::{MAX_TAGS, Tag, TagField, Tags};
use http::{HeaderMap, HeaderValue};

/// Tags that cannot be kept as they are. To drop one would make an entry that nobody
/// can purge by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TagTrouble {
    TooMany,
    /// One has bytes that are not printable ASCII.
    Unreadable,
}

/// The tags that a response has by these fields.
pub(crate) fn field_tags(response: &HeaderMap, fields: &[TagField]) -> Result<Tags, TagTrouble> {
    let mut tags = Tags::new();
    for field in fields {
        for line in response.get_all(field.name()) {
            for name in line.as_bytes().split(|byte| divides(*field, *byte)) {
                if let Some(tag) = tag(*field, name.trim_ascii())? {
                    tags.extend([tag]);
                }
                if tags.len() > MAX_TAGS {
                    return Err(TagTrouble::TooMany);
                }
            }
        }
    }
    Ok(tags)
}

/// Takes the fields out of a response.
pub(crate) fn strip_tags(response: &mut HeaderMap, fields: &[TagField]) {
    for field in fields {
        response.remove(field.name());
    }
}

/// The longest field that is written.
const MOST_BYTES: usize = 16 * 1024;

/// The tags as a line of this field. What its grammar cannot carry is left out, and what
/// is beyond 16 KiB. `None` if nothing is left.
pub(crate) fn written_tags(field: TagField, tags: &Tags) -> Option<HeaderValue> {
    let between = match field {
        TagField::SurrogateKey | TagField::XKey => " ",
        TagField::CacheTag | TagField::EdgeCacheTag => ",",
    };
    let mut line = String::new();
    for tag in tags.iter().map(Tag::as_str) {
        let fits = line.len() + between.len() + tag.len() <= MOST_BYTES;
        if fits && !tag.is_empty() && tag.bytes().all(|byte| is_written(field, byte)) {
            if !line.is_empty() {
                line.push_str(between);
            }
            line.push_str(tag);
        }
    }
    (!line.is_empty()).then(|| HeaderValue::try_from(line).ok())?
}

/// Whether a tag with this byte can stand in the field. Akamai takes the characters of
/// tokens only (RFC 9110 §5.6.2), and so no `:`.
fn is_written(field: TagField, byte: u8) -> bool {
    let printable = (b'!'..=b'~').contains(&byte);
    match field {
        TagField::SurrogateKey => printable,
        TagField::CacheTag | TagField::XKey => printable && byte != b',',
        TagField::EdgeCacheTag => {
            byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
        }
    }
}

fn divides(field: TagField, byte: u8) -> bool {
    let space = byte == b' ' || byte == b'\t';
    match field {
        TagField::SurrogateKey => space,
        TagField::CacheTag | TagField::EdgeCacheTag => byte == b',',
        TagField::XKey => space || byte == b',',
    }
}

/// One tag; none for an empty member.
fn tag(field: TagField, name: &[u8]) -> Result<Option<Tag>, TagTrouble> {
    if name.is_empty() {
        return Ok(None);
    }
    if !name.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return Err(TagTrouble::Unreadable);
    }
    let name = str::from_utf8(name).map_err(|_| TagTrouble::Unreadable)?;
    Ok(Some(match field {
        TagField::CacheTag => Tag::from(name.to_ascii_lowercase()),
        TagField::SurrogateKey | TagField::EdgeCacheTag | TagField::XKey => Tag::new(name),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_written_with_what_its_grammar_can_carry() {
        let tags = Tags::from(["product:7", "a b", "a,b", "\u{e9}", "", "x-1", "X\r\ny: 1"]);
        let written = |field| {
            let line = written_tags(field, &tags)?;
            Some(line.to_str().unwrap().to_owned())
        };
        for (field, expected) in [
            (TagField::SurrogateKey, "product:7 a,b x-1"),
            (TagField::CacheTag, "product:7,x-1"),
            (TagField::EdgeCacheTag, "x-1"),
            (TagField::XKey, "product:7 x-1"),
        ] {
            assert_eq!(written(field).as_deref(), Some(expected));
        }
        assert_eq!(written_tags(TagField::XKey, &Tags::from(["a b"])), None);
        let long: Tags = (0..200).map(|n| format!("{n:0200}")).collect();
        let line = written_tags(TagField::CacheTag, &long).unwrap();
        assert!(
            (16_000..=MOST_BYTES).contains(&line.len()),
            "{}",
            line.len()
        );
        assert_eq!(
            of(TagField::CacheTag, &[line.as_bytes()]).unwrap().len(),
            81
        );
    }

    const ALL: [TagField; 4] = [
        TagField::SurrogateKey,
        TagField::CacheTag,
        TagField::EdgeCacheTag,
        TagField::XKey,
    ];

    fn of(field: TagField, lines: &[&[u8]]) -> Result<Vec<String>, TagTrouble> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(field.name(), HeaderValue::from_bytes(line).unwrap());
        }
        let tags = field_tags(&headers, &[field])?;
        Ok(tags.iter().map(|tag| tag.as_str().to_owned()).collect())
    }

    #[test]
    fn each_field_has_its_own_separator_and_case() {
        let line: &[u8] = b" A,b  c\t,A, D ";
        for (field, expected) in [
            (TagField::SurrogateKey, &["A,b", "c", ",A,", "D"][..]),
            (TagField::CacheTag, &["a", "b  c", "d"]),
            (TagField::EdgeCacheTag, &["A", "b  c", "D"]),
            (TagField::XKey, &["A", "b", "c", "D"]),
        ] {
            assert_eq!(of(field, &[line]).unwrap(), expected, "{field:?}");
        }
    }

    #[test]
    fn all_lines_count_and_empty_members_do_not() {
        for field in ALL {
            assert_eq!(of(field, &[b"a", b"", b"b", b"a"]).unwrap(), ["a", "b"]);
            assert_eq!(of(field, &[b"  "]).unwrap(), [""; 0]);
            assert_eq!(of(field, &[]).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn a_tag_that_is_not_printable_is_an_error_and_not_a_missing_tag() {
        for field in ALL {
            let trouble = Err(TagTrouble::Unreadable);
            assert_eq!(of(field, &[b"a", b"caf\xc3\xa9"]), trouble, "{field:?}");
            assert_eq!(of(field, &[b"\xff"]), trouble, "{field:?}");
        }
    }

    #[test]
    fn more_than_the_cap_is_an_error_and_not_a_shorter_list() {
        for (field, separator) in ALL.into_iter().zip([" ", ",", ",", " "]) {
            let many = |count: usize| {
                let names: Vec<_> = (0..count).map(|id| id.to_string()).collect();
                names.join(separator)
            };
            assert_eq!(of(field, &[many(128).as_bytes()]).unwrap().len(), 128);
            let trouble = Err(TagTrouble::TooMany);
            assert_eq!(of(field, &[many(129).as_bytes()]), trouble, "{field:?}");
        }
    }

    #[test]
    fn only_the_fields_in_use_are_read_and_stripped() {
        let mut headers = HeaderMap::new();
        for field in ALL {
            headers.insert(field.name(), HeaderValue::from_static("a"));
        }
        assert_eq!(field_tags(&headers, &[]), Ok(Tags::new()));
        strip_tags(&mut headers, &ALL[1..]);
        assert_eq!(
            headers.keys().collect::<Vec<_>>(),
            [TagField::SurrogateKey.name()]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_tag_holds_no_separator_and_none_is_lost(line in "[a-cA-C, ]{0,40}") {
            for field in ALL {
                let tags = of(field, &[line.as_bytes()]).unwrap();
                let parts = line.split(|c: char| c.is_ascii() && divides(field, c as u8));
                let mut expected: Vec<String> = Vec::new();
                for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
                    let lower = field == TagField::CacheTag;
                    let part = if lower { part.to_lowercase() } else { part.to_owned() };
                    if !expected.contains(&part) {
                        expected.push(part);
                    }
                }
                proptest::prop_assert_eq!(tags, expected);
            }
        }
    }
}
