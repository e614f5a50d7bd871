//! Gates around the breaker (policies): rate limits, slots, a limit that finds itself, and a slot's grant.
//!
//! What a gate costs is what a call through a breaker with it costs more than one through a breaker without it, in the
//! same group.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll};

use fusewire::{By, CircuitBreaker, Entered, Priority};

use crate::cases::{Group, entry, on, share};
use crate::gates::{self, AIMD, BULKHEAD, Gate, RATE_SLIDING, RATE_TOKEN, TURN, document};
use crate::guard::{Batch, Guard, Maker, Scenario};
use crate::peers::{governor, semaphore, tower_gates};
use crate::reference;
use crate::styles::{ByClosure, ByPermit};
use crate::tower_cases::waker;
use crate::work::{GOOD, work};

/// Makes a maker, again for each way to share.
type Make = fn() -> Maker;
/// The keys of a document beside those that every breaker here has.
type Keys = fn() -> String;
/// A way to make calls of a breaker with those keys.
type Style = fn(Keys) -> Maker;

/// A case: its gate, and the peers that have such a one.
struct Case {
    gate: Gate,
    peers: &'static [(&'static str, Make)],
}

const CASES: [Case; 4] = [
    Case {
        gate: RATE_TOKEN,
        peers: &[
            (governor::PACKAGE, governor::token_bucket),
            (tower_gates::RATE_LIMITER, tower_gates::token_bucket),
        ],
    },
    Case {
        gate: RATE_SLIDING,
        peers: &[
            (governor::PACKAGE, governor::token_bucket),
            (tower_gates::RATE_LIMITER, tower_gates::sliding_window),
        ],
    },
    Case {
        gate: BULKHEAD,
        peers: &[(semaphore::PACKAGE, semaphore::slots), (tower_gates::BULKHEAD, tower_gates::bulkhead)],
    },
    Case { gate: AIMD, peers: &[(semaphore::PACKAGE, semaphore::slots)] },
];

/// A breaker without gates, also one that had some.
const NO_GATES: &str = "no_gates";
const GRANT: &str = "queue_grant";
/// The same, asked for a place and polled apart.
const GRANT_APART: &str = "queue_grant_apart";
/// A call of the same kind that need not wait.
const NO_WAIT: &str = "queue_no_wait";

/// Whether a case is one of these, which have a table of their own.
pub fn has(case: &str) -> bool {
    case == NO_GATES || is_whole(case) || gates::ALL.iter().any(|gate| gate.name == case)
}

/// Whether a figure of a case is a whole cost, because no bare call belongs to it.
pub fn is_whole(case: &str) -> bool {
    [GRANT, GRANT_APART, NO_WAIT].contains(&case)
}

/// Every group on so many threads.
pub fn groups(threads: usize) -> Vec<Group> {
    let mut groups = vec![no_gates(threads)];
    groups.extend(CASES.iter().map(|case| gate(case, threads)));
    if threads == 1 {
        groups.push(grant());
    }
    groups
}

fn breaker(keys: &str) -> CircuitBreaker {
    CircuitBreaker::from_json("bench", black_box(&document(keys))).expect("the document is valid")
}

fn by_closure(keys: Keys) -> Maker {
    by_turns(keys, ByClosure)
}

fn by_permit(keys: Keys) -> Maker {
    by_turns(keys, ByPermit)
}

fn by_turns<G: Guard>(keys: Keys, style: fn(CircuitBreaker) -> G) -> Maker {
    gates::by_turns(Scenario::Success.maker(move || style(breaker(&keys()))))
}

fn gate(case: &'static Case, threads: usize) -> Group {
    let mut entries = vec![entry("bare", case.gate.name, "", reference::bare(Scenario::Success))];
    let ours: [(&str, Keys, Style); 3] = [
        ("without", String::new, by_closure),
        ("fusewire", case.gate.keys, by_closure),
        ("try_acquire", case.gate.keys, by_permit),
    ];
    for (column, keys, style) in ours {
        share(&mut entries, threads, || {
            let mut entry = entry("fusewire", case.gate.name, column, style(keys));
            entry.place.column = column;
            Some(entry)
        });
    }
    for (peer, make) in case.peers {
        share(&mut entries, threads, || Some(entry(peer, case.gate.name, "", make())));
    }
    short(on(threads, entries))
}

