//! Real threads. Every test proves that it hits its race: it counts how often, and fails when that was never.

#![allow(missing_docs)]

use fusewire::{
    Builder, By, CircuitBreaker, Event, Events, ManualClock, Mode, Outcome, Reason, Settled, State,
    Subscription,
};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const DETECTORS: [(&str, &str); 4] = [
    ("consecutive", r#""failure_threshold": 1000000"#),
    ("count", r#""window": {"kind": "count", "size": 65535, "min_calls": 65535, "failure_rate": 1}"#),
    ("time", r#""window": {"kind": "time", "period": "100s", "min_calls": 1000000}"#),
    ("adaptive", r#""window": {"kind": "adaptive", "period": "100s", "min_calls": 1000000}"#),
];

fn build(document: &str, clock: &ManualClock) -> CircuitBreaker {
    let builder = Builder::from_json(document).expect("JSON").clock(clock.clone());
    builder.build("stress").expect("a valid document")
}

/// Fails loudly when `f` hangs; two minutes are beyond what any machine needs.
fn ends<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, wait) = mpsc::channel();
    let worker = thread::spawn(move || {
        let _ = done.send(f());
    });
    match wait.recv_timeout(Duration::from_secs(120)) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the answer was sent"),
        },
    }
}

/// Runs `f` on `n` threads that begin together; their answers.
fn together<R: Send>(n: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(n);
    thread::scope(|scope| {
        let worker = |i| {
            start.wait();
            f(i)
        };
        let threads: Vec<_> = (0..n).map(|i| scope.spawn(move || worker(i))).collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect()
    })
}

/// Counts a thread as finished, also one that panics: others wait for all.
struct Finish<'a>(&'a AtomicUsize);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Counts how often somebody came in while somebody else was inside.
#[derive(Default)]
struct Crowd {
    inside: AtomicU64,
    met: AtomicU64,
    most: AtomicU64,
}

impl Crowd {
    fn pass<R>(&self, f: impl FnOnce() -> R) -> R {
        let others = self.inside.fetch_add(1, SeqCst);
        self.met.fetch_add(u64::from(others > 0), SeqCst);
        self.most.fetch_max(others + 1, SeqCst);
        let answer = f();
        self.inside.fetch_sub(1, SeqCst);
        answer
    }

    fn met(&self) -> u64 {
        self.met.load(SeqCst)
    }
}

/// Runs rounds until one hits the race; how many it took.
fn until_met(crowd: &Crowd, mut round: impl FnMut()) -> u64 {
    for rounds in 1..=200 {
        round();
        if crowd.met() > 0 {
            return rounds;
        }
    }
    panic!("two hundred rounds, and no two threads ever met");
}

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
            use fusewire::Clock;
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
        let oldest = {
            use fusewire::Clock;
            clock.now() / 1_000_000_000 - 9
        };
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

/// Documents whose cells differ in size, and pairs of them whose cells do not.
fn documents() -> Vec<String> {
    let mut all: Vec<String> = DETECTORS.iter().map(|(_, d)| format!("{{{d}}}")).collect();
    all.extend(DETECTORS.iter().map(|(_, d)| format!("{{{d}, \"recovery_timeout\": \"5s\"}}")));
    all.extend(DETECTORS.iter().map(|(_, d)| format!("{{{d}, \"half_open_max_calls\": 60}}")));
    all
}

