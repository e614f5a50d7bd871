//! A move to another layout: the old cell, the new one and the word that says which of them decides. Whatever comes
//! beside a move happens before it or after it, and counts once; a mover that dies, or is only slow, costs nothing.
//!
//! A model's caller does not wait for a mover: it does the last step of the move itself.

use super::breaker::{builder, fail, permit};
use super::{at_once, large_model, model, outcomes, runs, set_number};
use crate::Cause::{Manual, Reconfigured};
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::outcome::Settled::{self, Late, Ok};
use crate::outcome::Totals;
use crate::word::State;
use crate::{Builder, By, CircuitBreaker, ManualClock, OwnedPermit, Window};
use loom::thread;
use std::time::Duration;

/// How long open lasts by the old rules and by the new ones.
const OLD: Option<Nanos> = Some(1_000_000_000);
const NEW: Option<Nanos> = Some(2_000_000_000);

/// Rules of one layout.
fn narrow() -> Builder {
    builder().failure_threshold(2).half_open_max_calls(1).recovery_timeout(Duration::from_secs(1))
}

/// The same with more leases, which is another layout.
fn wide() -> Builder {
    narrow().half_open_max_calls(4).recovery_timeout(Duration::from_secs(2))
}

/// Other rules of the first layout.
fn narrow_again() -> Builder {
    narrow().recovery_timeout(Duration::from_secs(3))
}

/// Closed, after one failure of two.
fn failed_once() -> CircuitBreaker {
    let breaker = narrow().build("a").unwrap();
    fail(permit(&breaker))();
    breaker
}

fn reconfigure(breaker: &CircuitBreaker, rules: Builder) {
    assert_eq!(breaker.reconfigure(rules, By::default()), Result::Ok(true));
}

/// Moves the breaker to wider rules while another thread does `act`.
///
/// The mover comes first: of a thread that only loads a word, loom finds the places before the other's swap, but, as it
/// remembers the last access alone, not those after it when the other has loaded the word as well.
fn while_moving<R: Send + 'static>(breaker: &CircuitBreaker, act: impl FnOnce() -> R + Send + 'static) -> R {
    let other = thread::spawn(move || {
        set_number(2);
        act()
    });
    reconfigure(breaker, wide());
    other.join().expect("the other thread panicked")
}

/// A mover dies on its way to wider rules.
fn die_moving(breaker: &CircuitBreaker) {
    breaker.0.die_moving(wide().plan().unwrap().into());
}

/// How many probes the rules allow.
fn probes(breaker: &CircuitBreaker) -> u32 {
    breaker.0.engine().plan().rules.probes.max_calls
}

/// Successes that each engine has counted, oldest first.
fn successes(breaker: &CircuitBreaker) -> Vec<u64> {
    let count = |engine: &Engine| {
        let mut totals = Totals::default();
        engine.add_totals(&mut totals);
        totals.success
    };
    breaker.0.engines().map(count).collect()
}

/// Which engines are left, oldest first.
fn left(breaker: &CircuitBreaker) -> Vec<bool> {
    breaker.0.engines().map(|engine| engine.load().is_moved()).collect()
}

#[test]
fn a_failure_that_reaches_the_threshold_opens_before_a_move_or_is_late_after_it() {
    let answers = vec![(Ok, State::Open, 2, Some(2), 0), (Late, State::Closed, 1, Some(1), 1)];
    outcomes(-1, answers, || {
        let breaker = failed_once();
        let said = while_moving(&breaker, fail(permit(&breaker)));
        let now = breaker.snapshot();
        assert_eq!((now.totals.failure, left(&breaker)), (2, vec![true, false]));
        (said, now.stored_state, now.generation, now.consecutive_failures, now.totals.late)
    });
}

#[test]
fn a_call_beside_a_move_is_counted_once_in_the_cell_that_admitted_it() {
    let before = (Ok, vec![1, 0], Some(0), 0);
    let across = (Late, vec![1, 0], Some(1), 1);
    let after = (Ok, vec![0, 1], Some(0), 0);
    outcomes(-1, vec![before, across, after], || {
        let breaker = failed_once();
        let caller = breaker.clone();
        let said = while_moving(&breaker, move || permit(&caller).success());
        let now = breaker.snapshot();
        assert_eq!((now.generation, now.totals.success), (1, 1));
        (said, successes(&breaker), now.consecutive_failures, now.totals.late)
    });
}

#[test]
fn a_permit_that_the_old_cell_gave_is_late_after_the_move_and_counts_once() {
    outcomes(0, vec![(Ok, 1), (Late, 2)], || {
        let breaker = failed_once();
        let (permits, other) = ([(); 2].map(|()| permit(&breaker)), breaker.clone());
        let [beside, after] = permits;
        let moves = move || {
            reconfigure(&other, wide());
            permit(&other).success()
        };
        let said = at_once(runs![moves, move || beside.success()]);
        assert_eq!((said[0], after.success()), (Ok, Late));
        let now = breaker.snapshot();
        assert_eq!((now.totals.success, successes(&breaker)), (3, vec![2, 1]));
        (said[1], now.totals.late)
    });
}

#[test]
fn a_probe_beside_a_move_closes_before_it_or_is_late_and_the_new_cell_probes_again() {
    let answers = vec![(Ok, State::Closed, 3), (Late, State::HalfOpen, 2)];
    outcomes(-1, answers, || {
        let breaker = narrow().build("a").unwrap();
        breaker.half_open(By::default());
        let probe = permit(&breaker);
        let said = while_moving(&breaker, move || probe.success());
        let now = breaker.snapshot();
        assert_eq!((now.half_open.in_flight, now.half_open.successes, now.totals.success), (0, 0, 1));
        (said, now.stored_state, now.generation)
    });
}

