//! The hosts that are served from memory.

use super::builder::CacheBuilder;
use crate::error::Error;
use http::uri::Authority;

/// A list of hosts; without one all are served.
#[derive(Clone, Default, Debug)]
pub(crate) struct Hosts(Option<Vec<Authority>>);

impl Hosts {
    pub(super) fn new(names: &[String]) -> Result<Self, Error> {
        let read = |name: &String| {
            let authority = name.parse::<Authority>().ok();
            authority
                .filter(|name| !name.as_str().contains('@'))
                .ok_or_else(|| {
                    Error::configuration(format!("`hosts` has {name:?}, which is no host"))
                })
        };
        let hosts = names.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self(Some(hosts)))
    }

    /// Whether this authority is one of them, in any case. One that is listed without a
    /// port is meant with each.
    pub(crate) fn include(&self, authority: &str) -> bool {
        let Some(hosts) = &self.0 else { return true };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let host = authority.parse::<Authority>();
        hosts.iter().any(|listed| match listed.port() {
            Some(_) => same(listed.as_str(), authority),
            None => host
                .as_ref()
                .is_ok_and(|host| same(listed.host(), host.host())),
        })
    }
}

impl CacheBuilder {
    /// The hosts that are served from memory; requests for others bypass the cache
    /// (`bypasses["unknown-host"]`). Unless said, all: a client that may choose its `Host`
    /// may then fill the store with keys of its own, and have a handler that writes the
    /// host into its responses do so (RFC 9110 §7.2). Names have no case; one without a port
    /// is meant with each. `[::1]` is a host, `https://shop.example` is none.
    ///
    /// Writes from any host invalidate.
    pub fn hosts<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.hosts = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_listed_with_its_port_or_with_each() {
        let names = ["Shop.example", "tea.example:8080", "[::1]"].map(str::to_owned);
        let hosts = Hosts::new(&names).unwrap();
        for (authority, included) in [
            ("shop.example", true),
            ("SHOP.EXAMPLE:8080", true),
            ("tea.example:8080", true),
            ("tea.example", false),
            ("tea.example:80", false),
            ("[::1]:80", true),
            ("shop.example.evil", false),
            ("evil-shop.example", false),
            ("", false),
        ] {
            assert_eq!(hosts.include(authority), included, "{authority}");
        }
        assert!(Hosts::default().include("any"));
    }

    #[test]
    fn what_is_no_host_is_a_mistake() {
        for name in ["", "a b", "https://a", "user@a", "a/b"] {
            assert!(Hosts::new(&[name.to_owned()]).is_err(), "{name}");
        }
    }
}
