//! The references: the bare call, and a wrapper that does nothing.

use crate::guard::{Guard, Maker, Scenario};
use crate::styles::Bare;
use crate::work::{Failure, work};

struct Noop;

impl Noop {
    #[inline(always)]
    fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        f()
    }
}

impl Guard for Noop {
    type Answer<'a> = Result<u64, Failure>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.call(|| work(request))
    }

    fn rejected(_: &Self::Answer<'_>) -> bool {
        false
    }
}

/// The bare call under a scenario. Nothing rejects it: beside an open breaker it is simply called.
pub fn bare(scenario: Scenario) -> Maker {
    match scenario {
        Scenario::Rejected => Scenario::Success.maker(|| Bare),
        other => other.maker(|| Bare),
    }
}

/// An empty wrapper: what any wrapper costs before it does anything.
pub fn noop() -> Maker {
    Scenario::Success.maker(|| Noop)
}
