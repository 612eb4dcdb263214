//! What happens to the log: strangers, trimming, wipes, foreign histories.

use super::*;
use crate::bus::contract::{Asker, EVERYTHING, append};
use crate::bus::engine::{Form, Trouble, Verdict};
use crate::position::{Mark, Position, Sequence};

#[tokio::test]
async fn an_append_and_a_sync_are_one_script_call_each() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    append(&*bus, "a", 1).await;
    server.cli(&["CONFIG", "RESETSTAT"]);
    append(&*bus, "b", 2).await;
    assert_eq!((calls(&server, "evalsha"), calls(&server, "eval")), (1, 0));
    assert_eq!(calls(&server, "xadd"), 1);
    asker.ask(&*bus, Some(head)).await;
    assert_eq!((calls(&server, "evalsha"), calls(&server, "eval")), (2, 0));
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    append(&*bus, "a", 1).await;
    server.cli(&["SCRIPT", "FLUSH"]);
    append(&*bus, "b", 2).await;
    append(&*bus, "c", 3).await;
    assert_eq!(server.cli(&["XLEN", LOG]), "4");
}

#[tokio::test]
async fn an_entry_by_a_stranger_is_delivered_and_chained_to() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    server.cli(&["XADD", LOG, "*", "j", r#"{"v":1}"#]);
    server.cli(&["XADD", LOG, "*", "anything", "else"]);
    let appended = append(&*bus, "a", 1).await;
    let answer = asker.ask(&*bus, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    let [json, other, ours] = &answer.entries[..] else {
        panic!("three entries and not {:?}", answer.entries);
    };
    assert_eq!((json.form, json.previous), (Form::Foreign, None));
    assert_eq!(&json.payload[..], br#"{"v":1}"#);
    assert_eq!((other.form, &other.payload[..]), (Form::Foreign, &b""[..]));
    assert_ne!(json.position.mark, other.position.mark);
    assert_eq!(ours.position, appended);
    assert_eq!(ours.previous, Some(other.position));
    let from_json = asker.ask(&*bus, Some(json.position)).await;
    assert_eq!(from_json.verdict, Verdict::Verified);
    assert_eq!(from_json.entries.len(), 2);
}

#[tokio::test]
async fn two_entries_by_strangers_in_one_millisecond_are_both_delivered() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    let later = head.sequence.millis + 60_000;
    for number in [3, 4] {
        let id = format!("{later}-{number}");
        server.cli(&["XADD", LOG, &id, "j", "{}"]);
    }
    let first = asker.ask(&*bus, Some(head)).await.entries[0].position;
    let answer = asker.ask(&*bus, Some(first)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries.len(), 1);
    assert_eq!(
        answer.head.sequence,
        Sequence {
            millis: later,
            number: 4
        }
    );
    // Ours goes on behind an id that is ahead of the server's clock.
    let ours = append(&*bus, "a", 1).await;
    assert_eq!(
        ours.sequence,
        Sequence {
            millis: later,
            number: 5
        }
    );
}

#[tokio::test]
async fn a_wiped_renamed_or_emptied_log_begins_with_everything() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let deeds: [&[&str]; 5] = [
        &["FLUSHALL"],
        &["DEL", LOG],
        &["RENAME", LOG, "elsewhere"],
        &["XTRIM", LOG, "MAXLEN", "0"],
        &["DEL", META],
    ];
    for deed in deeds {
        let position = append(&*bus, "a", 1).await;
        server.cli(deed);
        let next = append(&*bus, "b", 2).await;
        let printed = server.cli(&["XREVRANGE", LOG, "+", "-", "COUNT", "2"]);
        assert!(printed.contains("everything"), "{deed:?}: {printed}");
        assert!(next.sequence > position.sequence, "{deed:?}");
        if deed != ["DEL", META] {
            let answer = asker.ask(&*bus, Some(position)).await;
            assert_eq!(answer.verdict, Verdict::Unknown, "{deed:?}");
        }
    }
}

#[tokio::test]
async fn a_log_without_its_meta_is_verified_and_says_everything() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let position = append(&*bus, "a", 1).await;
    server.cli(&["DEL", META]);
    let answer = Asker::new(1).ask(&*bus, Some(position)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries[0].payload, EVERYTHING);
    assert_eq!(answer.entries[0].previous, Some(position));
}

