//! Totals of more threads than there are stripes, and of threads that come and go.

use crate::threads::{Crowd, DETECTORS, build, together, until_met};
use fusewire::{By, CircuitBreaker, ManualClock, Outcome, Reason, Settled};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

#[test]
fn totals_are_exact_with_more_threads_than_stripes() {
    const THREADS: usize = 100;
    const CALLS: u64 = 60;
    for (name, detector) in DETECTORS {
        let clock = ManualClock::new();
        let breaker = build(&format!("{{{detector}, \"slow_call_duration\": \"1s\"}}"), &clock);
        let crowd = Crowd::default();
        let rounds = until_met(&crowd, || {
            let all_known = Barrier::new(THREADS);
            together(THREADS, |_| {
                // Everybody has a number before anybody goes on, so nobody takes over another's stripe.
                breaker.try_acquire().expect("closed").ignore();
                all_known.wait();
                for i in 0..CALLS {
                    let permit = breaker.try_acquire().expect("closed");
                    crowd.pass(|| match i % 6 {
                        0 => permit.success(),
                        1 => permit.settle(Outcome::Success, Some(Duration::from_secs(1)), None),
                        2 => permit.failure(["refused", "reset", "unreachable"][i as usize % 3]),
                        3 => permit.ignore(),
                        4 => {
                            drop(permit);
                            Settled::Ok
                        }
                        _ => permit.success(),
                    });
                }
            });
        });
        let (n, snapshot) = (rounds * THREADS as u64 * CALLS / 6, breaker.snapshot());
        let firsts = rounds * THREADS as u64;
        let t = &snapshot.totals;
        assert_eq!((t.success, t.failure, t.ignored), (3 * n, n, 2 * n + firsts), "{name}");
        assert_eq!((t.slow, t.late), (n, 0), "{name}");
        let durations: u64 = snapshot.durations.iter().map(fusewire::Distribution::count).sum();
        assert_eq!(durations, 6 * n + firsts, "{name}: every call was timed");
        assert_eq!(snapshot.failures_by_type.iter().map(|(_, n)| n).sum::<u64>(), n, "{name}");
        if let Some(window) = snapshot.window {
            assert_eq!((window.total, window.failures, window.slow), (4 * n, n, n), "{name}");
        }
        breaker.trip(None, By::default()).expect("no duration");
        together(THREADS, |_| (0..CALLS).for_each(|_| drop(breaker.try_acquire().expect_err("open"))));
        assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Open), THREADS as u64 * CALLS, "{name}");
    }
}

#[test]
fn threads_that_share_stripes_by_turns_lose_nothing() {
    const PARKED: usize = 64;
    const SHARING: usize = 6;
    const CALLS: u64 = 5_000;
    for (name, detector) in DETECTORS {
        // Untimed: the shortest way there is.
        let document = format!("{{{detector}, \"sample_durations_every\": 0}}");
        let breaker = build(&document, &ManualClock::new());
        let (crowd, known, over) = (Crowd::default(), Barrier::new(PARKED + 1), Barrier::new(PARKED + 1));
        let calls = thread::scope(|scope| {
            for _ in 0..PARKED {
                scope.spawn(|| {
                    assert_eq!(breaker.try_acquire().expect("closed").success(), Settled::Ok);
                    known.wait();
                    over.wait();
                });
            }
            // Every stripe that has an owner has one now, until all is over.
            known.wait();
            let rounds = until_met(&crowd, || {
                together(SHARING, |_| {
                    for call in 0..CALLS {
                        let permit = breaker.try_acquire().expect("closed");
                        let settled =
                            if call % 8 == 0 { crowd.pass(|| permit.success()) } else { permit.success() };
                        assert_eq!(settled, Settled::Ok);
                    }
                });
            });
            over.wait();
            rounds * SHARING as u64 * CALLS
        });
        let snapshot = breaker.snapshot();
        let expected = calls + PARKED as u64;
        assert_eq!(snapshot.totals.success, expected, "{name}");
        if let Some(window) = snapshot.window {
            let size = if name == "count" { 65_535 } else { u64::MAX };
            assert_eq!(window.total, expected.min(size), "{name}");
        }
    }
}

#[test]
fn many_short_threads_lose_nothing() {
    let breaker =
        build(r#"{"window": {"kind": "time", "period": "100s", "min_calls": 1000000}}"#, &ManualClock::new());
    let crowd = Crowd::default();
    let rounds = until_met(&crowd, || {
        together(20, |_| {
            for _ in 0..5 {
                crowd.pass(|| breaker.try_acquire().expect("closed").success());
            }
            // On its way out a thread has no stripe any more; what it does then is counted all the same.
            thread_local!(static LAST: std::cell::RefCell<Option<OnExit>> = const { std::cell::RefCell::new(None) });
            LAST.set(Some(OnExit(breaker.clone())));
        });
    });
    let more = 30;
    (0..more).for_each(|_| drop(together(20, |_| breaker.try_acquire().expect("closed").success())));
    let (expected, snapshot) = ((rounds * 6 + more) * 20, breaker.snapshot());
    assert_eq!(snapshot.totals.success, expected);
    assert_eq!(snapshot.window.expect("a window").total, expected);
}

struct OnExit(CircuitBreaker);

impl Drop for OnExit {
    fn drop(&mut self) {
        let _ = self.0.try_acquire().expect("closed").success();
    }
}
