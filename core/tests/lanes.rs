//! What a lane of a host may do of calls with attempts, and what becomes of it.

use fusewire::binding::{Course, FirstGrant, Grant};
use fusewire::{Builder, By, CircuitBreaker, Ending, ManualClock, Outcome, Request, Settled, Step};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A lane of a host: what it has counted.
struct Lane {
    successes: Box<AtomicU64>,
    admitted: Box<AtomicU64>,
}

impl Lane {
    fn of(breaker: &CircuitBreaker) -> Self {
        let lane = Lane { successes: Box::default(), admitted: Box::default() };
        // SAFETY: the counters live as long as the lane, which its test removes; they hold doubles.
        unsafe { breaker.add_lane(NonNull::from(&*lane.successes), NonNull::from(&*lane.admitted)) };
        lane
    }

    fn admit(&self, calls: u64) {
        let admitted = f64::from_bits(self.admitted.load(Ordering::Relaxed)) + calls as f64;
        self.admitted.store(admitted.to_bits(), Ordering::Relaxed);
    }
}

fn retrying(clock: &ManualClock) -> CircuitBreaker {
    let document = r#"{
        "timeout": "50ms", "sample_durations_every": 0,
        "retry": { "budget": { "ratio": 0.5, "min_per_second": 0, "window": "10s" } }
    }"#;
    let builder = Builder::from_json(document).expect("valid");
    builder.clock(clock.clone()).build("lane").expect("valid")
}

fn budget(breaker: &CircuitBreaker) -> Option<u64> {
    breaker.snapshot().retry.and_then(|retry| retry.budget)
}

#[test]
fn a_lane_is_granted_first_attempts_of_simple_policies_alone() {
    let clock = ManualClock::new();
    let breaker = retrying(&clock);
    let granted = breaker.grant_first();
    assert_eq!(
        (granted.grant.calls, granted.timeout, granted.has_budget),
        (Grant::UNLIMITED, Some(50_000_000), true)
    );
    for document in [
        "{}",
        r#"{ "retry": {}, "bulkhead": { "max_concurrent": 1 } }"#,
        r#"{ "retry": {}, "hedge": {} }"#,
        r#"{ "timeout": { "kind": "percentile" } }"#,
        r#"{ "retry": {}, "window": { "kind": "count" } }"#,
    ] {
        let breaker = Builder::from_json(document).expect("valid").build("other").expect("valid");
        assert_eq!(breaker.grant_first(), FirstGrant::default(), "{document}");
    }
    breaker.trip(None, By::default()).expect("there is no duration");
    assert_eq!(breaker.grant_first(), FirstGrant::default());
}

#[test]
fn what_a_lane_has_admitted_is_deposited_once_whoever_looks() {
    let clock = ManualClock::new();
    let breaker = retrying(&clock);
    let lane = Lane::of(&breaker);
    lane.admit(10);
    assert_eq!(budget(&breaker), Some(5));
    breaker.fold_lanes();
    breaker.fold_lanes();
    assert_eq!(budget(&breaker), Some(5));
    clock.advance(Duration::from_secs(5));
    lane.admit(4);
    assert_eq!(budget(&breaker), Some(7));
    breaker.fold_lanes();
    clock.advance(Duration::from_secs(5));
    assert_eq!(budget(&breaker), Some(2), "those of the window before have left it");
    lane.admit(2);
    breaker.remove_lane(NonNull::from(&*lane.successes));
    assert_eq!(budget(&breaker), Some(3), "what it had not told stays");
}

#[test]
fn a_call_of_a_lane_is_taken_up_with_the_time_that_it_has_lasted() {
    let clock = ManualClock::new();
    let breaker = retrying(&clock);
    clock.advance(Duration::from_secs(1));
    for (lasted, failures) in [(49_999_999, 0), (50_000_000, 1)] {
        let granted = breaker.grant_first();
        let slip = breaker.lane_slip(granted.grant.low, lasted, granted.timeout);
        let mut course =
            Course::take_up(&breaker, &Request::new(), &slip, lasted).expect("nothing is wrong with it");
        assert_eq!(course.settle(&breaker, &Ending::success()), Some(Settled::Ok));
        assert!(
            matches!(course.next(&breaker), Some(Step::Done(done)) if done.outcome == Some(Outcome::Success))
        );
        assert_eq!(breaker.snapshot().totals.failure, failures);
    }
}
