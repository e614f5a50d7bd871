//! The same calls in Rust.

use std::hint::black_box;

use fusewire::{By, CallError, CircuitBreaker, Rejection};

use crate::guard::{Batch, Guard, Maker, Scenario};
use crate::work::{Failure, GOOD, work};

struct Bare;

impl Guard for Bare {
    type Answer<'a> = Result<u64, Failure>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        work(request)
    }

    fn rejected(_: &Self::Answer<'_>) -> bool {
        false
    }
}

struct ByClosure(CircuitBreaker);

impl Guard for ByClosure {
    type Answer<'a> = Result<u64, CallError<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(|| work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        matches!(answer, Err(CallError::Rejected(_)))
    }
}

struct ByPermit(CircuitBreaker);

impl Guard for ByPermit {
    type Answer<'a> = Result<Result<u64, Failure>, Rejection>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        let permit = self.0.try_acquire()?;
        let result = work(request);
        permit.record(&result);
        Ok(result)
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        answer.is_err()
    }
}

fn breaker(document: &str) -> CircuitBreaker {
    CircuitBreaker::from_json("bench", black_box(document)).expect("the document is valid")
}

/// An open one rejects from the first call on.
fn maker<G: Guard>(document: &'static str, is_rejected: bool, guard: fn(CircuitBreaker) -> G) -> Maker {
    if !is_rejected {
        return Scenario::Success.maker(move || guard(breaker(document)));
    }
    Box::new(move || -> Batch {
        let breaker = breaker(document);
        breaker.trip(None, By::default()).expect("without a duration");
        let guard = guard(breaker);
        Box::new(move |calls| {
            for _ in 0..calls {
                assert!(G::rejected(black_box(&black_box(&guard).run(black_box(GOOD)))));
            }
        })
    })
}

/// The bare call.
pub fn bare() -> Maker {
    Scenario::Success.maker(|| Bare)
}

/// By closure.
pub fn by_closure(document: &'static str, is_rejected: bool) -> Maker {
    maker(document, is_rejected, ByClosure)
}

/// By permit.
pub fn by_permit(document: &'static str, is_rejected: bool) -> Maker {
    maker(document, is_rejected, ByPermit)
}
