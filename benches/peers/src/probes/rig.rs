//! Responses that say which run made them, handlers that wait, clients that ask at once.

use crate::client::{BoxError, Client, Got};
use axum::body::Body;
use http::{Response, response::Builder};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What the handler says where it panics on purpose.
pub const ON_PURPOSE: &str = "the handler panics";

/// 2 KiB, so that no cache finds it too small, with this number at its head.
pub fn text(number: u64) -> String {
    format!("{number} {}", "x".repeat(2048))
}

/// A response that any cache may keep for a minute.
pub fn plain() -> Builder {
    Response::builder()
        .header("content-type", "text/plain")
        .header("cache-control", "max-age=60")
}

pub fn with(builder: Builder, body: impl Into<Body>) -> Response<Body> {
    builder.body(body.into()).expect("the response is possible")
}

/// That response, with the number of the run.
pub fn page(run: u64) -> Response<Body> {
    with(plain(), text(run))
}

/// Closed until it is opened, and then open.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub async fn passed(&self) {
        // An error: it is closed as a semaphore, which opens it for all.
        let _ = self.0.acquire().await;
    }

    pub fn open(&self) {
        self.0.close();
    }
}

/// Lets all tasks come as far as they can.
pub async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Waits until this holds. The probe's own bound ends it where it never does.
pub async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// GETs of one path at once, in tasks of their own, all as far as they can come.
pub async fn asked_at_once(client: &Client, many: usize) -> Vec<JoinHandle<Result<Got, BoxError>>> {
    let ask = |_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/a").await })
    };
    let tasks = (0..many).map(ask).collect();
    settled().await;
    tasks
}

/// Panics on purpose are told nobody.
pub fn quiet_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&ON_PURPOSE) {
            usual(info);
        }
    }));
}
