//! Random schedules of a whole breaker: three threads, each with a dozen calls and turns of an operator's hand.
//! `ci/shuttle.sh` runs them. Shuttle knows no weak memory; `tests/loom` has that, in smaller pieces.
#![cfg(shuttle)]

use fusewire::{
    Builder, By, Cause, CircuitBreaker, Event, ManualClock, Mode, OwnedPermit, Ramp, Settled, Snapshot,
    State, Window,
};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::time::Duration;

const THREADS: usize = 3;
const TURNS: usize = 12;
const PROBES: u32 = 3;
const CONCURRENCY: u32 = 2;

/// What one thread knows to have happened.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    success: u64,
    failure: u64,
    ignored: u64,
    late: u64,
    rejected: u64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.success += other.success;
        self.failure += other.failure;
        self.ignored += other.ignored;
        self.late += other.late;
        self.rejected += other.rejected;
    }

    fn settle(&mut self, permit: OwnedPermit) {
        let settled = match thread_rng().gen_range(0..8) {
            0..=3 => {
                self.failure += 1;
                permit.failure("refused")
            }
            4..=6 => {
                self.success += 1;
                permit.success()
            }
            _ => {
                self.ignored += 1;
                permit.ignore()
            }
        };
        self.late += u64::from(settled == Settled::Late);
    }
}

/// Whatever one sees at any instant.
fn check(now: &Snapshot) {
    let h = &now.half_open;
    assert!(h.in_flight <= CONCURRENCY && h.successes + h.failures + h.in_flight <= PROBES, "{h:?}");
    if let Some(window) = &now.window {
        assert!(window.failures <= window.total && window.slow <= window.total, "{window:?}");
    }
}

fn builder(clock: &ManualClock) -> Builder {
    CircuitBreaker::builder()
        .half_open_max_calls(PROBES)
        .half_open_concurrency(CONCURRENCY)
        .success_threshold(2)
        .recovery_timeout(Duration::from_secs(1))
        .sample_durations_every(0)
        .seed(1)
        .clock(clock.clone())
}

/// The kinds of breakers, each of another layout.
fn kind(which: usize, clock: &ManualClock) -> Builder {
    let rates = |window: Window| window.min_calls(3).failure_rate(0.6);
    match which {
        0 => builder(clock).failure_threshold(2),
        1 => builder(clock).window(rates(Window::count(5))),
        2 => builder(clock).window(rates(Window::time(Duration::from_secs(4)).buckets(2))),
        3 => {
            builder(clock).window(rates(Window::adaptive(Duration::from_secs(4)).buckets(2).min_failures(2)))
        }
        _ => builder(clock).failure_threshold(3).ramp(Ramp::new().initial(0.5).step(0.4).window_calls(2)),
    }
}

fn by_hand(breaker: &CircuitBreaker, clock: &ManualClock) {
    let by = By::default;
    match thread_rng().gen_range(0..10) {
        0 => breaker.trip(None, by()).expect("no duration"),
        1 => breaker.reset(by()),
        2 => breaker.half_open(by()),
        3 => breaker.poll(),
        4 => {
            let mode = Mode::ALL[thread_rng().gen_range(0..4usize)];
            breaker.set_mode(mode, by());
        }
        5 => {
            let document = kind(thread_rng().gen_range(0..5), clock);
            breaker.reconfigure(document, by()).expect("a legal document");
        }
        6..=8 => clock.advance(Duration::from_millis(700)),
        _ => check(&breaker.snapshot()),
    }
}

/// Calls, some of them held over the next ones, and now and then an operator's hand.
fn work(breaker: &CircuitBreaker, clock: &ManualClock) -> Tally {
    let mut tally = Tally::default();
    let mut held: Vec<OwnedPermit> = Vec::new();
    let mut generation = 0;
    for _ in 0..TURNS {
        match thread_rng().gen_range(0..6) {
            0 => by_hand(breaker, clock),
            1 => {
                let now = breaker.snapshot();
                check(&now);
                assert!(now.generation >= generation);
                generation = now.generation;
            }
            2 if !held.is_empty() => {
                let permit = held.swap_remove(thread_rng().gen_range(0..held.len()));
                tally.settle(permit);
            }
            turn => match breaker.try_acquire_owned() {
                Ok(permit) if turn == 3 => held.push(permit),
                Ok(permit) => tally.settle(permit),
                Err(_) => tally.rejected += 1,
            },
        }
    }
    held.into_iter().for_each(|permit| tally.settle(permit));
    tally
}

