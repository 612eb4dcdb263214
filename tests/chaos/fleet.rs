//! The instances, what lies between them and Redis, and who is who.

use crate::options::Options;
use crate::servers::Servers;
use crate::support::app::Settings;
use crate::support::history::Down;
use crate::support::instance::{Instance, Program};
use crate::support::moment::Moment;
use crate::support::proxy::Proxy;
use crate::support::redis_server::RedisServer;
use crate::support::register::Registers;
use std::sync::Mutex;
use tokio::sync::Mutex as AsyncMutex;

pub(crate) const INSTANCES: usize = 3;
pub(crate) const NAMESPACE: &str = "chaos";
pub(crate) const LOG: &str = "coherence:{chaos}:log";
pub(crate) const RING: &str = "coherence:{chaos}:ring";

pub(crate) struct Fleet {
    pub(crate) registers: Registers,
    pub(crate) servers: Servers,
    pub(crate) proxies: Vec<Proxy>,
    /// Each is held by the lane that strikes it.
    pub(crate) instances: Vec<AsyncMutex<Instance>>,
    /// Where each is to be found now.
    slots: Vec<Mutex<Place>>,
    /// Processes so far.
    born: Mutex<u32>,
    downs: Mutex<Vec<Down>>,
}

/// One process: from its start until it is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Its number in the history.
    pub(crate) instance: u32,
    pub(crate) port: u16,
}

impl Fleet {
    pub(crate) async fn start(options: &Options) -> Self {
        let arguments = ["--appendonly", "yes", "--appendfsync", "everysec"];
        let servers = Servers::start(&arguments).await;
        let registers = Registers::start().await;
        let mut fleet = Self {
            registers,
            servers,
            proxies: Vec::new(),
            instances: Vec::new(),
            slots: Vec::new(),
            born: Mutex::new(0),
            downs: Mutex::default(),
        };
        for _ in 0..INSTANCES {
            let proxy = Proxy::start(fleet.servers.port()).await;
            let settings = Settings {
                namespace: NAMESPACE.to_owned(),
                while_deaf: options.while_deaf,
                settle: options.settle,
                told: options.told,
                ..Settings::new(&proxy.url(), fleet.registers.port(), options.bound)
            };
            let instance = Instance::spawn(&settings, Program::Main).await;
            fleet.proxies.push(proxy);
            let place = fleet.name(&instance);
            fleet.slots.push(Mutex::new(place));
            fleet.instances.push(AsyncMutex::new(instance));
        }
        fleet
    }

    /// Where this one is to be found now.
    pub(crate) fn place(&self, slot: usize) -> Place {
        *self.slots[slot].lock().unwrap()
    }

    /// It is another process from now on.
    pub(crate) fn reborn(&self, slot: usize, instance: &Instance) {
        let place = self.name(instance);
        *self.slots[slot].lock().unwrap() = place;
    }

    /// It was stopped or dead.
    pub(crate) fn was_down(&self, instance: u32, from: Moment) {
        self.downs.lock().unwrap().push(Down {
            instance,
            from,
            until: Moment::now(),
        });
    }

    pub(crate) fn downs(&self) -> Vec<Down> {
        self.downs.lock().unwrap().clone()
    }

    /// Does something to the master that takes its time.
    pub(crate) async fn redis<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut RedisServer) -> T + Send + 'static,
    ) -> T {
        self.servers.act(|roles| act(&mut roles.master)).await
    }

    /// The name by which this one knows the master is another server's from now on.
    pub(crate) fn lead(&self, slot: usize, port: u16) {
        self.proxies[slot].lead_to(port);
        self.proxies[slot].cut();
    }

    fn name(&self, instance: &Instance) -> Place {
        let mut born = self.born.lock().unwrap();
        *born += 1;
        Place {
            instance: *born,
            port: instance.port(),
        }
    }
}