/// Breakers of one process in which others have gates: one that never had any, and one whose gates were taken away.
fn no_gates(threads: usize) -> Group {
    let mut entries = vec![entry("bare", NO_GATES, "", reference::bare(Scenario::Success))];
    let ours: [(&str, Make); 3] = [
        ("without", || by_closure(String::new)),
        ("fusewire", || Scenario::Success.maker(|| ByClosure(without_its_gates()))),
        ("try_acquire", || Scenario::Success.maker(|| ByPermit(without_its_gates()))),
    ];
    for (column, make) in ours {
        share(&mut entries, threads, || {
            let mut entry = entry("fusewire", NO_GATES, "", make());
            entry.place.column = column;
            Some(entry)
        });
    }
    short(on(threads, entries))
}

fn without_its_gates() -> CircuitBreaker {
    let breaker = breaker(&(BULKHEAD.keys)());
    let _ = black_box(breaker.call(|| work(GOOD)));
    let plain = fusewire::Builder::from_json(&document("")).expect("the document is valid");
    assert!(
        breaker.reconfigure(plain, By::default()).expect("the document is valid"),
        "it is another document"
    );
    breaker
}

/// One slot, handed on from who has it to who waits for it.
///
/// A round is a whole call: it asks and is told to wait, the slot is given back, and it is asked again. Of fusewire that
/// is a call through the breaker, too: the machine is asked and a success settled, and its deadline reckoned and its wait
/// measured with a reading of the clock each. What a wait adds is the difference to a call that need not wait.
fn grant() -> Group {
    let entries = vec![
        entry(semaphore::PACKAGE, NO_WAIT, "acquire_owned, and given back", semaphore::no_wait()),
        entry("fusewire", NO_WAIT, "poll_acquire, and a success", slot_taken()),
        entry(semaphore::PACKAGE, GRANT, "acquire_owned", semaphore::grant()),
        entry("fusewire", GRANT, "poll_acquire, a success, poll_acquire", slot_handed_on()),
        entry("fusewire", GRANT_APART, "enter, poll, a success, poll", slot_handed_on_apart()),
    ];
    short(on(1, entries))
}

fn one_slot() -> CircuitBreaker {
    breaker(r#","bulkhead":{"max_concurrent":1,"max_queue":10}"#)
}

fn slot_taken() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            let (breaker, (_spinner, waker)) = (one_slot(), waker());
            let mut context = Context::from_waker(&waker);
            for _ in 0..calls {
                match black_box(&breaker).at(Priority::Normal).poll_acquire(&mut context, &mut None) {
                    Poll::Ready(permit) => _ = permit.expect("the breaker is closed").success(),
                    Poll::Pending => panic!("a slot is free"),
                }
            }
        })
    })
}

fn slot_handed_on() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            let (breaker, (_spinner, waker)) = (one_slot(), waker());
            let mut context = Context::from_waker(&waker);
            let mut held = breaker.try_acquire_owned().expect("it is free");
            for _ in 0..calls {
                let (asking, mut place) = (black_box(&breaker).at(Priority::Normal), None);
                assert!(asking.poll_acquire(&mut context, &mut place).is_pending(), "there is one slot");
                held.success();
                held = match asking.poll_acquire(&mut context, &mut place) {
                    Poll::Ready(permit) => permit.expect("the breaker is closed"),
                    Poll::Pending => panic!("a slot came free and was not granted"),
                };
            }
        })
    })
}

fn slot_handed_on_apart() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            let breaker = one_slot();
            let (_spinner, waker) = waker();
            let mut context = Context::from_waker(&waker);
            let mut held = breaker.try_acquire_owned().expect("it is free");
            for _ in 0..calls {
                let entered = black_box(&breaker).at(Priority::Normal).enter().expect("there is room");
                let Entered::Waiting(waiting) = entered else { panic!("there is one slot") };
                let mut waiting = pin!(waiting);
                assert!(waiting.as_mut().poll(&mut context).is_pending(), "there is one slot");
                held.success();
                held = match waiting.poll(&mut context) {
                    Poll::Ready(permit) => permit.expect("the breaker is closed"),
                    Poll::Pending => panic!("a slot came free and was not granted"),
                };
            }
        })
    })
}

fn short(mut group: Group) -> Group {
    group.turn = Some(TURN);
    group
}
