//! The same calls in Rust.

use std::hint::black_box;

use fusewire::{By, CircuitBreaker};

use crate::guard::{Batch, Guard, Maker, Scenario};
use crate::styles::{Bare, ByClosure, ByPermit};
use crate::work::GOOD;

fn breaker(document: &str) -> CircuitBreaker {
    CircuitBreaker::from_json("bench", black_box(document)).expect("the document is valid")
}

/// An open one rejects from the first call on.
fn maker<G: Guard>(document: &str, is_rejected: bool, guard: fn(CircuitBreaker) -> G) -> Maker {
    let document = document.to_owned();
    if !is_rejected {
        return Scenario::Success.maker(move || guard(breaker(&document)));
    }
    Box::new(move || -> Batch {
        let breaker = breaker(&document);
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
pub fn by_closure(document: &str, is_rejected: bool) -> Maker {
    maker(document, is_rejected, ByClosure)
}

/// By permit.
pub fn by_permit(document: &str, is_rejected: bool) -> Maker {
    maker(document, is_rejected, ByPermit)
}
