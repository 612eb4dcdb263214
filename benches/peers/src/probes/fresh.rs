//! What is served after a write made it stale.

use super::rig::{Gate, page, plain, settled, text, until, with};
use super::{Cell, Found, Wrap};
use crate::client::{BoxError, Client};
use crate::origin::Origin;
use axum::body::Body;
use http::{Method, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub async fn each_put(wrap: Wrap) -> Found {
    let origin = Origin::new(|_, run| async move { page(run) });
    let client = wrap(origin.clone());
    for _ in 0..2 {
        client.ask(Method::PUT, "/a").await?;
        settled().await;
    }
    Ok(Cell::Safe(origin.runs() == 2))
}

/// How what is stored is made stale.
#[derive(Clone, Copy)]
pub enum By {
    Put,
    /// The value changes, and the cache is told by its own means.
    Means,
}

pub async fn after(wrap: Wrap, by: By) -> Found {
    let value = Value::new(None);
    let client = wrap(value.origin());
    client.get("/a").await?;
    settled().await;
    if value.changed(&client, by).await?.is_none() {
        return Ok(Cell::Text("no means".to_owned()));
    }
    Ok(Cell::Safe(client.get("/a").await?.number() == 2))
}

/// The first GET has read the old value, and is held until the change is done.
pub async fn late_fill(wrap: Wrap, by: By) -> Found {
    let gate = Gate::new();
    let value = Value::new(Some(gate.clone()));
    let client = wrap(value.origin());
    let early = client.clone();
    let early = tokio::spawn(async move { early.get("/a").await });
    until(|| value.reads.load(Ordering::SeqCst) > 0).await;
    if value.changed(&client, by).await?.is_none() {
        return Ok(Cell::Text("no means".to_owned()));
    }
    gate.open();
    early.await??;
    settled().await;
    Ok(Cell::Safe(client.get("/a").await?.number() == 2))
}

/// A value that is 1, and 2 once it is changed. The first GET that read it waits at the gate.
#[derive(Clone)]
struct Value {
    now: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
    gate: Option<Gate>,
}

impl Value {
    fn new(gate: Option<Gate>) -> Self {
        Self {
            now: Arc::new(AtomicU64::new(1)),
            reads: Arc::default(),
            gate,
        }
    }

    fn origin(&self) -> Origin {
        let value = self.clone();
        Origin::new(move |parts, _| value.clone().answer(parts.method))
    }

    async fn answer(self, method: Method) -> Response<Body> {
        if method == Method::PUT {
            self.now.store(2, Ordering::SeqCst);
            return with(Response::builder().status(200), "done");
        }
        let read = self.now.load(Ordering::SeqCst);
        let is_first = self.reads.fetch_add(1, Ordering::SeqCst) == 0;
        if let Some(gate) = self.gate.filter(|_| is_first) {
            gate.passed().await;
        }
        with(plain(), text(read))
    }

    /// None where the cache has no means of its own.
    async fn changed(&self, client: &Client, by: By) -> Result<Option<()>, BoxError> {
        let done = match by {
            By::Put => client.ask(Method::PUT, "/a").await.map(|_| Some(()))?,
            By::Means => {
                self.now.store(2, Ordering::SeqCst);
                client.forget("/a").await
            }
        };
        settled().await;
        Ok(done)
    }
}
