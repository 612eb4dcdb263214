//! The origin: a register for each key, whose versions only go up.
//!
//! The test process owns the registers and serves them on a loopback port; the
//! instances, which are processes of their own, ask there with a [`Reader`]. One
//! line is a question, one line its answer:
//!
//! ```text
//! read KEY         -> VERSION       as of `lag` ago
//! late KEY         -> VERSION       as the replica has it
//! write KEY ID     -> VERSION       the new one; ID names the write
//! ```
//!
//! A key that was never written has version 0. The replica lags by as much as the
//! test says at the time, and never goes back.

use super::moment::Moment;
use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A write that the registers have. Whoever asks later sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    pub key: String,
    pub version: u64,
    /// What the writer calls it.
    pub id: u64,
    pub at: Moment,
}

/// Served until dropped.
pub struct Registers {
    port: u16,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    kept: Mutex<Kept>,
    lag: watch::Sender<Duration>,
    replica: Mutex<Replica>,
    held: watch::Sender<bool>,
}

/// A copy that has what was committed until a moment.
#[derive(Default)]
struct Replica {
    lag: Duration,
    as_of: Moment,
}

#[derive(Default)]
struct Kept {
    /// When each version came to be: that of version 1 first.
    versions: HashMap<String, Vec<Moment>>,
    commits: Vec<Commit>,
}

impl Registers {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free loopback port");
        let port = listener.local_addr().expect("a bound address").port();
        let shared = Arc::new(Shared {
            kept: Mutex::default(),
            lag: watch::Sender::new(Duration::ZERO),
            replica: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, shared.clone()));
        Self {
            port,
            shared,
            _serving: serving,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The newest version, whatever the lag.
    pub fn read(&self, key: &str) -> u64 {
        self.shared.read(key, Duration::ZERO)
    }

    /// A commit by the test itself. Returns the new version.
    pub fn write(&self, key: &str, id: u64) -> u64 {
        self.shared.write(key, id)
    }

    /// From now on reads of instances see what stood this long ago.
    pub fn lag(&self, lag: Duration) {
        self.shared.lag.send_replace(lag);
    }

    /// From now on the replica lags by this much, or by less while it stands still
    /// because it lagged less before.
    pub fn replica_lag(&self, lag: Duration) {
        let mut replica = self.shared.replica.lock().unwrap();
        replica.catch_up();
        replica.lag = lag;
    }

    /// From now on answers to instances are kept back, after the value was read or
    /// the write committed.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Lets the answers go.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// All writes so far, in order.
    pub fn commits(&self) -> Vec<Commit> {
        self.shared.kept.lock().unwrap().commits.clone()
    }
}

impl Shared {
    fn read(&self, key: &str, lag: Duration) -> u64 {
        let kept = self.kept.lock().unwrap();
        kept.as_of(key, before(Moment::now(), lag))
    }

    fn read_late(&self, key: &str) -> u64 {
        let kept = self.kept.lock().unwrap();
        let as_of = self.replica.lock().unwrap().catch_up();
        kept.as_of(key, as_of)
    }

    fn write(&self, key: &str, id: u64) -> u64 {
        let mut kept = self.kept.lock().unwrap();
        // Read with the lock held: a request that begins later sees this version.
        let at = Moment::now();
        let versions = kept.versions.entry(key.to_owned()).or_default();
        versions.push(at);
        let version = versions.len() as u64;
        kept.commits.push(Commit {
            key: key.to_owned(),
            version,
            id,
            at,
        });
        version
    }

    fn answer(&self, question: &str) -> Option<u64> {
        let mut words = question.split_whitespace();
        match (words.next()?, words.next()?, words.next()) {
            ("read", key, None) => Some(self.read(key, *self.lag.borrow())),
            ("late", key, None) => Some(self.read_late(key)),
            ("write", key, Some(id)) => Some(self.write(key, id.parse().ok()?)),
            _ => None,
        }
    }
}

impl Kept {
    fn as_of(&self, key: &str, moment: Moment) -> u64 {
        let seen = |versions: &Vec<Moment>| versions.partition_point(|at| *at <= moment);
        self.versions.get(key).map_or(0, seen) as u64
    }
}

impl Replica {
    fn catch_up(&mut self) -> Moment {
        self.as_of = self.as_of.max(before(Moment::now(), self.lag));
        self.as_of
    }
}

fn before(moment: Moment, by: Duration) -> Moment {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Moment(moment.0.saturating_sub(by))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut served = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while served.try_join_next().is_some() {}
        served.spawn(serve(stream, shared.clone()));
    }
}

/// Ends with the connection, and at a question that is none.
async fn serve(stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut held = shared.held.subscribe();
    let mut stream = BufReader::new(stream);
    let mut question = String::new();
    while stream.read_line(&mut question).await.ok()? > 0 {
        let answer = shared.answer(&question)?;
        held.wait_for(|held| !held).await.ok()?;
        let answer = format!("{answer}\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
        question.clear();
    }
    None
}

/// Asks the registers of another process.
pub struct Reader {
    port: u16,
    /// Connections between two questions.
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

impl Reader {
    pub fn new(port: u16) -> Self {
        Self {
            port,
            idle: Mutex::default(),
        }
    }

    pub async fn read(&self, key: &str) -> io::Result<u64> {
        self.ask(format!("read {key}\n")).await
    }

    /// From the replica.
    pub async fn read_late(&self, key: &str) -> io::Result<u64> {
        self.ask(format!("late {key}\n")).await
    }

    pub async fn write(&self, key: &str, id: u64) -> io::Result<u64> {
        self.ask(format!("write {key} {id}\n")).await
    }

    async fn ask(&self, question: String) -> io::Result<u64> {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        let version = answer.trim().parse().map_err(io::Error::other)?;
        // Only here: a question that was given up has an answer that nobody read.
        self.idle.lock().unwrap().push(stream);
        Ok(version)
    }
}
