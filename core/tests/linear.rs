//! Is there an order? Short histories of concurrent calls and readings of a count window are recorded, each with the
//! instants at which it began and ended, and an order is looked for in which every reading is what a plain sequential
//! window would show (Wing and Gong 1993). A window of time promises less: between what had ended before a reading began
//! and what had begun before it ended, and exact at rest.

#![allow(missing_docs)]

use fusewire::{Builder, CircuitBreaker, ManualClock, Outcome, Settled};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const THREADS: usize = 3;
const OPERATIONS: usize = 4;
/// Histories whose calls really overlapped that are wanted, and the least and the most that are tried for them.
const WANTED: usize = 300;
const LEAST: usize = 1_500;
const TRIES: usize = 400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mark {
    Good,
    Slow,
    Failed,
}

/// Total, failures, slow.
type Reading = (u64, u64, u64);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Record(Mark),
    Read,
}

#[derive(Clone, Copy, Debug)]
struct Happened {
    began: u64,
    ended: u64,
    what: Operation,
    /// What a reading saw.
    saw: Reading,
}

fn sums<'m>(marks: impl IntoIterator<Item = &'m Mark>) -> Reading {
    marks.into_iter().fold((0, 0, 0), |(total, failures, slow), mark| {
        (total + 1, failures + u64::from(*mark == Mark::Failed), slow + u64::from(*mark == Mark::Slow))
    })
}

// ---- the search ----

/// An order of `history`, consistent with its intervals, in which every reading is that of a window of `size`.
fn order(history: &[Happened], size: usize, before: &VecDeque<Mark>) -> Option<Vec<usize>> {
    let mut search = Search { history, size, dead: HashSet::new(), order: Vec::new() };
    search.goes_on(0, before.clone()).then_some(search.order)
}

struct Search<'h> {
    history: &'h [Happened],
    size: usize,
    /// What was done and what the window then held, where there is no way on from.
    dead: HashSet<(u32, VecDeque<Mark>)>,
    order: Vec<usize>,
}

impl Search<'_> {
    fn goes_on(&mut self, done: u32, window: VecDeque<Mark>) -> bool {
        if done.count_ones() as usize == self.history.len() {
            return true;
        }
        if self.dead.contains(&(done, window.clone())) {
            return false;
        }
        let open: Vec<usize> = (0..self.history.len()).filter(|i| done >> i & 1 == 0).collect();
        // Whoever is next must have begun before any other that is still to come had ended.
        let first_end = open.iter().map(|i| self.history[*i].ended).min().unwrap_or(u64::MAX);
        for i in open {
            let happened = self.history[i];
            if happened.began > first_end {
                continue;
            }
            let mut after = window.clone();
            match happened.what {
                Operation::Read if happened.saw != sums(&window) => continue,
                Operation::Read => {}
                Operation::Record(mark) => {
                    after.push_back(mark);
                    if after.len() > self.size {
                        after.pop_front();
                    }
                }
            }
            self.order.push(i);
            if self.goes_on(done | 1 << i, after) {
                return true;
            }
            self.order.pop();
        }
        self.dead.insert((done, window));
        false
    }
}

// ---- histories ----

fn record(breaker: &CircuitBreaker, mark: Mark) {
    let permit = breaker.try_acquire().expect("it never opens");
    let settled = match mark {
        Mark::Good => permit.settle(Outcome::Success, Some(Duration::ZERO), None),
        Mark::Slow => permit.settle(Outcome::Success, Some(Duration::from_secs(1)), None),
        Mark::Failed => permit.failure("x"),
    };
    assert_eq!(settled, Settled::Ok);
}

/// The quick way, which a success takes that nothing is known of.
fn record_quickly(breaker: &CircuitBreaker, mark: Mark) {
    match mark {
        Mark::Good => assert_eq!(breaker.try_acquire().expect("it never opens").success(), Settled::Ok),
        other => record(breaker, other),
    }
}

