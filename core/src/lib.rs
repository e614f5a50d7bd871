//! A circuit breaker that costs almost nothing while all is well.

mod backoff;
mod body;
mod breaker;
mod cell;
mod clock;
mod config;
mod detect;
mod engine;
mod error;
mod events;
mod hand;
mod histogram;
mod ledger;
mod machine;
mod metrics;
#[cfg(all(test, loom))]
#[path = "../tests/loom/mod.rs"]
mod models;
mod name;
mod outcome;
mod read;
mod recover;
mod registry;
mod report;
mod rng;
mod snapshot;
mod stripe;
mod sync;
mod thread;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
mod trace;
mod word;

pub use breaker::{CircuitBreaker, OwnedPermit, Permit};
pub use cell::LAYOUT_VERSION;
pub use clock::{Clock, ManualClock, Nanos, SystemClock};
pub use config::{Backoff, Builder, Ramp, Window, schema};
pub use error::{CallError, ConfigError, Error, Reason, Rejection};
pub use events::{By, Counts, Event, Events, Subscription};
pub use histogram::{DURATION_BOUNDS, Distribution};
pub use ledger::LastFailure;
pub use machine::Cause;
pub use metrics::{CONTENT_TYPE, json, render};
pub use name::Name;
pub use outcome::{Outcome, Settled};
pub use registry::Registry;
pub use snapshot::{HalfOpenCounts, RampCounts, Snapshot, Transition, WindowCounts};
pub use stripe::Totals;
pub use word::{Mode, State};
