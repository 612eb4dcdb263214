//! A policy of gRPC calls.

use super::{ClientDirectives, Downstream, Inputs, Policy};

/// How long the message of a call may be, its prefix included, unless
/// [`Policy::body_key`] says otherwise.
const LONGEST_MESSAGE: u64 = 16 * 1024;

impl Policy {
    /// The same for gRPC calls: what is about GET requests, and about what stands behind
    /// us on the way to browsers, is nothing to them.
    pub(crate) fn for_calls(mut self) -> Self {
        self.calls = true;
        self.etag = false;
        self.downstream = Downstream::Transparent;
        self.client_directives = ClientDirectives::Ignore;
        if let Some(inputs) = &mut self.inputs {
            // All that is not named is hidden in any case.
            inputs.headers = inputs.headers.take().filter(|it| *it != Inputs::Hide);
        }
        self.body_key = self.body_key.or(Some(LONGEST_MESSAGE));
        self
    }

    /// Whether its requests are gRPC calls.
    pub(crate) fn is_for_calls(&self) -> bool {
        self.calls
    }

    /// The metadata that methods see beside what they cannot do without.
    pub(crate) fn named_metadata(&self) -> Vec<&str> {
        let Some(inputs) = self.inputs() else {
            return Vec::new();
        };
        let keyed = match &inputs.headers {
            Some(Inputs::Key(names)) => names.as_slice(),
            _ => &[],
        };
        // Which cookies, has a choice of its own.
        let cookies = inputs.cookies.as_ref().map(|_| "cookie");
        keyed.iter().map(String::as_str).chain(cookies).collect()
    }

    /// What cannot be meant of a call.
    pub(crate) fn call_mistake(&self) -> Option<String> {
        let stores = self.is_bypass() || self.declared_lifetime().is_some();
        (!stores).then(|| {
            "a gRPC call has no lifetime but that of its route: give it `Policy::lifetime`"
                .to_owned()
        })
    }
}
