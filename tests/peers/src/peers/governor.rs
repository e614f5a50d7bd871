//! `governor`: a token bucket (GCRA) in one atomic, with the processor's counter as its clock.

use std::hint::black_box;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::{PLENTY, RATE};
use crate::guard::{Guard, Maker, Scenario};
use crate::work::{Failure, work};

/// The package's name.
pub const PACKAGE: &str = "governor";

struct TokenBucket(DefaultDirectRateLimiter);

impl Guard for TokenBucket {
    /// `None`: turned away.
    type Answer<'a> = Option<Result<u64, Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.check().ok()?;
        Some(work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        answer.is_none()
    }
}

/// A call that takes a token first.
pub fn token_bucket() -> Maker {
    Scenario::Success.maker(|| {
        let number = |number| NonZeroU32::new(black_box(number)).expect("it is not 0");
        TokenBucket(RateLimiter::direct(Quota::per_second(number(RATE)).allow_burst(number(PLENTY))))
    })
}
