//! Rules and modes that change while threads call.

use crate::threads::{DETECTORS, Finish, build, ends, together};
use fusewire::{Builder, By, ManualClock, Mode, Reason, Settled, State};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

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
