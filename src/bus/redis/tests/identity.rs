//! Another server, or another history, under the same name.

use super::*;
use crate::bus::contract::{Asker, EVERYTHING, append};
use crate::bus::engine::{BusError, Trouble, Verdict};
use crate::position::{Mark, Position};
use support::eventually::eventually;
use support::proxy::{Flow, Proxy};

const SOON: Duration = Duration::from_secs(20);

/// A restart breaks the connection; the driver comes again.
async fn ask_until_answered(
    bus: &dyn Engine,
    asker: &Asker,
    from: Option<Position>,
) -> crate::bus::engine::Answer {
    eventually("an answer", SOON, async || {
        bus.sync(asker.question(from)).await.ok()
    })
    .await
}

fn trouble<T>(outcome: Result<T, BusError>) -> Option<Trouble> {
    outcome.err().map(|error| error.trouble)
}

#[tokio::test]
async fn a_restart_that_kept_the_log_adds_everything_behind_it() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let position = append(&*bus, "a", 1).await;
    server.restart();
    let answer = ask_until_answered(&*bus, &asker, Some(position)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    let [everything] = &answer.entries[..] else {
        panic!("one entry and not {:?}", answer.entries);
    };
    assert_eq!(everything.payload, EVERYTHING);
    assert_eq!(everything.previous, Some(position));
    let again = asker.ask(&*bus, Some(answer.head)).await;
    assert_eq!((again.verdict, again.entries.len()), (Verdict::Verified, 0));
}

#[tokio::test]
async fn a_restart_that_lost_the_log_verifies_nothing() {
    let mut server = RedisServer::start(&[]);
    let bus = engine(&server);
    let position = append(&*bus, "a", 1).await;
    server.restart();
    let answer = ask_until_answered(&*bus, &Asker::new(1), Some(position)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_ne!(answer.head, position);
}

#[tokio::test]
async fn the_first_append_after_a_restart_follows_everything() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let bus = engine(&server);
    append(&*bus, "a", 1).await;
    server.restart();
    eventually("an append", SOON, async || {
        bus.append("b".into(), Mark(2)).await.ok()
    })
    .await;
    let log = server.cli(&["XRANGE", LOG, "-", "+"]);
    assert_eq!(log.matches("everything").count(), 2, "{log}");
}

/// The replica is promoted without the last entry: it was acknowledged and is lost.
#[tokio::test]
async fn a_failover_that_lost_an_acknowledged_entry_verifies_nothing_of_it() {
    let master = RedisServer::start(&[]);
    let link = Proxy::start(master.port()).await;
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &link.port().to_string()]);
    let front = Proxy::start(master.port()).await;
    let bus = at(&front.url()).engine();
    let asker = Asker::new(1);
    let kept = append(&*bus, "kept", 1).await;
    eventually("the replica has it", SOON, async || {
        (replica.cli(&["XLEN", LOG]) == "2").then_some(())
    })
    .await;
    link.gate(support::proxy::Gate::Closed);
    link.cut();
    let lost = append(&*bus, "lost", 2).await;
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    front.lead_to(replica.port());
    front.cut();
    let answer = ask_until_answered(&*bus, &asker, Some(lost)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    let answer = asker.ask(&*bus, Some(kept)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries[0].payload, EVERYTHING);
}

