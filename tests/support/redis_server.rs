//! A real redis-server for one test.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MISSING: &str = "these tests need a real redis-server (6.2 or later): \
    run them with `sh tests/run.sh`, or install it with `apt-get install redis-server`";
const LOOKS: u32 = 2000;
const PAUSE: Duration = Duration::from_millis(5);

/// A server on a free loopback port, in a directory of its own. Killed when
/// dropped, also while it is stopped.
pub struct RedisServer {
    child: Option<Child>,
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk, unless `arguments` say otherwise,
    /// and returns when it answers.
    pub fn start(arguments: &[&str]) -> Self {
        for _ in 0..10 {
            let mut server = Self {
                child: None,
                port: free_port(),
                directory: directory(),
                arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            };
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server does not start with {arguments:?}");
    }

    /// A replica of the server at this loopback port, which may be a proxy's: cut
    /// the link there. Returns when it has what its master has.
    pub fn start_replica(master: u16) -> Self {
        let master = master.to_string();
        let replica = Self::start(&["--replicaof", "127.0.0.1", &master]);
        for _ in 0..LOOKS {
            if replica.in_step() {
                return replica;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("the replica does not find its master");
    }

    /// Whether its link to its master is up.
    pub fn in_step(&self) -> bool {
        let said = self.cli(&["INFO", "replication"]);
        said.contains("master_link_status:up")
    }

    /// How much of its history it has: equal on two that have the same.
    pub fn offset(&self) -> u64 {
        let said = self.cli(&["INFO", "replication"]);
        let mut lines = said.lines();
        let offset = lines.find_map(|line| line.strip_prefix("master_repl_offset:"));
        offset
            .and_then(|offset| offset.trim().parse().ok())
            .expect("an offset")
    }

    /// Makes a master of a replica.
    pub fn promote(&self) {
        self.cli(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Makes a replica of it again, which loses what only it had.
    pub fn follow(&self, master: u16) {
        self.cli(&["REPLICAOF", "127.0.0.1", &master.to_string()]);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The URL of a user with a password.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Runs one command of redis-cli and returns what it prints.
    pub fn cli(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &port])
            .args(words)
            .output()
            .unwrap_or_else(|error| panic!("{MISSING} (redis-cli: {error})"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The same with one more word at the end, however long it is.
    pub fn cli_with(&self, words: &[&str], last: &str) -> String {
        let port = self.port.to_string();
        let mut child = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &port, "-x"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{MISSING} (redis-cli: {error})"));
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(last.as_bytes()).expect("redis-cli reads");
        drop(input);
        let output = child.wait_with_output().expect("redis-cli ends");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// `kill -9`. What it had in memory is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Only fails if it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, in the same directory.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.launch(), "redis-server does not start again");
    }

    /// The same, and what it had on disk is gone too.
    pub fn kill_and_forget(&mut self) {
        self.kill();
        // Only fails if there is nothing.
        let _ = std::fs::remove_dir_all(&self.directory);
        std::fs::create_dir_all(&self.directory).expect("a directory for the server");
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("the server runs");
        let status = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .expect("kill can be run");
        assert!(status.success(), "kill {signal} failed");
    }

    /// Whether it came up. It does not where another process was faster to take
    /// the port.
    fn launch(&mut self) -> bool {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            // A replica need not wait for others to join it.
            .args(["--repl-diskless-sync-delay", "0"])
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{MISSING} ({error})"));
        self.child = Some(child);
        self.answers()
    }

    fn answers(&mut self) -> bool {
        for _ in 0..LOOKS {
            let child = self.child.as_mut().expect("just launched");
            if !matches!(child.try_wait(), Ok(None)) {
                self.child = None;
                return false;
            }
            if ping(self.port) {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        self.kill();
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A server that asks for a password has come up too.
fn ping(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let limit = Some(Duration::from_secs(1));
    let mut reply = [0; 5];
    let asked = stream
        .set_read_timeout(limit)
        .and_then(|()| stream.write_all(b"PING\r\n"))
        .and_then(|()| stream.read_exact(&mut reply));
    asked.is_ok() && matches!(&reply, b"+PONG" | b"-NOAU" | b"-NOPE")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    listener.local_addr().expect("a bound address").port()
}

fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-coherence-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a directory for the server");
    directory
}
