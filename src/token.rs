//! What stands for a write, as a text that a client can carry.

use crate::error::{Error, ErrorKind};
use crate::position::{Mark, Position, digits};
use siphasher::sip128::SipHasher24;
use std::fmt;
use std::str::FromStr;

/// A token with more parts than this says nothing of where they stand any more.
const MOST_PARTS: usize = 4;

/// The longest part is a position: two numbers of twenty digits and a mark.
const MAX_PART_BYTES: usize = 64;

/// With the bytes between the parts.
const MAX_BYTES: usize = MOST_PARTS * (MAX_PART_BYTES + 1);

const BETWEEN: char = '~';

/// The digits of a tag.
const TAG_DIGITS: usize = 32;

/// Stands for a write, or for up to four: a request that carries it is answered,
/// on any instance, with nothing that is older than they are.
///
/// As a text it is safe in a cookie and in a header field. It says where in the
/// log of the bus the writes stand, and nothing else; where that was not known
/// when it was made, only the instance that made it can tell. A text that is no
/// token, or was made up, costs whoever sends it the answer from memory.
///
/// ```
/// use tower_coherence::Token;
/// let token: Token = "1700000000000-0:00c0ffee00c0ffee".parse().unwrap();
/// assert_eq!(token.to_string(), "1700000000000-0:00c0ffee00c0ffee");
/// assert!("soon".parse::<Token>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Token(Vec<Part>);

/// What one write is known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Part {
    /// It stands here in the log.
    At(Position),
    /// It has not reached the log, as far as was known: only the instance that took
    /// it can tell what became of it.
    Here { instance: u64, ticket: u64 },
    /// There were more of them than a token carries. No instance can tell.
    Nowhere,
}

impl Token {
    pub(crate) fn of(part: Part) -> Self {
        Self(vec![part])
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The token of the writes of both.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self.tidied()
    }

    /// Sorted, each write once, and not too many. A ticket covers all that the same
    /// instance gave out before it.
    fn tidied(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| match (*later, *earlier) {
            (Part::Here { instance: a, .. }, Part::Here { instance: b, .. }) if a == b => {
                *earlier = *later;
                true
            }
            (later, earlier) => later == earlier,
        });
        if self.0.len() > MOST_PARTS || self.0.contains(&Part::Nowhere) {
            self.0.clear();
            self.0.push(Part::Nowhere);
        }
        self
    }

    /// `None`: it is no token, or not written as one of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let parts: Option<Vec<_>> = text.split(BETWEEN).map(Part::read).collect();
        let token = Self(parts?).tidied();
        // What has one meaning has one text.
        (token.to_string() == text).then_some(token)
    }
}

impl Part {
    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_PART_BYTES {
            return None;
        }
        if text == "n" {
            return Some(Self::Nowhere);
        }
        let Some(here) = text.strip_prefix('h') else {
            return text.parse().ok().map(Self::At);
        };
        let (instance, ticket) = here.split_once('-')?;
        let Mark(instance) = instance.parse().ok()?;
        let ticket = digits(ticket).ok()?;
        Some(Self::Here { instance, ticket })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(position) => position.fmt(f),
            Self::Here { instance, ticket } => write!(f, "h{}-{ticket}", Mark(*instance)),
            Self::Nowhere => f.write_str("n"),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                write!(f, "{BETWEEN}")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::new(ErrorKind::NotAToken, "the text is no token"))
    }
}

/// A secret that the instances share: who does not know it makes no tokens.
#[derive(Clone)]
pub(crate) struct TokenKey(pub(crate) [u8; 16]);

impl TokenKey {
    /// The text of the token with its tag.
    pub(crate) fn seal(&self, token: &Token) -> String {
        let text = token.to_string();
        let tag = self.tag(&text);
        format!("{text}.{tag:032x}")
    }

    /// `None`: it is no token, or its tag is not there or wrong.
    pub(crate) fn open(&self, sealed: &str) -> Option<Token> {
        if sealed.len() > MAX_BYTES + 1 + TAG_DIGITS {
            return None;
        }
        let (text, tag) = sealed.rsplit_once('.')?;
        let plain = tag.len() == TAG_DIGITS && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tag = u128::from_str_radix(tag, 16).ok().filter(|_| plain)?;
        // Numbers are compared as a whole: how long it takes says nothing.
        (tag == self.tag(text)).then(|| Token::read(text)).flatten()
    }

