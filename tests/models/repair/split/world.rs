//! Two instances that both write, and two servers: one is promoted while the other
//! goes on, and either of them wins. Nothing rings before: a ring only hurries.
//!
//! This file is compiled once for each variant, beside the production files.

use super::environment::{Answers, Environment, Left};
use super::instance::{BOUND, Instance, Keys};
use super::servers::Servers;
use crate::bus::LogEntry;
use bytes::Bytes;
use stateright::{Model, Property};

pub(crate) const P3: &str = "P3: nothing stale is served later than the bound";
pub(crate) const REPAIRED: &str = "three heartbeats after healing everybody has everything";
pub(crate) const ONE: &str = "one everything in these heartbeats is enough";
pub(crate) const BOUNDED: &str = "no more everythings than changes of history that instances saw";
pub(crate) const SERVES: &str = "something is served after a failover";
pub(crate) const MISSING: &str = "when it heals something is missing";
pub(crate) const BATCHES: &str = "batches are sent once more";
pub(crate) const EVERYTHING: &str = "an everything is sent";
pub(crate) const FOR_BOTH: &str = "both instances have lost something, and one everything is sent";

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    now: u64,
    servers: Servers,
    instances: [Instance; 2],
    /// When a master has acknowledged each write, in their order.
    accepted: Vec<u64>,
    /// Everythings that instances have sent.
    everythings: u8,
    left: Left,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Tick,
    Write(usize),
    Lead(usize),
    Ask(usize),
    Receive(usize),
    Send(usize),
    SendEverything(usize),
    Replicate,
    Promote,
    /// With this one as the master.
    Heal(usize),
    Trim(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) bounds: Left,
    pub(crate) environment: Environment,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut servers = Servers::new();
        let old = (1 << self.bounds.writes.iter().sum::<u8>()) - 1;
        let instances = [0, 1].map(|number| Instance::new(number, old, &mut servers));
        servers.replicate();
        vec![State {
            now: 0,
            servers,
            instances,
            accepted: Vec::new(),
            everythings: 0,
            left: self.bounds,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let servers = &state.servers;
        let mut offer = |may: bool, action| {
            if may {
                actions.push(action);
            }
        };
        let healed = servers.healed().is_some();
        offer(left.ticks > 0, Action::Tick);
        offer(healed && left.replications > 0, Action::Replicate);
        offer(healed && left.promotions > 0, Action::Promote);
        for (i, instance) in state.instances.iter().enumerate() {
            offer(!healed, Action::Heal(i));
            offer(left.trims > 0 && servers.is_master(i), Action::Trim(i));
            let elsewhere = servers.is_master(1 - instance.home);
            offer(left.leads[i] > 0 && elsewhere, Action::Lead(i));
            offer(instance.letter.is_some(), Action::Receive(i));
            let may_ask = left.questions[i] > 0 && instance.letter.is_none();
            let accepts = servers.accepts(instance.home, self.environment.replicas);
            let answers = accepts || self.environment.answers == Answers::Anybody;
            offer(may_ask && answers, Action::Ask(i));
            if !accepts {
                continue;
            }
            // Behind what waits in the outbox it would be a later write.
            let may_write = left.writes[i] > 0 && instance.outbox.is_empty();
            offer(may_write, Action::Write(i));
            offer(!instance.outbox.is_empty(), Action::Send(i));
            offer(instance.due, Action::SendEverything(i));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, &self.environment);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(P3, |_, state: &State| {
                !state.instances.iter().any(|i| state.breaks_the_bound(i))
            }),
            Property::always(REPAIRED, |world: &Self, state: &State| {
                // What is not missing now will not be.
                !state.misses() || state.flow(&world.environment).iter().all(|f| f.repaired)
            }),
            Property::always(ONE, |world: &Self, state: &State| {
                // One that is due already may be due to the log that did not win.
                let one = |f: &Flowed| f.everythings <= 1;
                let asked = state.misses() && !state.is_due();
                !asked || state.flow(&world.environment).iter().all(one)
            }),
            Property::always(BOUNDED, |world: &Self, state: &State| {
                let leads = |left: &Left| left.leads.iter().sum::<u8>();
                let led = leads(&world.bounds) - leads(&state.left);
                let promoted = world.bounds.promotions - state.left.promotions;
                state.everythings <= led + 2 * promoted
            }),
            Property::sometimes(SERVES, |_, state: &State| {
                let over = state.left.promotions == 0 && state.servers.healed().is_some();
                let serves = |i: &Instance| i.proof.is_some_and(|as_of| as_of > BOUND);
                over && state.instances.iter().any(serves)
            }),
            Property::sometimes(MISSING, |_, state: &State| {
                let healed = state.servers.healed().is_some();
                healed && state.left.promotions == 0 && state.misses()
            }),
            Property::sometimes(BATCHES, |_, state: &State| {
                state.instances.iter().any(|i| !i.outbox.is_empty())
            }),
            Property::sometimes(EVERYTHING, |_, state: &State| state.everythings > 0),
            Property::sometimes(FOR_BOTH, |world: &Self, state: &State| {
                let one = |f: &Flowed| f.everythings == 1;
                let due = state.instances.iter().all(|i| i.due);
                due && state.flow(&world.environment).iter().any(one)
            }),
        ]
    }
}

