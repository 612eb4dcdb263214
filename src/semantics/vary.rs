//! `Vary`: which of the stored responses of a URI a request selects
//! (RFC 9111 §4.1, RFC 9110 §12.5.5).

use super::list::{quoted_members, tokens, trim};
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, GetAll, HeaderName, HeaderValue, VARY};
use std::hash::Hasher;

/// More names than this are not worth a variant.
const MAX_NAMES: usize = 16;

/// More members of `Accept-Encoding` than this are compared as they stand.
const MAX_CODINGS: usize = 16;

/// Why a response with this `Vary` is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum VaryTrouble {
    /// `*`: the response depends on more than the request's fields.
    Any,
    /// More than 16 names.
    TooMany,
    /// A member is no field name.
    Unreadable,
}

/// The nominated request fields, sorted, each once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct VaryNames(Box<[HeaderName]>);

impl VaryNames {
    /// What the `Vary` lines of a response nominate.
    pub(crate) fn of(response: &HeaderMap) -> Result<Self, VaryTrouble> {
        let mut names = Vec::new();
        for member in tokens(response, &VARY) {
            if member == b"*" {
                return Err(VaryTrouble::Any);
            }
            let name = HeaderName::from_bytes(member).map_err(|_| VaryTrouble::Unreadable);
            names.push(name);
        }
        let mut names = names.into_iter().collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self::bounded(names)
    }

    /// What both nominate: a request that selects by these selects by each.
    pub(crate) fn union(&self, other: &Self) -> Result<Self, VaryTrouble> {
        let mut names: Vec<_> = self.0.iter().chain(&other.0).cloned().collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self::bounded(names)
    }

    fn bounded(names: Vec<HeaderName>) -> Result<Self, VaryTrouble> {
        if names.len() > MAX_NAMES {
            return Err(VaryTrouble::TooMany);
        }
        Ok(Self(names.into()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        let name = |name: &HeaderName| size_of::<HeaderName>() + name.as_str().len();
        self.0.iter().map(name).sum()
    }

    /// What the request has in the nominated fields.
    pub(crate) fn select(&self, request: &HeaderMap) -> Selection {
        let mut bytes = Vec::new();
        canonical(&self.0, request, &mut |part| bytes.extend_from_slice(part));
        Selection(bytes.into())
    }

    /// Hashes what [`select`](Self::select) would return, without making it.
    pub(crate) fn hash_request(&self, request: &HeaderMap, hasher: &mut impl Hasher) {
        canonical(&self.0, request, &mut |part| hasher.write(part));
    }

    /// Whether [`select`](Self::select) would return this, without making it.
    pub(crate) fn selects(&self, request: &HeaderMap, stored: &Selection) -> bool {
        let mut rest = Some(&*stored.0);
        canonical(&self.0, request, &mut |part| {
            rest = rest.and_then(|rest| rest.strip_prefix(part));
        });
        rest.is_some_and(<[u8]>::is_empty)
    }
}

/// For each name its members, each with a byte behind it, and 0. A field that is
/// there has one member at least, so absent is not empty; no value has a byte 0 in
/// it, so the fields stay apart.
fn canonical(names: &[HeaderName], request: &HeaderMap, sink: &mut impl FnMut(&[u8])) {
    for name in names {
        let lines = request.get_all(name);
        match *name {
            ACCEPT_ENCODING => codings(&lines, sink),
            AUTHORIZATION | COOKIE => verbatim(&lines, sink),
            _ => members(&lines, sink),
        }
        sink(&[0]);
    }
}

/// What a request has in the fields that a `Vary` nominates, in canonical form.
/// Comparable only between selections by the same [`VaryNames`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Selection(Box<[u8]>);

impl Selection {
    /// How many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len()
    }
}

/// Credentials are compared byte by byte, line by line.
fn verbatim(lines: &GetAll<'_, HeaderValue>, sink: &mut impl FnMut(&[u8])) {
    for line in lines.iter() {
        sink(line.as_bytes());
        sink(b"\n");
    }
}

/// All lines as one list, without the optional whitespace around its members.
fn members(lines: &GetAll<'_, HeaderValue>, sink: &mut impl FnMut(&[u8])) {
    for member in lines
        .iter()
        .flat_map(|line| quoted_members(line.as_bytes()))
    {
        sink(trim(member));
        sink(b",");
    }
}

/// `Accept-Encoding` (RFC 9110 §12.5.3): the codings have no case and no order.
/// Weights stay as they are written.
fn codings(lines: &GetAll<'_, HeaderValue>, sink: &mut impl FnMut(&[u8])) {
    let all = lines
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut sorted = [&b""[..]; MAX_CODINGS];
    let mut count = 0;
    for coding in all.map(trim) {
        let Some(free) = sorted.get_mut(count) else {
            return members(lines, sink);
        };
        *free = coding;
        count += 1;
    }
    let sorted = &mut sorted[..count];
    sorted.sort_unstable_by(|a, b| lower(a).cmp(lower(b)));
    for coding in sorted.iter() {
        lower(coding).for_each(|byte| sink(&[byte]));
        sink(b",");
    }
}

fn lower(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().map(u8::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::DefaultHasher;

    fn vary(lines: &[&str]) -> Result<VaryNames, VaryTrouble> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(VARY, HeaderValue::from_str(line).unwrap());
        }
        VaryNames::of(&headers)
    }

    fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn same(names: &VaryNames, one: &HeaderMap, other: &HeaderMap) -> bool {
        let equal = names.select(one) == names.select(other);
        assert_eq!(names.selects(other, &names.select(one)), equal);
        let hash = |request| {
            let mut hasher = DefaultHasher::new();
            names.hash_request(request, &mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(one) == hash(other), equal);
        equal
    }

    #[test]
    fn names_are_sorted_and_each_is_there_once() {
        let names = vary(&["X-B, accept", " ,ACCEPT,", "x-a"]).unwrap();
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept", "x-a", "x-b"]);
        assert!(vary(&[]).unwrap().is_empty());
        assert!(vary(&["", ", ,"]).unwrap().is_empty());
    }

    #[test]
    fn a_star_anywhere_is_any() {
        for lines in [
            &["*"][..],
            &[", *"],
            &["accept, *"],
            &["accept", "x, * ,y"],
            &["bad name, *"],
            &["", "\t*"],
        ] {
            assert_eq!(vary(lines), Err(VaryTrouble::Any), "{lines:?}");
        }
    }

    #[test]
    fn too_many_names_and_no_names_are_refused() {
        let all = |count| (0..count).map(|n| format!("x-{n},")).collect::<String>();
        assert!(vary(&[&all(16)]).is_ok());
        assert_eq!(vary(&[&all(17)]), Err(VaryTrouble::TooMany));
        assert_eq!(vary(&["a b"]), Err(VaryTrouble::Unreadable));
        assert_eq!(vary(&["\"a\""]), Err(VaryTrouble::Unreadable));
    }

    #[test]
    fn absent_is_not_empty() {
        let names = vary(&["x-a, x-b"]).unwrap();
        assert!(same(&names, &request(&[]), &request(&[("x-c", "1")])));
        assert!(!same(&names, &request(&[]), &request(&[("x-a", "")])));
        let (a, b) = (request(&[("x-a", "")]), request(&[("x-b", "")]));
        assert!(!same(&names, &a, &b));
    }

    #[test]
    fn all_nominated_fields_must_match() {
        let names = vary(&["x-a, x-b"]).unwrap();
        let one = request(&[("x-a", "1"), ("x-b", "2")]);
        assert!(same(&names, &one, &one));
        for other in [
            &[("x-a", "1")][..],
            &[("x-b", "2")],
            &[("x-a", "2"), ("x-b", "1")],
            &[("x-a", "1"), ("x-b", "2"), ("x-b", "3")],
            &[("x-a", "12")],
            &[("x-a", "1,2")],
        ] {
            assert!(!same(&names, &one, &request(other)), "{other:?}");
        }
    }

    #[test]
    fn lines_are_one_list_and_space_around_members_is_nothing() {
        let names = vary(&["x-a"]).unwrap();
        let one = request(&[("x-a", "1, 2")]);
        assert!(same(&names, &one, &request(&[("x-a", " 1\t,2 ")])));
        assert!(same(&names, &one, &request(&[("x-a", "1"), ("x-a", "2")])));
        assert!(!same(&names, &one, &request(&[("x-a", "2, 1")])));
        assert!(!same(&names, &one, &request(&[("x-a", "1,, 2")])));
        let quoted = request(&[("x-a", "\"1, 2\"")]);
        assert!(!same(&names, &quoted, &request(&[("x-a", "\"1,2\"")])));
        let open = request(&[("x-a", "\"1, 2")]);
        assert!(!same(&names, &open, &request(&[("x-a", "\"1,2")])));
    }

    #[test]
    fn credentials_are_compared_byte_by_byte() {
        let names = vary(&["cookie, authorization"]).unwrap();
        for name in ["cookie", "authorization"] {
            let one = request(&[(name, "a=1, b")]);
            assert!(!same(&names, &one, &request(&[(name, "a=1,b")])));
            assert!(!same(&names, &one, &request(&[(name, "a=1"), (name, "b")])));
            assert!(same(&names, &one, &one));
        }
    }

    #[test]
    fn codings_have_no_case_and_no_order_but_their_weight() {
        let names = vary(&["accept-encoding"]).unwrap();
        let coding = |value| request(&[("accept-encoding", value)]);
        let one = coding("gzip, br;q=0.5");
        assert!(same(&names, &one, &coding("BR;q=0.5,GZip")));
        assert!(!same(&names, &one, &coding("gzip;q=0.5, br")));
        assert!(!same(&names, &one, &coding("gzip, br;q=0")));
        assert!(!same(&names, &one, &coding("gzip")));
        assert!(!same(&names, &request(&[]), &coding("")));
        let lines = request(&[("accept-encoding", "br;q=0.5"), ("accept-encoding", "gzip")]);
        assert!(same(&names, &one, &lines));
        let many: Vec<_> = (0..20).map(|n| format!("x{n}")).collect();
        assert!(same(
            &names,
            &coding(&many.join(",")),
            &coding(&many.join(", "))
        ));
    }
    proptest::proptest! {
        #[test]
        fn a_selection_selects_itself_and_tells_others_apart(
            one in "[a\", \\\\\t\u{e9}]{0,6}",
            other in "[a\", \\\\\t\u{e9}]{0,6}",
            second in "[a\",]{0,2}",
        ) {
            let names = vary(&["x-a, accept-encoding, cookie"]).unwrap();
            for name in ["x-a", "accept-encoding", "cookie"] {
                let line = |value: &str| {
                    let mut headers = HeaderMap::new();
                    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                    headers.append(name, value);
                    headers.append(name, HeaderValue::from_str(&second).unwrap());
                    headers
                };
                proptest::prop_assert!(same(&names, &line(&one), &line(&one)));
                let plain = |text: &str| text.replace([' ', '\t'], "");
                let equal = same(&names, &line(&one), &line(&other));
                proptest::prop_assert!(!equal || plain(&one) == plain(&other) || name == "accept-encoding");
            }
        }
    }
}
