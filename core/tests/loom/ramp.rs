//! The ramp: a step is passed once, by an outcome or by time, and what comes beside that belongs to one step or the
//! other. Whatever ends the ramp is one transition; who settles after it is late.

use super::breaker::{builder, fail, permit, settle as settle_permit};
use super::cell::{self, Act, Said, acquire, poll, race_once, taken};
use super::{at_once, large_model, outcomes, runs};
use crate::cell::Cell;
use crate::clock::Nanos;
use crate::error::Reason;
use crate::machine::{Machine, Phase, Rules, Verdict};
use crate::outcome::Outcome::{self, Failure, Success};
use crate::outcome::Settled::{self, Late, Ok};
use crate::recover::{Ramp, RampRules};
use crate::word::State;
use crate::{By, CircuitBreaker};

const STEP: Nanos = 100;
const OK: Said = taken(Ok, 0);
const LATE: Said = taken(Late, 0);
const POLLED: Said = Said::Expired(0);
const ADMITTED: Said = Said::Verdict(Verdict::Admitted);
const REJECTED: Said = Said::Verdict(Verdict::Rejected { reason: Reason::Ramp, retry_after: None });

/// Steps of a half and of three quarters, each of two outcomes, of which `failures` may fail.
fn rules(failures: u64) -> Rules {
    let ramp = RampRules {
        initial_bp: 5_000,
        step_bp: 2_500,
        window_calls: 2,
        max_failure_bp: failures * 5_000,
        step_timeout: STEP,
    };
    Rules { ramp: Some(ramp), ..cell::rules(1, 1) }
}

/// Settles a call of the ramp, which is generation 2.
fn settle(outcome: Outcome, now: Nanos, rules: Rules) -> Act {
    Box::new(move |m| Said::Taken(m.settle(2, 0, outcome, now, &rules)))
}

/// Generation 2, in a step that began at 0, in which one call has arrived and `settled` have settled.
fn ramping(cell: &Cell<'_>, step: u32, settled: &[Outcome]) {
    cell.transact(|m| {
        m.half_open(0);
        m.half_open(0);
        let failures = settled.iter().filter(|o| **o == Failure).count() as u32;
        m.phase =
            Phase::Ramping(Ramp { step, settled: settled.len() as u32, failures, arrivals: 1, began: 0 });
    });
}

/// The step that runs, with what has settled, failed and arrived in it, or the state that was entered; the generation.
type Left = (Result<[u32; 4], State>, u64);

const fn runs_on(step: u32, settled: u32, failures: u32, arrivals: u32) -> Left {
    (Result::Ok([step, settled, failures, arrivals]), 2)
}

const CLOSED: Left = (Err(State::Closed), 3);
const OPEN: Left = (Err(State::Open), 3);

fn left(m: &Machine) -> Left {
    let step = match &m.phase {
        Phase::Ramping(r) => Result::Ok([r.step, r.settled, r.failures, r.arrivals]),
        _ => Err(m.state()),
    };
    (step, m.generation)
}

/// Lets two acts race in step `step`, in which `before` have settled.
fn race(
    more: isize,
    step: u32,
    before: &'static [Outcome],
    acts: fn() -> [Act; 2],
    answers: Vec<([Said; 2], Left)>,
) {
    let answers = answers.into_iter().map(|(said, left)| (said.to_vec(), left)).collect();
    outcomes(more, answers, move || {
        let (said, end) = race_once(1, |cell| ramping(cell, step, before), acts().into());
        (said, left(&end))
    });
}

#[test]
fn of_two_settlings_that_would_each_end_a_step_one_passes_it_and_the_other_counts_in_the_next() {
    race(
        0,
        1,
        &[Success],
        || [settle(Success, 1, rules(0)), settle(Success, 1, rules(0))],
        vec![([OK, OK], runs_on(2, 1, 0, 0))],
    );
}

#[test]
fn of_two_settlings_that_would_each_end_the_last_step_one_closes_and_the_other_is_late() {
    race(
        -1,
        2,
        &[Success],
        || [settle(Success, 1, rules(0)), settle(Success, 1, rules(0))],
        vec![([OK, LATE], CLOSED), ([LATE, OK], CLOSED)],
    );
}

#[test]
fn a_failure_that_ends_the_ramp_and_a_success_that_completes_it_make_one_transition() {
    race(
        -1,
        2,
        &[Success],
        || [settle(Failure, 1, rules(0)), settle(Success, 2, rules(0))],
        vec![([OK, LATE], OPEN), ([LATE, OK], CLOSED)],
    );
}

