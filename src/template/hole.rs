//! The holes of a template.

use super::form::Form;
use http::HeaderName;

/// A hole: where its text comes from, and how that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hole {
    pub(super) source: Source,
    pub(super) form: Option<Form>,
    pub(super) need: Need,
}

/// Where the text of a hole comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A parameter of the route's path.
    Path(Box<str>),
    Query(Box<str>),
    Header(HeaderName),
    Cookie(Box<str>),
    /// A field of the response.
    Response(HeaderName),
    /// The tenant of the request.
    Scope,
    /// The authority of the request.
    Host,
}

/// What becomes of a template whose hole has nothing that fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    Always,
    /// `?`: the template is left out.
    LeaveOut,
}

impl Hole {
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}
