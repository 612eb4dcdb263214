//! What a handler that fails leaves behind, and what becomes of those who wait for it.

use super::rig::{Gate, ON_PURPOSE, asked_at_once, page, plain, settled, text, until, with};
use super::{Cell, Found, Wrap};
use crate::client::{BoxError, Got};
use crate::origin::Origin;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Response};
use tokio::task::JoinHandle;

pub async fn head(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|parts, run| async move {
        let is_head = parts.method == Method::HEAD;
        let body = if is_head {
            Body::empty()
        } else {
            text(run).into()
        };
        with(plain(), body)
    }));
    client.ask(Method::HEAD, "/a").await?;
    settled().await;
    Ok(Cell::Safe(!client.get("/a").await?.body.is_empty()))
}

pub async fn status(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|_, run| async move {
        let status = if run == 1 { 500 } else { 200 };
        with(Response::builder().status(status), text(run))
    }));
    client.get("/a").await?;
    settled().await;
    Ok(Cell::Safe(client.get("/a").await?.status == 200))
}

/// The first body ends with an error after its first frame.
pub async fn broken_body(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|_, run| async move {
        if run > 1 {
            return page(run);
        }
        let frames: [Result<Bytes, BoxError>; 2] =
            [Ok(Bytes::from(text(run))), Err("it broke off".into())];
        with(plain(), Body::from_stream(stream::iter(frames)))
    }));
    // What this client gets is not asked here; only what the next one does.
    let _ = client.get("/a").await;
    settled().await;
    let next = client.get("/a").await?;
    Ok(Cell::Safe(next.status == 200 && next.number() == 2))
}

pub async fn stampede(wrap: Wrap) -> Found {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::new(move |_, run| {
        let gate = held.clone();
        async move {
            gate.passed().await;
            page(run)
        }
    });
    let client = wrap(origin.clone());
    let tasks = asked_at_once(&client, 8).await;
    gate.open();
    for task in tasks {
        task.await??;
    }
    let runs = origin.runs();
    Ok(if runs == 1 {
        Cell::Safe(true)
    } else {
        Cell::Text(format!("**no** ({runs})"))
    })
}

/// How the first run ends; the others answer at once.
#[derive(Clone, Copy)]
enum First {
    Fails,
    Panics,
    Stays,
}

/// The first run is held until all have asked, and then ends so.
fn held(first: First) -> (Origin, Gate) {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::new(move |_, run| {
        let gate = held.clone();
        async move {
            if run > 1 {
                return page(run);
            }
            gate.passed().await;
            match first {
                First::Fails => with(Response::builder().status(500), text(run)),
                First::Panics => std::panic::panic_any(ON_PURPOSE),
                First::Stays => page(run),
            }
        }
    });
    (origin, gate)
}

pub async fn failing_leader(wrap: Wrap) -> Found {
    let (origin, gate) = held(First::Fails);
    let client = wrap(origin);
    let tasks = asked_at_once(&client, 4).await;
    gate.open();
    Ok(Cell::Safe(good(tasks).await == 3))
}

pub async fn panicking_leader(wrap: Wrap) -> Found {
    let (origin, gate) = held(First::Panics);
    let client = wrap(origin);
    let tasks = asked_at_once(&client, 4).await;
    gate.open();
    let good = good(tasks).await;
    Ok(Cell::Safe(
        good == 3 && client.get("/a").await?.status == 200,
    ))
}

pub async fn leader_hangs_up(wrap: Wrap) -> Found {
    let (origin, gate) = held(First::Stays);
    let client = wrap(origin.clone());
    let first = asked_at_once(&client, 1).await;
    until(|| origin.runs() > 0).await;
    let others = asked_at_once(&client, 3).await;
    for task in first {
        task.abort();
    }
    settled().await;
    gate.open();
    Ok(Cell::Safe(good(others).await == 3))
}

/// How many of them got 200.
async fn good(tasks: Vec<JoinHandle<Result<Got, BoxError>>>) -> usize {
    let mut good = 0;
    for task in tasks {
        let got = task.await.ok().and_then(Result::ok);
        good += usize::from(got.is_some_and(|got| got.status == 200));
    }
    good
}
