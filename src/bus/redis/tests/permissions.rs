//! What the server does not allow, and what is said about it.

use super::*;
use crate::bus::contract::{Asker, append};
use crate::bus::engine::Trouble;
use crate::bus::redis::reply::{Identity, Rang};
use crate::position::Mark;

const NEEDED: &[&str] = &[
    "+evalsha",
    "+eval",
    "+xadd",
    "+xrange",
    "+xrevrange",
    "+hget",
    "+hgetall",
    "+hset",
    "+hdel",
    "+hincrby",
    "+zadd",
    "+zrem",
    "+zrangebyscore",
    "+info",
    "+publish",
    "+subscribe",
    "+ping",
];

/// A user with all that is needed, and then some more words.
fn user(server: &RedisServer, more: &[&str]) -> String {
    let start = [
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">pw",
        "-@all",
        "~coherence:{shop}:*",
    ];
    let said = server.cli(
        &[
            &start[..],
            &["resetchannels", "&coherence:{shop}:*"],
            NEEDED,
            more,
        ]
        .concat(),
    );
    assert_eq!(said, "OK");
    server.url_of("app", "pw")
}

#[tokio::test]
async fn the_named_permissions_are_enough_and_nothing_is_said() {
    let server = RedisServer::start(&[]);
    let bus = at(&user(&server, &[])).engine();
    assert_eq!(bus.look().await.unwrap(), [""; 0]);
    let head = append(&*bus, "a", 1).await;
    Asker::new(1).ask(&*bus, Some(head)).await;
    bus.rings().await.expect("the ring can be heard");
}

#[tokio::test]
async fn an_append_whose_ring_is_denied_stands() {
    let server = RedisServer::start(&[]);
    let bus = inner(&user(&server, &["resetchannels"]));
    let reply = bus.append_once(b"a", Mark(1), None).await.unwrap();
    assert_eq!((reply.rang, reply.identity), (Rang::No, Identity::Known));
    let answer = Asker::new(1).ask(&bus, Some(reply.appended.position)).await;
    assert_eq!(answer.head, reply.appended.position);
    let error = bus.rings().await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("SUBSCRIBE"), "{error}");
    let told = bus.look().await.unwrap().join("\n");
    assert!(
        told.contains("PUBLISH") && told.contains("SUBSCRIBE"),
        "{told}"
    );
}

#[tokio::test]
async fn a_denied_append_is_refused_with_the_command_to_grant() {
    let server = RedisServer::start(&[]);
    let bus = at(&user(&server, &["-xadd"])).engine();
    let error = bus.append("a".into(), Mark(1)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("+xadd"), "{error}");
    let told = bus.look().await.unwrap().join("\n");
    assert!(told.contains("+xadd"), "{told}");
}

#[tokio::test]
async fn every_missing_command_is_told_by_name() {
    let server = RedisServer::start(&[]);
    for command in NEEDED {
        let denied = command.replace('+', "-");
        let bus = at(&user(&server, &[&denied])).engine();
        let told = bus.look().await.unwrap().join("\n");
        // The ring's ping is answered by a refusal just as well.
        let silent = *command == "+ping";
        let name = command.trim_start_matches('+');
        assert_eq!(
            told.to_lowercase().contains(name),
            !silent,
            "{command}: {told}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_not_permitted_is_told() {
    let server = RedisServer::start(&[]);
    let bus = at(&user(&server, &["resetkeys", &format!("~{LOG}")])).engine();
    let told = bus.look().await.unwrap().join("\n");
    assert!(told.contains("~coherence:{shop}:*"), "{told}");
}

#[tokio::test]
async fn where_info_is_forbidden_the_append_says_so() {
    let server = RedisServer::start(&[]);
    let bus = inner(&user(&server, &["-info"]));
    let reply = bus.append_once(b"a", Mark(1), None).await.unwrap();
    assert_eq!((reply.rang, reply.identity), (Rang::Yes, Identity::Unknown));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_does_not_stand_in_the_message() {
    let server = RedisServer::start(&[]);
    user(&server, &[]);
    let bus = at(&server.url_of("app", "guess")).engine();
    let error = bus.sync(Asker::new(1).question(None)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(!format!("{error} {error:?}").contains("guess"));
    assert_eq!(bus.rings().await.unwrap_err().trouble, Trouble::Refused);
}

#[tokio::test]
async fn a_missing_login_is_refused() {
    let server = RedisServer::start(&["--requirepass", "pw"]);
    let error = engine(&server)
        .sync(Asker::new(1).question(None))
        .await
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("password"), "{error}");
}

#[tokio::test]
async fn a_full_server_refuses_appends_and_proves_nothing() {
    let server = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    let bus = engine(&server);
    let head = append(&*bus, "a", 1).await;
    Asker::new(2).ask(&*bus, None).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = bus.append("b".into(), Mark(2)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("maxmemory"), "{error}");
    let asker = Asker::new(1);
    let error = bus.sync(asker.question(Some(head))).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(
        bus.look()
            .await
            .unwrap()
            .join("\n")
            .contains("out of memory")
    );
    // Not to a clone either, whose report would not be written.
    let clone = bus.sync(Asker::new(2).question(Some(head))).await;
    assert_eq!(clone.unwrap_err().trouble, Trouble::Refused);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    asker.ask(&*bus, Some(head)).await;
}

#[tokio::test]
async fn a_master_without_its_replicas_proves_nothing() {
    let server = RedisServer::start(&["--min-replicas-to-write", "1"]);
    let error = engine(&server)
        .sync(Asker::new(1).question(None))
        .await
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("replicas"), "{error}");
}

#[tokio::test]
async fn a_policy_that_may_evict_the_log_is_told() {
    let server = RedisServer::start(&["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]);
    let told = engine(&server).look().await.unwrap().join("\n");
    assert!(told.contains("allkeys-lru"), "{told}");
}

#[tokio::test]
async fn looking_leaves_nothing_behind_and_rings_nobody() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut rings = bus.rings().await.expect("the ring can be heard");
    assert_eq!(bus.look().await.unwrap(), [""; 0]);
    assert_eq!(server.cli(&["EXISTS", LOG, MEMBERS, BEATS]), "0");
    // Nothing is heard before what is rung next.
    server.cli(&["PUBLISH", RING, "garbage"]);
    let heard = crate::bus::contract::heard(&mut rings).await;
    assert_eq!(heard, crate::bus::engine::Ring::Garbage);
    assert_eq!(rings.receiver.len(), 0);
}
