//! `circuitbreaker-rs`: totals of a breaker's whole life, hooks and a metric sink; it measures every duration.

use std::hint::black_box;

use circuitbreaker_rs::{BreakerError, CircuitBreaker, DefaultPolicy};

use super::{IN_A_ROW, OPEN_FOR, Offer};
use crate::guard::{Detector, Guard, Policy, Scenario};
use crate::work::{Failure, GOOD, work};

/// A guarded breaker.
pub struct Guarded(CircuitBreaker<DefaultPolicy, Failure>);

impl Guard for Guarded {
    type Answer<'a> = Result<u64, BreakerError<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(|| work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        matches!(answer, Err(BreakerError::Open))
    }
}

/// A breaker as the library's defaults make it.
pub fn default() -> CircuitBreaker<DefaultPolicy, Failure> {
    CircuitBreaker::<DefaultPolicy, Failure>::builder().build()
}

/// One call through a breaker.
pub fn touch(breaker: &CircuitBreaker<DefaultPolicy, Failure>) {
    let _ = black_box(breaker.call(|| work(GOOD)));
}

/// The default policy opens by a share of all calls too; a minimum that is never reached turns that off.
fn consecutive() -> Guarded {
    let builder = CircuitBreaker::<DefaultPolicy, Failure>::builder().min_throughput(black_box(u64::MAX));
    let builder = builder.consecutive_failures(black_box(u64::from(IN_A_ROW)));
    Guarded(builder.cooldown(black_box(OPEN_FOR)).build())
}

/// Its breaker feeds no window: `TimeBasedPolicy` has one, but nothing that the breaker calls records into it.
/// Measuring durations cannot be turned off, so the same breaker stands in both columns.
pub fn offer(policy: Policy, scenario: Scenario) -> Offer {
    match policy.detector {
        Detector::Default if !policy.timed => Some((
            scenario.maker(|| Guarded(default())),
            "its defaults: share of all calls or 5 failures in a row; measures every duration",
        )),
        Detector::Consecutive => Some((scenario.maker(consecutive), "measures every duration")),
        _ => None,
    }
}
