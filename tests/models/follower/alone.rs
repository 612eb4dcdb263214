//! What a deaf instance may answer with: the production file, and one with a mistake.

use crate::clock::Moment;
use crate::environment::Alone;
use std::time::Duration;

#[path = "../../../src/cache/alone.rs"]
mod as_it_is;
#[path = "broken/alone_since_the_proof.rs"]
mod since_the_proof;

impl Alone {
    pub(crate) fn rule(self) -> fn(Duration, Moment, Moment, Moment) -> bool {
        match self {
            Self::ByTheFill => as_it_is::proves_itself,
            Self::SinceTheProof => since_the_proof::proves_itself,
        }
    }
}
