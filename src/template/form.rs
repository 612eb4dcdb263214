//! Canonical forms: one thing has one spelling, whoever names it.

/// How the text of a hole is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// An integer in decimal: `042` is `42`.
    Int,
    /// A UUID in lower case with hyphens.
    Uuid,
    /// Lower case.
    Lower,
    /// Letters and digits in lower case, with one hyphen for all that is between them.
    Slug,
}

/// More digits are no integer of anybody.
const MAX_DIGITS: usize = 39;

impl Form {
    pub(super) const NAMES: &'static str = "int, uuid, lower, slug";

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "int" => Self::Int,
            "uuid" => Self::Uuid,
            "lower" => Self::Lower,
            "slug" => Self::Slug,
            _ => return None,
        })
    }

    /// The text in this form; `None` if it does not fit.
    pub(super) fn canonical(self, text: &str) -> Option<String> {
        match self {
            Self::Int => int(text),
            Self::Uuid => uuid(text),
            Self::Lower => Some(text.to_lowercase()),
            Self::Slug => slug(text),
        }
    }
}

/// What Rust's integers are read from, of any size.
fn int(text: &str) -> Option<String> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    match digits.len() {
        0 => Some("0".to_owned()),
        1..=MAX_DIGITS => Some(format!("{minus}{digits}")),
        _ => None,
    }
}

/// With hyphens or without, in braces or as a URN (RFC 9562 §4).
fn uuid(text: &str) -> Option<String> {
    let urn = text
        .get(..9)
        .filter(|urn| urn.eq_ignore_ascii_case("urn:uuid:"));
    let braced = || text.strip_prefix('{')?.strip_suffix('}');
    let plain = match urn {
        Some(_) => &text[9..],
        None => braced().unwrap_or(text),
    };
    let hyphens = [8, 13, 18, 23];
    let mut digits = String::with_capacity(36);
    for (at, byte) in plain.bytes().enumerate() {
        match byte {
            b'-' if plain.len() == 36 && hyphens.contains(&at) => {}
            digit if digit.is_ascii_hexdigit() => {
                if hyphens.contains(&digits.len()) {
                    digits.push('-');
                }
                digits.push(char::from(digit.to_ascii_lowercase()));
            }
            _ => return None,
        }
        if digits.len() > 36 {
            return None;
        }
    }
    (digits.len() == 36 && [32, 36].contains(&plain.len())).then_some(digits)
}

fn slug(text: &str) -> Option<String> {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let length = slug.trim_end_matches('-').len();
    slug.truncate(length);
    (!slug.is_empty()).then_some(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_one_spelling() {
        for (text, form) in [
            ("42", Some("42")),
            ("042", Some("42")),
            ("+42", Some("42")),
            ("-7", Some("-7")),
            ("-007", Some("-7")),
            ("0", Some("0")),
            ("-000", Some("0")),
            ("", None),
            ("+", None),
            ("--1", None),
            ("4 2", None),
            ("1.0", None),
            ("0x1", None),
            ("\u{664}", None),
        ] {
            assert_eq!(Form::Int.canonical(text).as_deref(), form, "{text}");
        }
        assert!(Form::Int.canonical(&"9".repeat(39)).is_some());
        assert_eq!(Form::Int.canonical(&"9".repeat(40)), None);
    }

    #[test]
    fn a_uuid_has_one_spelling() {
        let one = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for text in [
            one,
            "67E55044-10B1-426F-9247-BB680E5FE0C8",
            "67e5504410b1426f9247bb680e5fe0c8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8",
            "URN:UUID:67e55044-10b1-426f-9247-BB680E5FE0C8",
        ] {
            assert_eq!(Form::Uuid.canonical(text).as_deref(), Some(one), "{text}");
        }
        for text in [
            "",
            "67e5504410b1426f9247bb680e5fe0c",
            "67e5504410b1426f9247bb680e5fe0c88",
            "67e5504-410b1-426f-9247-bb680e5fe0c8",
            "67e55044-10b1-426f-9247-bb680e5fe0cg",
            "67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "------------------------------------",
            "67e55044é10b1-426f-9247-bb680e5fe0c",
        ] {
            assert_eq!(Form::Uuid.canonical(text), None, "{text}");
        }
    }

    #[test]
    fn lower_and_slug_have_one_spelling() {
        assert_eq!(Form::Lower.canonical("ÄbC-d").as_deref(), Some("äbc-d"));
        for (text, form) in [
            ("Blue  Shirt", Some("blue-shirt")),
            ("--blue_shirt!", Some("blue-shirt")),
            ("blue-shirt", Some("blue-shirt")),
            ("Größe 42", Some("größe-42")),
            ("", None),
            ("!-", None),
        ] {
            assert_eq!(Form::Slug.canonical(text).as_deref(), form, "{text}");
        }
    }
}