/// The same process is master, replica and master again, and comes back with the
/// other's history: its run id is the same all along.
#[tokio::test]
async fn a_failback_that_lost_an_acknowledged_entry_adds_everything() {
    let (first, second) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let bus = engine(&first);
    let kept = append(&*bus, "kept", 1).await;
    follow(&second, &first).await;
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    let lost = append(&*bus, "lost", 2).await;
    follow(&first, &second).await;
    first.cli(&["REPLICAOF", "NO", "ONE"]);
    let asker = Asker::new(1);
    let answer = ask_until_answered(&*bus, &asker, Some(kept)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries[0].payload, EVERYTHING);
    let answer = asker.ask(&*bus, Some(lost)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
}

/// Returns when the replica has what the master has.
async fn follow(replica: &RedisServer, master: &RedisServer) {
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    eventually("the replica follows", SOON, async || {
        let info = replica.cli(&["INFO", "replication"]);
        info.contains("master_link_status:up").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_replica_proves_nothing_and_the_connection_to_it_is_not_kept() {
    let (master, replica) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let front = Proxy::start(replica.port()).await;
    let bus = at(&front.url()).engine();
    let asker = Asker::new(1);
    follow(&replica, &master).await;
    let error = bus.sync(asker.question(None)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("replica"), "{error}");
    assert_eq!(
        trouble(bus.append("a".into(), Mark(1)).await),
        Some(Trouble::Refused)
    );
    // The name leads to the master now; nobody has cut the old connection.
    front.lead_to(master.port());
    asker.ask(&*bus, None).await;
}

#[tokio::test]
async fn a_writable_replica_proves_nothing_either() {
    let master = RedisServer::start(&[]);
    let port = master.port().to_string();
    let replica = RedisServer::start(&[
        "--replicaof",
        "127.0.0.1",
        &port,
        "--replica-read-only",
        "no",
    ]);
    let refused = engine(&replica).sync(Asker::new(1).question(None)).await;
    assert_eq!(trouble(refused), Some(Trouble::Refused));
}

#[tokio::test]
async fn where_info_is_forbidden_every_reconnect_counts_as_a_gap() {
    let server = RedisServer::start(&[]);
    server.cli(&[
        "ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info",
    ]);
    let front = Proxy::start(server.port()).await;
    let url = front.url().replace("redis://", "redis://blind:pw@");
    let bus = at(&url).engine();
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    let steady = asker.ask(&*bus, Some(head)).await;
    assert_eq!(steady.verdict, Verdict::Verified);
    front.cut();
    let after = ask_until_answered(&*bus, &asker, Some(head)).await;
    assert_eq!(after.verdict, Verdict::Unknown);
    assert_eq!(after.head, head);
    assert_eq!(
        server
            .cli(&["HGET", MEMBERS, "0000000000000001"])
            .split(' ')
            .count(),
        2
    );
    assert_eq!(
        asker.ask(&*bus, Some(head)).await.verdict,
        Verdict::Verified
    );
}

#[tokio::test]
async fn where_info_is_allowed_a_reconnect_is_no_gap() {
    let server = RedisServer::start(&[]);
    let front = Proxy::start(server.port()).await;
    let bus = at(&front.url()).engine();
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    front.cut();
    let after = ask_until_answered(&*bus, &asker, Some(head)).await;
    assert_eq!(after.verdict, Verdict::Verified);
}

/// `WAIT` counts the replicas that have it: with the link cut there are none.
#[tokio::test]
async fn a_batch_that_has_to_be_on_a_replica_is_not_appended_while_the_link_is_cut() {
    let master = RedisServer::start(&[]);
    let link = Proxy::start(master.port()).await;
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &link.port().to_string()]);
    let bus = at(&master.url()).wait_replicas(1).engine();
    eventually("a replica", SOON, async || {
        bus.append("a".into(), Mark(1)).await.ok()
    })
    .await;
    // Valkey counts a replica that has it and is still loading what came before.
    eventually("the batch on the replica", SOON, async || {
        let log = replica.cli(&["XRANGE", LOG, "-", "+"]);
        log.contains("0000000000000001").then_some(())
    })
    .await;
    link.both(Flow::BlackHole);
    let error = bus.append("b".into(), Mark(2)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("on 0 replicas"), "{error}");
    // Questions go on meanwhile.
    Asker::new(1).ask(&*bus, None).await;
    link.both(Flow::Pass);
    link.cut();
    eventually("the replica is back", SOON, async || {
        bus.append("c".into(), Mark(3)).await.ok()
    })
    .await;
}
