//! Where in the log something stands.

use std::fmt;
use std::str::FromStr;

/// A whole stream id, `milliseconds-number`. Ordered, but "the next number"
/// proves nothing: after a wipe the numbers begin again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) millis: u64,
    pub(crate) number: u64,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

impl FromStr for Sequence {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (millis, number) = text.split_once('-').ok_or(NotAPosition)?;
        Ok(Self {
            millis: digits(millis)?,
            number: digits(number)?,
        })
    }
}

/// A random number made for each entry of the log (for an entry by somebody
/// else, a hash of its content). Equal marks at equal sequences mean the same
/// entry of the same history.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Mark(pub(crate) u64);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Mark {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain {
            return Err(NotAPosition);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAPosition)
    }
}

/// One entry of one history of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Position {
    pub(crate) sequence: Sequence,
    pub(crate) mark: Mark,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.mark)
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (sequence, mark) = text.split_once(':').ok_or(NotAPosition)?;
        Ok(Self {
            sequence: sequence.parse()?,
            mark: mark.parse()?,
        })
    }
}

/// The text is not a sequence, a mark or a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotAPosition;

/// `u64::from_str` also takes a leading `+`; a stream id has none.
pub(crate) fn digits(text: &str) -> Result<u64, NotAPosition> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotAPosition);
    }
    text.parse().map_err(|_| NotAPosition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_reads_back() {
        let sequence = Sequence {
            millis: 17,
            number: 4,
        };
        assert_eq!(sequence.to_string().parse(), Ok(sequence));
    }

    #[test]
    fn signs_gaps_and_words_are_no_sequence() {
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "+1-2",
            "1-+2",
            "a-b",
            "1-2-3",
            "99999999999999999999-0",
        ] {
            assert_eq!(text.parse::<Sequence>(), Err(NotAPosition), "{text}");
        }
    }

    #[test]
    fn a_mark_is_sixteen_hexadecimal_digits() {
        assert_eq!(Mark(255).to_string().parse(), Ok(Mark(255)));
        for text in ["", "ff", "+0000000000000ff", "00000000000000zz"] {
            assert_eq!(text.parse::<Mark>(), Err(NotAPosition), "{text}");
        }
    }
}
