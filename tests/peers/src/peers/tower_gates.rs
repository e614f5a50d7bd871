//! `tower-resilience-ratelimiter` and `tower-resilience-bulkhead`: tower layers with boxed futures, the first around a
//! mutex, the second around tokio's semaphore.

use std::hint::black_box;
use std::time::Duration;

use tower::Layer;
use tower_resilience_bulkhead::{BulkheadLayer, BulkheadServiceError};
use tower_resilience_ratelimiter::{
    RateLimiterConfigBuilder, RateLimiterLayer, RateLimiterServiceError, WindowType,
};

use super::{PLENTY, RATE, SLOTS, WINDOW, WINDOW_LIMIT};
use crate::guard::Maker;
use crate::tower_cases::{self, Refusal};
use crate::work::Failure;

/// The rate limiter's package.
pub const RATE_LIMITER: &str = "tower-resilience-ratelimiter";
/// The bulkhead's package.
pub const BULKHEAD: &str = "tower-resilience-bulkhead";

impl Refusal for RateLimiterServiceError<Failure> {
    fn is_refusal(&self) -> bool {
        self.is_rate_limited()
    }
}

impl Refusal for BulkheadServiceError<Failure> {
    fn is_refusal(&self) -> bool {
        self.is_bulkhead()
    }
}

/// A service that takes a token first.
pub fn token_bucket() -> Maker {
    limited(
        RateLimiterLayer::builder().limit_for_period(black_box(RATE as usize)).burst_size(PLENTY as usize),
    )
}

/// A service whose calls are counted in a window that slides, each by its time.
pub fn sliding_window() -> Maker {
    let builder = RateLimiterLayer::builder().limit_for_period(black_box(WINDOW_LIMIT as usize));
    limited(builder.refresh_period(WINDOW).window_type(WindowType::SlidingLog))
}

fn limited(builder: RateLimiterConfigBuilder) -> Maker {
    let layer = builder.timeout_duration(Duration::ZERO).build().expect("the policy is valid");
    tower_cases::maker(false, move |inner| layer.layer(inner))
}

/// A service that takes a slot first: when it is asked whether it is ready, as the other ways need a runtime's timer.
pub fn bulkhead() -> Maker {
    let builder = BulkheadLayer::builder().max_concurrent_calls(black_box(SLOTS as usize)).backpressure();
    let layer = builder.build().expect("the policy is valid");
    tower_cases::maker(false, move |inner| layer.layer(inner))
}
