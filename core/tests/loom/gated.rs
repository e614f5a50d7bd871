//! A whole breaker with gates: what the machine, the slots and the queue must do together. The parts have models of their
//! own, `gates` and `slots`.

use super::breaker::{builder, permit};
use super::{at_once, large_model, outcomes, runs, set_number};
use crate::{
    Builder, Bulkhead, By, CircuitBreaker, Entered, Mode, OwnedPermit, PolicyChange, Priority, RateLimit,
    Reason, SlotTable, State, Waiting,
};
use loom::thread;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn rules(slots: u32) -> Builder {
    builder().half_open_max_calls(1).bulkhead(Bulkhead::new(slots).max_queue(2))
}

/// The same in another layout.
fn wide(slots: u32) -> Builder {
    rules(slots).half_open_max_calls(4)
}

fn build(rules: Builder) -> CircuitBreaker {
    rules.build("a").unwrap()
}

/// Has the only slot, and somebody waits for it.
fn with_waiter() -> (CircuitBreaker, OwnedPermit, Waiting) {
    let breaker = build(rules(1));
    let first = permit(&breaker);
    let waiting = waits(&breaker).expect("there is no slot");
    (breaker, first, waiting)
}

/// A place in the queue, or why there is none.
fn waits(breaker: &CircuitBreaker) -> Result<Waiting, Reason> {
    match breaker.at(Priority::Normal).enter() {
        Ok(Entered::Waiting(waiting)) => Ok(waiting),
        Ok(Entered::Admitted(_)) => panic!("there is no slot"),
        Err(rejection) => Err(rejection.reason()),
    }
}

/// How a wait has ended.
fn ended(mut waiting: Waiting) -> Result<OwnedPermit, Reason> {
    match Pin::new(&mut waiting).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map_err(|rejection| rejection.reason()),
        Poll::Pending => panic!("it waits"),
    }
}

fn in_flight(breaker: &CircuitBreaker) -> u64 {
    breaker.snapshot().bulkhead.unwrap().in_flight()
}

/// Nobody has a slot, nobody waits.
fn assert_idle(breaker: &CircuitBreaker) {
    let slots = breaker.snapshot().bulkhead.unwrap();
    assert_eq!((slots.in_flight(), slots.waiting()), (0, 0));
}

/// Does one thing on this thread and another beside it.
fn beside<R: Send + 'static, S>(
    act: impl FnOnce() -> S,
    other: impl FnOnce() -> R + Send + 'static,
) -> (S, R) {
    let other = thread::spawn(move || {
        set_number(2);
        other()
    });
    let said = act();
    (said, other.join().expect("the other thread panicked"))
}

fn trip(breaker: &CircuitBreaker) -> impl FnOnce() + Send + 'static {
    let breaker = breaker.clone();
    move || breaker.trip(None, By::default()).unwrap()
}

#[test]
fn a_slot_and_a_token_taken_while_the_machine_refuses_come_back() {
    // Three are left where the other's token was drawn before the first was given back: then it is spent.
    outcomes(-1, vec![4, 3], || {
        let breaker = build(rules(9).rate_limit(RateLimit::token_bucket(1.0).burst(5)));
        breaker.half_open(By::default());
        let [a, b] = [(); 2].map(|()| breaker.clone());
        let ask = |breaker: CircuitBreaker| move || breaker.try_acquire_owned().ok();
        let probes: Vec<_> = at_once(runs![ask(a), ask(b)]).into_iter().flatten().collect();
        let now = breaker.snapshot();
        assert_eq!((probes.len(), now.half_open.in_flight, in_flight(&breaker)), (1, 1, 1));
        assert_eq!(now.totals.rejected_by(Reason::HalfOpenFull), 1);
        drop(probes);
        assert_idle(&breaker);
        now.rate_limit.unwrap().available.unwrap()
    });
}

#[test]
fn of_two_calls_for_the_last_slot_one_has_it_although_the_breaker_opens_after_one_of_them() {
    outcomes(-1, vec![Reason::BulkheadFull, Reason::Open], || {
        let breaker = build(rules(1));
        let other = breaker.clone();
        let opens = || {
            let given = breaker.try_acquire_owned();
            breaker.trip(None, By::default()).unwrap();
            given
        };
        let said = beside(opens, move || other.try_acquire_owned());
        let (permit, rejection) = match said {
            (Ok(permit), Err(rejection)) | (Err(rejection), Ok(permit)) => (permit, rejection),
            (a, b) => panic!("{a:?}, {b:?}"),
        };
        assert_eq!(in_flight(&breaker), 1);
        drop(permit);
        assert_idle(&breaker);
        rejection.reason()
    });
}

#[test]
fn a_grant_beside_an_opening_is_a_call_from_before_it_or_is_flushed_and_the_slot_is_not_lost() {
    outcomes(-1, vec![Ok(()), Err(Reason::Open)], || {
        let (breaker, first, waiting) = with_waiter();
        beside(|| first.success(), trip(&breaker));
        let end = ended(waiting).map(drop);
        assert_idle(&breaker);
        end
    });
}

#[test]
fn nobody_begins_to_wait_while_a_breaker_opens() {
    outcomes(-1, vec!["at once", "flushed"], || {
        let breaker = build(rules(1));
        let first = permit(&breaker);
        let (asked, ()) = beside(|| waits(&breaker), trip(&breaker));
        let said = match asked {
            Err(reason) => {
                assert_eq!(reason, Reason::Open);
                "at once"
            }
            Ok(waiting) => {
                assert_eq!(ended(waiting).map(drop), Err(Reason::Open));
                "flushed"
            }
        };
        assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Open), 1);
        drop(first);
        assert_idle(&breaker);
        said
    });
}

