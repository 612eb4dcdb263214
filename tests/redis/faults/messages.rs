//! Messages that are lost, too many, too large, garbled, late, twice, or from
//! elsewhere.

use crate::shop::{Database, Instance, LOG, PATIENCE, RING, now};
use crate::support::redis_server::RedisServer;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::{Invalidate, Publisher, Reached, Tags, WriteConcern};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// So long that nothing is heard by a heartbeat while a test runs.
const NO_HEARTBEAT: Duration = Duration::from_secs(600);

/// The most bytes of one message, as `wire.md` says.
const MOST_BYTES: u64 = 262_144;

/// An entry that nobody rings for.
fn add_in_silence(server: &RedisServer, tag: &str) {
    let payload = format!(r#"{{"v":1,"tags":["{tag}"]}}"#);
    server.cli(&["XADD", LOG, "*", "j", &payload]);
}

/// The ring of the newest entry, as often as is said. Who has applied it does
/// nothing when it hears it once more.
const AGAIN_AND_AGAIN: &str = "local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] \
    local f = {} for at = 1, #entry[2], 2 do f[entry[2][at]] = entry[2][at + 1] end \
    local ring = table.concat({'e', entry[1], f.m, \
        f.pi ~= '' and f.pi or '-', f.pm ~= '' and f.pm or '-', f.b}, ' ') \
    for at = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], ring) end return 'done'";

/// F9: more rings than the queue between the connection and the follower holds, while
/// nobody takes any out.
#[tokio::test]
async fn rings_that_did_not_fit_into_the_queue_are_a_gap_and_the_log_is_asked() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::bounded(&server.url(), &database, NO_HEARTBEAT, NO_HEARTBEAT / 3);
    a.coherent().await;
    a.listens().await;
    a.cache.idle().await.unwrap();
    a.warm("1").await;
    let before = a.cache.stats().bus;
    let version = database.write("1");
    // This thread is the only one that runs the instance, and it waits here.
    let rung = server.cli(&["EVAL", AGAIN_AND_AGAIN, "1", LOG, RING, "3000"]);
    assert_eq!(rung, "done");
    add_in_silence(&server, "item:1");
    a.until("a gap", |stats| stats.bus.gaps > before.gaps).await;
    a.fresh("1", version, now()).await;
    let stats = a.cache.stats().bus;
    assert_eq!((stats.adoptions, stats.garbage), (1, 0));
    assert!(stats.rings - before.rings < 3000, "some were dropped");
}

/// F10.
#[tokio::test]
async fn a_ring_that_is_too_large_to_keep_is_a_gap_and_the_log_is_asked() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::bounded(&server.url(), &database, NO_HEARTBEAT, NO_HEARTBEAT / 3);
    a.coherent().await;
    a.listens().await;
    a.warm("1").await;
    let gaps = a.cache.stats().bus.gaps;
    let version = database.write("1");
    add_in_silence(&server, "item:1");
    server.cli_with(&["PUBLISH", RING], &"x".repeat(200_000));
    a.until("a gap", |stats| stats.bus.gaps > gaps).await;
    a.fresh("1", version, now()).await;
}

fn largest_message(server: &RedisServer) -> u64 {
    let script = "local most = 0 for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do \
        for at = 2, #entry[2], 2 do most = math.max(most, #entry[2][at]) end end return most";
    let said = server.cli(&["EVAL", script, "1", LOG]);
    said.parse().expect("a number")
}

/// A listener that is busy with nothing else. Ends with its connection.
fn listen_fast(server: &RedisServer) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let begin = format!("CLIENT SETNAME fast\r\nSUBSCRIBE {RING}\r\n");
    stream.write_all(begin.as_bytes()).unwrap();
    std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
}

