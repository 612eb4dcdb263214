//! What is done with a request.

use super::body::CacheBody;
use super::context::CacheContext;
use super::read::{Coalesce, Read};
use super::rules::Rules;
use super::seen::Seen;
use super::status::{self, Status};
use super::token::{self, Carried, May};
use super::write::{Call, Choices, Resource, Write};
use super::{content, outside, read, refresh, refused, respond};
use crate::cache::{Ask, Found, Miss, Recipe, Routes, Rule, Shared, Slot, WriteRule};
use crate::clock::Moment;
use crate::policy::{BusDown, Partition, WritePolicy};
use crate::scope::Scope;
use crate::semantics::{self, Bypass, Content, Forward, Intent, KeyParts, StoredKey};
use crate::store::race::Tick;
use bytes::Bytes;
use http::{Method, Response, request};
use http_body::Body;
use std::sync::Arc;

/// What is done with a request.
#[allow(
    clippy::large_enum_variant,
    reason = "a hit boxes nothing, and a plan is moved once"
)]
pub(super) enum Plan<X: Body> {
    /// Without the handler: from memory, or refused.
    Answer(Response<CacheBody<X>>),
    /// From memory, and this fetches it anew.
    Refresh(Response<CacheBody<X>>, Box<Read>),
    Read(Box<Read>),
    /// Past the store, and what is stored is compared with the answer.
    Head(Box<Read>),
    Write(Box<Write>),
    /// Past the store, with a context for what the handler notes.
    Pass(CacheContext, Status),
    /// The layer further out decides.
    Inner,
}

/// What of a write counts beside what its handler notes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// Its own path, and what its route says.
    Route,
    Nothing,
}

/// What is known of who asks.
pub(super) struct Client {
    partition: Partition,
    carried: Carried,
}

/// Decides what is done with a request.
pub(super) struct Planner<'a> {
    pub(super) cache: &'a Arc<Shared>,
    /// Of the reads of the path.
    pub(super) rule: &'a Arc<Rule>,
    pub(super) rules: &'a Rules,
    pub(super) routes: &'a Routes,
}

