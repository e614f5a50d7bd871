//! A call allocates nothing: neither asking, nor settling, nor being turned away, nor the transitions between.
//!
//! What allocates, and once only: a thread's first call on a breaker (its stripe, unless it is the breaker's first
//! thread), the first call of a stripe that is timed (its histogram), a breaker's first failure or transition (its
//! ledger), each new error type (its name). With subscribers an event allocates; without, there is none.

#![allow(missing_docs)]

use fusewire::{
    Builder, By, CircuitBreaker, ManualClock, Mode, Outcome, Policy, Priority, Reason, Request, Settled,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
#[cfg(feature = "tokio")]
use std::future::{Future, ready};
use std::hint::black_box;
#[cfg(feature = "tokio")]
use std::pin::pin;
#[cfg(feature = "tokio")]
use std::task::{Context, Waker};
use std::time::Duration;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// That are allocated and not freed, by the thread.
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // Threads that are being torn down have no counter any more; nobody asks them.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
    take(bytes);
}

fn take(bytes: usize) {
    let _ = BYTES.try_with(|n| n.set(n.get().wrapping_add(bytes)));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.wrapping_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        take(layout.size().wrapping_neg());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often the calling thread allocates while `f` runs.
fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

/// One for each detector, with thresholds out of reach.
const DETECTORS: [(&str, &str); 4] = [
    ("consecutive", r#""failure_threshold": 1000000"#),
    ("count", r#""window": {"kind": "count", "size": 50, "min_calls": 50, "failure_rate": 1}"#),
    ("time", r#""window": {"kind": "time", "period": "1s", "buckets": 4, "failure_rate": 1}"#),
    ("adaptive", r#""window": {"kind": "adaptive", "period": "1s", "buckets": 4, "min_failures": 1000000}"#),
];

/// Lets failures open at once, at the second outcome or so.
const SENSITIVE: [(&str, &str); 4] = [
    ("consecutive", r#""failure_threshold": 2"#),
    ("count", r#""window": {"kind": "count", "size": 5, "min_calls": 2}"#),
    ("time", r#""window": {"kind": "time", "period": "1s", "buckets": 4, "min_calls": 2}"#),
    ("adaptive", r#""window": {"kind": "adaptive", "period": "1s", "min_calls": 2, "min_failures": 1}"#),
];

fn breaker(clock: &ManualClock, detector: &str, rest: &str) -> CircuitBreaker {
    let document = format!("{{{detector}{rest}}}");
    let builder = Builder::from_json(&document).expect("JSON").clock(clock.clone());
    builder.build("a name that is too long to lie in place anywhere").expect("a valid document")
}

/// Lets each outcome be timed once: the first one of its kind allocates its row of the histogram.
fn time_each_outcome(breaker: &CircuitBreaker) {
    for outcome in Outcome::ALL {
        let permit = breaker.try_acquire().expect("admitted");
        permit.settle(outcome, Some(Duration::ZERO), None);
    }
}

/// Every way to settle, on a closed breaker.
fn all_settlings(breaker: &CircuitBreaker, clock: &ManualClock) {
    let permit = || breaker.try_acquire().expect("admitted");
    assert_eq!(permit().success(), Settled::Ok);
    permit().failure("refused");
    permit().record(&Err::<(), ()>(()));
    permit().ignore();
    permit().settle(Outcome::Success, Some(Duration::from_millis(3)), None);
    permit().settle(Outcome::Failure, Some(Duration::from_secs(3)), Some("timeout"));
    drop(permit());
    // One that is dropped too late is a failure where the document says so.
    let lingering = permit();
    clock.advance(Duration::from_millis(200));
    drop(lingering);
    breaker.try_acquire_owned().expect("admitted").success();
    breaker.try_acquire_owned().expect("admitted").failure("refused");
    drop(breaker.try_acquire_owned().expect("admitted"));
    assert_eq!(breaker.call(|| Ok::<_, ()>(1)), Ok(1));
    assert!(breaker.call(|| Err::<(), _>(1)).is_err());
    assert!(breaker.call_classified(|_| Outcome::Ignored, || Ok::<_, ()>(())).is_ok());
}

#[test]
fn a_call_of_a_closed_breaker_allocates_nothing() {
    for (name, detector) in DETECTORS {
        for rest in ["", r#", "slow_call_duration": "100ms""#, r#", "sample_durations_every": 0"#] {
            let clock = ManualClock::new();
            let breaker = breaker(&clock, detector, rest);
            time_each_outcome(&breaker);
            all_settlings(&breaker, &clock);
            let n = allocations(|| {
                for _ in 0..200 {
                    // Past the buckets of a window of time now and then.
                    clock.advance(Duration::from_millis(90));
                    all_settlings(&breaker, &clock);
                }
            });
            assert_eq!(n, 0, "{name}{rest}");
        }
    }
}

#[test]
fn a_late_result_allocates_nothing() {
    for (name, detector) in DETECTORS {
        let clock = ManualClock::new();
        let breaker = breaker(&clock, detector, "");
        time_each_outcome(&breaker);
        all_settlings(&breaker, &clock);
        let n = allocations(|| {
            for _ in 0..50 {
                for outcome in Outcome::ALL {
                    let permit = breaker.try_acquire().expect("admitted");
                    breaker.reset(By::default());
                    assert_eq!(permit.settle(outcome, None, Some("refused")), Settled::Late);
                }
                let dropped = breaker.try_acquire();
                breaker.reset(By::default());
                drop(dropped);
            }
        });
        assert_eq!(n, 0, "{name}");
    }
}

#[test]
fn opening_probing_ramp_and_closing_allocate_nothing() {
    let rest = r#", "recovery_timeout": "1s", "backoff": {"kind": "exponential", "jitter": 0.5},
        "half_open_max_calls": 2, "ramp": {"initial": 0.5, "step": 0.25, "window_calls": 1}"#;
    for (name, detector) in SENSITIVE {
        let clock = ManualClock::new();
        let breaker = breaker(&clock, detector, rest);
        let cycle = || {
            let mut rejected = 0;
            for _ in 0..2 {
                breaker.try_acquire().expect("closed").failure("refused");
            }
            for _ in 0..40 {
                match breaker.try_acquire() {
                    Ok(permit) => {
                        let _ = permit.success();
                    }
                    Err(rejection) => {
                        rejected += 1;
                        clock.advance(rejection.retry_after().unwrap_or_default());
                    }
                }
            }
            assert!(rejected >= 2, "open and ramp have turned calls away");
            // One probe's lease ends.
            breaker.half_open(By::default());
            std::mem::forget(breaker.try_acquire());
            clock.advance(Duration::from_secs(100));
            breaker.poll();
            breaker.reset(By::default());
        };
        cycle();
        let before = breaker.snapshot();
        let n = allocations(|| (0..20).for_each(|_| cycle()));
        let after = breaker.snapshot();
        assert_eq!(n, 0, "{name}");
        assert!(
            after.recoveries.count() >= before.recoveries.count() + 20,
            "{name}: it has recovered over the ramp"
        );
        assert!(after.totals.expired >= before.totals.expired + 20, "{name}: leases have ended");
    }
}

#[test]
fn a_rejection_allocates_nothing() {
    let rest = r#", "half_open_max_calls": 1, "ramp": {"initial": 0.0001, "max_failure_rate": 0}"#;
    type Prepare = fn(&CircuitBreaker);
    let prepare: [(Reason, Prepare); 4] = [
        (Reason::Open, |breaker| breaker.trip(None, By::default()).expect("no duration")),
        (Reason::HalfOpenFull, |breaker| {
            breaker.half_open(By::default());
            std::mem::forget(breaker.try_acquire());
        }),
        (Reason::Ramp, |breaker| {
            breaker.half_open(By::default());
            breaker.try_acquire().expect("a probe").success();
        }),
        (Reason::ForcedOpen, |breaker| breaker.set_mode(Mode::ForcedOpen, By::default())),
    ];
    for (name, detector) in DETECTORS {
        for (reason, prepare) in prepare {
            let clock = ManualClock::new();
            let breaker = breaker(&clock, detector, rest);
            prepare(&breaker);
            let reject = || {
                let rejection = breaker.try_acquire().expect_err("rejected");
                assert_eq!(rejection.reason(), reason);
                black_box(rejection.name());
                black_box(breaker.try_acquire_owned().expect_err("rejected"));
                assert!(breaker.call(|| Ok::<_, ()>(())).is_err());
            };
            reject();
            let n = allocations(|| (0..200).for_each(|_| reject()));
            assert_eq!(n, 0, "{name}, {reason}");
            // What it would have rejected, shadow admits as cheaply.
            breaker.set_mode(Mode::Shadow, By::default());
            if reason == Reason::ForcedOpen {
                continue;
            }
            let admit = || {
                let permit = breaker.try_acquire().expect("shadow admits");
                assert_eq!(permit.would_reject(), Some(reason));
                permit.failure("refused");
                breaker.try_acquire_owned().expect("shadow admits").success();
            };
            // Until a call was timed.
            (0..20).for_each(|_| admit());
            let n = allocations(|| (0..200).for_each(|_| admit()));
            assert_eq!(n, 0, "{name}, shadow of {reason}");
        }
    }
}

#[test]
fn a_forced_closed_breaker_allocates_nothing() {
    let clock = ManualClock::new();
    let breaker = breaker(&clock, DETECTORS[0].1, r#", "mode": "forced_closed""#);
    time_each_outcome(&breaker);
    all_settlings(&breaker, &clock);
    assert_eq!(allocations(|| (0..100).for_each(|_| all_settlings(&breaker, &clock))), 0);
}

/// Every kind of gate, with limits that are met.
const GATES: [(&str, &str); 6] = [
    ("token bucket", r#""rate_limit": {"rate": 10, "burst": 5, "reserve": {"critical": 2}, "adaptive": {}}"#),
    ("leaky bucket", r#""rate_limit": {"algorithm": "leaky_bucket", "rate": 10, "max_wait": "300ms"}"#),
    ("fixed window", r#""rate_limit": {"algorithm": "fixed_window", "limit": 5}"#),
    ("sliding window", r#""rate_limit": {"algorithm": "sliding_window", "limit": 5}"#),
    ("bulkhead", r#""bulkhead": {"max_concurrent": 3, "reserved": {"high": 1}, "max_queue": 5}"#),
    ("limit", r#""concurrency_limit": {"kind": "aimd", "initial": 3, "max": 4, "max_queue": 5}"#),
];

#[test]
fn a_call_through_the_gates_that_does_not_wait_allocates_nothing() {
    for (name, gate) in GATES {
        let clock = ManualClock::new();
        let rest = format!(r#", {gate}, "priority": {{"min": "low"}}"#);
        let breaker = breaker(&clock, DETECTORS[0].1, &rest);
        let calls = || {
            let (mut admitted, mut refused) = (0, 0);
            let mut held = [const { None }; 10];
            for (place, level) in held.iter_mut().zip(Priority::ALL.into_iter().cycle()) {
                *place = breaker.at(level).try_acquire().map_err(|_| refused += 1).ok();
                admitted += u64::from(place.is_some());
            }
            for permit in held.into_iter().flatten() {
                permit.success();
            }
            clock.advance(Duration::from_millis(150));
            (admitted, refused)
        };
        // Until a call was timed.
        (0..20).for_each(|_| _ = calls());
        let n = allocations(|| {
            for _ in 0..100 {
                let (admitted, refused) = calls();
                assert!(admitted > 0 || name != "bulkhead", "{name}");
                assert!(refused > 1, "{name}: at least the two of level bulk");
            }
        });
        assert_eq!(n, 0, "{name}");
        breaker.set_mode(Mode::Shadow, By::default());
        (0..20).for_each(|_| _ = calls());
        assert_eq!(allocations(|| (0..100).for_each(|_| _ = calls())), 0, "{name}, in shadow");
    }
}

/// Everything around the call.
const AROUND: &str =
    r#", "timeout": "1s", "retry": {}, "fallback": ["none"], "cache": {}, "bulkhead": {"max_concurrent": 5}"#;

#[test]
fn a_call_that_could_recover_and_succeeds_at_once_allocates_nothing() {
    for (name, detector) in DETECTORS {
        let clock = ManualClock::new();
        let breaker = breaker(&clock, detector, AROUND);
        let policy = Policy::<u32, ()>::builder(&breaker).fallback_value("none", 0).cached().build();
        let policy = policy.expect("all are registered");
        let call = || {
            clock.advance(Duration::from_millis(90));
            assert!(policy.call(Request::new().method("GET"), || Ok(1)).is_ok());
            #[cfg(feature = "tokio")]
            {
                let call = pin!(policy.call_async(Request::new().method("GET"), || ready(Ok(1))));
                assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
            }
        };
        // Until one was timed, and the budget has room for the thread.
        (0..20).for_each(|_| call());
        assert_eq!(allocations(|| (0..200).for_each(|_| call())), 0, "{name}");
    }
}

/// What a breaker with default rules took before there were gates, without what packages add, with 64-bit words. Now its
/// plan has room for them, and so has the breaker: a word each.
#[cfg(all(target_pointer_width = "64", not(feature = "binding")))]
const BYTES_BEFORE_GATES: usize = 624;

#[test]
#[cfg(all(target_pointer_width = "64", not(feature = "binding")))]
fn a_breaker_without_gates_takes_two_words_more_than_before_there_were_any() {
    drop(Builder::default().build("a").expect("valid"));
    let before = BYTES.get();
    let breaker = Builder::default().build("a").expect("valid");
    let taken = BYTES.get() - before;
    drop(breaker);
    assert!(taken <= BYTES_BEFORE_GATES + 16, "{taken} bytes");
}

#[test]
fn firsts_allocate_once() {
    let clock = ManualClock::new();
    let breaker = breaker(&clock, DETECTORS[0].1, r#", "sample_durations_every": 2"#);
    let settle = |permit: fusewire::Permit<'_>| assert_eq!(permit.success(), Settled::Ok);
    let first_timed = allocations(|| settle(breaker.try_acquire().expect("admitted")));
    let untimed = allocations(|| settle(breaker.try_acquire().expect("admitted")));
    let again_timed = allocations(|| settle(breaker.try_acquire().expect("admitted")));
    assert_eq!((first_timed, untimed, again_timed), (0, 0, 0), "successes have room in the cell");
    let first_ignored = allocations(|| {
        breaker.try_acquire().expect("admitted").settle(Outcome::Ignored, Some(Duration::ZERO), None);
    });
    assert_eq!(first_ignored, 3, "the histogram and a row of it");

    let fail = |error_type: &str| {
        allocations(|| {
            let _ = breaker.try_acquire().expect("admitted").failure(error_type);
        })
    };
    let (ledger_and_name, known, name, known_again) = (fail("a"), fail("a"), fail("b"), fail("b"));
    assert_eq!((ledger_and_name, known, name, known_again), (4, 0, 1, 0), "with a row of the histogram");
    let of_others = std::thread::scope(|scope| {
        let calls = || {
            let first = allocations(|| settle(breaker.try_acquire().expect("admitted")));
            let rest = allocations(|| all_settlings(&breaker, &clock));
            (first, rest)
        };
        [scope.spawn(calls).join(), scope.spawn(calls).join()].map(|joined| joined.expect("no panic"))
    });
    let (first, rest) = of_others[0];
    assert!(first > 0, "a second thread has a stripe of its own");
    assert_eq!(rest, 7, "two new names, and the histogram with its rows for failed and ignored calls");
    // The next thread takes over the number, and with it the stripe, of the one that has ended, unless a thread of
    // another test was faster.
    assert!([0, 5].contains(&of_others[1].1), "{}", of_others[1].1);

    let beyond: u64 = (0..40).map(|i| fail(&format!("kind {i}"))).sum();
    assert_eq!(beyond, 16, "twenty types have names, the rest is counted together");
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| drop(black_box(vec![0u8; 100]))), 1);
}
