//! A circuit breaker that costs almost nothing while all is well.
//!
//! A breaker guards one dependency. It watches how calls end, turns them away while the dependency is down, and finds
//! out with a few probes whether it is back. No lock is taken on the path of a call, and nothing sleeps or runs in the
//! background.
//!
//! # Quick start
//!
//! ```
//! use fusewire::{CallError, CircuitBreaker};
//! use std::time::Duration;
//!
//! let breaker = CircuitBreaker::builder()
//!     .failure_threshold(3)
//!     .recovery_timeout(Duration::from_secs(10))
//!     .build("payments")?;
//!
//! match breaker.call(|| "42".parse::<u32>()) {
//!     Ok(amount) => assert_eq!(amount, 42),
//!     Err(CallError::Inner(error)) => println!("the call failed: {error}"),
//!     Err(CallError::Rejected(rejection)) => println!("it was not made: {rejection}"),
//! }
//! # Ok::<(), fusewire::Error>(())
//! ```
//!
//! `Ok` is a success, `Err` a failure, a panic a failure that goes on. Where that is not so, classify
//! ([`CircuitBreaker::call_classified`]), or take a [`Permit`] and settle it:
//!
//! ```
//! # let breaker = fusewire::CircuitBreaker::builder().build("payments")?;
//! match breaker.try_acquire() {
//!     Ok(permit) => {
//!         // … the call …
//!         permit.failure("connection refused");
//!     }
//!     Err(rejection) => println!("{rejection}, {:?}", rejection.retry_after()),
//! }
//! # Ok::<(), fusewire::Error>(())
//! ```
//!
//! # Concepts
//!
//! - **State**: [closed](State::Closed) lets calls pass, [open](State::Open) rejects them until a deadline,
//!   [half-open](State::HalfOpen) admits a few probes and, with a [`Ramp`], then a growing share of the calls.
//! - **Detector**: what opens a closed breaker. Consecutive failures by default, or rates over a [`Window`] of calls or
//!   of time.
//! - **Generation**: goes up by one at every transition. A result that belongs to an earlier one is late: it counts in
//!   the totals and moves nothing.
//! - **Backoff**: how repeated openings last longer; see [`Backoff`].
//! - **Mode**: [`Mode::Shadow`] decides and rejects nothing, the forced modes let an operator decide.
//! - **Document**: the whole configuration as JSON, the same in every language; see [`Builder::from_json`] and
//!   [`schema`].
//! - **Gates**: who may call at all, by priority, rate and slots; see [`Request`], [`RateLimit`], [`Bulkhead`].
//! - **Policy**: calls that recover: timeout, retry with a budget, fallback, cache, hedge; see [`Policy`], and [`Attempts`]
//!   to go step by step.
//! - **Features**: parts of the service, each of which recovers and is turned off by itself; see [`Feature`].
//! - **Registry**: names and their breakers, and their metrics as OpenMetrics text; see [`Registry`].
//! - **Clock**: injected. [`ManualClock`] moves only when told:
//!
//! ```
//! use fusewire::{CircuitBreaker, ManualClock, State};
//! use std::time::Duration;
//!
//! let clock = ManualClock::new();
//! let breaker = CircuitBreaker::builder().failure_threshold(1).clock(clock.clone()).build("payments")?;
//! let _ = breaker.call(|| Err::<(), _>("down"));
//! assert_eq!(breaker.state(), State::Open);
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(breaker.state(), State::HalfOpen);
//! # Ok::<(), fusewire::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` | `CircuitBreaker::call_async` and `call_async_classified`, for which any executor will do; `Policy::call_async` |
//! | `tower` | the module `tower`: layers and their services; turns on `tokio` |
//! | `tracing` | an event for each transition; on a span that has them, the fields `circuit_breaker.state`, `.generation`, `.reason` |
//!
//! None is on by default.
//!
//! # More
//!
//! [Semantics](https://github.com/fusewire/fusewire/blob/main/docs/semantics.md),
//! [configuration](https://github.com/fusewire/fusewire/blob/main/docs/configuration.md),
//! [choosing thresholds](https://github.com/fusewire/fusewire/blob/main/docs/choosing-thresholds.md),
//! [admission](https://github.com/fusewire/fusewire/blob/main/docs/admission.md): rate limits, priorities, slots, queue,
//! [recovery](https://github.com/fusewire/fusewire/blob/main/docs/recovery.md): timeout, retry, fallback, cache, hedge,
//! [composition](https://github.com/fusewire/fusewire/blob/main/docs/composition.md) with layers of others,
//! [limits](https://github.com/fusewire/fusewire/blob/main/docs/limits.md),
//! [internals](https://github.com/fusewire/fusewire/blob/main/docs/internals.md).