/// F10.
#[tokio::test]
async fn any_number_of_tags_at_once_is_split_or_widened_and_costs_no_listener_its_connection() {
    let limit = "pubsub 8mb 0 0";
    let server = RedisServer::start(&["--client-output-buffer-limit", limit]);
    listen_fast(&server);
    let database = Database::default();
    let [a, b] = [(); 2].map(|()| Instance::patient(&server.url(), &database));
    for instance in [&a, &b] {
        instance.coherent().await;
        instance.listens().await;
    }
    let long = "x".repeat(200);
    for (count, widened) in [(9_000, 0), (50_000, 1)] {
        for key in ["1", "2", "kept"] {
            a.warm(key).await;
        }
        let (first, last) = (database.write("1"), database.write("2"));
        let tags: Tags = (0..count).map(|tag| format!("{tag}-{long}")).collect();
        let what = Invalidate::tag("item:1").and_tags(tags).and_tag("item:2");
        b.cache.invalidate_now(what);
        b.until("an empty outbox", |stats| stats.bus.outbox == 0)
            .await;
        a.fresh("1", first, now()).await;
        a.fresh("2", last, now()).await;
        assert_eq!(b.cache.stats().bus.widened, widened, "{count}");
        assert_eq!(a.get("kept").await.hit, widened == 0, "{count}");
    }
    assert!(largest_message(&server) <= MOST_BYTES);
    let connected = server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    assert!(connected.contains("name=fast"), "{connected}");
}

/// The kinds of trouble that were logged, in order.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl tracing_subscriber::Layer<Registry> for Said {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, Registry>) {
        struct Kind(Option<String>);
        impl tracing::field::Visit for Kind {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                if field.name() == "kind" {
                    self.0 = Some(value.to_owned());
                }
            }
            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        let mut kind = Kind(None);
        event.record(&mut kind);
        self.0.lock().unwrap().extend(kind.0);
    }
}

/// Bytes that Lua makes: no shell, no client in between.
const POISON: [&str; 8] = [
    "''",
    "string.char(255, 254, 0, 1)",
    "string.char(1, 1, 4)",
    "string.char(1, 255, 255, 255, 255)",
    "string.char(77, 1, 4, 0, 0, 1, 1, 97)",
    "string.char(1, 1, 4, 0, 0, 1, 2, 97, 255, 0)",
    "string.rep('x', 10485760)",
    "'{\"v\":2}'",
];

/// F11.
#[tokio::test]
async fn poison_on_the_channel_and_in_the_log_is_counted_said_once_a_kind_and_blocks_nobody() {
    let said = Said::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(said.clone()));
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    a.listens().await;
    a.warm("1").await;
    for poison in POISON {
        let publish = format!("return redis.call('PUBLISH', ARGV[1], {poison})");
        server.cli(&["EVAL", &publish, "0", RING]);
        let entry = format!(
            "return redis.call('PUBLISH', ARGV[1], 'e 9-9 00000000000000aa - - ' .. {poison})"
        );
        server.cli(&["EVAL", &entry, "0", RING]);
    }
    a.until("garbage", |stats| stats.bus.garbage >= 10).await;
    assert_eq!(a.cache.stats().bus.unreadable, 0);
    assert!(
        a.get("1").await.hit,
        "garbage on the channel evicts nothing"
    );
    for round in 0..2 {
        for poison in POISON {
            a.warm("1").await;
            let version = database.write("1");
            let script = format!(
                "return redis.call('XADD', KEYS[1], '*', 'm', '00000000000000aa', 'pi', '', 'pm', '', 'b', {poison})"
            );
            let script = if round == 0 {
                script.replace("'m', '00000000000000aa', 'pi', '', 'pm', '', 'b'", "'j'")
            } else {
                script
            };
            server.cli(&["EVAL", &script, "1", LOG]);
            a.fresh("1", version, now()).await;
        }
    }
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    assert!(a.cache.stats().bus.unreadable > 0);
    let mut kinds = said.0.lock().unwrap().clone();
    assert!(!kinds.is_empty(), "it is said");
    kinds.sort();
    let all = kinds.len();
    kinds.dedup();
    // A and B each say each kind once.
    assert!(all <= 2 * kinds.len(), "{all} times for {kinds:?}");
}

/// The last entries again as rings, the newest first.
const AGAIN: &str = "local count = 0 for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 6)) do \
    local f = {} for at = 1, #entry[2], 2 do f[entry[2][at]] = entry[2][at + 1] end \
    if f.m then redis.call('PUBLISH', ARGV[1], table.concat({'e', entry[1], f.m, \
        f.pi ~= '' and f.pi or '-', f.pm ~= '' and f.pm or '-', f.b}, ' ')) count = count + 1 end end return count";

