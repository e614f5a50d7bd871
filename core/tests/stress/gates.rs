//! Calls that wait for slots on a breaker that opens all the time: none is over the limit, none is lost, none is counted
//! twice.

use crate::threads::{Crowd, Finish, build, ends, together};
use fusewire::{By, CircuitBreaker, Clock, Entered, ManualClock, Outcome, Priority, Reason, Waiting};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SLOTS: u64 = 2;
const CALLERS: usize = 6;
const CALLS: u64 = 1_500;

/// What became of the calls.
#[derive(Default)]
struct Tally {
    admitted: AtomicU64,
    granted: AtomicU64,
    refused: AtomicU64,
    cancelled: AtomicU64,
    timed_out: AtomicU64,
    flushed: AtomicU64,
    /// Whoever holds a permit that has a slot.
    inside: Crowd,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, SeqCst);
}

fn breaker(clock: &ManualClock) -> CircuitBreaker {
    build(
        r#"{"failure_threshold": 1000000, "recovery_timeout": "1ms", "half_open_max_calls": 2,
            "sample_durations_every": 0, "rate_limit": {"rate": 1000000, "burst": 1000000},
            "bulkhead": {"max_concurrent": 2, "max_queue": 4, "queue_timeout": "1ms"}}"#,
        clock,
    )
}

/// How a wait has ended, looked for until it has; sometimes it is given up.
fn await_end(mut waiting: Waiting, n: u64) -> Option<Result<fusewire::OwnedPermit, Reason>> {
    for round in 0u64.. {
        if n.is_multiple_of(5) && round == n % 7 {
            return None;
        }
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(end) = Pin::new(&mut waiting).poll(&mut context) {
            return Some(end.map_err(|rejection| rejection.reason()));
        }
        waiting.expire();
        thread::yield_now();
    }
    None
}

fn call(breaker: &CircuitBreaker, tally: &Tally, n: u64) {
    let level = Priority::ALL[(n % 5) as usize];
    let permit = match breaker.at(level).enter() {
        Ok(Entered::Admitted(permit)) => permit,
        Ok(Entered::Waiting(waiting)) => match await_end(waiting, n) {
            Some(Ok(permit)) => {
                add(&tally.granted);
                permit
            }
            Some(Err(reason)) => {
                add(&tally.refused);
                match reason {
                    Reason::QueueTimeout => add(&tally.timed_out),
                    Reason::Open => add(&tally.flushed),
                    _ => {}
                }
                return;
            }
            // What was granted before is in the totals as admitted and ignored.
            None => return add(&tally.cancelled),
        },
        Err(_) => {
            add(&tally.refused);
            // Else it asks all there is to ask while the breaker is open.
            return thread::yield_now();
        }
    };
    add(&tally.admitted);
    tally.inside.pass(|| {
        // Long enough that others come.
        (0..n % 5 * 2).for_each(|_| thread::yield_now());
    });
    permit.settle(Outcome::ALL[(n % 3) as usize], None, None);
}

/// Opens, lets time pass and closes, until all callers are done.
fn operate(breaker: &CircuitBreaker, clock: &ManualClock, done: &AtomicUsize) {
    for n in 0u64.. {
        if done.load(SeqCst) == CALLERS {
            return;
        }
        match n % 16 {
            0 => breaker.trip(None, By::default()).expect("no duration"),
            2 => breaker.reset(By::default()),
            _ => clock.advance(Duration::from_micros(200)),
        }
        thread::yield_now();
    }
}

/// How often the scene is played until everything has happened in it: on a machine with no core to spare a thread may make
/// all its calls before the next one gets a turn.
const SCENES: usize = 50;

