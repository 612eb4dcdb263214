//! One instance whose handler reads a replica that lags, a key and its writes, and
//! those who apply invalidations: two at a time, each in its steps.
//!
//! This file is compiled once for each variant, beside the production files.

use super::environment::{Adoption, Counted, Environment, Left, Order};
use super::notes::Notes;
use crate::clock::Moment;
use stateright::{Model, Property};
use std::hash::{Hash, Hasher};
use std::time::Duration;

pub(crate) const FRESH: &str = "nothing stored is older than what its invalidation covered";
pub(crate) const STORED: &str = "what was read after a write is stored";
pub(crate) const REFUSED: &str = "what was read before a write, and bound after it, is not stored";
pub(crate) const SOFT: &str = "a soft invalidation comes between, and the fill is bound";

/// How far the replica is behind at most, and the window: as short as it may be.
const LAG: u64 = 1;
const WINDOW: Duration = Duration::from_nanos(LAG);
/// How long a fill takes at most.
const FILL: u64 = 2;
const KEY: u128 = 1;
/// The first moment: what was noted when the rule was made is long ago.
const START: u64 = 10;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Noted(Notes);

impl Hash for Noted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    now: u64,
    /// When the origin wrote each version after the first.
    written: Vec<u64>,
    /// The version that the replica shows.
    replica: usize,
    notes: Noted,
    cells: Cells,
    /// Accepted, and not applied here yet.
    news: Vec<News>,
    appliers: [Option<Applier>; 2],
    /// What was applied covers all versions before these.
    hard: usize,
    soft: usize,
    fill: Option<Fill>,
    stored: Option<Stored>,
    seen: Seen,
    left: Left,
}

/// The invalidation clock and what it has raised.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Cells {
    clock: u8,
    hard: u8,
    soft: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct News {
    what: What,
    /// The version that it tells of.
    version: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum What {
    Hard,
    Soft,
    Other(u8),
    Everything,
}

/// Somebody who applies: it reads the clock, notes and raises.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Applier {
    news: News,
    now: u64,
    noted: bool,
    raised: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Fill {
    /// The invalidation clock.
    reading: u8,
    /// Then the clock, and the version that was read. At once: later it would read
    /// nothing older.
    began: Option<(u64, usize)>,
    bound: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Stored {
    version: usize,
    reading: u8,
}

/// What has happened and is no longer to be seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Seen {
    refused: bool,
    soft: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Tick,
    Replicate,
    Write,
    WriteSoftly,
    WriteOther,
    WriteAndAdopt,
    /// Somebody begins to apply the news.
    Take(usize),
    Repeat(usize),
    Note(usize),
    Raise(usize),
    Lead,
    Begin,
    Bind,
    Store,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) bounds: Left,
    pub(crate) environment: Environment,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut notes = Notes::default();
        notes.widen(WINDOW, Duration::from_nanos(FILL), Moment(0));
        vec![State {
            now: START,
            written: Vec::new(),
            replica: 0,
            notes: Noted(notes),
            cells: Cells::default(),
            news: Vec::new(),
            appliers: [None; 2],
            hard: 0,
            soft: 0,
            fill: None,
            stored: None,
            seen: Seen::default(),
            left: self.bounds,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let mut offer = |may: bool, action| {
            if may {
                actions.push(action);
            }
        };
        offer(left.ticks > 0 && !state.is_late(), Action::Tick);
        offer(state.replica < state.written.len(), Action::Replicate);
        offer(left.writes > 0, Action::Write);
        offer(left.softs > 0, Action::WriteSoftly);
        offer(left.others > 0, Action::WriteOther);
        offer(left.adoptions > 0, Action::WriteAndAdopt);
        let free = state.appliers.iter().any(Option::is_none);
        for n in 0..state.news.len() {
            offer(free, Action::Take(n));
            offer(free && left.repeats > 0, Action::Repeat(n));
        }
        for (a, applier) in state.appliers.iter().enumerate() {
            let Some(applier) = applier else {
                continue;
            };
            let note_first = self.environment.order == Order::NoteFirst;
            offer(!applier.noted && (note_first || applier.raised), Action::Note(a));
            offer(!applier.raised && (!note_first || applier.noted), Action::Raise(a));
        }
        offer(left.fills > 0 && state.fill.is_none(), Action::Lead);
        if let Some(fill) = &state.fill {
            offer(fill.began.is_none(), Action::Begin);
            offer(fill.began.is_some() && !fill.bound, Action::Bind);
            offer(fill.bound, Action::Store);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, &self.environment);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(FRESH, |_, state: &State| state.is_fresh()),
            Property::sometimes(STORED, |_, state: &State| {
                let newest = state.written.len();
                newest > 0 && state.stored.is_some_and(|stored| stored.version == newest)
            }),
            Property::sometimes(REFUSED, |_, state: &State| state.seen.refused),
            Property::sometimes(SOFT, |_, state: &State| state.seen.soft),
        ]
    }
}

