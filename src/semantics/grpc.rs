//! What of gRPC a cache has to know: what of a call counts, where its message ends, and
//! whether its answer says that all is well. There is no RFC: see "gRPC over HTTP2" of
//! the protocol's own documentation.

use super::inputs::More;
use super::list::tokens;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, TE};
use http::{HeaderMap, HeaderValue};
use std::time::Duration;

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Without these no method can answer. All else of the metadata is hidden.
const SHOWN: [HeaderName; 6] = [
    HOST,
    TE,
    CONTENT_TYPE,
    ENCODING,
    ACCEPT_ENCODING,
    // It has a choice of its own.
    AUTHORIZATION,
];

/// A flag and a length stand before each message.
const PREFIX: usize = 5;

/// `application/grpc-web` and its like: the trailers are in the body.
pub(crate) fn is_grpc_web(headers: &HeaderMap) -> bool {
    const WEB: &[u8] = b"application/grpc-web";
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let start = kind.as_bytes().get(..WEB.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(WEB))
    })
}

/// What of the metadata a method sees whose answer is for all: what it cannot do
/// without, and the fields of these names.
pub(crate) fn shown_to_method(metadata: &HeaderMap, named: &[&str]) -> HeaderMap {
    let named = named
        .iter()
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    let mut shown = HeaderMap::with_capacity(SHOWN.len());
    for name in SHOWN.into_iter().chain(named) {
        if shown.contains_key(&name) {
            continue;
        }
        for line in metadata.get_all(&name) {
            shown.append(name.clone(), line.clone());
        }
    }
    shown
}

/// What of a call is in its key beside the path and the named metadata: the message
/// with its prefix, and how it and its answer are written.
pub(crate) fn key_of_call(metadata: &HeaderMap, message: &[u8]) -> Vec<u8> {
    let mut more = More::default();
    for name in [CONTENT_TYPE, ENCODING] {
        for line in metadata.get_all(&name) {
            more.push(b'd', Some(line.as_bytes()));
        }
        more.push(b'd', None);
    }
    // Which codings the client takes has no order and no case.
    let mut codings: Vec<_> = tokens(metadata, &ACCEPT_ENCODING)
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    codings.sort_unstable();
    codings.dedup();
    more.push(b'a', Some(&codings.join(&b","[..])));
    more.push(b'b', Some(message));
    more.into_bytes()
}

/// For how long the client waits: at most eight digits and a unit. What is none says
/// nothing.
pub(crate) fn call_timeout(metadata: &HeaderMap) -> Option<Duration> {
    let text = metadata.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// How far the one message of a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallExtent {
    Begun,
    Whole,
    /// There is more than one.
    More,
    /// It says that it is longer than the limit.
    TooLong,
    /// The flag is neither 0 nor 1.
    Unreadable,
}

impl CallExtent {
    /// Of these bytes, the first of a call.
    pub(crate) fn of(data: &[u8], limit: usize) -> Self {
        let Some((prefix, _)) = data.split_first_chunk::<PREFIX>() else {
            return match data.first() {
                Some(2..) => Self::Unreadable,
                _ => Self::Begun,
            };
        };
        let Some(length) = frame_length(*prefix) else {
            return Self::Unreadable;
        };
        if length > limit {
            return Self::TooLong;
        }
        match data.len().cmp(&length) {
            std::cmp::Ordering::Less => Self::Begun,
            std::cmp::Ordering::Equal => Self::Whole,
            std::cmp::Ordering::Greater => Self::More,
        }
    }
}

/// How long a message is with this prefix, which counts too.
fn frame_length([flag, length @ ..]: [u8; PREFIX]) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    (flag <= 1).then_some(length.saturating_add(PREFIX))
}

/// Counts the messages of an answer while it comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Messages {
    whole: usize,
    prefix: [u8; PREFIX],
    /// How much of the prefix is there.
    have: usize,
    /// What is missing of the message after its prefix.
    missing: usize,
    unreadable: bool,
}

impl Messages {
    /// Goes on with these bytes. `false`: the answer is not one message.
    pub(crate) fn go_on(&mut self, mut data: &[u8]) -> bool {
        while !data.is_empty() && !self.unreadable {
            if self.have < PREFIX {
                self.prefix[self.have] = data[0];
                self.have += 1;
                data = &data[1..];
                if self.have < PREFIX {
                    continue;
                }
                match frame_length(self.prefix) {
                    Some(length) => self.missing = length - PREFIX,
                    None => self.unreadable = true,
                }
            }
            let taken = self.missing.min(data.len());
            self.missing -= taken;
            data = &data[taken..];
            if self.missing == 0 {
                self.whole += 1;
                self.have = 0;
            }
        }
        self.may_be_one()
    }

    /// Whether so far there is no second one.
    fn may_be_one(&self) -> bool {
        !self.unreadable && self.whole + usize::from(self.have > 0) <= 1
    }

    /// Whether the answer, at its end, is one message or none.
    pub(crate) fn end_well(&self) -> bool {
        self.may_be_one() && self.have == 0
    }
}

