//! Tags in the header fields of vendors. No RFC: each has a grammar of its own.

use crate::tag::{MAX_TAGS, Tag, TagField, Tags};
use http::HeaderMap;

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
    use http::HeaderValue;

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