/// F30.
#[tokio::test]
async fn old_messages_that_come_again_and_backwards_bring_nothing_back() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    a.listens().await;
    for _ in 0..10 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
        a.warm("1").await;
        let (before, rings) = (a.applied_id(), a.cache.stats().bus.rings);
        let again = server.cli(&["EVAL", AGAIN, "1", LOG, RING]);
        let again: u64 = again.parse().expect("a number");
        assert!(again >= 2);
        a.until("them all", |stats| stats.bus.rings >= rings + again)
            .await;
        assert!(a.get("1").await.version >= version);
        assert!(a.applied_id() >= before, "it does not go back");
        a.cache.idle().await.unwrap();
        assert_eq!(a.warm("1").await.version, version);
    }
    assert_eq!(a.cache.stats().bus.adoptions, 1);
}

/// F30: two entries behind each other, whose rings come in the other order.
#[tokio::test]
async fn a_ring_that_overtakes_another_is_applied_and_so_is_the_other() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    a.coherent().await;
    a.listens().await;
    let script = "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] \
        local f = {} for at = 1, #last[2], 2 do f[last[2][at]] = last[2][at + 1] end \
        local id, mark, rings = last[1], f.m, {} \
        for at = 2, 3 do \
            local new = redis.call('XADD', KEYS[1], '*', 'm', ARGV[2 * at - 2], 'pi', id, 'pm', mark, 'b', ARGV[2 * at - 1]) \
            rings[at] = table.concat({'e', new, ARGV[2 * at - 2], id, mark, ARGV[2 * at - 1]}, ' ') \
            id, mark = new, ARGV[2 * at - 2] \
        end \
        redis.call('PUBLISH', ARGV[1], rings[3]) redis.call('PUBLISH', ARGV[1], rings[2]) return id";
    for round in 0..5_u64 {
        for key in ["1", "2"] {
            a.warm(key).await;
        }
        let (one, two) = (database.write("1"), database.write("2"));
        let marks = [2 * round + 1, 2 * round + 2].map(|mark| format!("{mark:016x}"));
        let [first, second] = [1, 2].map(|key| format!(r#"{{"v":1,"tags":["item:{key}"]}}"#));
        let id = server.cli(&[
            "EVAL", script, "1", LOG, RING, &marks[0], &first, &marks[1], &second,
        ]);
        assert!(id.contains('-'), "{id}");
        let accepted = now();
        a.fresh("1", one, accepted).await;
        a.fresh("2", two, accepted).await;
        a.until("the position", |_| {
            a.cache.health().position.unwrap().starts_with(&id)
        })
        .await;
    }
    assert_eq!(a.cache.stats().bus.adoptions, 1);
}

/// F44.
#[tokio::test]
async fn a_namespace_that_begins_like_another_is_another() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    a.coherent().await;
    a.listens().await;
    a.warm("1").await;
    a.cache.idle().await.unwrap();
    let heard = |instance: &Instance| {
        let bus = instance.cache.stats().bus;
        (bus.garbage, bus.gaps, bus.rings)
    };
    let before = heard(&a);
    for namespace in ["shop2", "sho", "shop:log", "Shop"] {
        let publisher = Publisher::new(Redis::new(&server.url(), namespace).unwrap()).unwrap();
        let timeout = PATIENCE;
        let what = Invalidate::everything().concern(WriteConcern::Published { timeout });
        let receipt = publisher.invalidate(what).await;
        assert_eq!(receipt.reached(), Reached::Bus, "{namespace}");
    }
    a.cache.idle().await.unwrap();
    assert!(a.get("1").await.hit);
    assert_eq!(heard(&a), before);
}

/// F44: the ring does not know of databases, the log does.
#[tokio::test]
async fn one_name_in_two_databases_of_a_server_costs_nothing_but_questions() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = [(); 2].map(|()| Instance::patient(&server.url(), &database));
    let elsewhere = Instance::patient(&format!("{}/3", server.url()), &database);
    for instance in [&a, &b, &elsewhere] {
        instance.coherent().await;
    }
    a.listens().await;
    a.warm("kept").await;
    let adoptions = a.cache.stats().bus.adoptions;
    for _ in 0..5 {
        a.warm("1").await;
        elsewhere.put("other").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    assert!(a.get("kept").await.hit);
    assert_eq!(a.cache.stats().bus.adoptions, adoptions);
}
