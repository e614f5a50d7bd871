//! Who is woken, and that nothing is half done by then.

use super::*;
use Priority::{Low, Normal};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Wake;

/// Calls a closure.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn calls(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(Calls(f)).into()
}

fn is_pending(slots: &Plain, ticket: Ticket, waker: &Waker) -> bool {
    slots.poll(ticket, &mut Context::from_waker(waker), |end| end.copied()).is_pending()
}

#[test]
fn a_waiter_is_woken_once_by_the_waker_it_gave_last() {
    let (slots, mut host, woken) = (with(1), Host::default(), Arc::new(Mutex::new(Vec::new())));
    let slot = slots.try_take(Normal).expect("free");
    let ticket = waits(&slots, &mut host, call(Low, 1));
    let wakers = [1, 2].map(|n| {
        let woken = Arc::clone(&woken);
        calls(move || woken.lock().expect("no panic").push(n))
    });
    for waker in [&wakers[0], &wakers[1], &wakers[1]] {
        assert!(is_pending(&slots, ticket, waker));
    }
    slots.release(slot, &mut host);
    let slot = granted(&slots, ticket, 1);
    slots.release(slot, &mut host);
    assert_eq!(*woken.lock().expect("no panic"), [2]);
}

#[test]
fn a_waiter_may_bring_its_waker_with_it() {
    let (slots, mut host, woken) = (with(1), Host::default(), Arc::new(AtomicU32::new(0)));
    let slot = slots.try_take(Normal).expect("free");
    let told = Arc::clone(&woken);
    let waker = calls(move || _ = told.fetch_add(1, SeqCst));
    let Asked::Waits(ticket) = slots.acquire(call(Low, 1), Some(&waker), 1, FULL, &mut host) else {
        panic!("it must wait")
    };
    assert!(is_pending(&slots, ticket, &waker));
    slots.release(slot, &mut host);
    granted(&slots, ticket, 1);
    assert_eq!(woken.load(SeqCst), 1);
    drop(slots);
    assert_eq!(Arc::strong_count(&woken), 2, "nobody keeps its waker but us");
}

#[test]
fn all_are_woken_in_the_order_in_which_they_ended_though_one_panics() {
    let (slots, mut host, woken) = (with(1), Host::default(), Arc::new(Mutex::new(Vec::new())));
    let slot = slots.try_take(Normal).expect("free");
    let deadlines = [(1, 7), (2, 5), (3, 9), (4, 8)];
    let tickets = deadlines.map(|(n, deadline)| waits(&slots, &mut host, until(Low, n, deadline)));
    for (ticket, (n, _)) in tickets.iter().zip(deadlines) {
        let woken = Arc::clone(&woken);
        let waker = calls(move || {
            woken.lock().expect("no panic outside").push(n);
            assert_ne!(n, 1, "a waker of somebody's");
        });
        assert!(is_pending(&slots, *ticket, &waker));
    }
    host.now = 8;
    slots.release(slot, &mut host);
    assert_eq!(*woken.lock().expect("no panic outside"), [2, 1, 4, 3]);
    granted(&slots, tickets[2], 3);
}

#[test]
fn a_waker_finds_the_bulkhead_free_and_its_wait_ended() {
    let (slots, mut host, seen) = (Arc::new(with(1)), Host::default(), Arc::new(AtomicU32::new(0)));
    let slot = slots.try_take(Normal).expect("free");
    let ticket = waits(&slots, &mut host, call(Low, 7));
    let (inner, told) = (Arc::clone(&slots), Arc::clone(&seen));
    let waker = calls(move || {
        let slot = granted(&inner, ticket, 7);
        inner.release(slot, &mut Host::default());
        told.store(1 + inner.in_flight() as u32, SeqCst);
    });
    assert!(is_pending(&slots, ticket, &waker));
    slots.release(slot, &mut host);
    assert_eq!((seen.load(SeqCst), slots.in_flight()), (1, 0));
}

#[test]
fn a_blocked_thread_is_unparked() {
    let slots = Arc::new(with(1));
    let slot = slots.try_take(Normal).expect("free");
    let inner = Arc::clone(&slots);
    let thread = std::thread::spawn(move || {
        let ticket = waits(&inner, &mut Host::default(), call(Low, 1));
        let waker = crate::admit::wake::unparks_this_thread();
        loop {
            match inner.poll(ticket, &mut Context::from_waker(&waker), |end| end.copied()) {
                Poll::Ready(End::Granted(slot, 1)) => return inner.release(slot, &mut Host::default()),
                Poll::Ready(other) => panic!("{other:?}"),
                Poll::Pending => std::thread::park(),
            }
        }
    });
    while slots.look().queued == [0; 5] {
        std::thread::yield_now();
    }
    slots.release(slot, &mut Host::default());
    thread.join().expect("granted");
    assert_eq!(slots.in_flight(), 0);
}