/// What became of a world in which nothing happens any more but heartbeats.
struct Flowed {
    repaired: bool,
    /// Sent meanwhile.
    everythings: u8,
}

impl State {
    fn act(&mut self, action: Action, environment: &Environment) {
        let (servers, instances) = (&mut self.servers, &mut self.instances);
        match action {
            Action::Tick => {
                self.left.ticks -= 1;
                self.now += 1;
            }
            Action::Write(i) => {
                self.left.writes[i] -= 1;
                let key = u8::try_from(self.accepted.len()).unwrap_or(u8::MAX);
                self.accepted.push(self.now);
                instances[i].write(key, servers);
            }
            Action::Lead(i) => {
                self.left.leads[i] -= 1;
                instances[i].lead();
            }
            Action::Ask(i) => {
                self.left.questions[i] -= 1;
                instances[i].ask(self.now, servers, environment);
            }
            Action::Receive(i) => self.receive(i, environment),
            Action::Send(i) => drop(instances[i].send(servers, environment)),
            Action::SendEverything(i) => {
                self.everythings += 1;
                drop(instances[i].send_everything(servers, environment));
            }
            Action::Replicate => {
                self.left.replications -= 1;
                servers.replicate();
            }
            Action::Promote => {
                self.left.promotions -= 1;
                servers.promote();
            }
            Action::Heal(master) => servers.heal(master),
            Action::Trim(at) => {
                self.left.trims -= 1;
                servers.trim(at, self.left.trimmed_to);
            }
        }
    }

    fn receive(&mut self, i: usize, environment: &Environment) {
        let committed = self.committed();
        self.instances[i].receive(committed, environment);
    }

    fn committed(&self) -> Keys {
        (1 << self.accepted.len()) - 1
    }

    /// Somebody may serve what was before a write that a master has acknowledged.
    fn misses(&self) -> bool {
        let committed = self.committed();
        self.instances.iter().any(|i| i.old & committed != 0)
    }

    fn is_due(&self) -> bool {
        self.instances.iter().any(|i| i.due)
    }

    fn breaks_the_bound(&self, instance: &Instance) -> bool {
        let serves = instance.proof.is_some_and(|as_of| self.now - as_of <= BOUND);
        let mut late = self.accepted.iter().enumerate();
        serves && late.any(|(key, at)| instance.old & (1 << key) != 0 && self.now - at > BOUND)
    }

    /// Where there is one master: three heartbeats, in which one instance or the
    /// other is the faster one, and each hears the other or does not.
    fn flow(&self, environment: &Environment) -> Vec<Flowed> {
        let Some(master) = self.servers.healed() else {
            return Vec::new();
        };
        let ways = [([0, 1], true), ([0, 1], false), ([1, 0], true), ([1, 0], false)];
        let flow = |(order, rings)| self.clone().flow_in(order, rings, master, environment);
        ways.map(flow).into()
    }

    fn flow_in(
        mut self,
        order: [usize; 2],
        rings: bool,
        master: usize,
        environment: &Environment,
    ) -> Flowed {
        for i in order {
            if self.instances[i].home != master {
                self.instances[i].lead();
            }
            self.drain(i, rings, environment);
            self.ask_and_receive(i, environment);
            while self.instances[i].kept.is_in_question() {
                self.ask_and_receive(i, environment);
            }
        }
        let mut everythings = 0;
        for i in order {
            // The slower one has asked since the faster one was done.
            if i == order[1] {
                self.ask_and_receive(i, environment);
            }
            if self.instances[i].due {
                everythings += 1;
                let sent = self.instances[i].send_everything(&mut self.servers, environment);
                self.ring(i, &sent, rings, environment);
            }
            self.drain(i, rings, environment);
        }
        for i in order {
            self.ask_and_receive(i, environment);
        }
        Flowed {
            repaired: !self.misses(),
            everythings,
        }
    }

    fn ask_and_receive(&mut self, i: usize, environment: &Environment) {
        self.instances[i].ask(self.now, &mut self.servers, environment);
        self.receive(i, environment);
    }

    /// Sends all that waits.
    fn drain(&mut self, i: usize, rings: bool, environment: &Environment) {
        while let Some(sent) = self.instances[i].send(&mut self.servers, environment) {
            self.ring(i, &sent, rings, environment);
        }
    }

    /// An entry of this instance rings at the other one, if that listens there.
    fn ring(&mut self, i: usize, sent: &LogEntry<Bytes>, rings: bool, environment: &Environment) {
        let committed = self.committed();
        let [first, second] = &mut self.instances;
        if rings && first.home == second.home {
            let other = if i == 0 { second } else { first };
            other.hear(sent, committed, environment);
        }
    }
}
