//! When what an attempt had is gone: its future before its permit, and every permit, whatever a future does when it is
//! dropped.

use crate::{Broken, ms, paused, policy, totals};
use fusewire::{CircuitBreaker, Policy, Request};
use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tokio::time::{sleep, timeout};

const SLOTS: &str = r#"{"bulkhead": {"max_concurrent": 5}}"#;
const HEDGES: &str = r#"{"bulkhead": {"max_concurrent": 5}, "hedge": {"max": 3}}"#;

fn in_flight(breaker: &CircuitBreaker) -> u64 {
    breaker.snapshot().bulkhead.expect("it has slots").in_flight()
}

/// Notes how many calls are in flight when it is dropped.
struct Notes<'a>(&'a CircuitBreaker, &'a Cell<u64>);

impl Drop for Notes<'_> {
    fn drop(&mut self) {
        self.1.set(in_flight(self.0));
    }
}

async fn slow(notes: Notes<'_>, long: u64) -> Result<u32, Broken> {
    sleep(ms(long)).await;
    drop(notes);
    Ok(1)
}

#[test]
fn a_call_that_is_dropped_keeps_its_slot_until_its_attempt_is_gone() {
    paused(async {
        let (policy, noted) = (policy(SLOTS), Cell::new(0));
        let breaker = policy.breaker();
        let call = policy.call_async(Request::new(), || slow(Notes(breaker, &noted), 100));
        assert!(timeout(ms(50), call).await.is_err());
        assert_eq!((noted.get(), in_flight(breaker)), (1, 0));
    });
}

#[test]
fn a_primary_that_has_lost_keeps_its_slot_until_it_is_gone() {
    paused(async {
        let (policy, noted, n) = (policy(HEDGES), Cell::new(0), Cell::new(0));
        let (breaker, other) = (policy.breaker(), Cell::new(0));
        let call = policy.call_async(Request::new(), || {
            n.set(n.get() + 1);
            let is_first = n.get() == 1;
            slow(Notes(breaker, if is_first { &noted } else { &other }), if is_first { 1_000 } else { 50 })
        });
        assert_eq!(call.await.expect("the hedge answers").value, 1);
        assert_eq!((noted.get(), in_flight(breaker)), (2, 0));
    });
}

/// Panics when it is dropped, if it is the one.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "dropped");
    }
}

/// A call whose primary takes 350 ms, with three hedges that never end; that one panics when it is dropped.
async fn explode(policy: &Policy<u32, Broken>, which: u64) {
    let begun = Arc::new(AtomicU64::new(0));
    let mut call = pin!(policy.call_async(Request::new(), || {
        let n = begun.fetch_add(1, SeqCst);
        async move {
            let _bomb = Bomb(n == which);
            sleep(ms(if n == 0 { 350 } else { 1_000_000 })).await;
            Ok(1)
        }
    }));
    let polled = std::future::poll_fn(|cx| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
        polled.map_or(std::task::Poll::Ready(None), |polled| polled.map(Some))
    });
    assert!(polled.await.is_none(), "it panics");
}

#[test]
fn a_hedge_that_panics_when_it_is_dropped_takes_no_slot_with_it() {
    paused(async {
        for which in 1..=3 {
            let policy = policy(HEDGES);
            explode(&policy, which).await;
            assert_eq!((in_flight(policy.breaker()), totals(policy.breaker())), (0, (0, 0, 4, 0)));
        }
    });
}
