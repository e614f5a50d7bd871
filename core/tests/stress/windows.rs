//! Windows at rest hold exactly what was recorded.

use crate::threads::{Crowd, Finish, build, together, until_met};
use fusewire::{By, Clock, ManualClock};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

#[test]
fn a_full_count_window_holds_exactly_its_size() {
    for size in [1u64, 7, 16, 17, 100, 1_000] {
        let document = format!(
            r#"{{"window": {{"kind": "count", "size": {size}, "min_calls": {size}, "failure_rate": 1}}}}"#
        );
        let breaker = build(&document, &ManualClock::new());
        let crowd = Crowd::default();
        until_met(&crowd, || {
            together(8, |_| {
                for _ in 0..600u64 {
                    crowd.pass(|| breaker.try_acquire().expect("closed").success());
                }
            });
            let window = breaker.snapshot().window.expect("a window");
            assert_eq!((window.total, window.failures), (size, 0), "neither lost nor doubled");
        });
        // Failures and successes side by side, all of them visible.
        breaker.reset(By::default());
        together(8, |_| (0..size).for_each(|_| drop(breaker.try_acquire().map(|p| p.success()))));
        let window = breaker.snapshot().window.expect("a window");
        assert_eq!((window.total, window.failures), (size, 0), "size {size}");
        for failures in 1..size.min(20) {
            let _ = breaker.try_acquire().expect("closed").failure("x");
            let window = breaker.snapshot().window.expect("a window");
            assert_eq!((window.total, window.failures), (size, failures), "the window is in order");
        }
    }
}

#[test]
fn a_time_window_is_exact_at_rest_while_the_clock_moves() {
    const THREADS: usize = 8;
    const CALLS: u64 = 400;
    for kind in ["time", "adaptive"] {
        let clock = ManualClock::new();
        let document = format!(
            r#"{{"window": {{"kind": "{kind}", "period": "10s", "buckets": 10, "min_calls": 1000000}}}}"#
        );
        let breaker = build(&document, &clock);
        // Within one window nothing may be lost, whichever bucket it went to.
        together(THREADS + 1, |i| {
            if i == THREADS {
                for _ in 0..80 {
                    clock.advance(Duration::from_millis(100));
                    thread::yield_now();
                }
                return;
            }
            for call in 0..CALLS {
                let permit = breaker.try_acquire().expect("closed");
                let _ = if call % 4 == 0 { permit.failure("x") } else { permit.success() };
            }
        });
        let window = breaker.snapshot().window.expect("a window");
        let n = THREADS as u64 * CALLS;
        assert_eq!((window.total, window.failures), (n, n / 4), "{kind}");

        // Over many windows: what was surely credited to a bucket of the last one is there, and nothing else is.
        let (calls_made, moving, gone) = (AtomicU64::new(0), AtomicBool::new(true), AtomicUsize::new(0));
        let log: Vec<Vec<(u64, u64)>> = together(THREADS + 1, |i| {
            let mut log = Vec::new();
            if i == THREADS {
                for _ in 0..400 {
                    let made = calls_made.load(SeqCst);
                    clock.advance(Duration::from_millis(250));
                    while calls_made.load(SeqCst) < made + 4 && gone.load(SeqCst) == 0 {
                        thread::yield_now();
                    }
                }
                moving.store(false, SeqCst);
            } else {
                let _gone = Finish(&gone);
                while moving.load(SeqCst) {
                    let permit = breaker.try_acquire().expect("closed");
                    let before = clock.now() / 1_000_000_000;
                    let _ = permit.success();
                    let after = clock.now() / 1_000_000_000;
                    calls_made.fetch_add(1, SeqCst);
                    log.push((before, after));
                    if log.len() % 16 == 0 {
                        thread::yield_now();
                    }
                }
            }
            log
        });
        let oldest = clock.now() / 1_000_000_000 - 9;
        let calls = || log.iter().flatten();
        let surely = calls().filter(|(before, _)| *before >= oldest).count() as u64;
        let possibly = calls().filter(|(_, after)| *after >= oldest).count() as u64;
        let snapshot = breaker.snapshot();
        let total = snapshot.window.expect("a window").total;
        assert!((surely..=possibly).contains(&total), "{kind}: {surely} <= {total} <= {possibly}");
        assert_eq!(snapshot.totals.success, n - n / 4 + calls().count() as u64, "{kind}");
        assert_eq!(snapshot.totals.late, 0, "{kind}");
        assert!(surely >= 100, "{kind}: calls were made in the last window");
        assert!(calls().count() as u64 > possibly, "{kind}: buckets were given away while calls ran");
    }
}
