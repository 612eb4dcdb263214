//! Do the probes bite? A cache that does everything wrong passes none of them, and where it
//! cannot be wrong (it does store, and it runs a handler once), no cache at all does not.

use super::{PROBES, ran, rig};
use crate::client::{BoxError, Client, Got};
use crate::origin::Origin;
use crate::peers::Built;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tower::{ServiceExt, service_fn};

/// Each path, with those who wait for it or what they get.
type Known = Arc<Mutex<HashMap<String, Entry>>>;

enum Entry {
    Waited(Vec<oneshot::Sender<Got>>),
    Kept(Got),
}

enum Place {
    Leader,
    Waiter(oneshot::Receiver<Got>),
    Hit(Got),
}

fn careless(origin: Origin) -> Client {
    let known = Known::default();
    let service = service_fn(move |request: Request<Body>| {
        answer(origin.clone(), Arc::clone(&known), request)
    });
    // It says that it forgot, and did not.
    Client::new(Built::new(service).forgets(|_| std::future::ready(())))
}

fn none(origin: Origin) -> Client {
    Client::new(Built::new(origin).forgets(|_| std::future::ready(())))
}

/// HEAD is GET, a write is a read of its own, escapes and queries are nothing.
fn key(request: &Request<Body>) -> String {
    let write = request.method() == Method::PUT;
    let path = request.uri().path().replace("%37", "7");
    if write { format!("PUT {path}") } else { path }
}

fn place(known: &Known, key: &str) -> Place {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get_mut(key) {
        Some(Entry::Kept(got)) => Place::Hit(got.clone()),
        Some(Entry::Waited(waiters)) => {
            let (sender, receiver) = oneshot::channel();
            waiters.push(sender);
            Place::Waiter(receiver)
        }
        None => {
            known.insert(key.to_owned(), Entry::Waited(Vec::new()));
            Place::Leader
        }
    }
}

async fn answer(
    origin: Origin,
    known: Known,
    request: Request<Body>,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let key = key(&request);
    let got = match place(&known, &key) {
        Place::Hit(got) => got,
        Place::Waiter(waiter) => waiter.await?,
        Place::Leader => {
            let got = read(origin.oneshot(request).await?).await;
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = Entry::Kept(got.clone());
            if let Some(Entry::Waited(waiters)) = known.insert(key, kept) {
                for waiter in waiters {
                    let _ = waiter.send(got.clone());
                }
            }
            got
        }
    };
    let mut response = Response::new(Full::new(got.body));
    *response.status_mut() = got.status;
    *response.headers_mut() = got.headers;
    Ok(response)
}

/// An error in the body is its end.
async fn read(response: Response<Body>) -> Got {
    let (parts, mut body) = response.into_parts();
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Got {
        status: parts.status,
        headers: parts.headers,
        body: whole.into(),
    }
}

#[test]
fn each_probe_tells_a_careless_cache_or_none_at_all_from_a_right_one() {
    rig::quiet_panics();
    for (title, probe) in PROBES {
        let (careless, none) = (ran(*probe, careless), ran(*probe, none));
        println!("{title}: {careless}, {none}");
        assert_ne!(careless, none, "{title}");
        assert!(careless != "yes" || none != "yes", "{title}");
    }
}
