//! Whole breakers, with a hand inside: what would take millions of transitions, or a process that was forked in the
//! middle of a move.

mod features;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
#[path = "../forked/mod.rs"]
mod forked;
mod gates;
mod policies;
mod policy;
mod slots;

use crate::stripe::Lines;
use crate::{Builder, By, CircuitBreaker, ManualClock, Settled, State, Window};
use std::time::Duration;

fn builder() -> Builder {
    CircuitBreaker::builder().sample_durations_every(0).seed(1)
}

fn windows() -> [Window; 3] {
    let period = Duration::from_secs(2);
    [
        Window::count(4).min_calls(2).failure_rate(0.5),
        Window::time(period).buckets(2).min_calls(2).failure_rate(0.5),
        Window::adaptive(period).buckets(2).min_calls(2).failure_rate(0.5).memory_calls(1).min_failures(2),
    ]
}

/// As after so many transitions.
fn go_on(breaker: &CircuitBreaker, transitions: u64) {
    breaker.0.engine().cell().transact(|m| m.generation += transitions - 1);
    breaker.reset(By::default());
}

fn settle(breaker: &CircuitBreaker, succeeds: bool) -> Settled {
    let permit = breaker.try_acquire().expect("closed");
    if succeeds { permit.success() } else { permit.failure("x") }
}

#[track_caller]
fn opens_on_two_failures(breaker: &CircuitBreaker) {
    assert_eq!(settle(breaker, false), Settled::Ok);
    assert_eq!(breaker.snapshot().window.map(|w| (w.total, w.failures)), Some((1, 1)));
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(settle(breaker, false), Settled::Ok);
    assert_eq!((breaker.state(), breaker.snapshot().totals.late), (State::Open, 0));
}

/// Half a round of the 24 bits by which generations are compared, and around it. No multiple of the 20 bits that a
/// block of a count window bears.
const LONG: [u64; 6] =
    [1, (1 << 23) - 1, (1 << 23) + 1, (3 << 22) + 1, (1 << 24) - 1, (1 << 24) + (1 << 23) + 1];

#[test]
fn a_window_that_saw_nothing_for_millions_of_generations_still_counts() {
    for (window, transitions) in windows().iter().flat_map(|w| LONG.map(|n| (w, n))) {
        let clock = ManualClock::new();
        let breaker = builder().window(window.clone()).clock(clock.clone()).build("a").expect("valid");
        for second in 0..4 {
            clock.advance(Duration::from_secs(second));
            assert_eq!(settle(&breaker, true), Settled::Ok);
        }
        go_on(&breaker, transitions);
        opens_on_two_failures(&breaker);
    }
}

#[test]
fn a_window_that_is_new_after_millions_of_generations_counts() {
    for (window, transitions) in windows().iter().flat_map(|w| LONG.map(|n| (w, n))) {
        let builder = || builder().clock(ManualClock::new());
        let breaker = builder().build("a").expect("valid");
        go_on(&breaker, transitions);
        assert_eq!(breaker.reconfigure(builder().window(window.clone()), By::default()), Ok(true));
        opens_on_two_failures(&breaker);
    }
}

#[test]
fn a_window_is_carried_over_after_millions_of_generations() {
    for (window, transitions) in windows().iter().flat_map(|w| LONG.map(|n| (w, n))) {
        let builder = || builder().window(window.clone()).clock(ManualClock::new());
        let breaker = builder().build("a").expect("valid");
        go_on(&breaker, transitions);
        assert_eq!(settle(&breaker, false), Settled::Ok);
        assert_eq!(breaker.reconfigure(builder().half_open_max_calls(60), By::default()), Ok(true));
        assert_eq!(breaker.snapshot().window.map(|w| (w.total, w.failures)), Some((1, 1)));
        assert_eq!(settle(&breaker, false), Settled::Ok);
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn an_adaptive_window_learns_after_millions_of_generations() {
    for transitions in LONG {
        let (clock, [.., adaptive]) = (ManualClock::new(), windows());
        let window = adaptive.min_calls(100).baseline(0.0);
        let breaker = builder().window(window).clock(clock.clone()).build("a").expect("valid");
        for _ in 0..2 {
            assert_eq!(settle(&breaker, false), Settled::Ok);
            clock.advance(Duration::from_secs(1));
        }
        go_on(&breaker, transitions);
        assert_eq!(settle(&breaker, false), Settled::Ok);
        clock.advance(Duration::from_secs(2));
        assert_eq!(settle(&breaker, false), Settled::Ok);
        // One failure of one, beside a memory of one call: half of the way from 0 to 1.
        assert_eq!(breaker.snapshot().window.and_then(|w| w.baseline), Some(0.5), "{transitions}");
    }
}

#[test]
fn a_call_waits_for_a_mover_that_died_only_so_long() {
    let [old, new] = [3, 8].map(|n| CircuitBreaker::builder().half_open_max_calls(n));
    let breaker = old.build("a").unwrap();
    let permit = breaker.try_acquire().unwrap();
    breaker.0.die_moving(new.plan().unwrap().into());
    assert_eq!(breaker.try_acquire().unwrap().success(), Settled::Ok);
    assert_eq!(permit.success(), Settled::Late);
    assert_eq!((breaker.snapshot().generation, breaker.snapshot().totals.success), (1, 2));
}

#[test]
fn rules_can_be_swapped_after_a_mover_has_died() {
    let [old, new, newer] = [3, 8, 9].map(|n| CircuitBreaker::builder().half_open_max_calls(n));
    let breaker = old.build("a").unwrap();
    breaker.0.die_moving(new.plan().unwrap().into());
    assert_eq!(breaker.reconfigure(newer, By::default()), Ok(true));
    assert_eq!((breaker.snapshot().generation, breaker.0.engines().count()), (2, 3));
}

#[test]
fn memory_that_a_breaker_has_moved_on_from_is_taken_up() {
    let rules = CircuitBreaker::builder();
    let lines: &'static Lines = Box::leak(Box::new(Lines::new(rules.cell_words().unwrap())));
    let breaker = rules.clone().build_in("a", lines.words()).unwrap();
    assert_eq!(breaker.reconfigure(rules.clone().half_open_max_calls(8), By::default()), Ok(true));
    drop(breaker);
    let breaker = rules.build_in("a", lines.words()).unwrap();
    assert_eq!(breaker.try_acquire().unwrap().success(), Settled::Ok);
    assert_eq!(breaker.snapshot().generation, 1);
}
