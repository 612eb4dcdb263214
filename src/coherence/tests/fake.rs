//! A bus that fails on command, and a store that writes down what it is told.

use crate::bus::sealed::Sealed;
use crate::bus::{
    Answer, Appended, BusError, Census, Engine, Inquiry, Local, Question, Ring, Rings, Trouble,
};
use crate::clock::Moment;
use crate::coherence::Sink;
use crate::position::Mark;
use crate::target::Target;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Mode {
    #[default]
    Works,
    Fails,
    /// It is done, and then the answer is lost.
    FailsBehind,
    Hangs,
    /// It is done, and the answer is held until it is released.
    Held,
    /// Of a ring: it is connected and says nothing.
    Silent,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Modes {
    pub(super) append: Mode,
    pub(super) sync: Mode,
    pub(super) rings: Mode,
}

/// A local bus with a switch for each verb.
#[derive(Debug)]
pub(super) struct Fake {
    local: Arc<dyn Engine>,
    modes: Mutex<Modes>,
    /// All attempts to append.
    appends: Mutex<Vec<(Bytes, Mark)>>,
    /// A call is done and its answer is held.
    held: Notify,
    release: Notify,
    /// Keeps silent ears open.
    silent: Mutex<Vec<mpsc::Sender<Ring>>>,
}

impl Fake {
    pub(super) fn over(local: &Local) -> Arc<Self> {
        Arc::new(Self {
            local: local.clone().into_engine().unwrap().0,
            modes: Mutex::default(),
            appends: Mutex::default(),
            held: Notify::new(),
            release: Notify::new(),
            silent: Mutex::default(),
        })
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Modes)) {
        change(&mut self.modes.lock().unwrap());
    }

    pub(super) fn appends(&self) -> Vec<(Bytes, Mark)> {
        self.appends.lock().unwrap().clone()
    }

    pub(super) async fn held(&self) {
        self.held.notified().await;
    }

    pub(super) fn release(&self) {
        self.release.notify_one();
    }

    fn modes(&self) -> Modes {
        *self.modes.lock().unwrap()
    }

    async fn as_told<T>(
        &self,
        mode: Mode,
        call: BoxFuture<'_, Result<T, BusError>>,
    ) -> Result<T, BusError> {
        let error = || BusError::new(Trouble::Unreachable, "told to fail");
        match mode {
            Mode::Works | Mode::Silent => call.await,
            Mode::Fails => Err(error()),
            Mode::FailsBehind => call.await.and_then(|_| Err(error())),
            Mode::Hangs => std::future::pending().await,
            Mode::Held => {
                let answer = call.await;
                self.held.notify_one();
                self.release.notified().await;
                answer
            }
        }
    }
}

impl Engine for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn append(&self, payload: Bytes, mark: Mark) -> BoxFuture<'_, Result<Appended, BusError>> {
        self.appends.lock().unwrap().push((payload.clone(), mark));
        self.as_told(self.modes().append, self.local.append(payload, mark))
            .boxed()
    }

    fn announce(
        &self,
        payload: Bytes,
        mark: Mark,
        lasts: Duration,
    ) -> BoxFuture<'_, Result<Appended, BusError>> {
        let announced = self.local.announce(payload, mark, lasts);
        self.as_told(self.modes().append, announced).boxed()
    }

    fn sync(&self, question: Question) -> BoxFuture<'_, Result<Answer, BusError>> {
        self.as_told(self.modes().sync, self.local.sync(question))
            .boxed()
    }

    fn census(&self, inquiry: Inquiry) -> BoxFuture<'_, Result<Census, BusError>> {
        self.as_told(self.modes().sync, self.local.census(inquiry))
            .boxed()
    }

    fn sign_off(&self, member: u64, counter: u64) -> BoxFuture<'_, Result<(), BusError>> {
        self.local.sign_off(member, counter)
    }

    fn rings(&self) -> BoxFuture<'_, Result<Rings, BusError>> {
        if self.modes().rings == Mode::Silent {
            let (sender, receiver) = mpsc::channel(1);
            self.silent.lock().unwrap().push(sender);
            return async move { Ok(Rings { receiver }) }.boxed();
        }
        self.as_told(self.modes().rings, self.local.rings()).boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<Vec<String>, BusError>> {
        async { Ok(vec!["it is a fake".to_owned()]) }.boxed()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Did {
    Applied(Vec<Target>),
    Proved(Moment),
}

/// A store that writes down what it is told.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    did: watch::Sender<Vec<Did>>,
    /// Panics when it is told of this, once.
    pub(super) afraid_of: Mutex<Option<Target>>,
}

impl Recorder {
    pub(super) fn did(&self) -> Vec<Did> {
        self.did.borrow().clone()
    }

    /// How often it was told of the target.
    pub(super) fn times(&self, target: &Target) -> usize {
        let did = self.did.borrow();
        let told = |did: &&Did| matches!(did, Did::Applied(targets) if targets.contains(target));
        did.iter().filter(told).count()
    }

    /// Waits until it was told of the target.
    pub(super) async fn told(&self, target: &Target) {
        self.told_times(target, 1).await;
    }

    pub(super) async fn told_times(&self, target: &Target, times: usize) {
        let mut did = self.did.subscribe();
        while self.times(target) < times {
            did.changed().await.unwrap();
        }
    }
}

impl Sink for Recorder {
    fn apply(&self, targets: &[Target]) {
        let fear = self
            .afraid_of
            .lock()
            .unwrap()
            .take_if(|fear| targets.contains(fear));
        assert_eq!(fear, None, "told of what it is afraid of");
        self.did
            .send_modify(|did| did.push(Did::Applied(targets.to_vec())));
    }

    fn apply_then_prove(&self, targets: &[Target], as_of: Moment) {
        if !targets.is_empty() {
            self.apply(targets);
        }
        self.did.send_modify(|did| did.push(Did::Proved(as_of)));
    }
}
