//! `tower-resilience-circuitbreaker`: a tower layer with an asynchronous mutex and boxed futures.

use std::hint::black_box;

use tower::Layer;
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
};

use super::{IN_A_ROW, MIN_CALLS, OPEN_FOR, SHARE};
use crate::guard::{Detector, Maker};
use crate::tower_cases::{self, Inner, Refusal, waker};
use crate::work::{Failure, GOOD};

/// The package's name.
pub const PACKAGE: &str = "tower-resilience-circuitbreaker";

impl Refusal for CircuitBreakerError<Failure> {
    fn is_refusal(&self) -> bool {
        matches!(self, CircuitBreakerError::OpenCircuit)
    }
}

/// A service under a layer as the library's defaults make it.
pub fn layered() -> CircuitBreaker<Inner, DefaultClassifier> {
    default().layer(Inner)
}

/// One call through a service.
pub fn touch(service: &CircuitBreaker<Inner, DefaultClassifier>) {
    let _ = black_box(tower_cases::one(&mut service.clone(), GOOD, &waker()));
}

fn default() -> CircuitBreakerLayer {
    CircuitBreakerLayer::builder().build().expect("the defaults are valid")
}

fn consecutive() -> CircuitBreakerLayer {
    let builder = CircuitBreakerLayer::builder().consecutive_failures(black_box(IN_A_ROW as usize));
    builder.wait_duration_in_open(black_box(OPEN_FOR)).build().expect("the policy is valid")
}

fn count(size: u32) -> CircuitBreakerLayer {
    let builder = CircuitBreakerLayer::builder()
        .sliding_window_size(black_box(size as usize))
        .minimum_number_of_calls(black_box(MIN_CALLS as usize))
        .failure_rate_threshold(black_box(SHARE));
    builder.wait_duration_in_open(black_box(OPEN_FOR)).build().expect("the policy is valid")
}

/// The layer over a bare service.
///
/// Its time window has no figure: on each call it walks every call of the last 60 seconds, so what it costs is the
/// traffic before it.
pub fn service(detector: Detector, open: bool) -> Option<Maker> {
    match detector {
        Detector::Default => Some(tower_cases::maker(open, |inner| default().layer(inner))),
        Detector::Consecutive => Some(tower_cases::maker(open, |inner| consecutive().layer(inner))),
        Detector::Count(size) => Some(tower_cases::maker(open, move |inner| count(size).layer(inner))),
        Detector::Time | Detector::Adaptive => None,
    }
}
