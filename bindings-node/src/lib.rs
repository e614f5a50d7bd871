//! The native part of the npm package `fusewire`. JavaScript sees it through `lib/native.ts` alone.
//!
//! Each isolate has one `Isolate`: its breakers by slot, a scratch of words through which the two
//! functions of a call pass what they take and give, and its lanes. What JavaScript may decide alone is written beside
//! the rules, in `core/src/side.rs`.

#![deny(clippy::unwrap_used, clippy::expect_used)]

mod clock;
mod error;
mod events;
mod hot;
mod isolate;
mod registry;
mod scratch;
mod slab;

use napi_derive::napi;

/// The version of the package that this library belongs to.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the rules of lanes.
#[napi]
pub const LANE_VERSION: u32 = fusewire::binding::LANE_VERSION;

/// Where the high half of a closed breaker's word counts consecutive failures.
#[napi]
pub const COUNT_MASK: u32 = fusewire::binding::COUNT_MASK;

/// The version of the cell's layout.
#[napi]
pub const LAYOUT_VERSION: u32 = fusewire::LAYOUT_VERSION as u32;

/// The JSON schema of the configuration document.
#[napi(catch_unwind)]
pub fn schema() -> String {
    fusewire::schema().to_string()
}

/// The media type of the metrics text.
#[napi]
pub const CONTENT_TYPE: &str = fusewire::CONTENT_TYPE;

/// The error type of calls cut off by a timeout.
#[napi]
pub const TIMEOUT: &str = fusewire::binding::TIMEOUT;

/// What a call says that took longer than so many nanoseconds.
#[napi(catch_unwind)]
pub fn timeout_message(breaker: String, nanos: f64) -> String {
    fusewire::binding::timeout_message(&breaker, nanos as u64)
}

/// What a rejection says.
#[napi(catch_unwind)]
pub fn rejection_message(breaker: String, reason: String, nanos: Option<f64>) -> String {
    fusewire::binding::rejection_message(&breaker, &reason, nanos.map(|n| n as u64))
}
