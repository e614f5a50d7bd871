//! Many threads at a transition: one makes it, and each call is counted where it belongs.

use crate::threads::{Crowd, DETECTORS, Finish, build, together};
use fusewire::{By, ManualClock, Reason, Settled, State};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn a_hundred_failures_at_once_open_once_and_make_one_event() {
    const THREADS: usize = 100;
    let crowd = Crowd::default();
    let mut lates = 0;
    let sensitive = [
        r#""failure_threshold": 7"#,
        r#""window": {"kind": "count", "size": 100, "min_calls": 7, "failure_rate": 1}"#,
        r#""window": {"kind": "time", "period": "100s", "min_calls": 7, "failure_rate": 1}"#,
        r#""window": {"kind": "adaptive", "period": "100s", "min_calls": 7, "failure_rate": 1}"#,
    ];
    for round in 0..3 {
        for detector in sensitive {
            let breaker = build(&format!("{{{detector}}}"), &ManualClock::new());
            let events = breaker.events(1_000);
            let all_admitted = Barrier::new(THREADS);
            let settled = together(THREADS, |_| {
                let permit = breaker.try_acquire().expect("closed");
                all_admitted.wait();
                crowd.pass(|| permit.failure("refused"))
            });
            let late = settled.iter().filter(|s| **s == Settled::Late).count() as u64;
            let (snapshot, events) = (breaker.snapshot(), events.drain());
            assert_eq!((snapshot.opened, snapshot.generation), (1, 1), "round {round}, {detector}");
            assert_eq!(snapshot.stored_state, State::Open);
            assert_eq!((events.len(), events[0].generation, events[0].to), (1, 1, State::Open), "{detector}");
            assert_eq!((snapshot.totals.failure, snapshot.totals.late), (100, late), "{detector}");
            assert!(late <= 93, "seven had to count: {late} late, {detector}");
            if detector.contains("threshold\": 7") {
                assert_eq!(late, 93, "the count and the state change in one step");
            }
            lates += late;
        }
    }
    assert!(crowd.met() > 0, "no two threads ever settled at the same time");
    assert!(lates > 0, "nobody ever came late");
}

#[test]
fn half_open_admits_as_many_probes_as_decide_and_never_more_at_a_time() {
    const N: u64 = 8;
    const C: u64 = 3;
    let (mut full, mut most) = (0, 0);
    for round in 0..15 {
        let document = format!(
            r#"{{"half_open_max_calls": {N}, "half_open_concurrency": {C}, "success_threshold": 1, "seed": {round}}}"#
        );
        let breaker = build(&document, &ManualClock::new());
        breaker.half_open(By::default());
        let (held, ignored, failed, done) =
            (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicUsize::new(0));
        let seen = together(13, |i| {
            let mut most = 0;
            if i == 12 {
                while done.load(SeqCst) < 12 {
                    most = most.max(u64::from(breaker.snapshot().half_open.in_flight));
                    thread::yield_now();
                }
                return most;
            }
            let _done = Finish(&done);
            while breaker.state() == State::HalfOpen {
                let Ok(permit) = breaker.try_acquire() else {
                    thread::yield_now();
                    continue;
                };
                most = most.max(held.fetch_add(1, SeqCst) + 1);
                thread::yield_now();
                held.fetch_sub(1, SeqCst);
                // An ignored probe gives its place back: another one decides instead.
                if i % 4 == 0 && ignored.fetch_add(1, SeqCst) < 20 {
                    assert_eq!(permit.ignore(), Settled::Ok);
                } else {
                    assert_eq!(permit.failure("still down"), Settled::Ok, "no probe is late: all {N} decide");
                    failed.fetch_add(1, SeqCst);
                }
            }
            most
        });
        let at_once = seen.into_iter().max().unwrap_or_default();
        assert!(at_once <= C, "round {round}: {at_once} probes at a time");
        assert_eq!(failed.load(SeqCst), N, "round {round}: as many probes as decide, and not one more");
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.stored_state, snapshot.generation, snapshot.totals.late), (State::Open, 2, 0));
        full += snapshot.totals.rejected_by(Reason::HalfOpenFull);
        most = most.max(at_once);
    }
    assert!(full > 0, "no probe was ever turned away");
    assert_eq!(most, C, "all places were taken at a time");
}