#[test]
fn calls_that_wait_on_a_breaker_that_opens_all_the_time_are_admitted_or_refused_once() {
    let (mut hit, mut met) = ([0; 4], 0);
    for _ in 0..SCENES {
        let tally = play();
        assert!(tally.inside.most.load(SeqCst) <= SLOTS, "{} were inside", tally.inside.most.load(SeqCst));
        let now = [&tally.granted, &tally.timed_out, &tally.flushed, &tally.cancelled];
        hit.iter_mut().zip(now).for_each(|(sum, count)| *sum += count.load(SeqCst));
        met += tally.inside.met();
        if hit.iter().all(|n| *n > 0) && met > 0 {
            return;
        }
    }
    panic!("granted, timed out, flushed and given up: {hit:?}; {met} met another call in flight");
}

fn play() -> Tally {
    ends(|| {
        let (clock, tally, done) = (ManualClock::new(), Tally::default(), AtomicUsize::new(0));
        let breaker = breaker(&clock);
        together(CALLERS + 1, |i| {
            if i == CALLERS {
                return operate(&breaker, &clock, &done);
            }
            let _done = Finish(&done);
            (0..CALLS).for_each(|n| call(&breaker, &tally, n * 7 + i as u64));
        });
        let now = breaker.snapshot();
        let (slots, gates) = (now.bulkhead.expect("slots"), now.gates.expect("gates"));
        assert_eq!((slots.in_flight(), slots.waiting()), (0, 0), "at rest nobody has a slot, nobody waits");
        let count = |counter: &AtomicU64| counter.load(SeqCst);
        let settled = now.totals.success + now.totals.failure + now.totals.ignored;
        let left = settled - count(&tally.admitted);
        assert!(left <= count(&tally.cancelled), "granted and given up: {left}");
        assert_eq!(gates.admitted.iter().sum::<u64>(), settled);
        let refused = now.totals.rejected.iter().sum::<u64>();
        assert_eq!(gates.refused.as_flattened().iter().sum::<u64>(), refused);
        // A wait that ended otherwise before it was given up is counted as refused by the breaker alone.
        assert!(
            (count(&tally.refused)..=count(&tally.refused) + count(&tally.cancelled) - left)
                .contains(&refused)
        );
        let asked = count(&tally.admitted) + count(&tally.refused) + count(&tally.cancelled);
        assert_eq!(asked, CALLERS as u64 * CALLS);
        tally
    })
}

#[test]
fn a_hundred_thousand_distinct_calls_at_one_instant_are_admitted_up_to_the_limit_and_not_once_more() {
    const THREADS: usize = 4;
    const EACH: u64 = 25_000;
    let limits = [
        (r#"{"rate": 1000, "burst": 5000}"#, 5_000),
        (r#"{"algorithm": "leaky_bucket", "rate": 1000, "max_wait": "7s"}"#, 7_001),
        (r#"{"algorithm": "fixed_window", "limit": 3000, "window": "1s"}"#, 3_000),
        (r#"{"algorithm": "sliding_window", "limit": 2000, "window": "1s"}"#, 2_000),
    ];
    for (limit, most) in limits {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(10));
        let breaker =
            build(&format!(r#"{{"rate_limit": {limit}, "bulkhead": {{"max_concurrent": 8}}}}"#), &clock);
        let admitted: Vec<(u64, u64)> = together(THREADS, |_| {
            let (mut admitted, mut full) = (0, 0);
            for n in 0..EACH {
                match breaker.at(Priority::ALL[n as usize % 5]).try_acquire() {
                    Ok(permit) => {
                        admitted += 1;
                        permit.success();
                    }
                    Err(rejection) => {
                        let is_limit = rejection.reason() == Reason::RateLimited;
                        assert!(!is_limit || rejection.retry_after().is_some(), "{limit}: it says when");
                        full += u64::from(!is_limit);
                    }
                }
            }
            (admitted, full)
        });
        let (sum, full) = admitted.iter().fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
        assert_eq!((sum, full), (most, 0), "{limit}");
        let totals = breaker.snapshot().totals;
        assert_eq!(totals.success, most);
        assert_eq!(totals.rejected_by(Reason::RateLimited), THREADS as u64 * EACH - most);
        assert_eq!(clock.now(), 10_000_000_000, "it stood still");
    }
}
