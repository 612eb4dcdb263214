//! The methods of gRPC services.

use super::builder::RouteTableBuilder;
use crate::policy::{Policy, WritePolicy};
use http::Method;

impl RouteTableBuilder {
    /// Stores what this unary gRPC method answers, `/package.Service/Method`, for as long
    /// as the policy says. Its message is in the key; all metadata that the policy does not
    /// name is hidden from the method. See [gRPC](crate::policy#grpc).
    ///
    /// Needs a lifetime, and a layer that can give on a request body that it has begun to
    /// read: [`CacheLayer::resume`](crate::CacheLayer::resume). The message is at most as
    /// long as [`Policy::body_key`] says, with its prefix of five bytes: 16 KiB unless said.
    pub fn rpc_read(mut self, method: &str, policy: Policy) -> Self {
        self.rpc_reads.push((method.to_owned(), policy));
        self
    }

    /// What the calls of this gRPC method, `/package.Service/Method`, make stale, also
    /// those that end in an error. Its tags are constants: the path has no parameters, and
    /// the message is not read. What only the method knows it says by its
    /// [`CacheContext`](crate::CacheContext).
    pub fn rpc_write(mut self, method: &str, policy: WritePolicy) -> Self {
        if let Err(what) = check(method) {
            self.mistakes.push(format!("rpc_write {method:?}: {what}"));
            return self;
        }
        self.write_on(&[Method::POST], method, policy)
    }
}

/// Whether the path ends in a service and a method; a prefix may stand before.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    const SAYS: &str = "a gRPC method is written `/package.Service/Method`";
    let mut segments = path.rsplit('/');
    let (method, service) = (segments.next(), segments.next());
    let is_name = |name: Option<&str>| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
    };
    let named = is_name(method) && is_name(service);
    (named && path.starts_with('/') && !path.contains(['{', '}']))
        .then_some(())
        .ok_or(SAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_a_service_before_it() {
        for path in ["/a.B/C", "/B/C", "/api/a.B/C_2"] {
            assert!(check(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "/",
            "/C",
            "a.B/C",
            "/a.B/",
            "//C",
            "/a.B/{c}",
            "/{t}/a.B/C",
            "/a B/C",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