#[test]
fn nobody_waits_in_shadow() {
    outcomes(-1, vec!["at once", "let go"], || {
        let breaker = build(rules(1));
        let (first, other) = (permit(&breaker), breaker.clone());
        let shadow = move || other.set_mode(Mode::Shadow, By::default());
        let (asked, _) = beside(|| breaker.at(Priority::Normal).enter(), shadow);
        let (given, said) = match asked.expect("shadow refuses nobody") {
            Entered::Admitted(permit) => (permit, "at once"),
            Entered::Waiting(waiting) => (ended(waiting).expect("it goes on"), "let go"),
        };
        assert_eq!(given.would_reject(), Some(Reason::BulkheadFull));
        drop((given, first));
        assert_idle(&breaker);
        said
    });
}

#[test]
fn nobody_begins_to_wait_while_a_breaker_is_closed_for_good() {
    outcomes(-1, vec!["at once", "flushed"], || {
        let breaker = build(rules(1));
        let first = permit(&breaker);
        let other = breaker.clone();
        let (asked, lived) = beside(|| waits(&breaker), move || other.close(By::default()));
        assert!(lived);
        let said = match asked {
            Err(reason) => {
                assert_eq!(reason, Reason::Closed);
                "at once"
            }
            Ok(waiting) => {
                assert_eq!(ended(waiting).map(drop), Err(Reason::Closed));
                "flushed"
            }
        };
        assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Closed), 1);
        drop(first);
        assert_idle(&breaker);
        said
    });
}

#[test]
fn a_wait_that_is_given_up_beside_the_grant_leaves_no_slot_taken() {
    outcomes(-1, vec![0, 1], || {
        let (breaker, first, waiting) = with_waiter();
        beside(|| drop(waiting), move || first.success());
        assert_idle(&breaker);
        // One that was granted is a call that was dropped.
        breaker.snapshot().totals.ignored
    });
}

/// A call settles while new rules give one slot more, for which somebody waits.
fn settle_beside(new_rules: fn(u32) -> Builder) {
    large_model(move || {
        let (breaker, first, waiting) = with_waiter();
        let reconfigure = || breaker.reconfigure(new_rules(2), By::default());
        let (done, _) = beside(reconfigure, move || first.success());
        assert_eq!(done, Ok(true));
        assert_eq!(in_flight(&breaker), 1, "it was granted once");
        drop(ended(waiting));
        assert_idle(&breaker);
    });
}

#[test]
fn slots_are_exact_when_calls_settle_beside_new_rules() {
    settle_beside(rules);
}

#[test]
fn slots_are_exact_when_calls_settle_beside_a_move_to_another_layout() {
    settle_beside(wide);
}

#[test]
fn a_call_that_comes_beside_a_move_to_another_layout_has_one_slot() {
    large_model(|| {
        let breaker = build(rules(1));
        let other = breaker.clone();
        let (_, asked) =
            beside(|| breaker.reconfigure(wide(2), By::default()), move || other.try_acquire_owned());
        assert_eq!(in_flight(&breaker), 1);
        drop(asked.expect("there is a slot by either rules"));
        assert_idle(&breaker);
    });
}

fn slots(max_concurrent: u64) -> SlotTable {
    SlotTable { max_concurrent, reserved: [0; 5] }
}

#[test]
fn a_slot_that_comes_free_beside_fewer_slots_is_granted_or_gone() {
    outcomes(-1, vec!["granted", "waits"], || {
        let breaker = build(rules(2));
        let [first, second] = [(); 2].map(|()| permit(&breaker));
        let waiting = waits(&breaker).expect("there is no slot");
        let other = breaker.clone();
        beside(|| first.success(), move || other.set_slots(slots(1), By::default()).unwrap());
        let now = in_flight(&breaker);
        drop(second);
        assert_eq!(in_flight(&breaker), 1);
        drop(ended(waiting));
        assert_idle(&breaker);
        if now == 2 { "granted" } else { "waits" }
    });
}

#[test]
fn of_two_who_set_slots_at_once_the_one_that_is_told_last_is_in_force() {
    outcomes(-1, vec![2, 3], || {
        let breaker = build(rules(1));
        let events = breaker.policy_events(4);
        let [a, b] = [(); 2].map(|()| breaker.clone());
        at_once(runs![move || a.set_slots(slots(2), By::default()).unwrap(), move || b
            .set_slots(slots(3), By::default())
            .unwrap(),]);
        let changes: Vec<_> = events.drain().into_iter().map(|event| event.change).collect();
        let [PolicyChange::Slots { to: first, .. }, PolicyChange::Slots { from, to }] = changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!((first, breaker.snapshot().bulkhead.unwrap().limit), (from, to.max_concurrent));
        to.max_concurrent
    });
}

#[test]
fn a_probe_that_fails_beside_a_newcomer_leaves_nobody_waiting() {
    outcomes(-1, vec![Reason::HalfOpenFull, Reason::Open], || {
        let breaker = build(rules(1));
        breaker.half_open(By::default());
        let probe = permit(&breaker);
        let other = breaker.clone();
        let (_, asked) = beside(|| probe.failure("x"), move || waits(&other).map(drop));
        assert_eq!(breaker.snapshot().stored_state, State::Open);
        assert_idle(&breaker);
        asked.expect_err("it is refused")
    });
}