#[test]
fn a_failure_that_would_end_the_ramp_counts_in_the_next_step_when_a_success_has_passed_this_one() {
    race(
        -1,
        1,
        &[Failure],
        || [settle(Failure, 1, rules(1)), settle(Success, 2, rules(1))],
        vec![([OK, LATE], OPEN), ([OK, OK], runs_on(2, 1, 1, 0))],
    );
}

#[test]
fn of_two_arrivals_one_completes_the_share_and_is_admitted() {
    race(
        0,
        1,
        &[],
        || [acquire(1, rules(0)), acquire(1, rules(0))],
        vec![([ADMITTED, REJECTED], runs_on(1, 0, 0, 3)), ([REJECTED, ADMITTED], runs_on(1, 0, 0, 3))],
    );
}

#[test]
fn an_arrival_beside_the_settling_that_passes_the_step_has_the_share_of_one_of_the_two() {
    race(
        -1,
        1,
        &[Success],
        || [acquire(1, rules(0)), settle(Success, 1, rules(0))],
        vec![([ADMITTED, OK], runs_on(2, 0, 0, 0)), ([REJECTED, OK], runs_on(2, 0, 0, 1))],
    );
}

#[test]
fn a_step_that_is_over_is_passed_once_by_a_poll_or_by_the_settling_beside_it() {
    race(
        -1,
        1,
        &[Success],
        || [settle(Success, STEP, rules(0)), poll(STEP, rules(0))],
        vec![([OK, POLLED], runs_on(2, 1, 0, 0))],
    );
}

#[test]
fn a_ramp_that_is_over_is_completed_once_and_the_settling_beside_the_poll_is_late() {
    race(
        -1,
        2,
        &[Success],
        || [settle(Failure, STEP, rules(0)), poll(STEP, rules(0))],
        vec![([LATE, POLLED], CLOSED)],
    );
}

#[test]
fn a_poll_after_a_failure_leaves_the_step_and_one_before_it_passes_it() {
    race(
        -1,
        1,
        &[],
        || [settle(Failure, STEP - 1, rules(1)), poll(STEP, rules(1))],
        vec![([OK, POLLED], runs_on(1, 1, 1, 1)), ([OK, POLLED], runs_on(2, 1, 1, 0))],
    );
}

#[test]
fn a_poll_that_completes_the_ramp_makes_the_settling_beside_it_late() {
    race(
        -1,
        2,
        &[],
        || [settle(Failure, STEP - 1, rules(0)), poll(STEP, rules(0))],
        vec![([OK, POLLED], OPEN), ([LATE, POLLED], CLOSED)],
    );
}

/// A breaker in its ramp, generation 2, after one success.
fn ramping_breaker() -> CircuitBreaker {
    let ramp = crate::Ramp::new().initial(0.5).step(0.25).window_calls(2).max_failure_rate(0.0);
    let breaker = builder().half_open_max_calls(1).ramp(ramp).build("a").unwrap();
    breaker.half_open(By::default());
    settle_permit(permit(&breaker), Success)();
    assert!(breaker.try_acquire().is_err());
    breaker
}

#[test]
fn a_failure_of_the_ramp_opens_before_a_reset_or_is_late_after_it() {
    let answers = vec![(Ok, 4, 1, 0), (Late, 3, 0, 1)];
    outcomes(-1, answers, || {
        let breaker = ramping_breaker();
        let (permit, other) = (permit(&breaker), breaker.clone());
        let resetting = move || {
            other.reset(By::default());
            Ok
        };
        let said = at_once(runs![resetting, fail(permit)])[1];
        let now = breaker.snapshot();
        assert_eq!((now.stored_state, now.openings_in_a_row, now.totals.failure), (State::Closed, 0, 1));
        (said, now.generation, now.opened, now.totals.late)
    });
}

#[test]
fn two_outcomes_that_pass_a_step_together_are_both_counted_and_make_no_event() {
    large_model(|| {
        let breaker = ramping_breaker();
        let first = permit(&breaker);
        assert!(breaker.try_acquire().is_err());
        let second = permit(&breaker);
        let events = breaker.events(4);
        let said: Vec<Settled> =
            at_once(runs![settle_permit(first, Success), settle_permit(second, Success)]);
        assert_eq!(said, [Ok, Ok]);
        let now = breaker.snapshot();
        assert_eq!(now.ramp.map(|r| (r.step, r.settled, r.failures)), Some((2, 0, 0)));
        assert_eq!((now.generation, now.totals.success, now.totals.late), (2, 3, 0));
        assert!(events.drain().is_empty());
    });
}