impl Planner<'_> {
    /// Decides what is done with a request. Waits for nothing.
    pub(super) fn plan<X: Body>(
        &self,
        request: &request::Parts,
        content: Content,
        carried: Carried,
    ) -> Plan<X> {
        let outer = CacheContext::from_extensions(&request.extensions);
        if outer.is_some_and(|context| context.is_of(self.cache)) {
            self.cache.warn_of_nesting();
            return Plan::Inner;
        }
        self.cache.coherence.ensure_running();
        let client = Client {
            partition: self.rule.policy.partition(request),
            carried,
        };
        match semantics::intent(&request.method, request.version, &request.headers, content) {
            Intent::Read(_) | Intent::Bypass(Bypass::Precondition)
                if self.rule.policy.classifies() =>
            {
                self.plan_class(request, &client, &Bytes::new())
            }
            Intent::Read(_) => self.plan_read(request, &client, &[]),
            Intent::Bypass(reason) => self.bypass(reason.as_str(), &client),
            Intent::Safe => Plan::Pass(self.context(&client), self.method()),
            Intent::Inline => self.bypass("upgrade", &client),
            Intent::Write => self.plan_write(request, &client, Call::Http, Counts::Route),
            Intent::Grpc => self.plan_write(request, &client, Call::Grpc, Counts::Route),
        }
    }

    /// What is done with a request whose content was read.
    pub(super) fn plan_content<X: Body>(
        &self,
        request: &request::Parts,
        carried: Carried,
        content: &Bytes,
    ) -> Plan<X> {
        let client = Client {
            partition: self.rule.policy.partition(request),
            carried,
        };
        if self.rule.policy.classifies() {
            return self.plan_class(request, &client, content);
        }
        match semantics::reason_to_pass(&request.headers) {
            Some(reason) => self.bypass(reason.as_str(), &client),
            None => self.plan_read(request, &client, &content::key(request, content)),
        }
    }

    /// What is done with a call of a gRPC method that reads. `message`: what was read of
    /// it, or why that was not.
    pub(super) fn plan_call<X: Body>(
        &self,
        request: &request::Parts,
        carried: Carried,
        message: Result<&[u8], &'static str>,
    ) -> Plan<X> {
        let client = Client {
            partition: self.rule.policy.partition(request),
            carried,
        };
        match message {
            Ok(message) => {
                let content = semantics::key_of_call(&request.headers, message);
                self.plan_read(request, &client, &content)
            }
            Err(reason) => {
                let before = self.refuses(request, &client.partition);
                self.bypass(before.unwrap_or(reason), &client)
            }
        }
    }

    pub(super) fn plan_read<X: Body>(
        &self,
        request: &request::Parts,
        client: &Client,
        content: &[u8],
    ) -> Plan<X> {
        let mut seen = match self.seen(request, &client.partition) {
            Ok(seen) => seen,
            Err(reason) => return self.bypass(reason, client),
        };
        seen.count(content);
        let key = match seen.key(client.partition.scope()) {
            Ok(key) => key,
            Err(reason) => return self.bypass(reason, client),
        };
        if !self.cache.settings.hosts.include(key.authority) {
            return self.bypass("unknown-host", client);
        }
        let ask = Ask {
            key,
            headers: &seen.headers,
            bears_token: client.carried.token().is_some(),
        };
        match client.carried.may(self.cache) {
            May::Look => {}
            May::LookAfter(token) => {
                let (arrived, recipe) = (self.cache.core.clock(), self.recipe(&ask));
                let mut read = self.read(request, client, recipe, seen, arrived);
                read.awaited = Some(token);
                return Plan::Read(read);
            }
            May::Pass => {
                self.rule.counts.bypasses.add(token::REASON);
                let status = Status::new(self.rule, Forward::Request, token::REASON);
                return Plan::Pass(self.context(client), status);
            }
        }
        // The clock is read before the shelf is: a waiter has to know which
        // invalidations came before it.
        let arrived = self.cache.core.clock();
        let found = match self.look_up(&ask) {
            Found::Hit(slot, now) => {
                return match self.answer(&slot, now, request) {
                    Some(response) => Plan::Answer(response),
                    None => self.bypass("not-a-response", client),
                };
            }
            found => found,
        };
        let recipe = self.recipe(&ask);
        let read = self.read(request, client, recipe, seen, arrived);
        self.plan_without_hit(read, found, request)
    }

    /// What was found is stale, or is to be fetched anew in any case, or is nothing.
    fn plan_without_hit<X: Body>(
        &self,
        mut read: Box<Read>,
        found: Found,
        request: &request::Parts,
    ) -> Plan<X> {
        if let Found::Ahead(slot, now, selected) | Found::Stale(slot, now, selected) = &found
            && let Some(response) = self.answer(slot, *now, request)
        {
            if matches!(found, Found::Stale(..)) {
                self.rule.counts.stale.add(refresh::REASON);
            }
            read.recipe.selected = *selected;
            read.old = Some(slot.clone());
            read.background = true;
            return Plan::Refresh(response, read);
        }
        read.missed(found);
        match self.rule.demands(&request.headers) {
            Some(demands) if demands.only_if_cached => {
                self.rule.counts.bypasses.add("only-if-cached");
                return Plan::Answer(respond::only_if_cached());
            }
            // What somebody else is fetching was asked for before.
            Some(demands) if demands.no_cache => read.coalesce = Coalesce::No,
            _ => {}
        }
        self.rule.counts.misses.add(read.status.detail());
        if let Some(reason) = read::cannot_fill(self.rule, request) {
            self.rule.counts.unfilled.add(reason);
            read.status = read.status.refused(reason);
            return match &read.old {
                Some(_) if request.method == Method::HEAD => Plan::Head(read),
                _ => Plan::Pass(read.context, read.status),
            };
        }
        Plan::Read(read)
    }

    /// An answer from memory.
    fn answer<X: Body>(
        &self,
        slot: &Slot,
        now: Moment,
        request: &request::Parts,
    ) -> Option<Response<CacheBody<X>>> {
        let mut response = respond::from_slot(self.cache, self.rule, slot, now, request)?;
        self.rule.counts.hits.one();
        status::tell_hit(self.cache, self.rule, slot, now, &mut response);
        Some(response)
    }

    fn recipe(&self, ask: &Ask<'_>) -> (StoredKey, u128) {
        (ask.key.to_stored(), self.cache.fingerprint(self.rule, ask))
    }

    fn read(
        &self,
        request: &request::Parts,
        client: &Client,
        (key, primary): (StoredKey, u128),
        seen: Seen<'_>,
        arrived: Tick,
    ) -> Box<Read> {
        let (request, reduced) = seen.request(request);
        let recipe = Recipe {
            rule: self.rule.clone(),
            key,
            primary,
            selected: primary,
            request,
        };
        Box::new(Read {
            cache: self.cache.clone(),
            context: self.context(client),
            recipe,
            arrived,
            coalesce: Coalesce::Yes,
            awaited: None,
            bears_token: client.carried.token().is_some(),
            status: Status::new(self.rule, Forward::Miss, ""),
            old: None,
            background: false,
            reduced,
        })
    }

    /// What counts of the request, or why it is not looked up.
    fn seen<'a>(
        &self,
        request: &'a request::Parts,
        partition: &Partition,
    ) -> Result<Seen<'a>, &'static str> {
        match self.refuses(request, partition) {
            None => Seen::of(&self.rule.policy, request),
            Some(reason) => Err(reason),
        }
    }

    /// Why such a request is not looked up, whatever is in its key.
    fn refuses(&self, request: &request::Parts, partition: &Partition) -> Option<&'static str> {
        if !self.cache.uses_memory() {
            return Some("switched-off");
        }
        if self.rule.policy.is_bypass() {
            return Some("policy");
        }
        if self.rule.policy.passes_by(request) {
            return Some("unless");
        }
        if *partition == Partition::NotFound {
            return Some("no-scope");
        }
        outside::is_rewritten(request).then_some("rewritten-uri")
    }

    /// A log inside the process can be asked at once, before this instance calls
    /// itself deaf.
    fn look_up(&self, ask: &Ask<'_>) -> Found {
        match self.cache.look_up(self.rule, ask) {
            Found::Miss(Miss::Deaf, _) if self.cache.coherence.ask_now() => {
                self.cache.look_up(self.rule, ask)
            }
            found => found,
        }
    }

    pub(super) fn plan_write<X: Body>(
        &self,
        request: &request::Parts,
        client: &Client,
        call: Call,
        counts: Counts,
    ) -> Plan<X> {
        let writes = self.rules.write(self.routes, request);
        let choices = self.choices(&writes.policy, call);
        let client = &writer(request, &writes.policy, client);
        if choices.while_bus_down == BusDown::RefuseWrites && self.cache.coherence.is_down() {
            writes.counts.refused_writes.one();
            return Plan::Answer(refused::response(call));
        }
        let scope = client.partition.scope();
        let says = match counts {
            Counts::Route => writes,
            Counts::Nothing => self.routes.silent(),
        };
        let resource = Resource::of(request, scope, call, says.clone());
        Plan::Write(Box::new(Write::new(
            self.cache.clone(),
            self.context(client),
            resource,
            choices,
            self.method(),
        )))
    }

    /// A gRPC call may be a read: what is chosen for the whole cache is not for it.
    fn choices(&self, writes: &WritePolicy, call: Call) -> Choices {
        let own = writes.bus_down_choice();
        Choices {
            concern: writes.own_concern(),
            hang_up: writes.mapping().hang_up(),
            while_bus_down: own.unwrap_or(match call {
                Call::Http => self.cache.settings.while_bus_down,
                Call::Grpc => BusDown::Queue,
            }),
            intent: writes.intent_time(),
        }
    }

    pub(super) fn bypass<X: Body>(&self, reason: &'static str, client: &Client) -> Plan<X> {
        self.rule.counts.bypasses.add(reason);
        let status = Status::new(self.rule, Forward::Bypass, reason);
        Plan::Pass(self.context(client), status)
    }

    fn method(&self) -> Status {
        Status::new(self.rule, Forward::Method, "")
    }

    fn context(&self, client: &Client) -> CacheContext {
        let scope = client.partition.scope().cloned();
        let token = client.carried.token().cloned();
        CacheContext::new(self.cache.clone(), scope, token)
    }
}

/// Who writes, in the scope that the route of the write finds.
fn writer(request: &request::Parts, writes: &WritePolicy, client: &Client) -> Client {
    Client {
        partition: match writes.mapping().scope_of(request) {
            None => client.partition.clone(),
            Some(scope) => scope.map_or(Partition::NotFound, Partition::Scope),
        },
        carried: client.carried.clone(),
    }
}

impl Resource {
    fn of(
        request: &request::Parts,
        scope: Option<&Scope>,
        call: Call,
        writes: Arc<WriteRule>,
    ) -> Self {
        let uri = outside::uri(request);
        let maps = writes.policy.mapping().says_more();
        Self {
            request: maps.then(|| Box::new(request.clone())),
            scope: scope.cloned(),
            writes,
            method: request.method.clone(),
            path: uri.path().to_owned(),
            rewritten: outside::is_rewritten(request).then(|| request.uri.path().to_owned()),
            key: KeyParts::of(uri, &request.headers, scope)
                .ok()
                .map(KeyParts::to_stored),
            call,
        }
    }
}
