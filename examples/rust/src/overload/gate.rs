//! Admission around the calls: all that this scene needs of fusewire.

use super::{CAPACITY, WORKERS};
use crate::client::{Client, Failure};
use fusewire::{Bulkhead, By, CallError, CircuitBreaker, Priority, PriorityPolicy, RateLimit, Snapshot};
use std::time::Duration;

/// Whether the calls of a run go through a breaker.
pub enum Admission {
    None,
    Gate(Gate),
}

#[derive(Clone)]
pub struct Gate(CircuitBreaker);

impl Gate {
    /// No more calls at once than the upstream has workers, two of them kept for critical calls, and slightly fewer a
    /// second than it can answer. Tokens run short for bulk first and for critical calls last. Who finds no slot waits in
    /// line by priority.
    pub fn new() -> Result<Self, String> {
        let rate = RateLimit::token_bucket(CAPACITY * 0.9)
            .burst(40)
            .reserve(Priority::Critical, 10)
            .reserve(Priority::High, 10)
            .reserve(Priority::Normal, 10)
            .reserve(Priority::Low, 5);
        let slots = Bulkhead::new(WORKERS)
            .reserve(Priority::Critical, 2)
            .max_queue(20)
            .queue_timeout(Duration::from_millis(200));
        let breaker = CircuitBreaker::builder()
            .rate_limit(rate)
            .priority(PriorityPolicy::new())
            .bulkhead(slots)
            .build("crowded")
            .map_err(|e| e.to_string())?;
        Ok(Gate(breaker))
    }

    pub async fn call(&self, level: Priority, client: &Client) -> Result<(), CallError<Failure>> {
        self.0.at(level).call_async(client.work(level.name())).await
    }

    /// What an operator does about an overload that lasts.
    pub fn shed_bulk(&self) -> Result<(), String> {
        let by = By::new("operator", "overload");
        self.0.set_min_priority(Priority::Low, by).map(drop).map_err(|e| e.to_string())
    }

    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }
}
