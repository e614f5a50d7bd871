//! Calls that recover: by hand, dropped at every point, and against the stepper that decides.

#![allow(missing_docs)]

mod awaited;
mod blocking;
mod cache;
mod cycles;
mod deadlines;
mod dropped;
mod gone;
mod hedges;
mod same;

use fusewire::{Builder, CircuitBreaker, Clock, Ending, Policy, Reason};
use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// A function's error: its error type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

pub const NETWORK: Broken = Broken("network_error");
pub const WRONG: Broken = Broken("invalid_request");
pub const IGNORED: Broken = Broken("ignored");

/// `IGNORED` is ignored; everything else is a failure of its error type.
pub fn describe(error: &Broken) -> Ending<'_> {
    if *error == IGNORED { Ending::ignored() } else { Ending::failure(error.0) }
}

/// The breaker's time is tokio's, which is paused: it goes on when everybody waits.
pub struct TokioClock(Instant);

impl TokioClock {
    pub fn begin() -> Self {
        TokioClock(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Runs a task whose time is paused.
pub fn paused<F: Future>(f: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(f)
}

pub fn builder(document: &str) -> Builder {
    Builder::from_json(document).expect("JSON")
}

/// A breaker of that document whose time is tokio's.
pub fn breaker(document: &str) -> CircuitBreaker {
    builder(document).clock(TokioClock::begin()).build("search").expect("a valid document")
}

pub fn policy(document: &str) -> Policy<u32, Broken> {
    Policy::builder(&breaker(document)).describe(describe).build().expect("nothing is registered")
}

/// Durations that settle for nobody: no jitter, and times that are told apart.
pub const RETRY: &str = r#"{"retry": {"backoff": {"jitter": 0}}}"#;

/// What a function does each time it is called; the last of it again and again.
pub struct Script<T>(RefCell<Vec<T>>);

impl<T: Clone> Script<T> {
    pub fn new(steps: impl IntoIterator<Item = T>) -> Self {
        let mut steps: Vec<T> = steps.into_iter().collect();
        steps.reverse();
        Script(RefCell::new(steps))
    }

    pub fn next(&self) -> T {
        let mut steps = self.0.borrow_mut();
        if steps.len() > 1 { steps.pop().expect("more than one") } else { steps[0].clone() }
    }
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Successes, failures, ignored outcomes and rejections so far.
pub fn totals(breaker: &CircuitBreaker) -> (u64, u64, u64, u64) {
    let t = breaker.snapshot().totals;
    (t.success, t.failure, t.ignored, t.rejected.iter().sum())
}

pub fn rejected_by(breaker: &CircuitBreaker, reason: Reason) -> u64 {
    breaker.snapshot().totals.rejected[reason as usize]
}
