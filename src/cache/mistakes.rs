//! What is wrong with the policies of layers: a layer cannot be refused any more.

use crate::telemetry;
use std::sync::{Mutex, PoisonError};

/// More are said and not kept: an application may make any number of layers.
const MOST: usize = 100;

/// What is wrong, each said once.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Mutex<Vec<String>>);

impl Mistakes {
    pub(crate) fn note(&self, found: Vec<String>) {
        if found.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mistake in found {
            if !known.contains(&mistake) {
                telemetry::mistake(&mistake);
                if known.len() < MOST {
                    known.push(mistake);
                }
            }
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
