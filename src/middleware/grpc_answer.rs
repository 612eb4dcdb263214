//! Whether what a gRPC method answers may be stored.

use super::fill::Task;
use crate::cache::Unstored;
use crate::semantics::{self, Messages};
use http::{HeaderMap, StatusCode, response};

impl Task {
    pub(super) fn is_call(&self) -> bool {
        self.read.recipe.rule.policy.is_for_calls()
    }

    /// By its head. One without a body has the status there.
    pub(super) fn call_begins_well(&self, parts: &response::Parts) -> Result<(), Unstored> {
        if !self.is_call() {
            return Ok(());
        }
        let headers = &parts.headers;
        let is_grpc = semantics::is_grpc(headers) && !semantics::is_grpc_web(headers);
        if parts.status != StatusCode::OK || !is_grpc {
            return Err(Unstored::GrpcResponse);
        }
        match semantics::call_status(headers) {
            Some(status) if !semantics::is_ok(status) => Err(Unstored::GrpcStatus),
            _ => Ok(()),
        }
    }

    /// By its body and trailers: one message, and all is well.
    pub(super) fn call_ended_well(
        &self,
        head: &HeaderMap,
        body: &[u8],
        trailers: Option<&HeaderMap>,
    ) -> Result<(), Unstored> {
        if !self.is_call() {
            return Ok(());
        }
        let mut messages = Messages::default();
        messages.go_on(body);
        if !messages.end_well() {
            return Err(Unstored::GrpcStreaming);
        }
        let status = trailers.and_then(semantics::call_status);
        let status = status.or_else(|| semantics::call_status(head));
        match status {
            Some(status) if semantics::is_ok(status) => Ok(()),
            _ => Err(Unstored::GrpcStatus),
        }
    }

    /// Whether the method is in trouble: then nothing is known of the key, and one of
    /// those who wait asks again.
    pub(super) fn call_is_in_trouble(&self, fields: &HeaderMap) -> bool {
        self.is_call() && semantics::call_status(fields).is_some_and(semantics::is_trouble)
    }

    /// Ends the flight of a call whose answer is the one client's own.
    pub(super) fn give_up_call(&mut self, fields: &HeaderMap) {
        let lead = self.lead.take();
        if self.call_is_in_trouble(fields) {
            // To the next one who waits.
            return drop(lead);
        }
        self.read.cache.pass_for_a_while(&self.read.recipe);
        if let Some(lead) = lead {
            lead.release();
        }
    }
}
