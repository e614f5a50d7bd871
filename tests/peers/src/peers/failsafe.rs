//! `failsafe`: a policy behind a mutex, taken twice a call.

use std::hint::black_box;

use failsafe::backoff::{self, Constant, EqualJittered};
use failsafe::failure_policy::{self, ConsecutiveFailures, OrElse, SuccessRateOverTimeWindow};
use failsafe::{CircuitBreaker, Config, Error, FailurePolicy, StateMachine};

use super::{IN_A_ROW, MIN_CALLS, OPEN_FOR, Offer, PERIOD, SHARE};
use crate::guard::{Detector, Guard, Policy, Scenario};
use crate::work::{Failure, GOOD, work};

/// A guarded state machine.
pub struct Guarded<P>(StateMachine<P, ()>);

impl<P: FailurePolicy + Send + 'static> Guard for Guarded<P> {
    type Answer<'a> = Result<u64, Error<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(|| work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        matches!(answer, Err(Error::Rejected))
    }
}

/// The policy that the library's defaults make.
pub type DefaultPolicy = OrElse<SuccessRateOverTimeWindow<EqualJittered>, ConsecutiveFailures<EqualJittered>>;

/// A breaker as the library's defaults make it.
pub fn default() -> StateMachine<DefaultPolicy, ()> {
    Config::new().build()
}

/// One call through a breaker.
pub fn touch(breaker: &StateMachine<DefaultPolicy, ()>) {
    let _ = black_box(breaker.call(|| work(GOOD)));
}

fn consecutive() -> Guarded<ConsecutiveFailures<Constant>> {
    let policy = failure_policy::consecutive_failures(black_box(IN_A_ROW), backoff::constant(OPEN_FOR));
    Guarded(Config::new().failure_policy(policy).build())
}

fn time() -> Guarded<SuccessRateOverTimeWindow<Constant>> {
    let (share, least) = (black_box(1.0 - SHARE), black_box(MIN_CALLS));
    let backoff = backoff::constant(OPEN_FOR);
    let policy = failure_policy::success_rate_over_time_window(share, least, PERIOD, backoff);
    Guarded(Config::new().failure_policy(policy).build())
}

/// It has consecutive failures and a moving average over time.
pub fn offer(policy: Policy, scenario: Scenario) -> Offer {
    if policy.timed {
        return None;
    }
    match policy.detector {
        Detector::Default => Some((
            scenario.maker(|| Guarded(default())),
            "its defaults: success rate over 30 s or 5 failures in a row",
        )),
        Detector::Consecutive => Some((scenario.maker(consecutive), "")),
        Detector::Time => Some((scenario.maker(time), "moving average of the success rate over 60 s")),
        _ => None,
    }
}
