//! The cell: each step of the machine is one instant, whoever dies or is late.

use super::{at_once, large_model, model};
use crate::backoff::{Backoff, Growth};
use crate::cell::{Cell, Layout};
use crate::clock::Nanos;
use crate::error::Reason;
use crate::machine::{Caller, Cause, Machine, Phase, Rules, Taken, Verdict};
use crate::outcome::{Outcome, Settled};
use crate::recover::ProbeRules;
use crate::stripe::Lines;
use crate::word::State;
use loom::sync::Arc;

const TIMEOUT: Nanos = 100;
const LEASE: Nanos = 10;

fn layout(leases: u8) -> Layout {
    Layout { leases, blocks: 0, buckets: 0, adaptive: false, gated: false, ring: 0 }
}

/// N = C = `max_calls`; S = `success_threshold`.
pub(super) fn rules(max_calls: u32, success_threshold: u32) -> Rules {
    Rules {
        recovery_timeout: TIMEOUT,
        backoff: Backoff { growth: Growth::Fixed, max: TIMEOUT, jitter_bp: 0, reset_after: TIMEOUT },
        probes: ProbeRules { max_calls, concurrency: max_calls, success_threshold, lease: LEASE },
        ramp: None,
        slow_fails: false,
        seed: 0,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said {
    Nothing,
    Verdict(Verdict),
    Taken(Taken),
    Expired(u32),
}

pub(super) type Act = Box<dyn Fn(&mut Machine) -> Said + Send + Sync>;

fn trip(now: Nanos, duration: Nanos) -> Act {
    Box::new(move |m| {
        m.trip(Some(duration), now, &rules(1, 1));
        Said::Nothing
    })
}

fn reset(now: Nanos) -> Act {
    Box::new(move |m| {
        m.reset(now);
        Said::Nothing
    })
}

pub(super) fn acquire(now: Nanos, rules: Rules) -> Act {
    Box::new(move |m| Said::Verdict(m.acquire(&Caller::at(now), &rules, &mut 0)))
}

pub(super) fn poll(now: Nanos, rules: Rules) -> Act {
    Box::new(move |m| Said::Expired(m.poll(now, &rules)))
}

/// Settles a probe of generation 1.
fn settle(lease: u32, outcome: Outcome, now: Nanos, rules: Rules) -> Act {
    Box::new(move |m| Said::Taken(m.settle(1, lease, outcome, now, &rules)))
}

pub(super) const fn taken(settled: Settled, expired: u32) -> Said {
    Said::Taken(Taken { settled, expired })
}

/// What a step saw and left.
struct Step {
    said: Said,
    before: Machine,
    after: Option<Machine>,
}

fn take(cell: &Cell<'_>, act: &Act) -> Step {
    let stepped = cell.transact(act);
    Step { said: stepped.answer, before: stepped.before, after: stepped.after }
}

/// Whether the steps, in some order, lead from `start` to `end`, each seeing what the one before has left.
fn follow_each_other(start: &Machine, steps: &[&Step], end: &Machine) -> bool {
    if steps.is_empty() {
        return start == end;
    }
    (0..steps.len()).any(|i| {
        let mut rest = steps.to_vec();
        let step = rest.remove(i);
        step.before == *start && follow_each_other(step.after.as_ref().unwrap_or(start), &rest, end)
    })
}

/// Prepares a cell, runs the acts at once and checks that they happened one after the other; answers what they said and
/// the machine that they left.
pub(super) fn race_once(leases: u8, prepare: impl Fn(&Cell<'_>), acts: Vec<Act>) -> (Vec<Said>, Machine) {
    let words = Arc::new(Lines::new(layout(leases).words()));
    let cell = Cell::new(words.words(), layout(leases));
    prepare(&cell);
    let start = cell.read();
    let runs = acts.into_iter().map(|act| {
        let words = Arc::clone(&words);
        Box::new(move || take(&Cell::new(words.words(), layout(leases)), &act))
            as Box<dyn FnOnce() -> _ + Send>
    });
    let steps = at_once(runs.collect());
    let end = cell.read();
    assert!(follow_each_other(&start, &steps.iter().collect::<Vec<_>>(), &end));
    (steps.iter().map(|s| s.said).collect(), end)
}

/// As `race_once`, in every interleaving.
fn race(
    leases: u8,
    prepare: impl Fn(&Cell<'_>) + Send + Sync + 'static,
    acts: impl Fn() -> Vec<Act> + Send + Sync + 'static,
    check: impl Fn(&[Said], &Machine) + Send + Sync + 'static,
) {
    model(move || {
        let (said, end) = race_once(leases, &prepare, acts());
        check(&said, &end);
    });
}

/// Open, generation 1.
fn tripped(cell: &Cell<'_>, now: Nanos, duration: Nanos) {
    cell.transact(|m| m.trip(Some(duration), now, &rules(1, 1)));
}

/// Half-open, generation 1, with `probes` leases until 10.
fn probing(cell: &Cell<'_>, probes: u32, rules: &Rules) {
    cell.transact(|m| m.half_open(0));
    for _ in 0..probes {
        cell.transact(|m| m.acquire(&Caller::at(0), rules, &mut 0));
    }
}

#[test]
fn two_trips_are_two_transitions_one_after_the_other() {
    race(
        1,
        |_| {},
        || vec![trip(1, 50), trip(2, 70)],
        |_, end| {
            assert_eq!((end.generation, end.openings), (2, 2));
            let expected = if end.at == 1 { 51 } else { 72 };
            assert!(matches!(end.phase, Phase::Open { until, .. } if until == expected));
        },
    );
}

#[test]
fn a_trip_and_a_settling_come_one_after_the_other() {
    let rules = rules(1, 1);
    race(
        1,
        move |cell| probing(cell, 1, &rules),
        move || vec![trip(1, 50), settle(1, Outcome::Success, 1, rules)],
        |said, end| {
            assert_eq!(end.state(), State::Open);
            let transitions = if said[1] == taken(Settled::Ok, 0) { 3 } else { 2 };
            assert_eq!(end.generation, transitions);
        },
    );
}

#[test]
fn of_two_first_probes_after_the_deadline_one_makes_the_transition_and_one_is_admitted() {
    let rules = rules(1, 1);
    race(
        1,
        |cell| tripped(cell, 0, 50),
        move || vec![acquire(50, rules), acquire(50, rules)],
        |said, end| {
            assert_eq!((end.generation, end.cause), (2, Some(Cause::RecoveryTimeout)));
            let probe = Said::Verdict(Verdict::Probe { lease: 1 });
            let full = Verdict::Rejected { reason: Reason::HalfOpenFull, retry_after: Some(LEASE) };
            assert!([[probe, Said::Verdict(full)], [Said::Verdict(full), probe]].iter().any(|s| s == said));
        },
    );
}

#[test]
fn two_first_probes_after_the_deadline_get_leases_of_their_own() {
    let rules = rules(2, 2);
    race(
        2,
        |cell| tripped(cell, 0, 50),
        move || vec![acquire(50, rules), acquire(50, rules)],
        |said, end| {
            assert_eq!(end.generation, 2);
            let probe = |lease| Said::Verdict(Verdict::Probe { lease });
            assert!([[probe(1), probe(2)], [probe(2), probe(1)]].iter().any(|s| s == said));
        },
    );
}

#[test]
fn the_last_probes_settling_or_its_expiry_takes_it_never_both() {
    let rules = rules(1, 1);
    race(
        1,
        move |cell| probing(cell, 1, &rules),
        move || vec![settle(1, Outcome::Success, LEASE - 1, rules), poll(LEASE, rules)],
        |said, end| match end.state() {
            State::Closed => assert_eq!(said, [taken(Settled::Ok, 0), Said::Expired(0)]),
            _ => assert_eq!(said, [taken(Settled::Late, 0), Said::Expired(1)]),
        },
    );
}

#[test]
fn an_expiry_is_counted_once_whether_a_poll_or_the_late_settling_takes_it() {
    let rules = rules(1, 1);
    race(
        1,
        move |cell| probing(cell, 1, &rules),
        move || vec![settle(1, Outcome::Success, LEASE, rules), poll(LEASE, rules)],
        |said, end| {
            assert_eq!((end.generation, end.cause), (2, Some(Cause::ProbeExpired)));
            let by_settling = [taken(Settled::Late, 1), Said::Expired(0)];
            let by_poll = [taken(Settled::Late, 0), Said::Expired(1)];
            assert!(said == by_settling || said == by_poll);
        },
    );
}

#[test]
fn a_settling_after_a_reset_is_late_and_one_before_it_opens_first() {
    let rules = rules(1, 1);
    race(
        1,
        move |cell| probing(cell, 1, &rules),
        move || vec![settle(1, Outcome::Failure, 1, rules), reset(2)],
        |said, end| {
            assert_eq!((end.state(), end.cause), (State::Closed, Some(Cause::Reset)));
            let transitions = if said[0] == taken(Settled::Ok, 0) { 3 } else { 2 };
            assert_eq!(end.generation, transitions);
        },
    );
}

#[test]
fn the_place_of_an_ignored_probe_is_given_again_once() {
    let rules = rules(1, 1);
    race(
        1,
        move |cell| probing(cell, 1, &rules),
        move || vec![settle(1, Outcome::Ignored, 1, rules), acquire(1, rules)],
        |said, end| {
            assert_eq!((said[0], end.generation), (taken(Settled::Ok, 0), 1));
            let Phase::Probing(probes) = &end.phase else { panic!("not probing") };
            let has_probe = said[1] == Said::Verdict(Verdict::Probe { lease: 2 });
            assert_eq!(probes.in_flight(), u32::from(has_probe));
        },
    );
}

#[test]
fn half_open_closes_or_opens_by_the_outcome_that_decides_first() {
    let rules = rules(3, 2);
    race(
        2,
        move |cell| {
            probing(cell, 2, &rules);
            cell.transact(|m| m.settle(1, 1, Outcome::Success, 1, &rules));
            cell.transact(|m| m.acquire(&Caller::at(0), &rules, &mut 0));
            cell.transact(|m| m.settle(1, 2, Outcome::Failure, 1, &rules));
            // One of three succeeded, one failed, one is in flight: a success and an expiry both decide.
        },
        move || vec![settle(3, Outcome::Success, LEASE - 1, rules), poll(LEASE, rules)],
        |said, end| match end.state() {
            State::Closed => assert_eq!(said, [taken(Settled::Ok, 0), Said::Expired(0)]),
            _ => assert_eq!(said, [taken(Settled::Late, 0), Said::Expired(1)]),
        },
    );
}

#[test]
fn two_admissions_within_one_generation_lose_neither_lease() {
    let rules = rules(2, 2);
    race(
        2,
        move |cell| probing(cell, 0, &rules),
        move || vec![acquire(1, rules), acquire(2, rules)],
        |_, end| {
            let Phase::Probing(probes) = &end.phase else { panic!("not probing") };
            assert_eq!((probes.in_flight(), probes.issued), (2, 2));
        },
    );
}

/// Runs the writers' acts one after the other against a thread that reads; what it reads, `is_of` some instant.
fn read_against<R: Send + 'static>(
    prepare: fn(&Cell<'_>),
    writers: fn() -> Vec<Act>,
    read: fn(&Cell<'_>) -> R,
    is_of: fn(&R, &Machine) -> bool,
) {
    large_model(move || {
        let words = Arc::new(Lines::new(layout(2).words()));
        let cell = Cell::new(words.words(), layout(2));
        prepare(&cell);
        let start = cell.read();
        let reader = Arc::clone(&words);
        let reading = loom::thread::spawn(move || read(&Cell::new(reader.words(), layout(2))));
        let mut instants = vec![start];
        instants.extend(writers().iter().filter_map(|act| take(&cell, act).after));
        let found = reading.join().expect("the reader panicked");
        assert!(instants.iter().any(|instant| is_of(&found, instant)));
    });
}

fn is_the_same(found: &Machine, instant: &Machine) -> bool {
    found == instant
}

#[test]
fn a_reader_sees_one_instant_of_two_transitions() {
    read_against(
        |cell| tripped(cell, 1, 1 << 40),
        || vec![trip(1 << 34, 1 << 41), trip(1 << 35, 1 << 42)],
        |cell| cell.read(),
        is_the_same,
    );
}

#[test]
fn a_reader_sees_the_deadline_that_belongs_to_the_word() {
    read_against(
        |cell| tripped(cell, 1, 1 << 40),
        || vec![trip(1 << 34, 1 << 41), trip(1 << 35, 1 << 42)],
        |cell| cell.read_deadline(),
        |found, m| match (found, &m.phase) {
            (Some(until), Phase::Open { until: u, .. }) => u == until,
            (found, _) => found.is_none(),
        },
    );
}

#[test]
fn a_reader_sees_one_instant_of_two_steps_in_one_generation() {
    read_against(
        |cell| probing(cell, 1, &rules(2, 2)),
        || vec![settle(1, Outcome::Success, 1, rules(2, 2)), acquire(1 << 40, rules(2, 2))],
        |cell| cell.read(),
        is_the_same,
    );
}

/// A thread claims, writes `stores` words of a trip and dies; two others go on.
fn dies_after(stores: usize) {
    model(move || {
        let rules = rules(1, 1);
        let words = Arc::new(Lines::new(layout(1).words()));
        let cell = Cell::new(words.words(), layout(1));
        probing(&cell, 1, &rules);
        let start = cell.read();
        cell.die_writing(stores, |m| m.half_open(1 << 50));
        assert_eq!(cell.read(), start);
        let other = Arc::clone(&words);
        let steps = at_once(super::runs![
            {
                let words = Arc::clone(&words);
                move || take(&Cell::new(words.words(), layout(1)), &settle(1, Outcome::Success, 1, rules))
            },
            move || take(&Cell::new(other.words(), layout(1)), &trip(2, 50)),
        ]);
        assert!(follow_each_other(&start, &steps.iter().collect::<Vec<_>>(), &cell.read()));
    });
}

#[test]
fn a_claim_whose_owner_died_before_it_wrote_is_revoked_and_loses_nothing() {
    dies_after(0);
}

#[test]
fn a_claim_whose_owner_died_while_it_wrote_is_revoked_and_loses_nothing() {
    (1..10).step_by(3).for_each(dies_after);
}

#[test]
fn a_claim_whose_owner_died_before_it_published_is_revoked_and_loses_nothing() {
    dies_after(10);
}

#[test]
fn a_writer_whose_claim_was_revoked_never_changes_the_published_record() {
    model(|| {
        let words = Arc::new(Lines::new(layout(1).words()));
        let cell = Cell::new(words.words(), layout(1));
        let start = cell.read();
        let other = Arc::clone(&words);
        let slow = loom::thread::spawn(move || {
            let cell = Cell::new(other.words(), layout(1));
            cell.die_writing(10, |m| m.trip(Some(1 << 40), 1 << 41, &rules(1, 1)));
        });
        let step = take(&cell, &trip(1, 50));
        slow.join().expect("the slow writer panicked");
        assert_eq!(step.before, start);
        assert_eq!(Some(cell.read()), step.after);
    });
}