    fn tag(&self, text: &str) -> u128 {
        let hasher = SipHasher24::new_with_key(&self.0);
        hasher.hash(text.as_bytes()).as_u128()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Sequence;
    use proptest::prelude::*;

    fn position() -> impl Strategy<Value = Part> {
        any::<(u64, u64, u64)>().prop_map(|(millis, number, mark)| {
            let sequence = Sequence { millis, number };
            let mark = Mark(mark);
            Part::At(Position { sequence, mark })
        })
    }

    fn token() -> impl Strategy<Value = Token> {
        let here =
            any::<(u64, u64)>().prop_map(|(instance, ticket)| Part::Here { instance, ticket });
        let part = prop_oneof![4 => position(), 2 => here, 1 => Just(Part::Nowhere)];
        prop::collection::vec(part, 1..6).prop_map(|parts| Token(parts).tidied())
    }

    fn here(instance: u64, ticket: u64) -> Token {
        Token::of(Part::Here { instance, ticket })
    }

    proptest! {
        #[test]
        fn a_token_reads_back_and_is_safe_in_a_cookie(token in token(), key: [u8; 16]) {
            let (text, key) = (token.to_string(), TokenKey(key));
            let sealed = key.seal(&token);
            prop_assert_eq!(text.parse::<Token>().ok(), Some(token.clone()));
            prop_assert_eq!(key.open(&sealed), Some(token));
            prop_assert_eq!(Token::read(&sealed), None);
            prop_assert_eq!(key.open(&text), None);
            prop_assert!(text.split('~').all(|part| part.len() <= MAX_PART_BYTES));
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-:~.".contains(&byte);
            prop_assert!(sealed.bytes().all(safe));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*", near in "[hn0-9a-f~:.-]{0,80}") {
            let key = TokenKey([7; 16]);
            for text in [text, near] {
                let read = Token::read(&text);
                prop_assert!(read.is_none_or(|token| token.to_string() == text));
                prop_assert_eq!(key.open(&text), None);
            }
        }

        #[test]
        fn a_join_is_of_both_in_any_order(a in token(), b in token()) {
            prop_assert_eq!(a.clone().join(b.clone()), b.clone().join(a.clone()));
            prop_assert_eq!(&a.clone().join(a.clone()), &a);
            let joined = a.clone().join(b);
            prop_assert!((1..=MOST_PARTS).contains(&joined.parts().len()));
            prop_assert_eq!(joined.clone().join(a), joined);
        }
    }

    #[test]
    fn what_is_written_in_another_way_is_no_token() {
        let part = "1-0:00000000000000ff";
        for text in [
            "".to_owned(),
            "soon".to_owned(),
            "N".to_owned(),
            "n~n".to_owned(),
            "h00000000000000ff".to_owned(),
            "h00000000000000ff-01".to_owned(),
            "hff-1".to_owned(),
            format!("{part}~"),
            format!("0{part}"),
            format!("+{part}"),
            format!("{part}~{part}"),
            format!("{part}~n"),
            "2-0:00000000000000ff~1-0:00000000000000ff".to_owned(),
            part.to_uppercase(),
            "1".repeat(10_000),
        ] {
            assert_eq!(Token::read(&text), None, "{text}");
        }
        assert!(Token::read(part).is_some());
    }

    #[test]
    fn more_than_four_writes_are_nowhere_and_a_later_ticket_stands_for_an_earlier() {
        let four = here(1, 1)
            .join(here(2, 1))
            .join(here(3, 1))
            .join(here(4, 1));
        assert_eq!(four.parts().len(), 4);
        assert_eq!(four.clone().join(here(1, 9)).parts().len(), 4);
        assert_eq!(here(1, 9).join(here(1, 1)), here(1, 9));
        let nowhere = four.join(here(5, 1));
        assert_eq!(nowhere.parts(), [Part::Nowhere]);
        assert_eq!(nowhere.join(here(1, 1)).parts(), [Part::Nowhere]);
    }

    #[test]
    fn a_tag_of_another_key_or_text_opens_nothing() {
        let (token, key) = (here(1, 2), TokenKey([7; 16]));
        let sealed = key.seal(&token);
        assert_eq!(TokenKey([8; 16]).open(&sealed), None);
        let (_, tag) = sealed.rsplit_once('.').unwrap();
        assert_eq!(key.open(&format!("{}.{tag}", here(1, 3))), None);
        assert!(!format!("{key:?}").contains('7'));
    }
}
