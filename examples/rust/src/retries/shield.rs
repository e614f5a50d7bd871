//! The retries and the breaker around the calls: all that this scene needs of fusewire.

use super::{ATTEMPTS, BACKOFF, MIN_PER_SECOND, RATIO, TIMEOUT, WINDOW};
use crate::client::{Client, Failure};
use crate::load::Ending as Fate;
use fusewire::{
    CircuitBreaker, Ending, Outcome, Request, Retry, RetryBackoff, RetryBudget, Snapshot, Step, Window,
};
use std::time::Duration;

/// What the three runs differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Retries as they come.
    Naive,
    /// No more retries than the budget allows.
    Budget,
    /// The same, through a breaker that opens.
    Breaker,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Naive => "naive",
            Kind::Budget => "budget",
            Kind::Breaker => "breaker",
        }
    }
}

#[derive(Clone)]
pub struct Shield(CircuitBreaker);

impl Shield {
    pub fn new(kind: Kind) -> Result<Self, String> {
        let retry = Retry::new().max_attempts(ATTEMPTS).backoff(RetryBackoff::exponential().base(BACKOFF));
        let retry = match kind {
            Kind::Naive => retry.without_budget(),
            Kind::Budget | Kind::Breaker => {
                retry.budget(RetryBudget::new().ratio(RATIO).min_per_second(MIN_PER_SECOND).window(WINDOW))
            }
        };
        let builder = CircuitBreaker::builder().timeout(TIMEOUT).retry(retry);
        let builder = match kind {
            // More failures in a row than a run has attempts: it never opens.
            Kind::Naive | Kind::Budget => builder.failure_threshold(1_000_000),
            // While it is open the upstream works off its line.
            Kind::Breaker => builder
                .window(Window::count(40).failure_rate(0.5))
                .recovery_timeout(Duration::from_millis(500)),
        };
        builder.build(kind.name()).map(Shield).map_err(|e| e.to_string())
    }

    /// One call with its retries; how it ended for its user, and how many attempts were made.
    pub async fn call(&self, client: &Client, tag: &str) -> Result<(Fate, u32), String> {
        let mut attempts = self.0.attempts(Request::new()).map_err(|e| e.to_string())?;
        let mut made = 0;
        loop {
            match attempts.next() {
                Step::Call { timeout, .. } => {
                    made += 1;
                    let answer = client.work_within(timeout.unwrap_or(TIMEOUT), tag).await;
                    attempts.settle(ending(&answer));
                }
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Done(done) => {
                    let fate = match (done.outcome, made) {
                        (Some(Outcome::Success), _) => Fate::Answered,
                        (_, 0) => Fate::Rejected,
                        _ => Fate::Failed,
                    };
                    return Ok((fate, made));
                }
                step => return Err(format!("a step that this call has not asked for: {step:?}")),
            }
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }
}

/// What the breaker is told of an answer: from it comes whether the call is tried once more.
fn ending(answer: &Result<(), Failure>) -> Ending<'static> {
    match answer {
        Ok(()) => Ending::success(),
        Err(Failure::Timeout) => Ending::failure("timeout"),
        Err(Failure::Status(status)) => Ending::failure("status").status(*status),
        Err(Failure::Connection(_)) => Ending::failure("connection_error"),
    }
}
