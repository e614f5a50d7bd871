//! What a call came to, and the slip of paper it carries from `acquire` to `settle`.

use crate::error::Reason;

/// How a call ended, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The dependency did what it should.
    Success = 0,
    /// The dependency failed.
    Failure = 1,
    /// Says nothing about the dependency: no threshold or window sees it.
    Ignored = 2,
}

impl Outcome {
    /// Every outcome, in the order of its code.
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Ignored];

    /// The name in metrics (`status`) and in vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Ignored => "ignored",
        }
    }
}

/// What became of a settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Settled {
    /// The machine has taken the outcome.
    Ok = 0,
    /// The permit was of an earlier generation, or its lease had ended: the outcome counts in the totals only.
    Late = 1,
}

impl Settled {
    /// The name in vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Settled::Ok => "ok",
            Settled::Late => "late",
        }
    }
}

/// How a permit came to be; decides what its settling may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Admitted by a closed breaker, by a ramp or under `forced_closed`.
    Plain,
    /// A probe with a lease.
    Probe,
    /// Admitted although the machine would have rejected it (shadow).
    Shadowed(Reason),
}

/// A permit without its breaker: 24 bytes that can cross any boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The low half of the word at admission: state, mode and generation.
    pub low: u32,
    /// Number of the lease among its generation's, for a probe.
    pub lease: u32,
    /// The clock's tick at admission, when `timed`.
    pub start: u64,
    pub kind: Kind,
    pub timed: bool,
}

impl Ticket {
    pub(crate) const fn plain(low: u32) -> Self {
        Ticket { low, lease: 0, start: 0, kind: Kind::Plain, timed: false }
    }

    /// True for the permit that the happy path may settle without looking further.
    #[inline]
    pub(crate) fn is_simple(&self) -> bool {
        !self.timed && matches!(self.kind, Kind::Plain)
    }
}