/// One event for each generation, in order, each beginning where the one before ended; what is not there was missed.
fn check_events(events: &[Event], last: u64) {
    let mut expected = 0;
    for (i, event) in events.iter().enumerate() {
        expected += event.missed + 1;
        assert_eq!(event.generation, expected);
        if event.missed == 0 && i > 0 {
            assert_eq!(event.from, events[i - 1].to);
        }
    }
    assert_eq!(expected, last);
}

fn everything_adds_up(which: usize) {
    let clock = ManualClock::new();
    let breaker = kind(which, &clock).build("a").expect("a legal document");
    let events = breaker.events(1_000);
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (breaker, clock) = (breaker.clone(), clock.clone());
            thread::spawn(move || work(&breaker, &clock))
        })
        .collect();
    let mut tally = Tally::default();
    threads.into_iter().for_each(|t| tally.add(&t.join().expect("a thread panicked")));

    let now = breaker.snapshot();
    check(&now);
    let t = &now.totals;
    let counted = Tally {
        success: t.success,
        failure: t.failure,
        ignored: t.ignored,
        late: t.late,
        rejected: t.rejected.iter().sum(),
    };
    assert_eq!(counted, tally);
    assert_eq!(now.half_open.in_flight, 0);
    let events = events.drain();
    check_events(&events, now.generation);
    if events.iter().all(|e| e.missed == 0) {
        let opens = |e: &&Event| e.to == State::Open && !matches!(e.cause, Cause::Mode | Cause::Reconfigured);
        assert_eq!(events.iter().filter(opens).count() as u64, now.opened);
    }
}

/// Without a transition, whatever was settled is in the window once at rest.
fn the_window_is_exact(window: fn() -> Window) {
    let clock = ManualClock::new();
    let breaker = builder(&clock).window(window().min_calls(THREADS as u32 * 8 + 1)).build("a").unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let breaker = breaker.clone();
            thread::spawn(move || {
                let mut tally = Tally::default();
                for _ in 0..8 {
                    tally.settle(breaker.try_acquire_owned().expect("closed"));
                }
                tally
            })
        })
        .collect();
    let mut tally = Tally::default();
    threads.into_iter().for_each(|t| tally.add(&t.join().expect("a thread panicked")));
    let window = breaker.snapshot().window.expect("there is a window");
    assert_eq!((window.total, window.failures), (tally.success + tally.failure, tally.failure));
}

/// `FUSEWIRE_SHUTTLE_ROUNDS` schedules of each kind by chance, and as many with few preemptions.
fn explore(f: impl Fn() + Send + Sync + Copy + 'static) {
    let rounds = std::env::var("FUSEWIRE_SHUTTLE_ROUNDS").map_or(2_000, |n| n.parse().expect("a number"));
    shuttle::check_random(f, rounds);
    shuttle::check_pct(f, rounds, 3);
}

#[test]
fn a_breaker_of_consecutive_failures_adds_up() {
    explore(|| everything_adds_up(0));
}

#[test]
fn a_breaker_with_a_count_window_adds_up() {
    explore(|| everything_adds_up(1));
}

#[test]
fn a_breaker_with_a_time_window_adds_up() {
    explore(|| everything_adds_up(2));
}

#[test]
fn a_breaker_with_an_adaptive_window_adds_up() {
    explore(|| everything_adds_up(3));
}

#[test]
fn a_breaker_with_a_ramp_adds_up() {
    explore(|| everything_adds_up(4));
}

#[test]
fn a_count_window_is_exact_at_rest() {
    explore(|| the_window_is_exact(|| Window::count(30)));
}

#[test]
fn a_time_window_is_exact_at_rest() {
    explore(|| the_window_is_exact(|| Window::time(Duration::from_secs(60))));
}
