//! Which fault strikes after which, made of the seed before the run begins.

use crate::dice::Dice;
use crate::fleet::INSTANCES;
use crate::kind::{Kind, Where};
use crate::options::Options;
use std::time::Duration;

/// How often each fault strikes at least.
pub(crate) const LEAST: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    pub(crate) kind: Kind,
    /// The pause before it.
    pub(crate) after: Duration,
    pub(crate) holds: Duration,
    /// What else is random in it.
    pub(crate) luck: u64,
}

/// Faults that strike one after the other. Those of different lanes overlap.
pub(crate) struct Lane {
    /// `None`: Redis.
    pub(crate) instance: Option<usize>,
    /// They strike however long that takes.
    pub(crate) first: Vec<Strike>,
    kinds: Vec<Kind>,
    bound: Duration,
    dice: Dice,
}

pub(crate) fn lanes(options: &Options, dice: &mut Dice) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = std::iter::once(None)
        .chain((0..INSTANCES).map(Some))
        .map(|instance| Lane::new(instance, options, dice.fork()))
        .collect();
    let (redis, instances) = lanes.split_at_mut(1);
    for _ in 0..LEAST {
        redis[0].all_once();
    }
    let mut deck = instances[0].kinds.repeat(LEAST);
    dice.shuffle(&mut deck);
    for (at, kind) in deck.into_iter().enumerate() {
        let lane = &mut instances[at % INSTANCES];
        let strike = lane.strike(kind, 1);
        lane.first.push(strike);
    }
    lanes
}

impl Lane {
    fn new(instance: Option<usize>, options: &Options, dice: Dice) -> Self {
        let place = match instance {
            None => Where::Redis,
            Some(_) => Where::Instance,
        };
        let kinds = options.faults.iter().copied();
        Self {
            instance,
            first: Vec::new(),
            kinds: kinds.filter(|kind| kind.strikes() == place).collect(),
            bound: options.bound,
            dice,
        }
    }

    fn all_once(&mut self) {
        let mut kinds = self.kinds.clone();
        self.dice.shuffle(&mut kinds);
        for kind in kinds {
            let strike = self.strike(kind, 1);
            self.first.push(strike);
        }
    }

    /// One more, of any kind; sometimes it holds for long.
    pub(crate) fn next(&mut self) -> Option<Strike> {
        if self.kinds.is_empty() {
            return None;
        }
        let kind = *self.dice.pick(&self.kinds);
        let longer = if self.dice.percent(15) { 3 } else { 1 };
        let mut strike = self.strike(kind, longer);
        // And some of the time all is well, for long enough to be warm again.
        let calm = u32::try_from(self.dice.below(300)).expect("a small number");
        strike.after += self.bound * calm / 100;
        Some(strike)
    }

    fn strike(&mut self, kind: Kind, longer: u32) -> Strike {
        let (from, to) = kind.holds();
        let parts = from + self.dice.below(to - from + 1);
        let parts = u32::try_from(parts).expect("a small number");
        // Between two faults there is time to hear, to fill and to hit.
        Strike {
            kind,
            after: self.bound * 2 / 10 + self.dice.millis(0, 300),
            holds: self.bound * parts * longer / 100,
            luck: self.dice.next(),
        }
    }
}
