//! A whole breaker: what several parts must do together.

use super::{at_once, large_model, model, runs};
use crate::{By, Cause, CircuitBreaker, ManualClock, Outcome, OwnedPermit, Settled, State, Window};
use loom::thread;
use std::time::Duration;

pub(super) fn builder() -> crate::Builder {
    CircuitBreaker::builder().sample_durations_every(0).seed(1).clock(ManualClock::new())
}

fn consecutive(threshold: u32) -> CircuitBreaker {
    builder().failure_threshold(threshold).build("a").unwrap()
}

pub(super) fn permit(breaker: &CircuitBreaker) -> OwnedPermit {
    breaker.try_acquire_owned().unwrap()
}

pub(super) fn settle(permit: OwnedPermit, outcome: Outcome) -> impl FnOnce() -> Settled + Send {
    move || permit.settle(outcome, None, None)
}

pub(super) fn fail(permit: OwnedPermit) -> impl FnOnce() -> Settled + Send {
    settle(permit, Outcome::Failure)
}

#[test]
fn two_failures_that_reach_the_threshold_together_make_one_transition_with_both_counted() {
    model(|| {
        let breaker = consecutive(2);
        let events = breaker.events(4);
        let said = at_once(runs![fail(permit(&breaker)), fail(permit(&breaker))]);
        assert_eq!(said, [Settled::Ok, Settled::Ok]);
        let events = events.drain();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].cause, events[0].counts.failures), (Cause::FailureThreshold, 2));
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation, now.totals.failure), (State::Open, 1, 2));
    });
}

#[test]
fn of_two_failures_that_each_reach_the_threshold_one_opens_and_the_other_is_late() {
    large_model(|| {
        let breaker = consecutive(2);
        fail(permit(&breaker))();
        let [a, b] = [(); 2].map(|()| permit(&breaker)).map(fail);
        let said = at_once(runs![a, b]);
        assert!(said == [Settled::Ok, Settled::Late] || said == [Settled::Late, Settled::Ok]);
        let now = breaker.snapshot();
        assert_eq!((now.generation, now.totals.failure, now.totals.late), (1, 3, 1));
    });
}

#[test]
fn failures_below_the_threshold_are_all_counted() {
    model(|| {
        let breaker = consecutive(9);
        let [a, b, c] = [(); 3].map(|()| permit(&breaker)).map(fail);
        let two = move || {
            a();
            b()
        };
        assert_eq!(at_once(runs![two, c]), [Settled::Ok; 2]);
        assert_eq!(breaker.snapshot().consecutive_failures, Some(3));
    });
}

#[test]
fn a_success_beside_a_failure_ends_the_row_before_it_or_after_it() {
    model(|| {
        let breaker = consecutive(3);
        fail(permit(&breaker))();
        let (good, bad) = (permit(&breaker), permit(&breaker));
        at_once(runs![settle(good, Outcome::Success), fail(bad)]);
        let now = breaker.snapshot();
        assert!(matches!(now.consecutive_failures, Some(0 | 1)));
        assert_eq!((now.totals.success, now.totals.failure, now.generation), (1, 2, 0));
    });
}

#[test]
fn a_success_before_the_last_failure_keeps_a_breaker_closed_and_one_after_it_is_late() {
    model(|| {
        let breaker = consecutive(2);
        fail(permit(&breaker))();
        let (good, bad) = (permit(&breaker), permit(&breaker));
        let said = at_once(runs![settle(good, Outcome::Success), fail(bad)]);
        let now = breaker.snapshot();
        match said[..] {
            [Settled::Ok, Settled::Ok] => {
                assert_eq!((now.generation, now.consecutive_failures), (0, Some(1)))
            }
            [Settled::Late, Settled::Ok] => assert_eq!((now.generation, now.stored_state), (1, State::Open)),
            _ => panic!("{said:?}"),
        }
    });
}

#[test]
fn a_failure_beside_a_trip_is_counted_or_late() {
    model(|| {
        let breaker = consecutive(3);
        let (permit, tripped) = (permit(&breaker), breaker.clone());
        let said = at_once(runs![
            move || {
                tripped.trip(None, By::default()).unwrap();
                Settled::Ok
            },
            fail(permit),
        ]);
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation, now.totals.failure), (State::Open, 1, 1));
        assert_eq!(now.totals.late, u64::from(said[1] == Settled::Late));
    });
}