mod acquire;
mod admission;
mod admit;
mod around;
mod asking;
mod attempt;
mod backoff;
#[cfg(feature = "binding")]
#[doc(hidden)]
pub mod binding;
mod body;
mod breaker;
mod calls;
mod cell;
mod clock;
mod config;
mod descent;
mod detect;
mod engine;
mod error;
mod event;
mod events;
mod featured;
mod fork;
mod gates;
mod govern;
mod hand;
mod handle;
mod histogram;
mod inbox;
#[cfg(all(test, not(any(loom, shuttle))))]
#[path = "../tests/inner/mod.rs"]
mod inner;
mod leave;
mod ledger;
mod lock;
mod machine;
mod metrics;
#[cfg(all(test, loom))]
#[path = "../tests/loom/mod.rs"]
mod models;
mod name;
mod outcome;
mod passage;
mod permit;
mod policy;
mod policy_event;
mod read;
mod record;
mod recover;
mod registry;
mod report;
mod request;
mod rng;
mod settle;
#[cfg(feature = "binding")]
mod side;
mod snapshot;
mod stepping;
mod stripe;
mod sync;
mod thread;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
mod trace;
mod waiters;
mod way;
mod word;

pub use admit::priority::Priority;
pub use asking::{Asking, Entered, Waiting};
pub use breaker::CircuitBreaker;
pub use calls::{Answer, Degraded, Failure, Miss, Policy, PolicyBuilder, PolicyError, RungError};
pub use cell::LAYOUT_VERSION;
pub use clock::{Clock, ManualClock, Nanos, SystemClock};
pub use config::{
    AdaptiveRate, Backoff, Builder, Bulkhead, Cache, ConcurrencyLimit, Fallback, Feature, Hedge,
    PriorityPolicy, Ramp, RateLimit, Retry, RetryBackoff, RetryBudget, Timeout, Window, schema,
};
pub use error::{CallError, ConfigError, Error, Reason, Rejection};
pub use event::{By, Counts, Event};
pub use events::{Events, Subscription};
pub use histogram::{DURATION_BOUNDS, Distribution};
pub use inbox::Waited;
pub use ledger::LastFailure;
pub use machine::Cause;
pub use metrics::{CONTENT_TYPE, json, render};
pub use name::Name;
pub use outcome::{Outcome, Settled, Totals};
pub use permit::{OwnedPermit, Permit};
pub use policy::category::Category;
pub use policy::fallback::Rung;
pub use policy::feature::{FeatureCause, FeatureState};
pub use policy::retry::Denied;
pub use policy_event::{PolicyChange, PolicyEvent, PolicyEvents, PolicySubscription, SlotTable};
pub use registry::Registry;
#[cfg(feature = "binding")]
#[doc(hidden)]
pub use request::Wanted;
pub use request::{Request, RequestError};
pub use snapshot::{
    BulkheadCounts, CacheCounts, FallbackCounts, FeatureCounts, GateCounts, HalfOpenCounts, HedgeCounts,
    RampCounts, RateLimitCounts, RetryCounts, Snapshot, Transition, WindowCounts,
};
pub use stepping::{Attempts, Ending, Finished, Step};
pub use word::{Mode, State};

/// The examples in the pages are compiled and run.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../../docs/admission.md")]
    mod admission {}
    #[doc = include_str!("../../docs/recovery.md")]
    mod recovery {}
    #[doc = include_str!("../../docs/choosing-thresholds.md")]
    mod choosing {}
    #[cfg(feature = "tower")]
    #[doc = include_str!("../../docs/composition.md")]
    mod composition {}
}