/// The status that a head without a body, or trailers, tell.
pub(crate) fn call_status(fields: &HeaderMap) -> Option<&HeaderValue> {
    fields.get(STATUS)
}

/// Whether they tell that the call has done what it was asked.
pub(crate) fn is_ok(status: &HeaderValue) -> bool {
    status == "0"
}

/// Whether the method could not answer, which says nothing of what it was asked: the
/// next call may do better. `CANCELLED`, `UNKNOWN`, `DEADLINE_EXCEEDED`,
/// `RESOURCE_EXHAUSTED`, `ABORTED`, `INTERNAL`, `UNAVAILABLE`.
pub(crate) fn is_trouble(status: &HeaderValue) -> bool {
    let trouble = ["1", "2", "4", "8", "10", "13", "14"];
    trouble.iter().any(|code| status == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        let pair = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        lines.map(pair).collect()
    }

    fn frame(flag: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [&[flag][..], &length.to_be_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("999999999n", None),
            ("", None),
            ("S", None),
            ("1", None),
            ("+1S", None),
            ("1s", None),
            ("1 S", None),
        ] {
            let said = call_timeout(&fields(&[("grpc-timeout", text)]));
            assert_eq!(said, expected, "{text:?}");
        }
        assert_eq!(call_timeout(&HeaderMap::new()), None);
        let mut odd = HeaderMap::new();
        odd.insert(TIMEOUT, HeaderValue::from_bytes(b"1\xc3\xa9").unwrap());
        assert_eq!(call_timeout(&odd), None);
    }

    #[test]
    fn a_call_has_one_message_whose_prefix_tells_its_length() {
        let whole = frame(1, "abc");
        for (data, limit, expected) in [
            (&whole[..], 8, CallExtent::Whole),
            (&whole[..7], 8, CallExtent::Begun),
            (&whole[..3], 8, CallExtent::Begun),
            (&whole[..], 7, CallExtent::TooLong),
            (&[&whole[..], b"x"].concat(), 8, CallExtent::More),
            (&frame(2, "abc"), 8, CallExtent::Unreadable),
            (&[2], 8, CallExtent::Unreadable),
            (&[], 8, CallExtent::Begun),
            (&[0, 0xff, 0xff, 0xff, 0xff], 8, CallExtent::TooLong),
            (&[0, 0, 0, 0, 0], 8, CallExtent::Whole),
        ] {
            assert_eq!(CallExtent::of(data, limit), expected, "{data:?}");
        }
    }

    #[test]
    fn an_answer_is_one_message_however_it_is_cut() {
        let one = frame(0, "abc");
        let two = [frame(0, "abc"), frame(0, "")].concat();
        for size in 1..=one.len() {
            let mut messages = Messages::default();
            assert!(one.chunks(size).all(|data| messages.go_on(data)));
            assert!(messages.end_well());
            let mut messages = Messages::default();
            assert!(!two.chunks(size).all(|data| messages.go_on(data)));
            assert!(!messages.end_well());
        }
        let mut cut = Messages::default();
        assert!(cut.go_on(&one[..7]) && !cut.end_well());
        assert!(Messages::default().end_well());
        let mut garbage = Messages::default();
        assert!(!garbage.go_on(&frame(2, "abc")) && !garbage.end_well());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec(
            proptest::collection::vec(0_u8..4, 0..9), 0..9,
        )) {
            let mut messages = Messages::default();
            for data in &chunks {
                messages.go_on(data);
            }
            let _ = (messages.end_well(), CallExtent::of(&chunks.concat(), 20));
        }
    }

    #[test]
    fn the_key_has_what_writes_the_message_and_its_answer() {
        let key = |lines: &[_], message: &[u8]| key_of_call(&fields(lines), message);
        let grpc = ("content-type", "application/grpc");
        let base = key(&[grpc, ("grpc-accept-encoding", "gzip,identity")], b"m");
        let same = key(&[grpc, ("grpc-accept-encoding", "Identity, gzip")], b"m");
        assert_eq!(base, same);
        for other in [
            key(&[grpc, ("grpc-accept-encoding", "gzip")], b"m"),
            key(&[grpc, ("grpc-accept-encoding", "gzip,identity")], b"n"),
            key(&[("grpc-accept-encoding", "gzip,identity")], b"m"),
            key(
                &[
                    grpc,
                    ("grpc-encoding", "gzip"),
                    ("grpc-accept-encoding", "gzip,identity"),
                ],
                b"m",
            ),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_method_sees_what_is_named_and_what_it_needs() {
        let metadata = fields(&[
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", "1S"),
            ("user-agent", "x"),
            ("cookie", "a=b"),
            ("x-tenant", "t"),
            ("if-none-match", "*"),
        ]);
        let mut shown = fields(&[("content-type", "application/grpc"), ("te", "trailers")]);
        assert_eq!(shown_to_method(&metadata, &[]), shown);
        shown.insert("x-tenant", HeaderValue::from_static("t"));
        assert_eq!(shown_to_method(&metadata, &["X-Tenant", "te", "\n"]), shown);
    }
}
