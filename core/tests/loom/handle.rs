//! A breaker is freed once, after everybody has looked at it for the last time. `Witness` lets loom see each last look
//! and the end, and demand that the one happens before the other.

use super::{at_once, model, runs, set_number};
use crate::{CircuitBreaker, Clock, Nanos, Outcome, OwnedPermit};
use std::sync::Arc;

/// A clock that is dropped with the breaker.
struct Tied(#[expect(dead_code, reason = "it only has to be dropped")] Arc<()>);

impl Clock for Tied {
    fn now(&self) -> Nanos {
        0
    }
}

fn tied() -> (CircuitBreaker, Arc<()>) {
    let life = Arc::new(());
    let clock = Tied(Arc::clone(&life));
    (CircuitBreaker::builder().sample_durations_every(0).clock(clock).build("a").unwrap(), life)
}

fn is_freed(life: &Arc<()>) -> bool {
    // Who ended a loan at the very instant at which the last handle went may have been missed: the next one tells.
    drop(tied());
    Arc::strong_count(life) == 1
}

fn settle(permit: OwnedPermit, number: u32) -> impl FnOnce() + Send {
    move || {
        set_number(number);
        permit.settle(Outcome::Ignored, None, None);
    }
}

#[test]
fn the_last_permit_against_the_last_handle() {
    model(|| {
        let (breaker, life) = tied();
        let permit = breaker.try_acquire_owned().unwrap();
        at_once(runs![settle(permit, 2), move || drop(breaker)]);
        assert!(is_freed(&life));
    });
}

#[test]
fn two_permits_that_outlive_their_breaker() {
    model(|| {
        let (breaker, life) = tied();
        let permits = [(); 2].map(|()| breaker.try_acquire_owned().unwrap());
        drop(breaker);
        assert_eq!(Arc::strong_count(&life), 2, "loans are out");
        let [a, b] = permits;
        at_once(runs![settle(a, 1), settle(b, 2)]);
        assert!(is_freed(&life));
    });
}

#[test]
fn a_loan_by_another_thread_against_the_end_of_the_first() {
    model(|| {
        let (breaker, life) = tied();
        let (permit, other) = (breaker.try_acquire_owned().unwrap(), breaker.clone());
        drop(breaker);
        let lends = move || {
            set_number(2);
            let permit = other.try_acquire_owned().unwrap();
            drop(other);
            permit.settle(Outcome::Ignored, None, None);
        };
        at_once(runs![settle(permit, 1), lends]);
        assert!(is_freed(&life));
    });
}

#[test]
fn threads_without_a_stripe_of_their_own_lend_and_give_back() {
    model(|| {
        let (breaker, life) = tied();
        set_number(7);
        let permits = [(); 2].map(|()| breaker.try_acquire_owned().unwrap());
        let [a, b] = permits;
        at_once(runs![settle(a, 8), settle(b, 9), move || drop(breaker)]);
        assert!(is_freed(&life));
    });
}