#[tokio::test]
async fn a_position_that_was_trimmed_away_is_unknown_and_one_that_was_not_is_verified() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut positions = Vec::new();
    for mark in 1..=5 {
        positions.push(append(&*bus, "a", mark).await);
    }
    server.cli(&["XTRIM", LOG, "MAXLEN", "2"]);
    let asker = Asker::new(1);
    let gone = asker.ask(&*bus, Some(positions[2])).await;
    assert_eq!(gone.verdict, Verdict::Unknown);
    assert_eq!(gone.head, positions[4]);
    let there = asker.ask(&*bus, Some(positions[3])).await;
    assert_eq!(there.verdict, Verdict::Verified);
    assert_eq!(there.entries.len(), 1);
}

#[tokio::test]
async fn the_log_never_holds_more_than_it_may() {
    let server = RedisServer::start(&["--stream-node-max-entries", "0"]);
    let bus = bus(&server).max_log_entries(7).engine();
    for mark in 1..=20 {
        append(&*bus, "a", mark).await;
    }
    assert_eq!(server.cli(&["XLEN", LOG]), "7");
}

/// A new history whose entry has the very next number after the follower's
/// position: by numbers alone it would look like the continuation.
#[tokio::test]
async fn a_new_history_whose_next_number_fits_is_not_verified() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let position = append(&*bus, "a", 1).await;
    let here = position.sequence;
    let same = format!("{}-{}", here.millis, here.number);
    let next = format!("{}-{}", here.millis, here.number + 1);
    server.cli(&["DEL", LOG]);
    let forged = ["pi", "", "pm", "", "b", "{}"];
    let asker = Asker::new(1);
    // Only the next number stands.
    server.cli(&[&["XADD", LOG, &next, "m", "00000000000000aa"], &forged[..]].concat());
    let answer = asker.ask(&*bus, Some(position)).await;
    assert_eq!(
        (answer.verdict, answer.head.mark),
        (Verdict::Unknown, Mark(0xaa))
    );
    // The same number stands too, of another history.
    server.cli(&["DEL", LOG]);
    server.cli(&[&["XADD", LOG, &same, "m", "00000000000000bb"], &forged[..]].concat());
    server.cli(&[&["XADD", LOG, &next, "m", "00000000000000aa"], &forged[..]].concat());
    let answer = asker.ask(&*bus, Some(position)).await;
    assert_eq!(
        (answer.verdict, answer.head.mark),
        (Verdict::Unknown, Mark(0xaa))
    );
}

#[tokio::test]
async fn an_entry_deleted_from_the_middle_is_a_hole_and_nothing_is_verified() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let from = append(&*bus, "a", 1).await;
    let middle = append(&*bus, "b", 2).await;
    append(&*bus, "c", 3).await;
    server.cli(&["XDEL", LOG, &middle.sequence.to_string()]);
    let answer = Asker::new(1).ask(&*bus, Some(from)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_eq!(answer.entries, []);
}

#[tokio::test]
async fn a_log_at_the_last_possible_id_begins_anew_and_goes_on() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    append(&*bus, "a", 1).await;
    let last = format!("{0}-{0}", u64::MAX);
    server.cli(&["XADD", LOG, &last, "j", "{}"]);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    assert_eq!(head.sequence.to_string(), last);
    assert_eq!(
        asker.ask(&*bus, Some(head)).await.verdict,
        Verdict::Verified
    );
    let appended = append(&*bus, "b", 2).await;
    assert!(appended.sequence < head.sequence);
    assert_eq!(asker.ask(&*bus, Some(head)).await.verdict, Verdict::Unknown);
    assert_eq!(server.cli(&["XLEN", LOG]), "2");
    // The same where nothing but the last id is left.
    server.cli(&["XADD", LOG, &last, "j", "{}"]);
    server.cli(&["XTRIM", LOG, "MAXLEN", "0"]);
    assert_eq!(asker.ask(&*bus, None).await.verdict, Verdict::Unknown);
    assert_eq!(server.cli(&["XLEN", LOG]), "1");
}

