//! What threads and tasks may do with the public types, and that what travels with a call stays small.
#![allow(missing_docs)]

use fusewire::{
    Builder, CallError, CircuitBreaker, ConfigError, Error, Event, Events, ManualClock, OwnedPermit, Permit,
    Policy, Registry, Rejection, Snapshot, Subscription,
};
use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};

fn is_shared<T: Send + Sync + Unpin>() {}
fn survives_panics<T: UnwindSafe + RefUnwindSafe>() {}
fn travels<T: Send + 'static>() {}

#[test]
fn everything_can_be_shared_among_threads() {
    is_shared::<CircuitBreaker>();
    is_shared::<Registry>();
    is_shared::<Permit<'_>>();
    is_shared::<OwnedPermit>();
    is_shared::<ManualClock>();
    is_shared::<Builder>();
    is_shared::<Snapshot>();
    is_shared::<Event>();
    is_shared::<Events>();
    is_shared::<Subscription>();
    is_shared::<Policy<Cell<u32>, Cell<u32>>>();
}

#[test]
fn a_panic_leaves_everything_usable() {
    survives_panics::<CircuitBreaker>();
    survives_panics::<Registry>();
    survives_panics::<Permit<'_>>();
    survives_panics::<OwnedPermit>();
    survives_panics::<ManualClock>();
    survives_panics::<Events>();
    survives_panics::<Subscription>();
}

#[test]
fn errors_travel_as_errors_do() {
    is_shared::<Rejection>();
    is_shared::<CallError<std::io::Error>>();
    is_shared::<ConfigError>();
    is_shared::<Error>();
    survives_panics::<Rejection>();
    survives_panics::<ConfigError>();
    survives_panics::<Error>();
    travels::<Box<dyn std::error::Error + Send + Sync>>();
    let rejection =
        CircuitBreaker::builder().mode(fusewire::Mode::ForcedOpen).build("x").map(|b| b.try_acquire().err());
    let _: Option<Box<dyn std::error::Error + Send + Sync>> = rejection.ok().flatten().map(Into::into);
}

#[cfg(feature = "tokio")]
#[test]
fn an_async_call_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let breaker = CircuitBreaker::builder().build("x").expect("a breaker");
    is_send(&breaker.call_async(async { Ok::<_, std::io::Error>(()) }));
}

#[test]
fn what_travels_with_a_call_is_small() {
    assert_eq!(size_of::<CircuitBreaker>(), 8);
    assert_eq!(size_of::<Permit<'_>>(), 40);
    assert_eq!(size_of::<OwnedPermit>(), 40);
    assert!(size_of::<Rejection>() <= 48);
}
