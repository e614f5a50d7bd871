//! A child has its own slots, and none of its parent's waiters.

use super::super::forked::in_a_child;
use super::*;
use Priority::{Low, Normal};
use std::sync::Arc;
use std::task::Wake;

/// A waker of a runtime of the process with this id.
struct Parents(u32);

impl Wake for Parents {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Parents {
    fn drop(&mut self) {
        assert_eq!(std::process::id(), self.0, "woken or dropped in the child");
    }
}

#[test]
fn a_child_begins_with_free_slots_and_without_waiters() {
    let (slots, mut host) = (with(1), Host::default());
    let slot = slots.try_take(Normal).expect("free");
    let ticket = waits(&slots, &mut host, call(Low, 1));
    let waker = Waker::from(Arc::new(Parents(std::process::id())));
    assert!(slots.poll(ticket, &mut Context::from_waker(&waker), |end| end.copied()).is_pending());
    let child = in_a_child(|| {
        let mut host = Host::at(2 * LONG);
        assert_eq!(slots.in_flight(), 0);
        slots.release(slot, &mut host);
        assert_eq!((slots.look().in_flight, slots.look().queued), ([0; 5], [0; 5]));
        assert_eq!((ask(&slots, ticket), slots.cancel(ticket)), (Some(End::Gone), None));
        let own = slots.try_take(Low).expect("free here");
        slots.release(slot, &mut host);
        assert_eq!((slots.in_flight(), slots.try_take(Low)), (1, None));
        let waiting = waits(&slots, &mut host, until(Low, 2, 9 * LONG));
        let grandchild = in_a_child(|| assert_eq!(slots.try_take(Low).map(Slot::level), Some(Low)));
        assert_eq!(grandchild, Ok(()));
        slots.release(own, &mut host);
        granted(&slots, waiting, 2);
        assert_eq!(host.ended, []);
    });
    assert_eq!(child, Ok(()));
    assert_eq!((slots.in_flight(), ask(&slots, ticket)), (1, None));
    slots.release(slot, &mut host);
    granted(&slots, ticket, 1);
}

#[test]
fn a_child_that_first_gives_back_a_slot_of_its_parent_has_all_slots() {
    let (slots, mut host) = (of(2, [0, 0, 0, 0, 1]), Host::default());
    let slot = slots.try_take(Normal).expect("free");
    let child = in_a_child(|| {
        slots.release(slot, &mut Host::default());
        assert!(slots.try_take(Normal).is_some());
        assert_eq!((slots.try_take(Normal), slots.limit()), (None, 2));
    });
    assert_eq!(child, Ok(()));
    slots.release(slot, &mut host);
    assert_eq!(slots.in_flight(), 0);
}
