//! For whom a response is (RFC 9111 §3.5, §7.3).

use super::Refusal;
use crate::semantics::CacheControl;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

/// Which requests a stored response may answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Audience {
    cookie: Carriers,
    authorization: Carriers,
}

/// Those who carry a credential, and those who do not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Carriers {
    Included,
    Excluded,
}

impl Audience {
    /// `public` and `s-maxage` are for everybody, `must-revalidate` also for requests
    /// with `Authorization` (RFC 9111 §3.5). Nothing in HTTP speaks of `Cookie`; it
    /// is a credential all the same.
    pub(super) fn of(directives: &CacheControl) -> Self {
        let shared = directives.public || directives.s_maxage.is_some();
        Self {
            cookie: Carriers::included_if(shared),
            authorization: Carriers::included_if(shared || directives.must_revalidate),
        }
    }

    /// Whether the stored response may answer a request with these fields.
    pub(crate) fn includes(self, request: &HeaderMap) -> bool {
        self.excluded(request).is_none()
    }

    pub(super) fn excluded(self, request: &HeaderMap) -> Option<Refusal> {
        let carries = |carriers, name| carriers == Carriers::Excluded && request.contains_key(name);
        if carries(self.authorization, AUTHORIZATION) {
            Some(Refusal::Authorization)
        } else if carries(self.cookie, COOKIE) {
            Some(Refusal::Cookie)
        } else {
            None
        }
    }
}

impl Carriers {
    fn included_if(included: bool) -> Self {
        if included {
            Self::Included
        } else {
            Self::Excluded
        }
    }
}