#[test]
fn reconfiguring_while_threads_call_loses_nothing_and_hangs_nobody() {
    const THREADS: usize = 6;
    const CALLS: u64 = 3_000;
    let documents = documents();
    for same_layout in [true, false] {
        let plans: Vec<&str> = match same_layout {
            true => vec![&documents[1], &documents[5]],
            false => documents.iter().map(String::as_str).collect(),
        };
        let plans: Vec<String> = plans.into_iter().map(str::to_owned).collect();
        let (late, changes, snapshot) = ends(move || {
            let breaker = build(&plans[0], &ManualClock::new());
            let finished = AtomicUsize::new(0);
            let answers = together(THREADS + 1, |i| {
                if i == THREADS {
                    let mut changes = 0;
                    while finished.load(SeqCst) < THREADS || changes < 60 {
                        if changes < 300 {
                            let next = &plans[(changes as usize * 7 + 1) % plans.len()];
                            let builder = Builder::from_json(next).expect("JSON");
                            changes += u64::from(
                                breaker.reconfigure(builder, By::default()).expect("a valid document"),
                            );
                        }
                        thread::yield_now();
                    }
                    return (0, changes);
                }
                let _done = Finish(&finished);
                let mut late = 0;
                for call in 0..CALLS {
                    let permit = breaker.try_acquire().expect("closed");
                    if call % 16 == 0 {
                        thread::yield_now();
                    }
                    let settled = match call % 3 {
                        0 => permit.success(),
                        1 => permit.failure("x"),
                        _ => permit.ignore(),
                    };
                    late += u64::from(settled == Settled::Late);
                }
                (late, 0)
            });
            let (late, changes) = answers.into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            (late, changes, breaker.snapshot())
        });
        let t = &snapshot.totals;
        assert_eq!(snapshot.generation, changes, "same layout: {same_layout}");
        assert_eq!((snapshot.state, snapshot.opened), (State::Closed, 0));
        assert_eq!(t.success + t.failure + t.ignored, THREADS as u64 * CALLS, "same layout: {same_layout}");
        assert_eq!(t.failure, THREADS as u64 * CALLS / 3, "same layout: {same_layout}");
        assert_eq!(t.late, late, "same layout: {same_layout}");
        assert!(late > 0, "same layout: {same_layout}: no call was in flight while the rules changed");
    }
}

#[test]
fn reconfiguring_another_detector_away_and_back_keeps_the_window_exact() {
    // Only lease rooms differ, so the detector is the same and counts are carried to the new cell.
    let document = |calls: u64, kind: &str| {
        format!(
            r#"{{"window": {{"kind": "{kind}", "min_calls": 60000 {}}}, "half_open_max_calls": {calls}}}"#,
            if kind == "count" { r#", "size": 60000"# } else { r#", "period": "1000s""# }
        )
    };
    for kind in ["count", "time", "adaptive"] {
        let breaker = build(&document(3, kind), &ManualClock::new());
        let mut recorded = 0;
        for round in 0..20 {
            let answers = together(4, |_| {
                let settled = (0..25).map(|_| breaker.try_acquire().expect("closed").success());
                settled.filter(|s| *s == Settled::Ok).count() as u64
            });
            recorded += answers.into_iter().sum::<u64>();
            let calls = [3, 8, 64][round % 3];
            let builder = Builder::from_json(&document(calls, kind)).expect("JSON");
            breaker.reconfigure(builder, By::default()).expect("a valid document");
            let snapshot = breaker.snapshot();
            assert_eq!(snapshot.window.expect("a window").total, recorded, "{kind}, round {round}");
            assert_eq!(snapshot.totals.success, recorded, "{kind}, round {round}");
        }
        assert_eq!(recorded, 2_000);
    }
}

// ---- events ----

/// What a listener heard.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<(u64, u64)>>,
    /// Deliveries that were going on at the same time: there is one deliverer.
    crowd: Crowd,
}

