//! A sequential model of the breaker, written from the text of the semantics alone.
//!
//! It knows no threads and saves no work: where the breaker is clever, this is plain, so that the two can be
//! driven with the same operations and compared. Time is an argument and never runs backwards.

mod backoff;
mod config;
pub mod gates;
mod machine;
mod window;

use std::collections::BTreeMap;

pub use config::duration;
pub use machine::{Drawn, Model};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    Ignored,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Admitted { permit: u64, would_reject: Option<&'static str> },
    Rejected { reason: &'static str, retry_after: Option<u64> },
}

// The names are those of the vectors.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Ok,
    Late,
    AlreadySettled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub from: &'static str,
    pub to: &'static str,
    pub cause: &'static str,
    pub generation: u64,
    pub at: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The effective state.
    pub state: &'static str,
    pub stored_state: &'static str,
    pub mode: &'static str,
    pub generation: u64,
    pub opened: u64,
    pub openings_in_a_row: u64,
    pub retry_after: Option<u64>,
    pub consecutive_failures: Option<u64>,
    pub window: Option<WindowCounts>,
    pub half_open: HalfOpenCounts,
    pub ramp: Option<RampCounts>,
    pub totals: Totals,
    pub last: Option<Event>,
    pub last_failure: Option<LastFailure>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowCounts {
    pub total: u64,
    pub failures: u64,
    pub slow: u64,
    pub failure_rate: Option<f64>,
    pub slow_call_rate: Option<f64>,
    pub baseline: Option<f64>,
    pub threshold: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfOpenCounts {
    pub in_flight: u64,
    pub successes: u64,
    pub failures: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RampCounts {
    pub share: f64,
    pub step: u64,
    pub settled: u64,
    pub failures: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub success: u64,
    pub failure: u64,
    pub ignored: u64,
    pub slow: u64,
    pub late: u64,
    pub expired: u64,
    pub rejected: BTreeMap<&'static str, u64>,
    pub would_reject: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    pub error_type: Option<String>,
    pub at: u64,
}
