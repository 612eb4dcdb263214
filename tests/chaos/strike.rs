//! A fault strikes, holds, and is healed.

use crate::failover;
use crate::fleet::{Fleet, LOG, RING};
use crate::kind::Kind;
use crate::options::Options;
use crate::plan::{Lane, Strike};
use crate::support::moment::Moment;
use crate::support::proxy::{Flow, Gate, Proxy};
use crate::watch::Watch;
use std::time::Duration;

/// Strikes until the time is over, and at least with all that come first.
pub(crate) async fn follow(
    mut lane: Lane,
    fleet: &Fleet,
    watch: &Watch,
    options: &Options,
    end: Moment,
) {
    let mut first = std::mem::take(&mut lane.first).into_iter();
    loop {
        let strike = match first.next() {
            Some(strike) => strike,
            None if Moment::now() >= end => return,
            None => match lane.next() {
                Some(strike) => strike,
                None => return,
            },
        };
        tokio::time::sleep(strike.after).await;
        match lane.instance {
            None if strike.kind.is_of_two() => {
                failover::strike(strike, fleet, watch, options).await;
            }
            None => at_redis(strike, fleet, watch).await,
            Some(slot) => at_instance(strike, slot, fleet, watch, options.bound).await,
        }
    }
}

async fn at_redis(strike: Strike, fleet: &Fleet, watch: &Watch) {
    let kind = strike.kind;
    watch.struck_all(kind);
    match kind {
        Kind::RedisKilledEmpty => {
            fleet.redis(|redis| redis.kill_and_forget()).await;
            tokio::time::sleep(strike.holds).await;
            fleet.redis(|redis| redis.restart()).await;
        }
        Kind::RedisKilledAof => {
            fleet.redis(|redis| redis.kill()).await;
            tokio::time::sleep(strike.holds).await;
            fleet.redis(|redis| redis.restart()).await;
        }
        Kind::RedisStopped => {
            fleet.redis(|redis| redis.stop()).await;
            tokio::time::sleep(strike.holds).await;
            fleet.redis(|redis| redis.go_on()).await;
        }
        Kind::SubscribersKilled => command(fleet, &["CLIENT", "KILL", "TYPE", "pubsub"]).await,
        Kind::Flushed => command(fleet, &["FLUSHALL"]).await,
        Kind::Trimmed => command(fleet, &["XTRIM", LOG, "MAXLEN", "0"]).await,
        Kind::GarbageOnTheRing => {
            command(fleet, &["PUBLISH", RING, garbage(strike.luck)]).await;
        }
        Kind::GarbageInTheLog => {
            command(fleet, &["XADD", LOG, "*", "j", garbage(strike.luck)]).await;
        }
        _ => unreachable!("a fault of an instance in the lane of Redis"),
    }
}

async fn command(fleet: &Fleet, words: &[&str]) {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let run = fleet.redis(move |redis| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        redis.cli(&words);
    });
    run.await;
}

fn garbage(luck: u64) -> &'static str {
    const GARBAGE: [&str; 4] = [
        "not json",
        "e 99-1 00000000000000aa - - \u{1}",
        "{\"v\":1,\"tag\":[\"misspelt\"]}",
        "\u{2}from the future",
    ];
    GARBAGE[usize::try_from(luck % 4).expect("one of four")]
}

async fn at_instance(strike: Strike, slot: usize, fleet: &Fleet, watch: &Watch, bound: Duration) {
    let kind = strike.kind;
    let proxy = &fleet.proxies[slot];
    match kind {
        Kind::InstanceKilled => return kill(strike, slot, fleet, watch).await,
        Kind::InstanceStopped => return pause(strike, slot, fleet, watch).await,
        _ => watch.struck(slot, kind),
    }
    match kind {
        Kind::BlackHoleToRedis => proxy.to_server(Flow::BlackHole),
        Kind::BlackHoleFromRedis => proxy.to_client(Flow::BlackHole),
        Kind::BlackHole => proxy.both(Flow::BlackHole),
        Kind::Delayed => proxy.to_client(Flow::Delay(Kind::delay(bound, strike.luck))),
        Kind::Throttled => {
            // From a word now and then up to nearly all of what rings.
            let rate = 300 + u32::try_from(strike.luck % 15_000).expect("a small number");
            proxy.to_client(Flow::Throttle(rate));
        }
        Kind::Reset => proxy.reset(),
        Kind::CutOff => {
            proxy.gate(Gate::Closed);
            proxy.cut();
        }
        _ => unreachable!("a fault of Redis in the lane of an instance"),
    }
    tokio::time::sleep(strike.holds).await;
    heal(proxy, kind);
}

/// What a black hole has swallowed is missing from the middle of a stream, so its
/// connections are cut: no network gives them back either.
fn heal(proxy: &Proxy, kind: Kind) {
    proxy.both(Flow::Pass);
    proxy.gate(Gate::Open);
    if matches!(
        kind,
        Kind::BlackHole | Kind::BlackHoleToRedis | Kind::BlackHoleFromRedis
    ) {
        proxy.reset();
    }
}

/// What is watched begins when it is back.
async fn kill(strike: Strike, slot: usize, fleet: &Fleet, watch: &Watch) {
    let mut instance = fleet.instances[slot].lock().await;
    let killed = fleet.place(slot).instance;
    let from = Moment::now();
    watch.goes_down(slot);
    instance.kill();
    tokio::time::sleep(strike.holds).await;
    instance.restart().await;
    fleet.reborn(slot, &instance);
    fleet.was_down(killed, from);
    watch.comes_back(slot, strike.kind);
}

async fn pause(strike: Strike, slot: usize, fleet: &Fleet, watch: &Watch) {
    let instance = fleet.instances[slot].lock().await;
    let stopped = fleet.place(slot).instance;
    let from = Moment::now();
    watch.goes_down(slot);
    instance.stop();
    tokio::time::sleep(strike.holds).await;
    watch.comes_back(slot, strike.kind);
    instance.go_on();
    fleet.was_down(stopped, from);
}
