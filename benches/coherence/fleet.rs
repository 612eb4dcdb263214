//! Several instances in one process, each with its own connections.

use std::collections::BTreeMap;
use std::time::Instant;
use tokio::sync::mpsc;
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, Event, Invalidate, Tag};

/// Who heard what, and when.
pub(crate) type Heard<T> = (usize, T, Instant);

/// Instances that have proved that they hear. The first one writes.
pub(crate) struct Fleet {
    pub(crate) writer: Cache,
    others: usize,
    heard: mpsc::UnboundedReceiver<Heard<Event>>,
    /// Keeps the other instances.
    _instances: Vec<Cache>,
}

impl Fleet {
    /// Hears through [`Cache::events`], which are told right after the cells are
    /// raised: from then on nothing stale is served.
    pub(crate) async fn start(url: &str, instances: usize) -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        let mut fleet = Vec::new();
        for number in 0..instances {
            let bus = Redis::new(url, "bench").expect("the URL is well formed");
            let cache = Cache::builder().bus(bus).build();
            let cache = cache.expect("the settings are possible");
            cache.coherent().await.expect("there is a runtime");
            if number > 0 {
                let (mut events, sender) = (cache.events(), sender.clone());
                tokio::spawn(async move {
                    while let Some(event) = events.next().await {
                        let _ = sender.send((number, event, Instant::now()));
                    }
                });
            }
            fleet.push(cache);
        }
        let mut fleet = Self {
            writer: fleet[0].clone(),
            others: instances - 1,
            heard,
            _instances: fleet,
        };
        fleet.until_it_rings().await;
        fleet
    }

    /// Waits until all ears are open: until then a sync brings what rang before.
    async fn until_it_rings(&mut self) {
        let rings = |cache: &Cache| cache.stats().bus.rings;
        loop {
            let before: Vec<_> = self._instances.iter().map(rings).collect();
            self.writer.invalidate(Tag::new("warm")).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let after = self._instances.iter().map(rings);
            if after.zip(before).all(|(after, before)| after > before) {
                break;
            }
        }
        while self.heard.try_recv().is_ok() {}
    }

    /// When the first other instance had applied it, and when all had. An entry
    /// that a sync brings after its ring is told twice, so it has to be one that
    /// was not told before.
    pub(crate) async fn applied(&mut self, what: &Invalidate) -> (Instant, Instant) {
        let event = Event::Invalidated(what.clone().into());
        gather(&mut self.heard, &event, self.others).await
    }
}

/// When number 1 heard it, and when the last of numbers 1 and above did.
pub(crate) async fn gather<T: PartialEq>(
    heard: &mut mpsc::UnboundedReceiver<Heard<T>>,
    wanted: &T,
    count: usize,
) -> (Instant, Instant) {
    let mut when = BTreeMap::new();
    while when.len() < count {
        let (number, what, at) = heard.recv().await.expect("the listeners live");
        if what == *wanted {
            when.entry(number).or_insert(at);
        }
    }
    when.remove(&0);
    let last = when.values().max().copied();
    when.remove(&1).zip(last).expect("number 1 is one of them")
}
