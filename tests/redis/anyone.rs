//! The programs of the page for other languages, run as they stand there.

use crate::shop::{BOUND, Database, Got, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const PAGE: &str = include_str!("../../src/docs/anyone.md");
const LOG: &str = "coherence:{shop}:log";
const ITEM_1: &str = r#"{"v":1,"tags":["item:1"]}"#;
const INVALIDATE: [[&str; 2]; 2] = [["sh", "invalidate.sh"], ["python3", "invalidate.py"]];

/// Makes the database, or runs statements in it, and prints the last result.
const SQL: &str = "import sqlite3, sys
database = sqlite3.connect('shop.db', timeout=60, isolation_level=None)
database.executescript(sys.argv[1])
print(database.execute(sys.argv[2]).fetchall())";

/// Keeps others from writing until its input ends.
const HOLD: &str = "import sqlite3, sys
database = sqlite3.connect('shop.db', timeout=60, isolation_level=None)
database.execute('BEGIN IMMEDIATE')
open('held', 'w').close()
sys.stdin.read()";

/// The name in the first line of each block of a language, and the whole block.
fn programs() -> Vec<(String, String)> {
    let blocks = PAGE.split("\n```").skip(1).step_by(2);
    let (mut programs, mut plain) = (Vec::new(), 0);
    for block in blocks {
        let (language, text) = block.split_once('\n').unwrap();
        if language == "text" {
            plain += 1;
            continue;
        }
        let first = text.lines().next().unwrap_or_default();
        let name = first.trim_start_matches("# ").trim_start_matches("-- ");
        assert!(name.ends_with(['h', 'y', 'l']), "no name: {block}");
        programs.push((name.to_owned(), format!("{text}\n")));
    }
    assert_eq!(plain, 1);
    programs
}

/// A directory with the programs in it, and who they are in Redis.
pub(crate) struct Programs {
    pub(crate) directory: PathBuf,
    port: String,
}

impl Programs {
    /// Also grants what their user needs.
    pub(crate) fn of(server: &RedisServer) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-coherence-anyone-{}-{number}", std::process::id());
        let programs = Self {
            directory: std::env::temp_dir().join(name),
            port: server.port().to_string(),
        };
        fs::create_dir_all(&programs.directory).unwrap();
        for (name, text) in self::programs() {
            fs::write(programs.directory.join(name), text).unwrap();
        }
        programs.grant();
        programs
    }

    /// As the administrator, who needs no login here.
    fn grant(&self) {
        let mut grant = self.command("sh", &["grant.sh"]);
        let grant = grant.env_remove("REDIS_USER").env_remove("REDISCLI_AUTH");
        succeeded(&output(grant.env("RELAY_PASSWORD", "pw")));
    }

    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(&self.directory)
            .env("REDIS_HOST", "127.0.0.1")
            .env("REDIS_PORT", &self.port)
            .env("NAMESPACE", "shop")
            .env("REDIS_USER", "relay")
            .env("REDISCLI_AUTH", "pw");
        command
    }

    pub(crate) fn run(&self, program: &str, words: &[&str]) -> String {
        succeeded(&output(&mut self.command(program, words)))
    }

    fn spawn(&self, words: &[&str]) -> Running {
        let mut command = self.command("python3", words);
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        Running(command.spawn().unwrap_or_else(|error| missing(&error)))
    }

    /// The table, the trigger, and a few items.
    fn database(&self) {
        let schema = fs::read_to_string(self.directory.join("outbox.sql")).unwrap();
        let items = "INSERT INTO item VALUES (1, 10), (2, 10), (3, 10);";
        self.sql(&format!("{schema}{items}"), "SELECT 1");
    }

    pub(crate) fn sql(&self, script: &str, question: &str) -> String {
        self.run("python3", &["-c", SQL, script, question])
    }

    fn waiting(&self) -> String {
        self.sql("", "SELECT count(*) FROM outbox")
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Only fails if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn missing(error: &std::io::Error) -> ! {
    panic!(
        "the programs of the page need sh and python3 (with its module sqlite3): run these tests \
         with `sh tests/run.sh`, or install it with `apt-get install python3` ({error})"
    )
}

pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| missing(&error))
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Two instances, and a third that asks only when it is told to.
struct Shop {
    server: RedisServer,
    database: Database,
    pair: [Instance; 2],
    slow: Instance,
}

