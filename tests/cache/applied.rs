//! A write that waits until all instances of one process have applied it.

use std::time::Duration;
use tower_coherence::test_util::{self, Clock};
use tower_coherence::{Applied, Cache, Invalidate, Reached, WriteConcern, bus::Local};

fn everywhere(timeout: Duration) -> Invalidate {
    Invalidate::tag("t").concern(WriteConcern::Applied { timeout })
}

/// Many bounds: the wait ends long before.
const LONG: Duration = Duration::from_secs(300);

#[tokio::test]
async fn instances_on_one_in_process_bus_report_at_once() {
    let instances = test_util::instances::<3>();
    for instance in &instances {
        instance.coherent().await.unwrap();
    }
    let receipt = instances[0].invalidate(everywhere(LONG)).await;
    assert_eq!(receipt.reached(), Reached::Everyone);
    let Some(Applied::Everywhere { by, waited_out }) = receipt.applied() else {
        panic!("{receipt:?}");
    };
    assert_eq!((*by, *waited_out), (3, 0));
    assert_eq!(instances[0].stats().bus.applied, 1);
}

/// The clock stands still but for a pause between two censuses: no bound passes.
#[tokio::test]
async fn a_report_ends_the_wait_and_no_bound_has_to_pass() {
    let clock = Clock::new();
    let bus = Local::new();
    let instance = || {
        let builder = Cache::builder().bus(bus.clone()).clock(clock.clone());
        builder.build().unwrap()
    };
    let (a, b) = (instance(), instance());
    a.coherent().await.unwrap();
    b.coherent().await.unwrap();
    let wait = a.invalidate(everywhere(LONG));
    tokio::pin!(wait);
    let mut passed = Duration::ZERO;
    let receipt = loop {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        if let std::task::Poll::Ready(receipt) = futures_util::poll!(wait.as_mut()) {
            break receipt;
        }
        clock.advance(Duration::from_millis(1));
        passed += Duration::from_millis(1);
        assert!(passed < Duration::from_secs(1), "a third of a bound");
    };
    assert_eq!(receipt.reached(), Reached::Everyone);
}
