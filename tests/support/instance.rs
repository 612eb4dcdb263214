//! An instance of the application in a process of its own: this very program,
//! started again with a variable that tells it what to be.
//!
//! A program with libtest needs a test for it, which does nothing otherwise:
//!
//! ```ignore
//! #[test]
//! #[ignore = "an instance of the application, started by the other tests"]
//! fn instance() {
//!     support::instance::become_one_if_asked();
//! }
//! // ...
//! let registers = Registers::start().await;
//! let settings = Settings::new(&proxy.url(), registers.port(), BOUND);
//! let mut a = Instance::spawn(&settings, Program::Test("instance")).await;
//! a.coherent().await;
//! let version = a.put("key").await.unwrap().version;
//! let got = a.get("key").await.unwrap(); // got.version, got.hit
//! a.stop(); a.go_on(); a.kill(); a.restart().await; // SIGSTOP, SIGCONT, SIGKILL
//! let stats = a.stats().await; // stats["bus"]["adoptions"]
//! ```
//!
//! One with `harness = false` calls `become_one_if_asked` first in its `main`, and
//! spawns with [`Program::Main`].

use super::app::{self, Settings};
use super::client::{Client, Got, Put, Trouble};
use super::eventually::eventually;
use axum::http::HeaderMap;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

const VARIABLE: &str = "TOWER_COHERENCE_INSTANCE";
const PATIENCE: Duration = Duration::from_secs(20);

/// How this program becomes an instance.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// By the ignored test of this whole name.
    Test(&'static str),
    /// By its `main`.
    Main,
}

/// Killed when dropped, also while it is stopped. It ends by itself when the
/// process that started it is gone.
pub struct Instance {
    settings: Settings,
    program: Program,
    client: Client,
    running: Option<Running>,
}

struct Running {
    child: Child,
    port: u16,
    /// Its end tells the child that nobody needs it any more.
    _lifeline: Option<ChildStdin>,
}

/// Runs the application and never returns, if this process was started for that.
pub fn become_one_if_asked() {
    let Ok(settings) = std::env::var(VARIABLE) else {
        return;
    };
    let settings = serde_json::from_str(&settings).expect("settings, by the parent");
    std::thread::spawn(|| {
        // Ends with the parent, whatever comes.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(app::serve(settings));
    std::process::exit(1);
}

impl Instance {
    /// Returns when it listens; it may be deaf then, see [`coherent`](Self::coherent).
    pub async fn spawn(settings: &Settings, program: Program) -> Self {
        let mut instance = Self {
            settings: settings.clone(),
            program,
            client: Client::new(Duration::from_secs(10)),
            running: None,
        };
        instance.restart().await;
        instance
    }

    /// Kills it if it runs, and starts it anew: with nothing in memory, on another
    /// port.
    pub async fn restart(&mut self) {
        self.kill();
        let (mut child, port) = launch(&self.settings, self.program);
        let lifeline = child.stdin.take();
        let port = tokio::time::timeout(PATIENCE, port).await;
        let port = port.expect("an instance comes up").expect("it says where");
        self.running = Some(Running {
            child,
            port,
            _lifeline: lifeline,
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // Only fails if it has ended by itself.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// SIGSTOP: it keeps its connections and does nothing.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    pub fn port(&self) -> u16 {
        self.running().port
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// For its next start.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    pub async fn get(&self, key: &str) -> Result<Got, Trouble> {
        self.get_with(key, HeaderMap::new()).await
    }

    pub async fn get_with(&self, key: &str, headers: HeaderMap) -> Result<Got, Trouble> {
        self.client.get(self.port(), key, headers).await
    }

    pub async fn put(&self, key: &str) -> Result<Put, Trouble> {
        self.put_with(key, HeaderMap::new()).await
    }

    pub async fn put_with(&self, key: &str, headers: HeaderMap) -> Result<Put, Trouble> {
        let id = next_write();
        self.client.put(self.port(), key, id, headers).await
    }

    pub async fn stats(&self) -> Value {
        self.figures("/stats").await
    }

    pub async fn health(&self) -> Value {
        self.figures("/health").await
    }

    /// Waits until it can prove that it hears. What proves it begins with the
    /// first request inside the cache, so one is made.
    pub async fn coherent(&self) {
        eventually("a coherent instance", PATIENCE, async || {
            self.get("coherent").await.ok()?;
            let health = self.health().await;
            (health["coherent"] == true).then_some(())
        })
        .await;
    }

    /// Asks until it is answered from memory.
    pub async fn warm(&self, key: &str) -> Got {
        eventually("a hit", PATIENCE, async || {
            self.get(key).await.ok().filter(|got| got.hit)
        })
        .await
    }

    async fn figures(&self, path: &str) -> Value {
        let figures = self.client.figures(self.port(), path).await;
        figures.expect("an instance that runs says what it counts")
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the instance runs")
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.running().child.id().to_string()])
            .status()
            .expect("kill can be run");
        assert!(status.success(), "kill {signal} failed");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A number that no other write of this process has.
pub fn next_write() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn launch(settings: &Settings, program: Program) -> (Child, oneshot::Receiver<u16>) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    if let Program::Test(name) = program {
        command.args([name, "--exact", "--ignored", "--nocapture"]);
    }
    let settings = serde_json::to_string(settings).expect("settings are data");
    let mut child = command
        .env(VARIABLE, settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (sender, port) = oneshot::channel();
    // Reads to the end, so that what the child says never blocks it.
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in lines.map_while(Result::ok) {
            let port = line
                .strip_prefix("port ")
                .and_then(|port| port.parse().ok());
            if let Some((sender, port)) = port.and_then(|port| sender.take().zip(Some(port))) {
                // Fails only where nobody waits any more.
                let _ = sender.send(port);
            }
        }
    });
    (child, port)
}
