//! Calls that recover: attempts with their timeouts and waits, hedges, the cache and the rungs, in Rust's own idiom. What is
//! to be done the stepper says; here it is done.

mod answer;
#[cfg(feature = "tokio")]
mod awaiting;
mod blocking;
mod judge;
mod keep;
mod policy;
#[cfg(feature = "tokio")]
mod race;
mod run;
mod rungs;
mod shared;

#[cfg(feature = "binding")]
pub(crate) use answer::TookLonger;
pub use answer::{Answer, Degraded, Failure, Miss, PolicyError, RungError};
pub use policy::{Policy, PolicyBuilder};
#[cfg(all(test, loom))]
pub(crate) use {keep::FollowEnd, shared::Start};
