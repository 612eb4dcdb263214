//! What is done with a request where a closure of its route says what it is for.

use super::content;
use super::plan::{Client, Counts, Plan, Planner};
use super::write::Call;
use crate::policy::Class;
use crate::semantics::{self, Bypass, More};
use bytes::Bytes;
use http::header::COOKIE;
use http::{Method, request};
use http_body::Body;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Planner<'_> {
    /// What is done with a request of the class that the closure says. What may write is
    /// a write, unless the closure says otherwise.
    pub(super) fn plan_class<X: Body>(
        &self,
        request: &request::Parts,
        client: &Client,
        content: &Bytes,
    ) -> Plan<X> {
        // Of the methods that are asked about the only one that is not safe.
        let may_write = request.method == Method::POST;
        let policy = &self.rule.policy;
        let class = AssertUnwindSafe(|| policy.class_of(request, content));
        match catch_unwind(class) {
            Ok(Class::Read { key }) => match self.why_not(request, &key) {
                Some(reason) => self.bypass(reason, client),
                None => self.plan_read(request, client, &in_key(request, &key)),
            },
            Ok(Class::Write) => self.plan_write(request, client, Call::Http, Counts::Route),
            Ok(Class::Bypass) if may_write => {
                self.rule.counts.bypasses.add("classify");
                self.plan_write(request, client, Call::Http, Counts::Nothing)
            }
            Ok(Class::Bypass) => self.bypass("classify", client),
            Err(_) if may_write => {
                self.rule.counts.bypasses.add("classify-panicked");
                self.plan_write(request, client, Call::Http, Counts::Route)
            }
            Err(_) => self.bypass("classify-panicked", client),
        }
    }

    /// Why a read passes by all the same.
    fn why_not(&self, request: &request::Parts, key: &str) -> Option<&'static str> {
        if let Some(reason) = semantics::reason_to_pass(&request.headers) {
            return Some(reason.as_str());
        }
        let longest = self.rule.policy.longest_content();
        let length = u64::try_from(key.len()).unwrap_or(u64::MAX);
        if longest.is_some_and(|longest| length > longest) {
            return Some(Bypass::LongKey.as_str());
        }
        (request.method == Method::POST).then(|| self.why_not_post(request))?
    }

    /// A page of another site can send a POST with the cookies of its visitor. And no
    /// condition or range of a POST is for a cache (RFC 9110 §13.1, §14.2).
    fn why_not_post(&self, request: &request::Parts) -> Option<&'static str> {
        let inputs = self.rule.policy.inputs();
        let chosen = inputs.is_some_and(|inputs| inputs.cookies.is_some());
        if request.headers.contains_key(COOKIE) && !chosen {
            return Some("cookies");
        }
        let conditional = semantics::asks_for_less(&request.headers);
        conditional.then_some(Bypass::Precondition.as_str())
    }
}

/// What of a read is in its key beside its URI. A method that has its responses for
/// itself is told apart.
fn in_key(request: &request::Parts, key: &str) -> Vec<u8> {
    let kind = match request.method.as_str() {
        "POST" => b'p',
        "QUERY" => b'q',
        _ if key.is_empty() => return Vec::new(),
        _ => b'g',
    };
    let mut more = More::default();
    if kind != b'g' {
        content::describe(request, &mut more);
    }
    more.push(kind, Some(key.as_bytes()));
    more.into_bytes()
}
