//! The same hit: five header fields, keys by Zipf 0.99, each cache in its turn.
//!
//! From the call to the response head, awaited one after another in a runtime of one thread.

use crate::client::Asked;
use crate::origin::Origin;
use crate::peers::{PEERS, ROUTED, Room};
use crate::support::shop::{self, Ready};
use crate::support::{TURN, Zipf, rounds};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// How long a hit of this service took, in nanoseconds: one turn of it.
pub type Turn = Box<dyn FnMut() -> f64>;

/// What is asked for.
pub struct Shop {
    runtime: Rc<Runtime>,
    keys: u32,
    length: usize,
}

impl Shop {
    fn new(keys: u32, length: usize) -> Self {
        let runtime = Rc::new(shop::runtime());
        Self {
            runtime,
            keys,
            length,
        }
    }

    fn origin(&self) -> Origin {
        Origin::ready(Ready::new(self.length))
    }

    /// Twice what there is: no cache has to choose.
    fn room(&self) -> Room {
        let length = u64::try_from(self.length).expect("it fits");
        let entries = u64::from(self.keys) * 2;
        Room {
            entries,
            bytes: entries * (length + 8_000),
        }
    }
}

/// Both sizes and a router, with the lines and the table.
pub fn run() {
    let small = compare(&Shop::new(10_000, 1024), "1 KiB", "hit_to_peer");
    let large = compare(&Shop::new(1_000, 64 * 1024), "64 KiB", "hit_to_peer_64k");
    routed(&Shop::new(10_000, 1024));
    println!("\n| time of a hit / that of tower-coherence | 1 KiB | 64 KiB |");
    println!("| --- | --- | --- |");
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        println!("| {name} | {small:.2} | {large:.2} |");
    }
    println!();
}

/// The ratios to ours: the bare service first, then the peers.
fn compare(shop: &Shop, size: &str, line: &str) -> Vec<(&'static str, f64)> {
    let mut turns: Vec<Turn> = PEERS.iter().map(|peer| (peer.turn)(shop)).collect();
    let mut bare = bare(shop);
    let told: [String; 8] = std::array::from_fn(|at| match at {
        0 => line.to_owned(),
        1 => format!("bare service / ours, {size}"),
        _ => format!("{} / ours, {size}", PEERS[at - 1].name),
    });
    let medians = rounds(told.each_ref().map(String::as_str), || {
        let bare = bare();
        let times: Vec<f64> = turns.iter_mut().map(|turn| turn()).collect();
        let ours = times[0];
        std::array::from_fn(|at| match at {
            0 => ours / times[1],
            1 => bare / ours,
            _ => times[at - 1] / ours,
        })
    });
    let names = PEERS.iter().skip(1).map(|peer| peer.name);
    let names = std::iter::once("the bare service").chain(names);
    names.zip(medians.into_iter().skip(1)).collect()
}

/// The line for both in a router, whose own time is in both.
fn routed(shop: &Shop) {
    let [mut ours, mut theirs] = ROUTED.map(|turn| turn(shop));
    rounds(["hit_to_peer_in_router"], || [ours() / theirs()]);
}

fn bare(shop: &Shop) -> Turn {
    timed(shop, shop.origin())
}

/// A cache that is filled, and checked to answer by itself.
pub fn turn<S: Asked>(shop: &Shop, wrap: fn(Origin, Room) -> S) -> Turn {
    let origin = shop.origin();
    let mut service = wrap(origin.clone(), shop.room());
    shop.runtime.block_on(fill(shop, &origin, &mut service));
    let runs = origin.runs();
    let mut timed = timed(shop, service);
    Box::new(move || {
        let time = timed();
        assert_eq!(origin.runs(), runs, "each request was a hit");
        time
    })
}

/// Asks for all of it until the origin is no more asked: one peer stores in a task of its own.
async fn fill<S: Asked>(shop: &Shop, origin: &Origin, service: &mut S) {
    for _ in 0..5 {
        let before = origin.runs();
        for number in 0..shop.keys {
            let body = ask(service, asked(number)).await.into_body();
            let body = body.collect().await.map_err(Into::into);
            let body = body.expect("a body in memory is whole").to_bytes();
            assert_eq!(body.len(), shop.length);
            tokio::task::yield_now().await;
        }
        if origin.runs() == before {
            return;
        }
    }
    panic!("it does not keep what it is given");
}

fn timed<S: Asked>(shop: &Shop, mut service: S) -> Turn {
    let runtime = Rc::clone(&shop.runtime);
    let mut draw = Zipf::new(shop.keys).drawn(200_000);
    let mut some = move |many: u32| -> f64 {
        let numbers = (0..many).map(|_| u32::try_from(draw()).expect("it fits"));
        let requests: Vec<_> = numbers.map(asked).collect();
        let begun = Instant::now();
        runtime.block_on(async {
            for request in requests {
                black_box(ask(&mut service, request).await);
            }
        });
        begun.elapsed().as_secs_f64()
    };
    // Where a hit takes a hundred times as long, fewer are made in a turn.
    let batch = if some(20) > 20.0 * 1e-4 { 5 } else { 200 };
    Box::new(move || {
        let (mut spent, mut steps) = (0.0, 0);
        while spent < TURN.as_secs_f64() {
            spent += some(batch);
            steps += batch;
        }
        spent * 1e9 / f64::from(steps)
    })
}

async fn ask<S: Asked>(service: &mut S, request: Request<Body>) -> http::Response<S::Out> {
    let ready = service.ready().await.map_err(Into::into);
    let answer = ready.expect("it is ready").call(request).await;
    answer.map_err(Into::into).expect("there is a response")
}

fn asked(number: u32) -> Request<Body> {
    let number = usize::try_from(number).expect("it fits");
    shop::request(number).map(|_| Body::empty())
}