#[test]
fn one_of_many_calls_that_find_open_over_becomes_the_first_probe() {
    let mut lost = 0;
    for _ in 0..40 {
        let clock = ManualClock::new();
        let breaker = build(r#"{"half_open_max_calls": 1}"#, &clock);
        breaker.trip(None, By::default()).expect("no duration");
        clock.advance(Duration::from_secs(60));
        let permits = together(8, |_| breaker.try_acquire().map_err(|r| r.reason()));
        assert_eq!(permits.iter().filter(|p| p.is_ok()).count(), 1);
        lost += permits.iter().filter(|p| matches!(p, Err(Reason::HalfOpenFull))).count();
        assert_eq!(breaker.snapshot().generation, 2);
        permits.into_iter().flatten().for_each(|p| assert_eq!(p.success(), Settled::Ok));
        assert_eq!(breaker.state(), State::Closed);
    }
    assert_eq!(lost, 40 * 7, "everybody else was told that the probes are given");
}

#[test]
fn what_is_settled_after_a_reset_is_late_and_every_late_answer_is_counted() {
    const THREADS: usize = 6;
    for (name, detector) in DETECTORS {
        let breaker = build(&format!("{{{detector}}}"), &ManualClock::new());
        let finished = AtomicUsize::new(0);
        let answers = together(THREADS + 1, |i| {
            let (mut late, mut ok) = (0u64, 0u64);
            if i == THREADS {
                let mut resets = 0;
                while finished.load(SeqCst) < THREADS || resets < 50 {
                    breaker.reset(By::default());
                    resets += 1;
                    thread::yield_now();
                }
                return (resets, 0, 0);
            }
            let _done = Finish(&finished);
            for call in 0..2_000 {
                let permit = breaker.try_acquire().expect("closed");
                if call % 8 == 0 {
                    thread::yield_now();
                }
                let settled = if call % 2 == 0 { permit.success() } else { permit.failure("x") };
                match settled {
                    Settled::Late => late += 1,
                    _ => ok += 1,
                }
            }
            (0, late, ok)
        });
        let resets: u64 = answers.iter().map(|a| a.0).sum();
        let late: u64 = answers.iter().map(|a| a.1).sum();
        let snapshot = breaker.snapshot();
        assert_eq!(snapshot.generation, resets, "{name}");
        assert_eq!(snapshot.totals.late, late, "{name}");
        assert_eq!(snapshot.totals.success + snapshot.totals.failure, THREADS as u64 * 2_000, "{name}");
        assert!(late > 0, "{name}: nobody was ever late");
    }
}

#[test]
fn leaked_probes_are_ended_by_their_leases_once() {
    let mut saw_both = 0;
    for round in 0..60 {
        let clock = ManualClock::new();
        let breaker =
            build(r#"{"half_open_max_calls": 6, "success_threshold": 1, "half_open_timeout": "5s"}"#, &clock);
        breaker.half_open(By::default());
        for _ in 0..4 {
            std::mem::forget(breaker.try_acquire().expect("a probe"));
        }
        let held = breaker.try_acquire_owned().expect("the fifth");
        clock.advance(Duration::from_secs(5));
        let held = Mutex::new(Some(held));
        let settled = Mutex::new(None);
        together(6, |i| match i {
            0 => {
                let permit = held.lock().expect("no panic").take().expect("once");
                *settled.lock().expect("no panic") = Some(permit.success());
            }
            1 | 2 => breaker.poll(),
            _ => {
                if let Ok(permit) = breaker.try_acquire() {
                    assert_eq!(permit.ignore(), Settled::Ok);
                }
            }
        });
        let snapshot = breaker.snapshot();
        assert_eq!(snapshot.totals.expired, 5, "round {round}: five leases ended, each once");
        assert_eq!(snapshot.half_open.failures, 5, "round {round}");
        assert_eq!((snapshot.half_open.in_flight, snapshot.state), (0, State::HalfOpen), "round {round}");
        assert_eq!(settled.into_inner().expect("no panic"), Some(Settled::Late));
        saw_both += u64::from(snapshot.totals.success == 1);
        let _ = breaker.try_acquire().expect("the last place").success();
        assert_eq!(breaker.state(), State::Closed);
    }
    assert_eq!(saw_both, 60);
}
