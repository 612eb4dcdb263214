//! The same probes for each cache: what one client gets of another's, what is served after it
//! was made stale, and what a handler that fails leaves behind.
//!
//! Each probe has its own cache and runtime. "Yes" is always the safe answer; a probe that
//! does not end says so.

#[cfg(test)]
mod careless;
mod faults;
mod fresh;
mod keys;
mod leaks;
pub mod memory;
mod rig;

use crate::client::Client;
use crate::origin::Origin;
use crate::peers::PEERS;
use crate::support::shop::runtime;
use fresh::By;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A cache around this service.
pub type Wrap = fn(Origin) -> Client;

/// A probe that found an answer, or could not: an error where there should be a response.
pub type Found = Result<Cell, crate::client::BoxError>;

type Probing = Pin<Box<dyn Future<Output = Found>>>;

type Probe = fn(Wrap) -> Probing;

/// What stands in a field of the table.
pub enum Cell {
    Safe(bool),
    Text(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Safe(true) => f.write_str("yes"),
            Self::Safe(false) => f.write_str("**no**"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

const PROBES: &[(&str, Probe)] = &[
    ("a plain response is stored (control)", |wrap| {
        Box::pin(leaks::control(wrap))
    }),
    (
        "`Set-Cookie` of one client is not sent to another",
        |wrap| Box::pin(leaks::set_cookie(wrap)),
    ),
    (
        "a response to `Authorization` is not sent to another",
        |wrap| Box::pin(leaks::authorization(wrap)),
    ),
    ("`private` is not stored", |wrap| {
        Box::pin(leaks::refused(wrap, "private, max-age=60"))
    }),
    ("`no-store` is not stored", |wrap| {
        Box::pin(leaks::refused(wrap, "no-store"))
    }),
    ("`max-age=0` is not served again", |wrap| {
        Box::pin(leaks::refused(wrap, "max-age=0"))
    }),
    ("`Vary: accept-language` is heeded", |wrap| {
        Box::pin(leaks::vary(wrap))
    }),
    ("`?page=1` and `?page=2` are two", |wrap| {
        Box::pin(keys::query(wrap))
    }),
    ("each `PUT` reaches the handler", |wrap| {
        Box::pin(fresh::each_put(wrap))
    }),
    ("`GET` after `PUT` is fresh", |wrap| {
        Box::pin(fresh::after(wrap, By::Put))
    }),
    (
        "a fill begun before a `PUT` is not served after it",
        |wrap| Box::pin(fresh::late_fill(wrap, By::Put)),
    ),
    (
        "`GET` is fresh after the cache's own invalidation",
        |wrap| Box::pin(fresh::after(wrap, By::Means)),
    ),
    ("a fill begun before that is not served after it", |wrap| {
        Box::pin(fresh::late_fill(wrap, By::Means))
    }),
    ("`HEAD` leaves no empty body for `GET`", |wrap| {
        Box::pin(faults::head(wrap))
    }),
    ("500 is not stored", |wrap| Box::pin(faults::status(wrap))),
    ("a body that breaks off is not stored", |wrap| {
        Box::pin(faults::broken_body(wrap))
    }),
    ("8 misses at once run the handler once", |wrap| {
        Box::pin(faults::stampede(wrap))
    }),
    ("one 500 is not the answer to all who wait", |wrap| {
        Box::pin(faults::failing_leader(wrap))
    }),
    ("a panic of the handler reaches one client only", |wrap| {
        Box::pin(faults::panicking_leader(wrap))
    }),
    ("who waits is answered where the first hangs up", |wrap| {
        Box::pin(faults::leader_hangs_up(wrap))
    }),
    ("`?page=1&limit=2` and `?limit=2&page=1`", |wrap| {
        Box::pin(keys::order(wrap))
    }),
    ("`/a/7` and `/a/%37`", |wrap| Box::pin(keys::escape(wrap))),
];

/// The table.
pub fn run() {
    rig::quiet_panics();
    let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
    println!("| probe | {} |", names.join(" | "));
    println!("| --- |{}", " --- |".repeat(names.len()));
    for (title, probe) in PROBES {
        let cells: Vec<_> = PEERS.iter().map(|peer| ran(*probe, peer.client)).collect();
        println!("| {title} | {} |", cells.join(" | "));
    }
    let cells: Vec<_> = names.iter().map(|name| memory::of(name)).collect();
    println!("| {} | {} |", memory::TITLE, cells.join(" | "));
}

fn ran(probe: Probe, wrap: Wrap) -> String {
    let found = runtime().block_on(async { tokio::time::timeout(PATIENCE, probe(wrap)).await });
    match found {
        Ok(Ok(cell)) => cell.to_string(),
        Ok(Err(error)) => format!("**error** ({error})"),
        Err(_) => "**hangs**".to_owned(),
    }
}
