//! What the packages of other languages call: the watcher, outcomes without a permit, slips.

use fusewire::binding::watch;
use fusewire::{By, CircuitBreaker, Event, ManualClock, Mode, Outcome, State};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;

static SEEN: Mutex<Vec<(String, u64, State)>> = Mutex::new(Vec::new());

fn note(event: &Event) {
    let seen = (event.breaker.as_str().to_owned(), event.generation, event.to);
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
}

fn seen_of(name: &str) -> Vec<(u64, State)> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter().filter(|(of, ..)| of == name).map(|&(_, generation, to)| (generation, to)).collect()
}

fn build(name: &str) -> CircuitBreaker {
    watch(note);
    CircuitBreaker::builder().failure_threshold(2).clock(ManualClock::new()).build(name).unwrap()
}

#[test]
fn the_watcher_hears_of_the_first_transition_and_of_every_other() {
    let breaker = build("watched");
    breaker.trip(None, By::default()).unwrap();
    breaker.half_open(By::default());
    breaker.reset(By::default());
    assert_eq!(seen_of("watched"), [(1, State::Open), (2, State::HalfOpen), (3, State::Closed)]);
}

#[test]
fn the_watcher_hears_beside_subscribers_whoever_came_first() {
    let breaker = build("both");
    let early = breaker.events(8);
    breaker.trip(None, By::default()).unwrap();
    let late = breaker.events(8);
    breaker.reset(By::default());
    assert_eq!(seen_of("both"), [(1, State::Open), (2, State::Closed)]);
    assert_eq!(early.drain().len(), 2);
    assert_eq!(late.drain().len(), 1);
}

#[test]
fn the_watcher_hears_in_order_when_the_first_transitions_race() {
    for round in 0..200 {
        let name = format!("race {round}");
        let breaker = build(&name);
        let barrier = Arc::new(Barrier::new(3));
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (breaker, barrier) = (breaker.clone(), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    match n {
                        0 => breaker.trip(None, By::default()).unwrap(),
                        1 => breaker.half_open(By::default()),
                        _ => drop(breaker.events(1)),
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let generations: Vec<u64> = seen_of(&name).iter().map(|&(generation, _)| generation).collect();
        assert_eq!(generations, [1, 2], "{name}");
    }
}

#[test]
fn an_outcome_without_a_permit_counts_like_any_other_while_closed() {
    let breaker = build("closed");
    breaker.record(Outcome::Success, None);
    breaker.record(Outcome::Failure, Some("io"));
    assert_eq!(breaker.snapshot().consecutive_failures, Some(1));
    breaker.record(Outcome::Ignored, None);
    breaker.record(Outcome::Failure, None);
    assert_eq!(breaker.state(), State::Open);
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.success, totals.failure, totals.ignored, totals.late), (1, 2, 1, 0));
}

#[test]
fn an_outcome_without_a_permit_counts_in_the_totals_only_otherwise() {
    let breaker = build("otherwise");
    breaker.trip(None, By::default()).unwrap();
    breaker.record(Outcome::Success, None);
    breaker.half_open(By::default());
    for _ in 0..5 {
        breaker.record(Outcome::Failure, Some("io"));
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.set_mode(Mode::ForcedClosed, By::default());
    breaker.record(Outcome::Failure, None);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.totals.success, snapshot.totals.failure, snapshot.totals.late), (1, 6, 0));
    assert_eq!(snapshot.half_open.failures, 0);
}

#[test]
fn handles_of_one_breaker_are_the_same() {
    let breaker = build("one");
    assert!(breaker.is_same(&breaker.clone()));
    assert!(!breaker.is_same(&build("one")));
}
