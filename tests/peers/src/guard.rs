//! What is measured: one loop for each scenario, the same for every peer.

use std::hint::black_box;

use crate::work::{BAD, GOOD};

/// Makes so many calls, one after the other.
pub type Batch = Box<dyn Fn(u64) + Send + Sync>;

/// Builds a breaker and the batch that drives it.
pub type Maker = Box<dyn Fn() -> Batch + Send + Sync>;

/// A breaker, driven in its library's own idiom.
pub trait Guard: Send + Sync + 'static {
    /// What one call gives back.
    type Answer<'a>;

    /// One guarded call of [`work`](crate::work::work).
    fn run(&self, request: u64) -> Self::Answer<'_>;

    /// Whether the breaker turned the call away.
    fn rejected(answer: &Self::Answer<'_>) -> bool;
}

/// When a breaker opens. Where a peer has no such rule, it has no figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// What the library does when nothing is configured.
    Default,
    /// Five failures in a row.
    Consecutive,
    /// Half of the last so many calls.
    Count(u32),
    /// Half of the calls of the last 60 seconds.
    Time,
    /// A threshold that follows the service's own history.
    Adaptive,
}

/// A detector, and whether every call's duration is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// When it opens.
    pub detector: Detector,
    /// Whether every duration is measured.
    pub timed: bool,
}

/// What the guarded function does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Every call succeeds.
    Success,
    /// One call in a hundred fails.
    OnePercent,
    /// The breaker is open.
    Rejected,
}

impl Scenario {
    /// The maker of this scenario's batches over breakers that `build` builds.
    pub fn maker<G: Guard>(self, build: impl Fn() -> G + Send + Sync + 'static) -> Maker {
        match self {
            Scenario::Success => Box::new(move || success(build())),
            Scenario::OnePercent => Box::new(move || one_percent(build())),
            Scenario::Rejected => Box::new(move || rejection(build())),
        }
    }
}

fn rejects<G: Guard>(guard: &G) -> bool {
    G::rejected(&guard.run(GOOD))
}

fn success<G: Guard>(guard: G) -> Batch {
    Box::new(move |calls| {
        for _ in 0..calls {
            black_box(&black_box(&guard).run(black_box(GOOD)));
        }
        assert!(!rejects(&guard), "the breaker opened while every call succeeded");
    })
}

fn one_percent<G: Guard>(guard: G) -> Batch {
    Box::new(move |calls| {
        let mut left = 100;
        for _ in 0..calls {
            left -= 1;
            let request = if left == 0 { BAD } else { GOOD };
            if left == 0 {
                left = 100;
            }
            black_box(&black_box(&guard).run(black_box(request)));
        }
        assert!(!rejects(&guard), "the breaker opened at one failure in a hundred");
    })
}

fn rejection<G: Guard>(guard: G) -> Batch {
    let opened = (0..1_000).any(|_| G::rejected(&guard.run(BAD)));
    assert!(opened, "a thousand failures did not open the breaker");
    Box::new(move |calls| {
        for _ in 0..calls {
            black_box(&black_box(&guard).run(black_box(GOOD)));
        }
        assert!(rejects(&guard), "the breaker stopped rejecting");
    })
}