fn read(breaker: &CircuitBreaker) -> Reading {
    let window = breaker.snapshot().window.expect("a window");
    (window.total, window.failures, window.slow)
}

fn build(document: &str) -> CircuitBreaker {
    let builder = Builder::from_json(document).expect("JSON").clock(ManualClock::new());
    builder.build("linear").expect("a valid document")
}

fn random(rng: &mut TestRng, below: u64) -> u64 {
    rng.next_u64() % below
}

/// What each thread is to do. At most `failures` of all records fail, so that the window never consists of them.
fn plan(rng: &mut TestRng, mut failures: u64) -> Vec<Vec<Operation>> {
    let mut operation = |rng: &mut TestRng| match random(rng, 8) {
        0..=2 => Operation::Read,
        3 | 4 if failures > 0 => {
            failures -= 1;
            Operation::Record(Mark::Failed)
        }
        5 => Operation::Record(Mark::Slow),
        _ => Operation::Record(Mark::Good),
    };
    (0..THREADS).map(|_| (0..OPERATIONS).map(|_| operation(rng)).collect()).collect()
}

/// Carries the plans out, all threads at once; what happened, and a last reading at rest.
fn happen(breaker: &CircuitBreaker, plans: &[Vec<Operation>]) -> Vec<Happened> {
    let (clock, waiting) = (AtomicU64::new(1), AtomicUsize::new(THREADS));
    let mut history: Vec<Happened> = thread::scope(|scope| {
        let threads: Vec<_> = plans
            .iter()
            .map(|plan| {
                let (clock, waiting) = (&clock, &waiting);
                scope.spawn(move || {
                    waiting.fetch_sub(1, SeqCst);
                    while waiting.load(SeqCst) > 0 {
                        thread::yield_now();
                    }
                    plan.iter().map(|what| one(breaker, clock, *what)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect()
    });
    history.push(one(breaker, &clock, Operation::Read));
    history
}

fn one(breaker: &CircuitBreaker, clock: &AtomicU64, what: Operation) -> Happened {
    let began = clock.fetch_add(1, SeqCst);
    let saw = match what {
        Operation::Read => read(breaker),
        Operation::Record(mark) => {
            record_quickly(breaker, mark);
            (0, 0, 0)
        }
    };
    Happened { began, ended: clock.fetch_add(1, SeqCst), what, saw }
}

/// Whether two of them ran at the same time.
fn overlaps(history: &[Happened]) -> bool {
    let meets = |a: &Happened, b: &Happened| a.began < b.began && b.began < a.ended;
    history.iter().any(|a| history.iter().any(|b| meets(a, b)))
}

/// Tries histories until enough of them have overlapped.
fn until_enough(mut history: impl FnMut(&mut TestRng) -> bool) {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut overlapped = 0;
    for tries in 1..=TRIES {
        overlapped += usize::from(history(&mut rng));
        if overlapped >= WANTED && tries >= LEAST {
            return;
        }
    }
    panic!("of {TRIES} histories only {overlapped} have overlapped");
}

#[test]
fn there_is_an_order_of_all_records_and_readings_of_a_count_window() {
    until_enough(|rng| {
        let size = 1 + random(rng, 4) as usize;
        let document = format!(
            r#"{{"slow_call_duration": "1s", "window": {{"kind": "count", "size": {size}, "min_calls": {size}, "failure_rate": 1}}}}"#
        );
        let breaker = build(&document);
        // Begin anywhere in a block of the ring, and around its ends.
        let mut before = VecDeque::new();
        for _ in 0..random(rng, 70) {
            let mark = if random(rng, 4) == 0 { Mark::Slow } else { Mark::Good };
            record(&breaker, mark);
            before.push_back(mark);
        }
        before.drain(..before.len().saturating_sub(size));
        let history = happen(&breaker, &plan(rng, size as u64 - 1));
        assert!(
            order(&history, size, &before).is_some(),
            "no order explains this history of a window of {size} that held {before:?}: {history:#?}"
        );
        overlaps(&history)
    });
}

#[test]
fn readings_of_a_time_window_lie_between_what_was_surely_and_what_was_possibly_there() {
    for kind in ["time", "adaptive"] {
        until_enough(|rng| {
            let breaker = build(&format!(
                r#"{{"slow_call_duration": "1s", "window": {{"kind": "{kind}", "period": "60s", "min_calls": 1000}}}}"#
            ));
            let history = happen(&breaker, &plan(rng, 100));
            let records = |until: &dyn Fn(&Happened) -> bool| -> Reading {
                let marks = history.iter().filter(|h| until(h)).filter_map(|h| match h.what {
                    Operation::Record(mark) => Some(mark),
                    Operation::Read => None,
                });
                sums(&marks.collect::<Vec<_>>())
            };
            for reading in history.iter().filter(|h| matches!(h.what, Operation::Read)) {
                let surely = records(&|h| h.ended < reading.began);
                let possibly = records(&|h| h.began < reading.ended);
                let lies = |low: u64, it: u64, high: u64| low <= it && it <= high;
                let saw = reading.saw;
                assert!(
                    lies(surely.0, saw.0, possibly.0)
                        && lies(surely.1, saw.1, possibly.1)
                        && lies(surely.2, saw.2, possibly.2),
                    "{kind}: {saw:?} is not between {surely:?} and {possibly:?}: {history:#?}"
                );
            }
            let (at_rest, all) = (history[history.len() - 1].saw, records(&|_| true));
            assert_eq!(at_rest, all, "{kind}: exact at rest");
            overlaps(&history)
        });
    }
}

// ---- the search itself ----

fn happened(began: u64, ended: u64, what: Operation, saw: Reading) -> Happened {
    Happened { began, ended, what, saw }
}

#[test]
fn the_search_finds_what_is_lost_doubled_or_out_of_order() {
    let (good, failed) = (Operation::Record(Mark::Good), Operation::Record(Mark::Failed));
    let none = (0, 0, 0);
    let found = |history: &[Happened], size| order(history, size, &VecDeque::new()).is_some();
    let both = [happened(1, 4, good, none), happened(2, 3, failed, none)];
    let with = |reading: Happened| [both[0], both[1], reading];
    assert!(found(&with(happened(5, 6, Operation::Read, (2, 1, 0))), 2));
    assert!(!found(&with(happened(5, 6, Operation::Read, (1, 1, 0))), 2), "one was lost");
    assert!(!found(&with(happened(5, 6, Operation::Read, (3, 1, 0))), 4), "one was doubled");
    // While they run a reading may see either, both or none, but not what had not begun.
    for saw in [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)] {
        let reading = happened(0, 9, Operation::Read, saw);
        assert!(found(&with(reading), 2), "{saw:?}");
    }
    // In a window of one the last of two that overlap may be either; of two that do not it is the later.
    assert!(found(&with(happened(5, 6, Operation::Read, (1, 0, 0))), 1));
    assert!(found(&with(happened(5, 6, Operation::Read, (1, 1, 0))), 1));
    let in_turn = [happened(1, 2, failed, none), happened(3, 4, good, none)];
    assert!(found(&[in_turn[0], in_turn[1], happened(5, 6, Operation::Read, (1, 0, 0))], 1));
    assert!(!found(&[in_turn[0], in_turn[1], happened(5, 6, Operation::Read, (1, 1, 0))], 1), "out of order");
    // A reading that ended first cannot have seen what began later, and readings cannot go back.
    assert!(!found(&[happened(1, 2, Operation::Read, (1, 0, 0)), happened(3, 4, good, none)], 2));
    let back = [
        happened(1, 9, good, none),
        happened(2, 3, Operation::Read, (1, 0, 0)),
        happened(4, 5, Operation::Read, (0, 0, 0)),
    ];
    assert!(!found(&back, 2), "what was seen cannot be unseen");
}