#[test]
fn an_event_after_a_subscription_is_delivered_and_one_beside_it_at_most_once() {
    model(|| {
        let breaker = consecutive(3);
        let tripped = breaker.clone();
        let tripping = thread::spawn(move || {
            super::set_number(2);
            tripped.trip(None, By::default()).unwrap();
        });
        let events = breaker.events(4);
        let seen = breaker.snapshot().generation;
        tripping.join().unwrap();
        breaker.reset(By::default());
        let heard: Vec<(u64, u64)> = events.drain().iter().map(|e| (e.generation, e.missed)).collect();
        assert!(heard == [(2, 0)] || heard == [(1, 0), (2, 0)], "{heard:?}");
        assert!(seen == 1 || heard.len() == 2, "subscribed in generation 0 and heard {heard:?}");
    });
}

#[test]
fn the_first_call_after_the_deadline_and_a_reset_leave_one_of_two_states() {
    model(|| {
        let clock = ManualClock::new();
        let breaker = builder().half_open_max_calls(1).clock(clock.clone()).build("a").unwrap();
        breaker.trip(None, By::default()).unwrap();
        clock.advance(Duration::from_secs(60));
        let reset = breaker.clone();
        let resetting = thread::spawn(move || {
            super::set_number(2);
            reset.reset(By::default());
        });
        let permit = breaker.try_acquire_owned().expect("the deadline has passed");
        resetting.join().unwrap();
        let generation = breaker.snapshot().generation;
        assert!(generation == 2 || generation == 3);
        let settled = permit.success();
        assert_eq!(settled == Settled::Late, generation == 3);
        assert_eq!(breaker.snapshot().stored_state, State::Closed);
    });
}

fn time_window() -> Window {
    Window::time(Duration::from_secs(2)).buckets(2).min_calls(2).failure_rate(1.0)
}

#[test]
fn of_two_failures_of_a_time_window_that_reach_the_threshold_together_one_opens() {
    model(|| {
        let breaker = builder().window(time_window()).build("a").unwrap();
        let (a, b) = (permit(&breaker), permit(&breaker));
        assert_eq!(at_once(runs![fail(a), fail(b)]), [Settled::Ok, Settled::Ok]);
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation), (State::Open, 1));
        assert_eq!(now.window.map(|w| (w.total, w.failures)), Some((2, 2)));
    });
}

#[test]
fn two_threads_that_give_a_bucket_away_learn_from_it_once() {
    large_model(|| {
        let clock = ManualClock::new();
        let window = Window::adaptive(Duration::from_secs(2)).buckets(2).min_calls(100).memory_calls(1);
        let breaker = builder().window(window.baseline(0.0)).clock(clock.clone()).build("a").unwrap();
        for _ in 0..2 {
            let (a, b) = (permit(&breaker), permit(&breaker));
            at_once(runs![fail(a), fail(b)]);
            clock.advance(Duration::from_secs(2));
        }
        let learned = breaker.snapshot().window.and_then(|w| w.baseline);
        // Two failures of two, beside a memory of one call: two thirds of the way from 0 to 1.
        assert_eq!(learned, Some(2.0 / 3.0));
    });
}

#[test]
fn an_outcome_of_the_old_generation_takes_nothing_from_what_the_new_one_learns() {
    large_model(|| {
        let clock = ManualClock::new();
        // At 0 the key of a bucket would be that of one never used.
        clock.advance(Duration::from_secs(4));
        let window = Window::adaptive(Duration::from_secs(2)).buckets(2).min_calls(100).memory_calls(1);
        let breaker = builder().window(window.baseline(0.0)).clock(clock.clone()).build("a").unwrap();
        let (old, other) = (permit(&breaker), breaker.clone());
        let goes_on = move || {
            other.trip(None, By::default()).unwrap();
            other.reset(By::default());
            permit(&other).settle(Outcome::Failure, None, None)
        };
        assert_eq!(at_once(runs![fail(old), goes_on])[1], Settled::Ok);
        clock.advance(Duration::from_secs(2));
        fail(permit(&breaker))();
        // One failure of one, beside a memory of one call: half of the way from 0 to 1.
        assert_eq!(breaker.snapshot().window.and_then(|w| w.baseline), Some(0.5));
    });
}

#[test]
fn a_failure_that_reaches_a_rate_opens_although_new_rules_keep_the_counts_meanwhile() {
    large_model(|| {
        let rules = || builder().window(Window::count(2).min_calls(1).failure_rate(0.5));
        let breaker = rules().build("a").unwrap();
        let (failing, other) = (permit(&breaker), breaker.clone());
        let set_rules = move || {
            assert_eq!(other.reconfigure(rules().half_open_max_calls(2), By::default()), Ok(true));
            Settled::Ok
        };
        let said = at_once(runs![fail(failing), set_rules]);
        let is_late = said[0] == Settled::Late;
        assert_eq!(breaker.state(), if is_late { State::Closed } else { State::Open });
    });
}
