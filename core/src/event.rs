//! What an event is (semantics §9).

use crate::clock::Nanos;
use crate::machine::Cause;
use crate::name::{Name, cut};
use crate::word::{Mode, State};
use std::sync::Arc;

/// Longest actor and longest reason, in bytes.
pub(crate) const ACTOR_BYTES: usize = 64;
pub(crate) const REASON_BYTES: usize = 256;

/// Who did something by hand, and why. Both are cut at a character: 64 and 256 bytes at most.
///
/// ```
/// let by = fusewire::By::new("on-call", "payments is down, ticket 4711");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    pub(crate) actor: Option<Arc<str>>,
    pub(crate) reason: Option<Arc<str>>,
}

impl By {
    /// An actor and a reason.
    pub fn new(actor: &str, reason: &str) -> Self {
        By::parts(Some(actor), Some(reason))
    }

    /// Either may be left out.
    pub fn parts(actor: Option<&str>, reason: Option<&str>) -> Self {
        By {
            actor: actor.map(|a| cut(a, ACTOR_BYTES).into()),
            reason: reason.map(|r| cut(r, REASON_BYTES).into()),
        }
    }
}

/// The counts that led to a transition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Consecutive failures, or successes and failures of the window or the probes.
    pub total: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow: u64,
}

/// A transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The breaker's name.
    pub breaker: Name,
    /// The generation that began; 1 is a breaker's first transition.
    pub generation: u64,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// What led to it.
    pub cause: Cause,
    /// The mode after; with [`Cause::Mode`] the one that was set.
    pub mode: Mode,
    /// When, on the breaker's clock.
    pub at: Nanos,
    /// Who did it, if it was done by hand.
    pub actor: Option<Arc<str>>,
    /// Why, if it was done by hand.
    pub reason: Option<Arc<str>>,
    /// The counts that led to it.
    pub counts: Counts,
    /// How many events this subscriber missed since the one before.
    pub missed: u64,
}