#[tokio::test]
async fn an_oversized_entry_by_a_stranger_is_delivered_without_its_payload() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    let script = "return redis.call('XADD', KEYS[1], '*', 'j', string.rep('x', 3000000))";
    server.cli(&["EVAL", script, "1", LOG]);
    let answer = asker.ask(&*bus, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries.len(), 1);
    assert!(answer.entries[0].payload.is_empty());
    assert_eq!(answer.entries[0].position, answer.head);
}

#[tokio::test]
async fn more_bytes_than_one_answer_carries_are_too_far_behind() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let head = asker.ask(&*bus, None).await.head;
    for mark in 1..=5 {
        let payload = vec![b'x'; 1 << 20].into();
        bus.append(payload, Mark(mark))
            .await
            .expect("the bus appends");
    }
    let answer = asker.ask(&*bus, Some(head)).await;
    assert_eq!(
        (answer.verdict, answer.entries.len()),
        (Verdict::TooFarBehind, 0)
    );
}

#[tokio::test]
async fn a_key_of_another_type_is_refused_by_name() {
    for key in [LOG, META, MEMBERS, BEATS] {
        let server = RedisServer::start(&[]);
        let bus = engine(&server);
        let head = append(&*bus, "a", 1).await;
        server.cli(&["SET", key, "mine"]);
        let error = bus
            .sync(Asker::new(1).question(Some(head)))
            .await
            .unwrap_err();
        assert_eq!(error.trouble, Trouble::Refused);
        assert!(error.message.contains(&format!("DEL {key}")), "{error}");
    }
}

#[tokio::test]
async fn a_report_carries_a_position_only_if_it_was_verified() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let report = || server.cli(&["HGET", MEMBERS, "0000000000000007"]);
    let asker = Asker::new(7);
    let head = asker.ask(&*bus, None).await.head;
    assert_eq!(report(), "1 3000");
    asker.ask(&*bus, Some(head)).await;
    assert_eq!(report(), format!("2 3000 {} {}", head.sequence, head.mark));
    let elsewhere = Position {
        mark: Mark(1),
        ..head
    };
    asker.ask(&*bus, Some(elsewhere)).await;
    assert_eq!(report(), "3 3000");
}

#[tokio::test]
async fn a_counter_beyond_what_a_double_counts_is_compared_exactly() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let ask = async |counter| {
        let question = crate::bus::engine::Question {
            counter,
            ..Asker::new(7).question(None)
        };
        bus.sync(question).await.expect("the bus answers").cloned
    };
    assert!(!ask(u64::MAX - 1).await);
    assert!(!ask(u64::MAX).await);
    assert!(ask(u64::MAX).await);
    assert!(ask(9).await);
}

#[tokio::test]
async fn a_member_that_was_silent_for_a_million_syncs_is_forgotten() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    Asker::new(1).ask(&*bus, None).await;
    server.cli(&["HINCRBY", META, "syncs", "999999"]);
    Asker::new(2).ask(&*bus, None).await;
    assert_eq!(server.cli(&["HEXISTS", MEMBERS, "0000000000000001"]), "0");
    assert_eq!(server.cli(&["HEXISTS", MEMBERS, "0000000000000002"]), "1");
    assert_eq!(server.cli(&["ZCARD", BEATS]), "1");
}

#[tokio::test]
async fn a_member_that_reports_is_never_forgotten() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    Asker::new(1).ask(&*bus, None).await;
    server.cli(&["HINCRBY", META, "syncs", "999998"]);
    Asker::new(2).ask(&*bus, None).await;
    assert_eq!(server.cli(&["HEXISTS", MEMBERS, "0000000000000001"]), "1");
    assert_eq!(server.cli(&["HEXISTS", MEMBERS, "0000000000000002"]), "1");
}
