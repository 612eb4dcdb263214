//! The age of one response goes forward only.

use super::holds;
use crate::origin::{Origin, field, response};
use crate::support::Runs;
use proptest::prelude::*;
use std::time::Duration;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy};

/// A step of the clock, and whether it is followed by a request.
type Step = (u64, bool);

async fn goes_forward(ages: Vec<u8>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let runs = Runs::default();
    let layer = cache.layer().policy(Policy::from_headers());
    let origin = Origin::new(layer, move |request| {
        let run = runs.next();
        let age = ages[usize::try_from(run).unwrap() % ages.len()].to_string();
        let lines = [
            ("cache-control", "max-age=100, stale-while-revalidate=100"),
            ("etag", "\"a\""),
            ("age", &age),
        ];
        // Now and then it is confirmed, and begins anew.
        let asked = request.headers().contains_key("if-none-match");
        if asked && run % 2 == 0 {
            return response(304, &lines, "");
        }
        response(200, &lines, format!("{run}"))
    });
    let mut last: Option<(String, u64, u64)> = None;
    for (millis, asks) in steps {
        clock.advance(Duration::from_millis(millis));
        if !asks {
            continue;
        }
        let answer = origin.get("/a").await;
        let age = field(&answer, "age").map_or(0, |age| age.parse().unwrap());
        let runs = origin.runs();
        if let Some((text, before, ran)) = &last
            && *text == answer.body
            && *ran == runs
        {
            prop_assert!(age >= *before, "{before} before {age} of {text}");
        }
        last = Some((answer.body, age, runs));
    }
    Ok(())
}

#[test]
fn the_age_of_a_response_never_goes_backwards() {
    let ages = prop::collection::vec(any::<u8>(), 1..4);
    let steps = prop::collection::vec((0_u64..40_000, any::<bool>()), 2..20);
    holds(
        "the age of a response",
        600,
        (ages, steps),
        |(ages, steps)| goes_forward(ages, steps),
    );
}
