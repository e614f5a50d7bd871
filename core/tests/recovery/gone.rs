//! When what an attempt had is gone: every permit, whatever a future does when it is dropped.

use crate::{Broken, ms, paused, policy, totals};
use fusewire::{CircuitBreaker, Policy, Request};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tokio::time::sleep;

const HEDGES: &str = r#"{"bulkhead": {"max_concurrent": 5}, "hedge": {"max": 3}}"#;

fn in_flight(breaker: &CircuitBreaker) -> u64 {
    breaker.snapshot().bulkhead.expect("it has slots").in_flight()
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