#[test]
fn a_first_probe_beside_a_move_is_one_of_the_old_cell_and_late_or_one_of_the_new_cell() {
    outcomes(-1, vec![(Late, 0), (Ok, 1)], || {
        let clock = ManualClock::new();
        let breaker = narrow().clock(clock.clone()).build("a").unwrap();
        breaker.trip(None, By::default()).unwrap();
        clock.advance(Duration::from_secs(1));
        let [a, b] = [(); 2].map(|()| breaker.clone());
        let moves = move || {
            die_moving(&a);
            None
        };
        let mut said: Vec<Option<OwnedPermit>> = at_once(runs![moves, move || Some(permit(&b))]);
        let settled = said.pop().flatten().map(|probe| probe.success());
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation, now.half_open.in_flight), (State::HalfOpen, 3, 0));
        (settled.unwrap(), now.half_open.successes)
    });
}

#[test]
fn a_trip_beside_a_move_is_made_by_the_old_rules_before_it_or_by_the_new_ones_after_it() {
    outcomes(-1, vec![(OLD, Some(Reconfigured)), (NEW, Some(Manual))], || {
        let breaker = narrow().build("a").unwrap();
        let other = breaker.clone();
        while_moving(&breaker, move || other.trip(None, By::default()).unwrap());
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation, now.opened), (State::Open, 2, 1));
        (now.retry_after, now.last.map(|t| t.cause))
    });
}

#[test]
fn of_two_moves_the_second_goes_on_from_where_the_first_arrived() {
    let answers = [1, 4].map(|probes| (probes, 2, vec![true, true, false])).to_vec();
    outcomes(0, answers, || {
        let breaker = failed_once();
        let (other, window) = (breaker.clone(), builder().window(Window::count(2)).half_open_max_calls(1));
        while_moving(&breaker, move || reconfigure(&other, window));
        (probes(&breaker), breaker.snapshot().generation, left(&breaker))
    });
}

#[test]
fn rules_of_the_old_layout_beside_a_move_are_set_before_it_or_after_it_by_a_move_back() {
    let answers = vec![(4, vec![true, false]), (1, vec![true, true, false])];
    outcomes(0, answers, || {
        let (breaker, other) = {
            let breaker = failed_once();
            (breaker.clone(), breaker)
        };
        while_moving(&breaker, move || reconfigure(&other, narrow_again()));
        let now = breaker.snapshot();
        assert_eq!((now.generation, now.consecutive_failures), (2, Some(1)));
        (probes(&breaker), left(&breaker))
    });
}

#[test]
fn two_callers_that_follow_a_mover_that_died_arrive_in_one_cell() {
    large_model(|| {
        let breaker = failed_once();
        die_moving(&breaker);
        let [a, b] = [(); 2].map(|()| breaker.clone());
        let said: Vec<Settled> = at_once(runs![move || permit(&a).success(), move || permit(&b).success()]);
        let now = breaker.snapshot();
        assert_eq!((said, now.generation, now.consecutive_failures), (vec![Ok, Ok], 1, Some(0)));
        assert_eq!((successes(&breaker), left(&breaker)), (vec![0, 2], vec![true, false]));
    });
}

#[test]
fn a_call_and_a_trip_that_follow_a_mover_that_died_come_one_after_the_other() {
    outcomes(-1, vec![(Some(Ok), 1), (Some(Late), 1), (None, 0)], || {
        let breaker = failed_once();
        die_moving(&breaker);
        let [a, b] = [(); 2].map(|()| breaker.clone());
        let trip = move || {
            a.trip(None, By::default()).unwrap();
            None
        };
        let said = at_once(runs![trip, move || b.try_acquire().ok().map(|permit| permit.success())]);
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.generation, now.opened), (State::Open, 2, 1));
        assert_eq!((now.retry_after, left(&breaker)), (NEW, vec![true, false]));
        (said[1], now.totals.success)
    });
}

#[test]
fn a_call_and_new_rules_after_a_mover_that_died_come_one_after_the_other_in_the_new_cell() {
    outcomes(-1, vec![(Ok, 0), (Late, 1)], || {
        let breaker = narrow().build("a").unwrap();
        die_moving(&breaker);
        let [a, b] = [(); 2].map(|()| breaker.clone());
        let swaps = move || {
            reconfigure(&a, wide().recovery_timeout(Duration::from_secs(3)));
            Ok
        };
        let said = at_once(runs![swaps, move || permit(&b).success()]);
        let now = breaker.snapshot();
        assert_eq!((now.generation, successes(&breaker), left(&breaker)), (2, vec![0, 1], vec![true, false]));
        (said[1], now.totals.late)
    });
}

#[test]
fn one_who_follows_late_brings_no_cell_back_that_was_left_in_its_turn() {
    model(|| {
        let breaker = narrow().build("a").unwrap();
        reconfigure(&breaker, wide());
        let late = breaker.clone();
        let arrives = thread::spawn(move || late.0.arrive(&late.0.first));
        reconfigure(&breaker, narrow_again());
        arrives.join().expect("the late one panicked");
        assert!(std::ptr::eq(breaker.0.engine(), breaker.0.engines().last().unwrap()));
        assert_eq!((breaker.snapshot().generation, left(&breaker)), (2, vec![true, true, false]));
    });
}
