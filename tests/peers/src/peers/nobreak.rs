//! `nobreak`: consecutive failures behind a mutex, taken twice a call.

use std::hint::black_box;

use nobreak::{CircuitBreaker, CircuitError};

use super::{IN_A_ROW, OPEN_FOR, Offer};
use crate::guard::{Detector, Guard, Policy, Scenario};
use crate::work::{Failure, GOOD, work};

/// A guarded breaker.
pub struct Guarded(CircuitBreaker);

impl Guard for Guarded {
    type Answer<'a> = Result<u64, CircuitError<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(|| work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        matches!(answer, Err(CircuitError::Open))
    }
}

/// A breaker as the library's defaults make it.
pub fn default() -> CircuitBreaker {
    nobreak::breaker()
}

/// One call through a breaker.
pub fn touch(breaker: &CircuitBreaker) {
    let _ = black_box(breaker.call(|| work(GOOD)));
}

fn consecutive() -> Guarded {
    let builder = nobreak::builder().with_failure_threshold(black_box(IN_A_ROW as usize));
    Guarded(builder.with_open_duration(black_box(OPEN_FOR)).build())
}

/// It knows consecutive failures alone.
pub fn offer(policy: Policy, scenario: Scenario) -> Offer {
    if policy.timed {
        return None;
    }
    match policy.detector {
        Detector::Default => {
            Some((scenario.maker(|| Guarded(default())), "its defaults: 5 failures in a row"))
        }
        Detector::Consecutive => Some((scenario.maker(consecutive), "")),
        _ => None,
    }
}
