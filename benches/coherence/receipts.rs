//! How long does a writer wait for its receipt?
//!
//! From the call of `Cache::invalidate` to the receipt, with the default concern
//! (`Published`) and with `Applied`, beside the server's reply to bare `PUBLISH`
//! with the same number of subscribers. They take turns sample by sample. Before,
//! the writer has watched the list of members for as long as it must to believe it.

use crate::bare::Bare;
use crate::fleet::Fleet;
use crate::numbers::Rounds;
use crate::redis_server::RedisServer;
use std::time::{Duration, Instant};
use tower_coherence::{Invalidate, Reached, Tag, WriteConcern};

const ROUNDS: usize = 5;
const SAMPLES: usize = 300;
const TIMEOUT: Duration = Duration::from_secs(10);

fn published() -> WriteConcern {
    WriteConcern::Published { timeout: TIMEOUT }
}

fn applied() -> WriteConcern {
    WriteConcern::Applied { timeout: TIMEOUT }
}

/// Until then each wait lasts for a staleness bound.
const BELIEVED: Duration = Duration::from_millis(500);

async fn list_is_believed(fleet: &Fleet) {
    loop {
        let what = Invalidate::tag("warm").concern(applied());
        let begun = Instant::now();
        fleet.writer.invalidate(what).await;
        if begun.elapsed() < BELIEVED {
            return;
        }
    }
}

pub(crate) async fn run(instances: usize) {
    let server = RedisServer::start(&[]);
    let mut bare = Bare::start(&server.url(), instances).await;
    let mut fleet = Fleet::start(&server.url(), instances).await;
    list_is_believed(&fleet).await;
    let concerns = [(published(), Reached::Bus), (applied(), Reached::Everyone)];
    let mut times: [Rounds; 3] = Default::default();
    let mut next = 0;
    // The first round only warms up.
    for round in 0..=ROUNDS {
        if round <= 1 {
            times = Default::default();
        }
        times.iter_mut().for_each(Rounds::begin);
        for _ in 0..SAMPLES {
            let begun = Instant::now();
            times[0].add(bare.publish().await - begun);
            bare.received().await;
            for ((concern, reached), times) in concerns.into_iter().zip(&mut times[1..]) {
                next += 1;
                let what = Invalidate::tag(Tag::of("product", next));
                let begun = Instant::now();
                let receipt = fleet.writer.invalidate(what.clone().concern(concern)).await;
                times.add(begun.elapsed());
                assert!(receipt.reached() >= reached, "the bus is up");
                fleet.applied(&what).await;
            }
        }
    }
    let [bare, published, applied] = times.map(Rounds::ranks);
    bare.print(&format!("receipts_{instances}_bare_reply"));
    published.print(&format!("receipts_{instances}_published"));
    applied.print(&format!("receipts_{instances}_applied"));
    let ratio = published.p50 / bare.p50;
    println!("receipts_{instances}_published_to_bare: {ratio:.2}");
}
