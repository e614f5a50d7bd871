//! The other libraries, each in its own idiom under a comparable policy.

pub mod circuitbreaker_rs;
pub mod failsafe;
pub mod governor;
pub mod nobreak;
pub mod recloser;
pub mod semaphore;
pub mod tower_gates;
pub mod tower_resilience;

use std::time::Duration;

pub use crate::gates::{RATE, SLOTS, WINDOW_LIMIT};
use crate::guard::{Maker, Policy, Scenario};

/// How long an open breaker stays open.
pub const OPEN_FOR: Duration = Duration::from_secs(60);
/// How far a time window looks back.
pub const PERIOD: Duration = Duration::from_secs(60);
/// How many failures in a row open.
pub const IN_A_ROW: u32 = 5;
/// The share of failures that opens.
pub const SHARE: f64 = 0.5;
/// How many calls a window judges at least.
pub const MIN_CALLS: u32 = 20;

/// Tokens that a peer's bucket holds, which may hold more than fusewire's [`BURST`](crate::gates::BURST): whoever is quicker
/// makes more calls in a turn.
pub const PLENTY: u32 = 1_000_000_000;
/// How long a window of calls is.
pub const WINDOW: Duration = Duration::from_millis(1);

/// A peer's answer to a policy, and what a reader should know about it.
pub type Offer = Option<(Maker, &'static str)>;

/// A peer: its package and its answers.
pub struct Peer {
    /// The package's name.
    pub package: &'static str,
    /// What it offers for a policy in a scenario; nothing where it has no such rule.
    pub offer: fn(Policy, Scenario) -> Offer,
}

/// The peers with a synchronous call.
pub const PEERS: [Peer; 4] = [
    Peer { package: "recloser", offer: recloser::offer },
    Peer { package: "failsafe", offer: failsafe::offer },
    Peer { package: "nobreak", offer: nobreak::offer },
    Peer { package: "circuitbreaker-rs", offer: circuitbreaker_rs::offer },
];
