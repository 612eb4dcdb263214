//! The methods of gRPC services.

use super::clashes::Write;
use super::node::{Node, Place, Value};
use super::settings::Shared;
use super::tables::{Tables, items};
use super::value::text;
use crate::policy::{Policy, WritePolicy};
use crate::routes::{Pattern, rpc};
use http::Method;
use std::collections::HashMap;

/// The keys of their tables that are no settings.
const RPC: &[&str] = &["method", "use"];

impl Tables<'_> {
    pub(super) fn rpc_reads(&mut self, root: &Node, shared: &Shared<'_>, writes: &[Write]) {
        let mut known: HashMap<String, (String, Place)> = HashMap::new();
        for write in writes.iter().filter(|write| write.is_for(&Method::POST)) {
            let here = (write.path.clone(), write.at);
            known.insert(write.pattern.text().to_owned(), here);
        }
        for (path, node) in items(root, "rpc_read", &mut self.notes) {
            let method = self.method(&path, node);
            let policy: Option<Policy> = self.policy((&path, node), RPC, shared, Some(&[]));
            if let Some(what) = policy.as_ref().and_then(Policy::call_mistake) {
                self.notes.note(node.at, &path, &what);
            }
            let Some(method) = method else { continue };
            if let Some((other, at)) = known.get(method.text()) {
                let line = self.notes.line(*at);
                let what = format!("the method is there twice ({other}{line})");
                self.notes.note(node.at, &path, &what);
            }
            let builder = std::mem::take(&mut self.builder);
            self.builder = builder.rpc_read(method.text(), policy.unwrap_or_default());
            let here = (path, node.at);
            known.entry(method.text().to_owned()).or_insert(here);
        }
    }

    /// Each is a `POST` to the path of its method.
    pub(super) fn rpc_writes(&mut self, root: &Node, shared: &Shared<'_>) -> Vec<Write> {
        let mut writes = Vec::new();
        for (path, node) in items(root, "rpc_write", &mut self.notes) {
            let method = self.method(&path, node);
            let policy: Option<WritePolicy> = self.policy((&path, node), RPC, shared, Some(&[]));
            let Some(pattern) = method else { continue };
            let builder = std::mem::take(&mut self.builder);
            self.builder = builder.rpc_write(pattern.text(), policy.unwrap_or_default());
            self.clashes.names(&Method::POST);
            writes.push(Write {
                path,
                at: node.at,
                pattern,
                methods: Some(vec![Method::POST]),
            });
        }
        writes
    }

    fn method(&mut self, path: &str, node: &Node) -> Option<Pattern> {
        let Value::Table(_) = node.value else {
            return None; // Told with its policy.
        };
        let Some(field) = node.field("method") else {
            self.notes.note(node.at, path, "there is no `method`");
            return None;
        };
        let read = text(&field.node).and_then(|text| {
            rpc::check(text).or_else(|what| field.node.wrong(what))?;
            Pattern::parse(text).or_else(|what| field.node.wrong(what))
        });
        read.map_err(|wrong| self.notes.add(&format!("{path}.method"), wrong))
            .ok()
    }
}
