//! Another server becomes the master.
//!
//! - **Lossy.** The master acknowledges what its replica does not get, dies, and the
//!   replica takes over. Its log is another one from then on and says "everything"
//!   first, so P3 holds for what was lost too. Now and then one instance hears
//!   nothing of what is lost: it stands at an entry that both logs have, and nothing
//!   but that "everything" tells it.
//! - **Clean.** The replica has all before it takes over. The log is another one too.
//! - **Split brain.** The replica takes over while its master goes on; some of the
//!   instances are led to the new one. P3 holds through it because neither takes a
//!   write without the other (`min-replicas-to-write`, their number): the old one
//!   stops when it misses its replica for a second or two, the new one begins when
//!   the old one has become its replica. What the old one took meanwhile is lost with
//!   the split, and covered by the "everything" of the new log. With
//!   `CHAOS_GUARD=off` both take writes, and the run must find violations.
//!
//! In the end there is a master with a replica again, the other way round.

use crate::fleet::{Fleet, INSTANCES};
use crate::kind::Kind;
use crate::options::Options;
use crate::plan::Strike;
use crate::servers::Roles;
use crate::watch::Watch;

pub(crate) async fn strike(strike: Strike, fleet: &Fleet, watch: &Watch, options: &Options) {
    fleet.servers.in_step().await;
    match strike.kind {
        Kind::FailoverLossy => lossy(strike, fleet, watch, options).await,
        Kind::FailoverClean => clean(fleet, watch).await,
        _ => split(strike, fleet, watch, options).await,
    }
}

async fn lossy(strike: Strike, fleet: &Fleet, watch: &Watch, options: &Options) {
    let servers = &fleet.servers;
    servers.cut();
    let deaf = usize::try_from(strike.luck / 60 % 6).expect("one of six");
    if deaf < INSTANCES {
        fleet.lead(deaf, servers.nowhere());
    }
    tokio::time::sleep(strike.holds).await;
    servers.differ().await;
    watch.lost(strike.kind);
    watch.struck_all(strike.kind);
    servers.kill_master().await;
    // Until somebody has noticed.
    let noticed = u32::try_from(strike.luck % 60).expect("a small number");
    tokio::time::sleep(options.bound * noticed / 100).await;
    let port = servers.promote().await;
    (0..INSTANCES).for_each(|slot| fleet.lead(slot, port));
    servers.settle(true).await;
}

async fn clean(fleet: &Fleet, watch: &Watch) {
    let servers = &fleet.servers;
    watch.struck_all(Kind::FailoverClean);
    servers.drain().await;
    assert!(!servers.act(Roles::differ).await, "the replica has all");
    let port = servers.promote().await;
    servers.settle(false).await;
    (0..INSTANCES).for_each(|slot| fleet.lead(slot, port));
}

async fn split(strike: Strike, fleet: &Fleet, watch: &Watch, options: &Options) {
    let servers = &fleet.servers;
    if options.guard {
        servers.guard("1").await;
    }
    let luck = strike.luck;
    if luck.is_multiple_of(3) {
        servers.cut();
    } else {
        servers.part();
    }
    watch.struck_all(strike.kind);
    let port = servers.promote().await;
    // At least one, and not all.
    let one = usize::try_from(luck / 3 % 3).expect("one of three");
    let alone = (luck / 9).is_multiple_of(2);
    let moves = |slot: &usize| (*slot == one) == alone;
    (0..INSTANCES)
        .filter(moves)
        .for_each(|slot| fleet.lead(slot, port));
    tokio::time::sleep(strike.holds).await;
    if servers.act(Roles::differ).await {
        watch.lost(strike.kind);
    }
    servers.settle(false).await;
    let stays = (0..INSTANCES).filter(|slot| !moves(slot));
    stays.for_each(|slot| fleet.lead(slot, port));
    if options.guard {
        servers.in_step().await;
        servers.guard("0").await;
    }
}