impl Shop {
    async fn open() -> Self {
        let (server, database) = (RedisServer::start(&[]), Database::default());
        let pair = pair(&server.url(), &server.url(), &database).await;
        let slow = slow(&server, &database);
        slow.coherent().await;
        slow.until("an open ear", |stats| stats.bus.connections > 0)
            .await;
        Self {
            server,
            database,
            pair,
            slow,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Instance> {
        self.pair.iter().chain([&self.slow])
    }

    /// All have both in memory. Then the first changes, behind everybody's back.
    async fn change(&self) -> u64 {
        for instance in self.all() {
            instance.coherent().await;
            instance.warm("1").await;
            instance.warm("2").await;
        }
        self.database.write("1")
    }

    /// All have heard of the change, and of nothing else.
    async fn heard(&self, version: u64) {
        let accepted = now();
        for instance in &self.pair {
            instance.fresh("1", version, accepted).await;
        }
        eventually("the roll call", PATIENCE, async || {
            (self.slow.get("1").await.version == version).then_some(())
        })
        .await;
        for instance in self.all() {
            instance.coherent().await;
            assert!(instance.get("2").await.hit, "only what is named");
            assert_eq!(instance.cache.stats().bus.unreadable, 0);
            assert_eq!(instance.cache.stats().bus.garbage, 0);
        }
    }

    /// How many entries of the log say this.
    fn entries(&self, message: &str) -> usize {
        let log = self.server.cli(&["XRANGE", LOG, "-", "+"]);
        log.lines().filter(|line| line.contains(message)).count()
    }
}

/// Its heartbeat is far beyond the patience of a test.
fn slow(server: &RedisServer, database: &Database) -> Instance {
    Instance::bounded(&server.url(), database, BOUND * 1000, BOUND * 333)
}

#[test]
fn each_program_of_the_page_has_a_name_and_is_known_here() {
    let names: Vec<String> = programs().into_iter().map(|(name, _)| name).collect();
    let known = [
        "grant.sh",
        "invalidate.sh",
        "invalidate.py",
        "outbox.sql",
        "relay.py",
        "outbox-postgresql.sql",
    ];
    assert_eq!(names, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_program_invalidates_what_it_names_at_once_and_everywhere() {
    let shop = Shop::open().await;
    let programs = Programs::of(&shop.server);
    for [program, file] in INVALIDATE {
        let version = shop.change().await;
        let id = programs.run(program, &[file, ITEM_1]);
        shop.heard(version).await;
        let found = shop.server.cli(&["XRANGE", LOG, &id, &id]);
        assert!(found.contains("item:1"), "{id}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_ring_is_seen_at_the_heartbeat() {
    let shop = Shop::open().await;
    let version = shop.change().await;
    let add = ["XADD", LOG, "NOMKSTREAM", "*", "by", "me", "j", ITEM_1];
    shop.server.cli(&add);
    let accepted = now();
    for instance in &shop.pair {
        instance.fresh("1", version, accepted).await;
    }
    let old = Got {
        version: version - 1,
        hit: true,
    };
    assert_eq!(shop.slow.get("1").await, old);
    shop.server.cli(&["PUBLISH", "coherence:{shop}:ring", "r"]);
    shop.heard(version).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_is_said_and_makes_no_stream() {
    let server = RedisServer::start(&[]);
    let programs = Programs::of(&server);
    for [program, file] in INVALIDATE {
        let output = output(&mut programs.command(program, &[file, ITEM_1]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{output:?}");
        assert!(said.contains("there is no stream"), "{said}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_granted_user_can_add_and_ring_and_nothing_else() {
    let shop = Shop::open().await;
    let programs = Programs::of(&shop.server);
    let cli = |words: &[&str]| {
        let login = ["-p", &programs.port, "--user", "relay"];
        let words = [&login, words].concat();
        let output = output(&mut programs.command("redis-cli", &words));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let id = cli(&["XADD", LOG, "NOMKSTREAM", "*", "j", ITEM_1]);
    assert!(id.contains('-'), "{id}");
    assert_eq!(cli(&["PUBLISH", "coherence:{shop}:ring", "r"]).trim(), "3");
    for denied in [
        &["XRANGE", LOG, "-", "+"][..],
        &["XTRIM", LOG, "MAXLEN", "0"],
        &["DEL", LOG],
        &["XADD", "coherence:{shop}:meta", "*", "j", ITEM_1],
        &["XADD", "coherence:{other}:log", "*", "j", ITEM_1],
        &["PUBLISH", "coherence:{other}:ring", "r"],
        &["EVAL", "return 1", "0"],
        &["SET", "x", "y"],
        &["ACL", "LIST"],
        &["FLUSHALL"],
    ] {
        let reply = cli(denied);
        assert!(reply.contains("NOPERM"), "{denied:?}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_tells_what_was_committed_and_the_relay_sends_it() {
    let mut shop = Shop::open().await;
    let programs = Programs::of(&shop.server);
    programs.database();
    let undone = "BEGIN; UPDATE item SET price = 11 WHERE id = 2; ROLLBACK;";
    programs.sql(undone, "SELECT 1");
    let change = "UPDATE item SET price = price + 1 WHERE id = 1;";

    let version = shop.change().await;
    programs.sql(change, "SELECT 1");
    assert_eq!(programs.waiting(), "[(1,)]");
    programs.run("python3", &["relay.py", "shop.db", "once"]);
    shop.heard(version).await;
    assert_eq!(programs.waiting(), "[(0,)]");

    let _relay = programs.spawn(&["relay.py", "shop.db"]);
    let version = shop.change().await;
    programs.sql(change, "SELECT 1");
    eventually("the relay", PATIENCE, async || {
        (programs.waiting() == "[(0,)]").then_some(())
    })
    .await;
    shop.heard(version).await;

    shop.server.kill();
    programs.sql(change, "SELECT 1");
    assert_eq!(programs.waiting(), "[(1,)]");
    shop.server.restart();
    programs.grant();
    eventually("the relay again", PATIENCE, async || {
        (programs.waiting() == "[(0,)]").then_some(())
    })
    .await;
    assert!(shop.entries("item:1") > 0, "taken by the new log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_before_it_deletes_sends_again_and_loses_nothing() {
    let shop = Shop::open().await;
    let programs = Programs::of(&shop.server);
    programs.database();
    let version = shop.change().await;
    let changes =
        "UPDATE item SET price = 12 WHERE id = 1; UPDATE item SET price = 12 WHERE id = 3;";
    programs.sql(changes, "SELECT 1");

    let holder = programs.spawn(&["-c", HOLD]);
    eventually("a held database", PATIENCE, async || {
        programs.directory.join("held").exists().then_some(())
    })
    .await;
    let relay = programs.spawn(&["relay.py", "shop.db", "once"]);
    eventually("the first message", PATIENCE, async || {
        (shop.entries("item:1") == 1).then_some(())
    })
    .await;
    drop(relay);
    drop(holder);
    assert_eq!(programs.waiting(), "[(2,)]");
    assert_eq!(shop.entries("item:3"), 0);

    programs.run("python3", &["relay.py", "shop.db", "once"]);
    assert_eq!(programs.waiting(), "[(0,)]");
    assert_eq!(shop.entries("item:1"), 2);
    assert_eq!(shop.entries("item:3"), 1);
    shop.heard(version).await;
}
