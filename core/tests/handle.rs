//! A breaker lives as long as anybody holds it, a permit that outlives its borrow included, and not longer.

#![cfg(not(any(loom, shuttle)))]

use fusewire::{By, CircuitBreaker, OwnedPermit, Settled, State};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// A breaker with a listener that is dropped when the breaker is.
fn tied(name: &str) -> (CircuitBreaker, Arc<()>) {
    let breaker = CircuitBreaker::builder().build(name).expect("a valid document");
    let life = Arc::new(());
    let held = Arc::clone(&life);
    breaker.subscribe(move |_| assert!(Arc::strong_count(&held) > 0)).detach();
    (breaker, life)
}

fn is_alive(life: &Arc<()>) -> bool {
    Arc::strong_count(life) > 1
}

#[test]
fn a_breaker_is_freed_with_its_last_handle() {
    let (breaker, life) = tied("handles");
    let clone = breaker.clone();
    drop(breaker);
    assert!(is_alive(&life));
    assert_eq!(clone.call(|| Ok::<_, ()>(1)), Ok(1));
    drop(clone);
    assert!(!is_alive(&life));
}

#[test]
fn a_permit_keeps_its_breaker_and_lets_go_of_it_when_it_is_settled() {
    let (breaker, life) = tied("a permit");
    let permits: Vec<OwnedPermit> = (0..3).map(|_| breaker.try_acquire_owned().expect("admitted")).collect();
    drop(breaker);
    for (permit, settle) in permits.into_iter().zip([OwnedPermit::success, OwnedPermit::ignore, |permit| {
        drop(permit);
        Settled::Ok
    }]) {
        assert!(is_alive(&life));
        assert_eq!(settle(permit), Settled::Ok);
    }
    assert!(!is_alive(&life));
}

#[test]
fn a_permit_of_a_rejected_breaker_holds_nothing() {
    let (breaker, life) = tied("rejected");
    breaker.trip(None, By::default()).expect("no duration");
    assert!(breaker.try_acquire_owned().is_err());
    assert_eq!(breaker.state(), State::Open);
    drop(breaker);
    assert!(!is_alive(&life));
}

#[test]
fn a_breaker_freed_by_a_permit_may_free_others() {
    let (inner, inner_life) = tied("inner");
    let inner_permit = inner.try_acquire_owned().expect("admitted");
    let outer = CircuitBreaker::builder().build("outer").expect("a valid document");
    let held = Mutex::new(Some((inner, inner_permit)));
    outer.subscribe(move |_| drop(held.lock().expect("no panic").take())).detach();
    let permit = outer.try_acquire_owned().expect("admitted");
    drop(outer);
    assert!(is_alive(&inner_life));
    permit.success();
    assert!(!is_alive(&inner_life));
}

#[test]
fn permits_that_move_between_threads_while_handles_are_dropped_free_every_breaker_once() {
    const BREAKERS: usize = 2_000;
    let freed = Arc::new(AtomicUsize::new(0));
    struct Tally(Arc<AtomicUsize>);
    impl Drop for Tally {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
    let late = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel::<OwnedPermit>()).unzip();
        for receiver in receivers {
            let (freed, late) = (&freed, &late);
            scope.spawn(move || {
                for (i, permit) in receiver.into_iter().enumerate() {
                    let before = freed.load(Ordering::Acquire);
                    match i % 3 {
                        0 => drop(permit),
                        _ => assert_eq!(permit.success(), Settled::Ok),
                    }
                    late.fetch_add(usize::from(freed.load(Ordering::Acquire) > before), Ordering::AcqRel);
                }
            });
        }
        for i in 0..BREAKERS {
            let breaker = CircuitBreaker::builder().build("moving").expect("a valid document");
            let tally = Tally(Arc::clone(&freed));
            breaker.subscribe(move |_| assert!(Arc::strong_count(&tally.0) > 0)).detach();
            for sender in &senders[..=i % 3] {
                sender.send(breaker.try_acquire_owned().expect("admitted")).expect("they listen");
            }
        }
    });
    // A loan that ended at the very instant at which the last handle went is seen when the next breaker is dropped.
    drop(tied("the next one"));
    assert_eq!(freed.load(Ordering::Acquire), BREAKERS);
    assert!(late.load(Ordering::Acquire) > 0, "no permit outlived its breaker: the race was not met");
}
