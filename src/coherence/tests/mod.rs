mod fake;
mod intents;
mod lately;
mod lifetime;
mod listening;
mod publishing;
mod tokens;

use self::fake::{Fake, Recorder};
use super::{Coherence, Settings};
use crate::bus::{Answer, InProcess, Local, Standing};
use crate::clock::{Clock, SetClock};
use crate::path::CanonicalPath;
use crate::target::{Target, What};
use std::sync::Arc;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(3);
const HEARTBEAT: Duration = Duration::from_secs(1);

fn path(name: &str) -> Target {
    Target::hard(What::Path(CanonicalPath::new(name)))
}

/// One instance on a fake bus, with a clock that only a test moves.
struct Instance {
    coherence: Arc<Coherence>,
    engine: Arc<Fake>,
    sink: Arc<Recorder>,
    clock: Arc<SetClock>,
}

impl Instance {
    fn on(local: &Local) -> Self {
        let engine = Fake::over(local);
        let sink = Arc::new(Recorder::default());
        let clock = Arc::new(SetClock::new());
        let coherence = Coherence::new(
            engine.clone(),
            Clock::Set(clock.clone()),
            Settings::new(BOUND, HEARTBEAT),
            sink.clone(),
        );
        Self {
            coherence,
            engine,
            sink,
            clock,
        }
    }

    /// One that has adopted.
    async fn coherent_on(local: &Local) -> Self {
        let instance = Self::on(local);
        instance.coherence.coherent().await.unwrap();
        instance
    }

    /// Hears that the log lacks what was sent.
    fn lacks(&self, bus: &Local) {
        let shared = &self.coherence.shared;
        let question = shared.question();
        let answer = Answer {
            standing: Standing::Lacking,
            ..bus.answer(&question)
        };
        shared.receive(&question, &answer);
        assert!(shared.figures().everything_due.is_some());
    }

    /// Lets time pass until it is so.
    async fn passes_until(&self, so: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            for _ in 0..10 {
                if so(self) {
                    return;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(100));
        }
        panic!("it does not become so: {:?}", self.coherence.figures());
    }
}
