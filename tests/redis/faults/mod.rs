//! One test for each fault of `src/docs/faults.md`, over real servers, proxies and
//! processes, where no other file shows it. The number before a test is its row's.

mod connections;
mod fills;
mod histories;
mod load;
mod masters;
mod members;
mod messages;
mod permissions;
mod processes;
mod servers;

use crate::shop::{BOUND, PATIENCE, RING};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection of the test's own, which is there before the server gets busy.
struct Line(TcpStream);

impl Line {
    fn to(server: &RedisServer) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn write(&mut self, command: &str) {
        self.0.write_all(command.as_bytes()).unwrap();
        self.0.write_all(b"\r\n").unwrap();
    }

    /// An answer of one line.
    fn read(&mut self) -> String {
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
        String::from_utf8(said).unwrap().trim().to_owned()
    }

    fn say(&mut self, command: &str) -> String {
        self.write(command);
        self.read()
    }
}

/// A number that the server says of itself.
fn told(server: &RedisServer, section: &str, field: &str) -> u64 {
    let said = server.cli(&["INFO", section]);
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {field} in {said}"))
}

/// How many ears the server believes in.
fn ears(server: &RedisServer) -> usize {
    let said = server.cli(&["PUBSUB", "NUMSUB", RING]);
    let last = said.lines().last().and_then(|number| number.parse().ok());
    last.unwrap_or(0)
}

/// Waits until that many ears listen, and no more: at its start an instance also
/// looks whether it may.
async fn only_ears(server: &RedisServer, count: usize) {
    eventually("the ears and nobody else", PATIENCE, async || {
        (ears(server) == count).then_some(())
    })
    .await;
}

/// What has to come, however an instance fares, and has no clock of its own.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// The most connections that an instance of the shop makes in this time, for its
/// questions, for its ear, and for its look at what the server can do: after five
/// short waits each waits for a heartbeat, a quarter less at times. Some are those
/// of the test itself.
fn connections_without_haste(time: Duration) -> u64 {
    let waits = time.as_millis() / (BOUND / 4).as_millis();
    3 * (6 + u64::try_from(waits).unwrap()) + 4
}
