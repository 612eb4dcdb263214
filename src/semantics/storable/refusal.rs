//! The reasons not to store.

/// Why a response is not stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Refusal {
    /// The method is not GET.
    Method,
    /// The request says `no-store`, or its `Cache-Control` cannot be read.
    RequestNoStore,
    /// Not final, not of a known class, or not one that `must-understand` allows.
    Status,
    /// 206 or 304.
    Partial,
    /// `Upgrade` in the response.
    Upgrade,
    /// `Cache-Control` of the response cannot be read.
    Unreadable,
    NoStore,
    Private,
    /// `no-cache`, and no tag or date by which the handler could be asked.
    NoCache,
    /// The request has `Authorization` and the response does not say that it is for
    /// all.
    Authorization,
    /// The request has a `Cookie` and the response does not say that it is for all.
    Cookie,
    SetCookie,
    EventStream,
    VaryAny,
    /// `Vary` has too many names, or one that is none.
    Vary,
    /// `Cache-Groups` has too many members, or too long ones.
    Groups,
    /// Nobody says how long.
    NoLifetime,
    /// The lifetime is over already, or zero, and there is nothing by which the handler
    /// could be asked, nor a time in which it may be served stale.
    Stale,
}

impl Refusal {
    /// A name for counters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::RequestNoStore => "request-no-store",
            Self::Status => "status",
            Self::Partial => "partial",
            Self::Upgrade => "upgrade",
            Self::Unreadable => "unreadable-cache-control",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::NoCache => "no-cache",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::SetCookie => "set-cookie",
            Self::EventStream => "event-stream",
            Self::VaryAny => "vary-any",
            Self::Vary => "vary",
            Self::Groups => "groups",
            Self::NoLifetime => "no-lifetime",
            Self::Stale => "stale",
        }
    }
}
