//! The loops that keep an instance coherent. Each goes on for ever; they end
//! with the task that runs them.

use super::backoff;
use super::outbox::Landed;
use super::settings::Role;
use super::shared::Shared;
use crate::bus::{BusError, Rings};
use crate::position::Mark;
use crate::{random, telemetry};
use std::convert::Infallible;
use std::sync::atomic::Ordering;

/// Whether a question was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Answered,
    Failed,
}

/// Asks on the heartbeat, and at once when a question is due.
pub(super) async fn ask(shared: &Shared) -> Infallible {
    let mut failures = 0;
    loop {
        let asked = {
            let _asking = shared.asking.lock().await;
            if shared.leaving.load(Ordering::Relaxed) {
                break;
            }
            ask_once(shared).await
        };
        match asked {
            Asked::Answered => {
                failures = 0;
                tokio::select! {
                    () = shared.clock.sleep(random::jittered(shared.settings.heartbeat)) => {}
                    () = shared.due.notified() => {}
                }
            }
            Asked::Failed => {
                failures += 1;
                wait(shared, failures).await;
            }
        }
    }
    std::future::pending().await
}

async fn ask_once(shared: &Shared) -> Asked {
    let number = shared.asked.fetch_add(1, Ordering::Relaxed) + 1;
    let question = shared.question();
    let sent = shared.clock.now();
    let answer = shared.engine.sync(question.clone());
    match shared.clock.timeout(shared.settings.call, answer).await {
        Some(Ok(answer)) => {
            shared.receive(&question, &answer);
            shared.went_well(|figures| {
                figures.syncs += 1;
                figures.answers.add(shared.clock.now().since(sent));
                &mut figures.asking
            });
            shared.answered.send_replace(number);
            Asked::Answered
        }
        failed => {
            shared.follower().give_up(question.counter);
            shared.failed(trouble(&failed), |figures| {
                figures.sync_failures += 1;
                &mut figures.asking
            });
            Asked::Failed
        }
    }
}

/// Sends what is in the outbox, each message until the log has it.
pub(super) async fn send(shared: &Shared) -> Infallible {
    let mut failures = 0;
    loop {
        let message = shared.outbox.message().await;
        let mark = Mark(random::number());
        shared.remember(mark, &message);
        let sent = shared.clock.now();
        let append = shared.engine.append(message.clone(), mark);
        match shared.clock.timeout(shared.settings.call, append).await {
            Some(Ok(appended)) => {
                let at = shared.clock.now();
                let position = appended.position;
                failures = 0;
                shared.went_well(|figures| {
                    figures.published += 1;
                    figures.appends.add(at.since(sent));
                    &mut figures.publishing
                });
                if shared.settings.role == Role::Instance {
                    shared.kept().acknowledged(position, message, appended.list);
                    // Before anybody is told: the token of it holds here at once.
                    shared.applied.record([position]);
                }
                shared.outbox.acknowledge(Landed { position, at });
            }
            failed => {
                failures += 1;
                shared.comes_late();
                shared.failed(trouble(&failed), |figures| {
                    figures.publish_failures += 1;
                    &mut figures.publishing
                });
                wait(shared, failures).await;
            }
        }
    }
}

/// Keeps an ear on the ring.
pub(super) async fn listen(shared: &Shared) -> Infallible {
    let mut failures = 0;
    loop {
        match shared
            .clock
            .timeout(shared.settings.call, shared.engine.rings())
            .await
        {
            Some(Ok(rings)) => {
                shared.figures().connections += 1;
                // What rang before this ear was open was not heard.
                shared.due.notify_one();
                if listen_on(shared, rings).await > 0 {
                    failures = 0;
                }
                telemetry::ring_lost(shared.engine.name(), &"the connection ended");
            }
            failed => {
                let trouble = trouble(&failed)
                    .map_or_else(|| "no connection in time".to_owned(), ToString::to_string);
                telemetry::ring_lost(shared.engine.name(), &trouble);
                shared.figures().last_trouble = Some(trouble);
            }
        }
        failures += 1;
        wait(shared, failures).await;
    }
}

/// Listens until the connection ends or the follower is tired of it. Returns how
/// many rings came.
async fn listen_on(shared: &Shared, mut rings: Rings) -> u64 {
    let mut heard = 0;
    loop {
        tokio::select! {
            ring = rings.receiver.recv() => match ring {
                Some(ring) => shared.hear(ring),
                None => return heard,
            },
            () = shared.reconnect.notified() => return heard,
        }
        heard += 1;
    }
}

/// Where a log has lost more than is kept here, says everything after a while.
pub(super) async fn repair(shared: &Shared) -> Infallible {
    loop {
        let due = shared.figures().everything_due;
        match due {
            Some(due) => {
                let wait = due.since(shared.clock.now());
                shared.clock.sleep(wait).await;
                shared.send_everything();
            }
            None => shared.log_lacks.notified().await,
        }
    }
}

/// Once the bus answers, looks at what it can do here.
pub(super) async fn look(shared: &Shared) -> Infallible {
    let mut failures = 0;
    let mut answered = shared.answered.subscribe();
    // An error would mean that the sender is gone; `shared` holds it.
    let _ = answered.wait_for(|number| *number > 0).await;
    while shared.figures().findings.is_none() {
        let look = shared.engine.look();
        if let Some(Ok(findings)) = shared.clock.timeout(shared.settings.call, look).await {
            for finding in &findings {
                telemetry::bus_finding(shared.engine.name(), finding);
            }
            shared.figures().findings = Some(findings);
        } else {
            failures += 1;
            wait(shared, failures).await;
        }
    }
    std::future::pending().await
}

/// Tells the sink on the heartbeat where things stand, whether or not the bus answers.
pub(super) async fn beat(shared: &Shared) -> Infallible {
    loop {
        shared.clock.sleep(shared.settings.heartbeat).await;
        shared.sink.beat(&|| shared.stand());
    }
}

/// Waits before the next try; not longer than the heartbeat.
async fn wait(shared: &Shared, failures: u32) {
    let wait = backoff::after(failures, shared.settings.heartbeat);
    shared.clock.sleep(wait).await;
}

fn trouble<T>(outcome: &Option<Result<T, BusError>>) -> Option<&BusError> {
    outcome.as_ref()?.as_ref().err()
}
