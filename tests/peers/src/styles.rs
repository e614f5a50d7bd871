//! The ways to make a call that are measured: bare, by closure, by permit.

use fusewire::{CallError, CircuitBreaker, Rejection};

use crate::guard::Guard;
use crate::work::{Failure, work};

/// The bare call.
pub struct Bare;

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

/// A call as a closure.
pub struct ByClosure(pub CircuitBreaker);

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

/// A call between asking for a permit and settling it.
pub struct ByPermit(pub CircuitBreaker);

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