impl State {
    fn act(&mut self, action: Action, environment: &Environment) {
        match action {
            Action::Tick => self.tick(),
            Action::Replicate => self.replica += 1,
            Action::Write => {
                self.left.writes -= 1;
                self.write(What::Hard);
            }
            Action::WriteSoftly => {
                self.left.softs -= 1;
                self.write(What::Soft);
            }
            Action::WriteOther => {
                self.left.others -= 1;
                let version = self.written.len();
                let what = What::Other(self.left.others);
                self.news.push(News { what, version });
            }
            Action::WriteAndAdopt => {
                self.left.adoptions -= 1;
                self.write(What::Everything);
            }
            Action::Take(n) => {
                let news = self.news.remove(n);
                self.take(news);
            }
            Action::Repeat(n) => {
                self.left.repeats -= 1;
                self.take(self.news[n]);
            }
            Action::Note(a) => self.note(a, environment),
            Action::Raise(a) => self.raise(a),
            fills => self.fill(fills, environment),
        }
    }

    /// The replica has what is older than the lag; a fill that takes too long ends.
    fn tick(&mut self) {
        self.left.ticks -= 1;
        self.now += 1;
        let took_long =
            |fill: &mut Fill| fill.began.is_some_and(|(began, _)| self.now - began > FILL);
        self.fill.take_if(took_long);
    }

    /// The replica must catch up before time goes on.
    fn is_late(&self) -> bool {
        let next = self.written.get(self.replica);
        next.is_some_and(|at| self.now + 1 - at > LAG)
    }

    fn write(&mut self, what: What) {
        self.written.push(self.now);
        let version = self.written.len();
        self.news.push(News { what, version });
    }

    fn take(&mut self, news: News) {
        let applier = Applier {
            news,
            now: self.now,
            noted: false,
            raised: false,
        };
        if let Some(free) = self.appliers.iter_mut().find(|a| a.is_none()) {
            *free = Some(applier);
        }
    }

    fn note(&mut self, a: usize, environment: &Environment) {
        let Some(mut applier) = self.appliers[a] else {
            return;
        };
        let (notes, now) = (&mut self.notes.0, Moment(applier.now));
        notes.tidy(now);
        match applier.news.what {
            What::Hard | What::Soft => notes.one(KEY, now),
            What::Other(other) => notes.one(KEY + 1 + u128::from(other), now),
            What::Everything if environment.adoption == Adoption::StartsTheWindow => notes.all(now),
            What::Everything => {}
        }
        applier.noted = true;
        self.step(a, applier);
    }

    fn raise(&mut self, a: usize) {
        let Some(mut applier) = self.appliers[a] else {
            return;
        };
        let cells = &mut self.cells;
        cells.clock += 1;
        match applier.news.what {
            What::Hard | What::Everything => cells.hard = cells.clock,
            What::Soft => cells.soft = cells.clock,
            What::Other(_) => {}
        }
        applier.raised = true;
        self.step(a, applier);
    }

    /// Whoever has done both has applied it.
    fn step(&mut self, a: usize, applier: Applier) {
        let News { what, version } = applier.news;
        let done = applier.noted && applier.raised;
        self.appliers[a] = (!done).then_some(applier);
        match what {
            What::Hard | What::Everything if done => self.hard = self.hard.max(version),
            What::Soft if done => self.soft = self.soft.max(version),
            _ => {}
        }
    }

    fn fill(&mut self, action: Action, environment: &Environment) {
        if action == Action::Lead {
            self.left.fills -= 1;
            self.fill = Some(Fill {
                reading: self.cells.clock,
                began: None,
                bound: false,
            });
            return;
        }
        let Some(mut fill) = self.fill.take() else {
            return;
        };
        match action {
            Action::Begin => fill.began = Some((self.now, self.replica)),
            Action::Bind if self.cells.hard > fill.reading => return,
            Action::Bind => {
                self.seen.soft |= self.cells.soft > fill.reading;
                fill.bound = true;
            }
            _ => return self.store(fill, environment),
        }
        self.fill = Some(fill);
    }

    fn store(&mut self, fill: Fill, environment: &Environment) {
        let Some((began, version)) = fill.began else {
            return;
        };
        let counted = match environment.counted {
            Counted::FromTheBeginning => began,
            Counted::FromTheEnd => self.now,
        };
        let settled = self.notes.0.settled(&[KEY], Moment(counted), WINDOW);
        if settled {
            let reading = fill.reading;
            self.stored = Some(Stored { version, reading });
        }
        self.seen.refused |= !settled && version < self.written.len();
    }

    /// Whether a hit would answer with nothing that an applied invalidation covered.
    /// What was invalidated softly may still be served, and says so.
    fn is_fresh(&self) -> bool {
        let Some(stored) = self.stored else {
            return true;
        };
        let dead = self.cells.hard > stored.reading;
        let soft = self.cells.soft > stored.reading;
        dead || stored.version >= self.hard && (soft || stored.version >= self.soft)
    }
}
