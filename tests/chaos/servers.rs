//! A master with a replica, and which of them is the master now.

use crate::fleet::LOG;
use crate::support::eventually::eventually;
use crate::support::proxy::{Flow, Gate, Proxy};
use crate::support::redis_server::RedisServer;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Servers {
    roles: Arc<Mutex<Roles>>,
    /// Through this the replica reaches its master.
    link: Proxy,
}

pub(crate) struct Roles {
    pub(crate) master: RedisServer,
    pub(crate) replica: RedisServer,
}

impl Roles {
    /// Whether the newest entry of the master is not that of the replica.
    pub(crate) fn differ(&mut self) -> bool {
        let newest = ["XREVRANGE", LOG, "+", "-", "COUNT", "1"];
        self.master.cli(&newest) != self.replica.cli(&newest)
    }
}

impl Servers {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let roles = Roles {
            master: RedisServer::start(arguments),
            replica: RedisServer::start(arguments),
        };
        let link = Proxy::start(roles.master.port()).await;
        roles.replica.follow(link.port());
        Self {
            roles: Arc::new(Mutex::new(roles)),
            link,
        }
    }

    /// Where the master is now.
    pub(crate) fn port(&self) -> u16 {
        self.roles.lock().unwrap().master.port()
    }

    /// Does something to them that takes its time.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Roles) -> T + Send + 'static,
    ) -> T {
        let roles = self.roles.clone();
        let acting = tokio::task::spawn_blocking(move || act(&mut roles.lock().unwrap()));
        acting.await.expect("a server does as it is told")
    }

    async fn until(&self, what: &str, shows: impl Fn(&mut Roles) -> bool + Copy + Send + 'static) {
        eventually(what, PATIENCE, async || self.act(shows).await.then_some(())).await;
    }

    /// Waits until the replica has what its master had, and hears more.
    pub(crate) async fn in_step(&self) {
        self.until("a replica in step", |roles| roles.replica.in_step())
            .await;
    }

    /// From now on the master is alone, and knows it.
    pub(crate) fn cut(&self) {
        self.link.gate(Gate::Closed);
        self.link.cut();
    }

    /// A port that leads nowhere while they are cut.
    pub(crate) fn nowhere(&self) -> u16 {
        self.link.port()
    }

    /// From now on the master is alone, and has to find out.
    pub(crate) fn part(&self) {
        self.link.both(Flow::Parted);
    }

    /// Waits until the master has acknowledged what its replica lacks.
    pub(crate) async fn differ(&self) {
        self.until("something that would be lost", Roles::differ)
            .await;
    }

    /// Lets no write through until the replica has all, or for this long.
    pub(crate) async fn drain(&self) {
        self.act(|roles| roles.master.cli(&["CLIENT", "PAUSE", "20000", "WRITE"]))
            .await;
        self.until("a replica that has all", |roles| {
            roles.replica.offset() == roles.master.offset()
        })
        .await;
    }

    /// From now on neither takes a write without the other, or each does.
    pub(crate) async fn guard(&self, least: &'static str) {
        self.act(move |roles| {
            for server in [&roles.master, &roles.replica] {
                server.cli(&["CONFIG", "SET", "min-replicas-max-lag", "1"]);
                server.cli(&["CONFIG", "SET", "min-replicas-to-write", least]);
            }
        })
        .await;
    }

    pub(crate) async fn kill_master(&self) {
        self.act(|roles| roles.master.kill_and_forget()).await;
    }

    /// The replica becomes a master; the master does not hear of it. Returns where.
    pub(crate) async fn promote(&self) -> u16 {
        self.act(|roles| {
            roles.replica.promote();
            roles.replica.port()
        })
        .await
    }

    /// The promoted one is the master, and the other its replica, started anew where
    /// it is dead.
    pub(crate) async fn settle(&self, dead: bool) {
        self.link
            .lead_to(self.act(|roles| roles.replica.port()).await);
        self.link.gate(Gate::Open);
        self.link.both(Flow::Pass);
        self.link.cut();
        let link = self.link.port();
        self.act(move |roles| {
            std::mem::swap(&mut roles.master, &mut roles.replica);
            if dead {
                roles.replica.restart();
            }
            roles.replica.follow(link);
            roles.replica.cli(&["CLIENT", "UNPAUSE"]);
        })
        .await;
    }
}
