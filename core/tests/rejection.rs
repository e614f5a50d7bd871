//! What a rejection tells after the breaker has moved on.

use fusewire::{By, CircuitBreaker};

#[test]
fn a_rejection_tells_the_failure_that_was_last_then_to_its_own_breaker_alone() {
    let (breaker, other) = (CircuitBreaker::builder().failure_threshold(1), CircuitBreaker::builder());
    let (breaker, other) = (breaker.build("a").expect("valid"), other.build("b").expect("valid"));
    breaker.try_acquire().expect("closed").failure("io");
    other.try_acquire().expect("closed").failure("dns");
    let rejection = breaker.try_acquire().expect_err("open");
    breaker.reset(By::default());
    breaker.try_acquire().expect("closed").failure("later");
    let told = breaker.last_failure(&rejection).expect("there was one");
    assert_eq!(told.error_type.as_deref(), Some("io"));
    assert_eq!(other.last_failure(&rejection), None);
}
