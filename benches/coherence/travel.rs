//! How long until another instance has applied an invalidation?
//!
//! From the call of `Cache::invalidate` until an event says that it is applied: on
//! one other instance, and on all others. Beside the same number of subscribers of
//! bare `PUBLISH`. The two take turns sample by sample, so that what else the
//! machine does meets both.

use crate::bare::Bare;
use crate::fleet::Fleet;
use crate::numbers::Rounds;
use crate::redis_server::RedisServer;
use std::time::Instant;
use tower_coherence::{Invalidate, Tag};

const ROUNDS: usize = 5;
const SAMPLES: usize = 1000;

pub(crate) async fn run(instances: usize) {
    let server = RedisServer::start(&[]);
    let mut bare = Bare::start(&server.url(), instances).await;
    let mut fleet = Fleet::start(&server.url(), instances).await;
    let mut times: [Rounds; 4] = Default::default();
    // The first round only warms up.
    for round in 0..=ROUNDS {
        if round <= 1 {
            times = Default::default();
        }
        times.iter_mut().for_each(Rounds::begin);
        for sample in 0..SAMPLES {
            let begun = Instant::now();
            bare.publish().await;
            let (one, all) = bare.received().await;
            times[0].add(one - begun);
            times[1].add(all - begun);
            let what = Invalidate::tag(Tag::of("product", round * SAMPLES + sample));
            let begun = Instant::now();
            fleet.writer.invalidate(what.clone()).await;
            let (one, all) = fleet.applied(&what).await;
            times[2].add(one - begun);
            times[3].add(all - begun);
        }
    }
    let [bare_one, bare_all, one, all] = times.map(Rounds::ranks);
    println!("travel_{instances}_rounds: {ROUNDS}");
    println!("travel_{instances}_samples_in_a_round: {SAMPLES}");
    bare_one.print(&format!("travel_{instances}_bare_to_one"));
    bare_all.print(&format!("travel_{instances}_bare_to_all"));
    one.print(&format!("travel_{instances}_applied_on_one"));
    all.print(&format!("travel_{instances}_applied_on_all"));
    let ratio = one.p50 / bare_one.p50;
    println!("travel_{instances}_one_to_bare: {ratio:.2}");
    let ratio = all.p50 / bare_all.p50;
    println!("travel_{instances}_all_to_bare: {ratio:.2}");
}
