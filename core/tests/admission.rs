//! A breaker with gates: what calls that have slots or wait, new rules and modes owe each other.
#![allow(missing_docs)]

use fusewire::{
    Builder, Bulkhead, By, CircuitBreaker, Entered, ManualClock, Mode, OwnedPermit, Priority, PriorityPolicy,
    Ramp, Reason, Settled, Waiting,
};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn rules(slots: u32) -> Builder {
    Builder::default().bulkhead(Bulkhead::new(slots).max_queue(9)).clock(ManualClock::new())
}

fn enter(breaker: &CircuitBreaker) -> Waiting {
    match breaker.at(Priority::Normal).enter() {
        Ok(Entered::Waiting(waiting)) => waiting,
        other => panic!("it is to wait: {other:?}"),
    }
}

fn granted(waiting: &mut Waiting) -> Option<OwnedPermit> {
    match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(permit)) => Some(permit),
        Poll::Ready(Err(rejection)) => panic!("refused: {rejection}"),
        Poll::Pending => None,
    }
}

/// Fails when it hangs.
fn ends<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(f()));
    wait.recv_timeout(Duration::from_secs(60)).expect("it hangs, or has panicked")
}

/// New rules of the same layout, and of another.
fn both_layouts(slots: u32) -> [Builder; 2] {
    [rules(slots), rules(slots).half_open_max_calls(40)]
}

#[test]
fn new_rules_with_more_slots_let_a_waiter_in_whose_call_is_of_their_generation() {
    for wider in both_layouts(2) {
        let settled = ends(move || {
            let breaker = rules(1).build("a").expect("valid");
            let first = breaker.try_acquire_owned().expect("a slot");
            let mut waiting = enter(&breaker);
            assert_eq!(breaker.reconfigure(wider, By::default()), Ok(true));
            let permit = granted(&mut waiting).expect("there are two slots now");
            (first.success(), permit.success(), breaker.snapshot().bulkhead.map(|slots| slots.in_flight()))
        });
        assert_eq!(settled, (Settled::Late, Settled::Ok, Some(0)));
    }
}

#[test]
fn rules_without_slots_let_everybody_in_who_waits_and_none_is_lost_for_those_that_have_them_again() {
    let without = || Builder::default().clock(ManualClock::new());
    for without in [without(), without().half_open_max_calls(40)] {
        let in_flight = ends(move || {
            let breaker = rules(1).build("a").expect("valid");
            let first = breaker.try_acquire_owned().expect("a slot");
            let mut waits = [enter(&breaker), enter(&breaker)];
            assert_eq!(breaker.reconfigure(without, By::default()), Ok(true));
            let permits = waits.each_mut().map(|waiting| granted(waiting).expect("nobody counts slots"));
            assert!(permits.into_iter().all(|permit| permit.success() == Settled::Ok));
            assert_eq!(breaker.reconfigure(rules(1), By::default()), Ok(true));
            let in_flight = || breaker.snapshot().bulkhead.map(|slots| slots.in_flight());
            let before = in_flight();
            first.success();
            (before, in_flight())
        });
        assert_eq!(in_flight, (Some(1), Some(0)));
    }
}

#[test]
fn a_waiter_that_new_rules_let_in_may_end_an_opening_and_that_is_told() {
    let clock = ManualClock::new();
    let build = |slots| rules(slots).recovery_timeout(Duration::from_secs(1)).clock(clock.clone());
    let breaker = build(1).build("a").expect("valid");
    let _first = breaker.try_acquire_owned().expect("a slot");
    breaker.trip(None, By::default()).expect("no duration");
    clock.advance(Duration::from_secs(1));
    let mut waiting = enter(&breaker);
    let events = breaker.events(9);
    assert_eq!(breaker.reconfigure(build(2), By::default()), Ok(true));
    assert!(granted(&mut waiting).is_some());
    let causes: Vec<_> = events.drain().iter().map(|event| event.cause.name()).collect();
    assert_eq!(causes, ["reconfigured", "recovery_timeout"]);
}

#[test]
fn a_call_that_shadow_lets_in_is_of_the_generation_in_which_it_was_turned_away() {
    let clock = ManualClock::new();
    let build =
        rules(9).half_open_max_calls(1).half_open_timeout(Duration::from_secs(1)).clock(clock.clone());
    let breaker = build.build("a").expect("valid");
    breaker.set_mode(Mode::Shadow, By::default());
    breaker.half_open(By::default());
    let _probe = breaker.try_acquire_owned().expect("a probe");
    clock.advance(Duration::from_secs(1));
    // It is the one that sees the lease end, and opens the breaker.
    let marked = breaker.try_acquire_owned().expect("shadow");
    assert_eq!((marked.would_reject(), marked.success()), (Some(Reason::Open), Settled::Ok));
}

#[test]
fn a_call_that_stands_back_from_probing_may_come_again_when_a_lease_ends() {
    let clock = ManualClock::new();
    let levels = PriorityPolicy::new().half_open_min(Priority::High);
    let build = rules(9).priority(levels).half_open_max_calls(3).half_open_timeout(Duration::from_secs(10));
    let breaker = build.clock(clock.clone()).build("a").expect("valid");
    breaker.half_open(By::default());
    let _first = breaker.at(Priority::High).try_acquire_owned().expect("a probe");
    clock.advance(Duration::from_secs(4));
    let _second = breaker.at(Priority::High).try_acquire_owned().expect("a probe");
    let low = breaker.at(Priority::Low).try_acquire().expect_err("it stands back");
    // Not 10 s after the second probe: the first one's lease ends before, and that opens.
    assert_eq!((low.reason(), low.retry_after()), (Reason::HalfOpenFull, Some(Duration::from_secs(6))));
    clock.advance(Duration::from_secs(6));
    let low = breaker.at(Priority::Low).try_acquire().expect_err("open");
    assert_eq!(low.reason(), Reason::Open);
}

/// In a ramp that admits every tenth call, on whose one slot nobody waits yet.
fn ramping(rules: Builder) -> CircuitBreaker {
    let ramp = Ramp::new().initial(0.1).step(0.1);
    let breaker = rules.half_open_max_calls(1).ramp(ramp).build("a").expect("valid");
    breaker.half_open(By::default());
    assert_eq!(breaker.try_acquire().expect("a probe").success(), Settled::Ok);
    breaker
}

#[test]
fn a_call_whose_number_in_a_ramp_was_refused_and_that_passes_all_the_same_passes_also_when_it_has_waited() {
    let levels = PriorityPolicy::new().open_bypass(Priority::Critical);
    let breaker = ramping(rules(1).priority(levels));
    let critical = breaker.at(Priority::Critical);
    let first = critical.try_acquire_owned().expect("it passes");
    let Ok(Entered::Waiting(mut waiting)) = critical.enter() else { panic!("there is one slot") };
    assert!(first.is_bypassed());
    first.success();
    assert!(
        granted(&mut waiting).expect("the slot is free").is_bypassed(),
        "its number was the second of ten"
    );
}
