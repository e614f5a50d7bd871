//! What the packages of other languages call: the watcher, outcomes without a permit, slips.

use fusewire::binding::{Role, watch};
use fusewire::{By, CircuitBreaker, Event, ManualClock, Mode, Outcome, Priority, State};
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

// ---- calls of one key, and the values of earlier ones, across plans ----

const COALESCING: &str = r#"{"cache": {"mode": "read_through", "coalesce": true}}"#;

fn coalescing() -> (CircuitBreaker, impl Fn(&str)) {
    let breaker = CircuitBreaker::from_json("cached", COALESCING).expect("valid");
    let own = breaker.clone();
    let reconfigure = move |document: &str| {
        let builder = fusewire::Builder::from_json(document).expect("JSON");
        own.reconfigure(builder, By::default()).expect("valid");
    };
    (breaker, reconfigure)
}

fn join(breaker: &CircuitBreaker, key: &str) -> (u64, Role) {
    let joined = breaker.flight_join(key, Priority::Normal).expect("calls join each other");
    (joined.ticket, joined.role)
}

#[test]
fn who_follows_is_told_of_the_end_though_the_plan_has_no_cache_by_then() {
    let (breaker, reconfigure) = coalescing();
    let keys = ["a", "a", "b", "b"].map(|key| join(&breaker, key));
    assert_eq!(keys, [(1, Role::Lead), (2, Role::Follow), (3, Role::Lead), (4, Role::Follow)]);
    reconfigure("{}");
    assert_eq!(breaker.flight_join("a", Priority::Normal), None);
    assert_eq!((breaker.flight_land(1), breaker.flight_leave(3)), (vec![2], vec![4]));
}

#[test]
fn tickets_and_versions_go_on_when_a_cache_comes_back_and_its_values_do_not() {
    let (breaker, reconfigure) = coalescing();
    assert_eq!((join(&breaker, "a").0, join(&breaker, "a").0), (1, 2));
    let before = breaker.cache_store("a").expect("a short key").place;
    reconfigure("{}");
    reconfigure(COALESCING);
    assert_eq!((breaker.cache_fresh("a"), breaker.cache_any("a")), (None, None));
    let after = breaker.cache_store("b").expect("a short key").place;
    assert!(after.version > before.version, "{after:?} may be taken for {before:?}");
    let keys = ["b", "b"].map(|key| join(&breaker, key));
    assert_eq!(keys, [(3, Role::Lead), (4, Role::Follow)]);
    assert_eq!((breaker.flight_land(1), breaker.flight_land(3)), (vec![2], vec![4]));
}