impl Heard {
    fn listen(
        self: &Arc<Self>,
        breaker: &CircuitBreaker,
        then: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Subscription {
        let heard = Arc::clone(self);
        breaker.subscribe(move |event| {
            heard.crowd.pass(|| {
                heard.events.lock().expect("no panic here").push((event.generation, event.missed));
                then(event);
            });
        })
    }

    /// Every generation after `after` was heard in its order, or is told as missed.
    fn assert_complete(&self, after: u64, last: u64) {
        let events = self.events.lock().expect("no panic here");
        let mut known = after;
        for (generation, missed) in events.iter() {
            assert_eq!(*generation, known + missed + 1, "after generation {known}, {missed} missed");
            known = *generation;
        }
        assert_eq!(known, last);
        assert_eq!(self.crowd.most.load(SeqCst), 1, "one deliverer at a time");
    }

    fn missed(&self) -> u64 {
        self.events.lock().expect("no panic here").iter().map(|(_, missed)| missed).sum()
    }
}

#[test]
fn events_of_racing_transitions_arrive_complete_and_in_order() {
    let (crowd, by_others) = (Crowd::default(), Arc::new(AtomicU64::new(0)));
    for is_slow in [false, true] {
        let breaker = build("{}", &ManualClock::new());
        let heard = Arc::new(Heard::default());
        let others = Arc::clone(&by_others);
        let _stay = heard.listen(&breaker, move |event| {
            let me = format!("{:?}", thread::current().id());
            others.fetch_add(u64::from(event.actor.as_deref() != Some(&me)), SeqCst);
            if is_slow {
                (0..50).for_each(|_| thread::yield_now());
            }
        });
        let kept: Events = breaker.events(100_000);
        together(8, |i| {
            let me = format!("{:?}", thread::current().id());
            for round in 0..150 {
                let by = By::parts(Some(&me), None);
                crowd.pass(|| match (round + i) % 3 {
                    0 => breaker.reset(by),
                    1 => breaker.half_open(by),
                    _ => breaker.trip(None, by).expect("no duration"),
                });
            }
        });
        // At rest one more: it tells what was missed last.
        breaker.reset(By::default());
        let last = breaker.snapshot().generation;
        assert_eq!(last, 8 * 150 + 1);
        heard.assert_complete(0, last);
        let kept = kept.drain();
        assert_eq!(kept.iter().map(|e| 1 + e.missed).sum::<u64>(), last);
        assert!(kept.is_sorted_by_key(|e| e.generation));
        if is_slow {
            assert!(heard.missed() > 0, "a slow listener under racing transitions misses some");
        }
    }
    assert!(crowd.met() > 0, "no two transitions raced");
    assert!(
        by_others.load(SeqCst) > 0,
        "no event was delivered by another thread than the one that caused it"
    );
}

#[test]
fn a_listener_may_do_anything() {
    ends(|| {
        let breaker = build(r#"{"failure_threshold": 1, "recovery_timeout": "1h"}"#, &ManualClock::new());
        let (heard, depth) = (Arc::new(Heard::default()), Arc::new(AtomicU64::new(0)));
        let within = breaker.clone();
        let subscriptions = Arc::new(Mutex::new(Vec::new()));
        let (many, calls) = (Arc::clone(&subscriptions), Arc::clone(&depth));
        let _stay = heard.listen(&breaker, move |event| {
            let n = calls.fetch_add(1, SeqCst);
            let _ = within.snapshot();
            if n < 300 {
                match n % 7 {
                    0 => within.reset(By::default()),
                    1 => within.trip(None, By::default()).expect("no duration"),
                    2 => drop(within.try_acquire().map(|p| p.failure("x"))),
                    3 => many
                        .lock()
                        .expect("no panic")
                        .push(within.subscribe(|_| panic!("a listener that panics"))),
                    4 => drop(many.lock().expect("no panic").pop()),
                    5 => within.set_mode(
                        if event.generation % 2 == 0 { Mode::Shadow } else { Mode::Auto },
                        By::default(),
                    ),
                    _ => within.half_open(By::default()),
                }
            }
        });
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let crowd = Crowd::default();
        let resets = 400
            * until_met(&crowd, || {
                together(4, |_| (0..100).for_each(|_| crowd.pass(|| breaker.reset(By::default()))));
            });
        std::panic::set_hook(quiet);
        breaker.reset(By::default());
        let last = breaker.snapshot().generation;
        heard.assert_complete(0, last);
        assert!(last > resets + 20, "the listener has caused transitions itself: {last}");
    });
}

#[test]
fn a_listener_that_panics_disturbs_neither_the_call_nor_other_listeners() {
    let breaker = build(r#"{"failure_threshold": 1}"#, &ManualClock::new());
    let _first = breaker.subscribe(|_| panic!("on purpose"));
    let heard = Arc::new(Heard::default());
    let _second = heard.listen(&breaker, |_| {});
    assert_eq!(breaker.try_acquire().expect("closed").failure("x"), Settled::Ok);
    breaker.reset(By::default());
    heard.assert_complete(0, 2);
}

#[test]
fn subscribing_and_leaving_while_transitions_race_hears_an_unbroken_stretch() {
    let breaker = build("{}", &ManualClock::new());
    let finished = AtomicUsize::new(0);
    let stays: Vec<(u64, u64)> = together(6, |i| {
        if i < 3 {
            let _done = Finish(&finished);
            (0..800).for_each(|_| breaker.reset(By::default()));
            return (0, 0);
        }
        let (mut stays, mut heard_in_all) = (0, 0);
        while finished.load(SeqCst) < 3 || stays < 20 {
            let heard = Arc::new(Heard::default());
            let before = breaker.snapshot().generation;
            let stay = heard.listen(&breaker, |_| {});
            let after = breaker.snapshot().generation;
            (0..stays % 5).for_each(|_| thread::yield_now());
            drop(stay);
            let events = heard.events.lock().expect("no panic").clone();
            if let Some((first, missed)) = events.first() {
                assert!(*first > before, "nothing from before the subscription");
                assert!(first - missed <= after + 1, "nothing after it was lost: {first}, {missed}, {after}");
            }
            for pair in events.windows(2) {
                assert_eq!(pair[1].0, pair[0].0 + pair[1].1 + 1, "an unbroken stretch");
            }
            heard_in_all += events.len() as u64;
            stays += 1;
        }
        (stays, heard_in_all)
    });
    assert_eq!(breaker.snapshot().generation, 2_400);
    let heard: u64 = stays.iter().map(|s| s.1).sum();
    assert!(heard > 0, "nobody heard anything while staying");
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

#[test]
fn changing_modes_while_threads_call_counts_every_call_once() {
    // Until a call was in flight while the mode changed, and another one was turned away.
    let raced = (0..200).any(|_| change_modes_while_threads_call());
    assert!(raced, "two hundred rounds, and calls and modes have never raced");
}

/// Whether the two have raced.
fn change_modes_while_threads_call() -> bool {
    let breaker = build(r#"{"failure_threshold": 1000000}"#, &ManualClock::new());
    let finished = AtomicUsize::new(0);
    let answers = together(5, |i| {
        if i == 4 {
            let mut round = 0;
            while finished.load(SeqCst) < 4 || round < 40 {
                breaker.set_mode(Mode::ALL[round % 4], By::default());
                round += 1;
                thread::yield_now();
            }
            breaker.set_mode(Mode::Auto, By::default());
            return (0, 0, 0);
        }
        let _done = Finish(&finished);
        let (mut admitted, mut rejected, mut late) = (0u64, 0u64, 0u64);
        for call in 0..1_000 {
            match breaker.try_acquire() {
                Ok(permit) => {
                    if call % 8 == 0 {
                        thread::yield_now();
                    }
                    admitted += 1;
                    late += u64::from(permit.success() == Settled::Late);
                }
                Err(rejection) => {
                    assert_eq!(rejection.reason(), Reason::ForcedOpen);
                    rejected += 1;
                }
            }
        }
        (admitted, rejected, late)
    });
    let sum = |f: fn(&(u64, u64, u64)) -> u64| answers.iter().map(f).sum::<u64>();
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.success, totals.late), (sum(|a| a.0), sum(|a| a.2)));
    assert_eq!(totals.rejected_by(Reason::ForcedOpen), sum(|a| a.1));
    totals.late > 0 && sum(|a| a.1) > 0
}
