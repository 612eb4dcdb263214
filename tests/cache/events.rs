//! Log events, by the names that the docs have.

use crate::origin::{Origin, response, with};
use axum::body::Body;
use axum::http::Request;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_coherence::policy::WritePolicy;
use tower_coherence::{Cache, Invalidate, Mode, Policy, RouteTable, bus};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// The names of the events on this thread.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<&'static str>>>);

impl tracing_subscriber::Layer<Registry> for Heard {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, Registry>) {
        if event.metadata().target() == "tower_coherence" {
            self.0.lock().unwrap().push(event.metadata().name());
        }
    }
}

impl Heard {
    fn listen() -> (Self, DefaultGuard) {
        let heard = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(heard.clone()));
        (heard, guard)
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn local() -> Cache {
    Cache::builder().bus(bus::Local::new()).build().unwrap()
}

#[tokio::test]
async fn a_start_and_a_forgotten_bus_are_said() {
    let (heard, _guard) = Heard::listen();
    let cache = Cache::builder().build().unwrap();
    assert_eq!(heard.take(), ["no_bus"]);
    cache.coherent().await.unwrap();
    assert_eq!(heard.take(), ["adopted"]);
}

#[tokio::test]
async fn another_route_table_is_said() {
    let cache = local();
    let (heard, _guard) = Heard::listen();
    let table = RouteTable::builder().build().unwrap();
    cache.replace_routes(table);
    assert_eq!(heard.take(), ["routes_replaced"]);
}

#[tokio::test]
async fn the_kill_switch_is_said_when_it_changes_something() {
    let cache = local();
    let (heard, _guard) = Heard::listen();
    cache.set_mode(Mode::Serve);
    assert_eq!(heard.take(), [""; 0]);
    cache.set_mode(Mode::Bypass);
    cache.set_mode(Mode::Bypass);
    assert_eq!(heard.take(), ["mode_changed"]);
    cache.set_mode(Mode::Serve);
    assert_eq!(heard.take(), ["mode_changed"]);
}

#[tokio::test]
async fn what_an_application_does_wrong_is_said() {
    let cache = local();
    cache.coherent().await.unwrap();
    let (heard, _guard) = Heard::listen();
    let mistaken = Policy::lifetime(Duration::from_secs(60)).store("none");
    Origin::says(with(&cache, mistaken), &[]).get("/a").await;
    assert_eq!(heard.take(), ["mistake"]);
    let panics = WritePolicy::new().with(|_, _| panic!("a closure of the application"));
    let origin = Origin::says(cache.layer().write_policy(panics), &[]);
    origin.ask("PUT", "/a", &[]).await;
    assert_eq!(heard.take(), ["mapping_panicked"]);
    let mut unread = response(200, &[], "");
    Invalidate::path("/a").add_to(unread.extensions_mut());
    drop(unread);
    assert_eq!(heard.take(), ["invalidation_unread"]);
    let answer = |_: Request<Body>| async { Ok::<_, Infallible>(response(200, &[], "")) };
    let mut nested = cache.layer().layer(cache.layer().layer(service_fn(answer)));
    for _ in 0..2 {
        let request = crate::support::request("GET", "/a");
        nested.ready().await.unwrap().call(request).await.unwrap();
    }
    assert_eq!(heard.take(), ["nested_layer"]);
}
