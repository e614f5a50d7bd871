//! More than one word counts, and more waiters than one looks through.

use super::*;
use crate::admit::bulkhead::MOST;
use Priority::{Bulk, Critical, Low, Normal};

fn take(slots: &Plain, level: Priority, times: u64) -> Vec<Slot> {
    (0..times).map_while(|_| slots.try_take(level)).collect()
}

fn release(slots: &Plain, held: Vec<Slot>) {
    held.into_iter().for_each(|slot| slots.release(slot, &mut Host::default()));
}

#[test]
fn a_million_calls_have_a_million_slots() {
    let slots = with(1_000_000);
    let (low, normal) = (take(&slots, Low, 600_000), take(&slots, Normal, 600_000));
    assert_eq!(slots.look().in_flight, [0, 600_000, 400_000, 0, 0]);
    assert_eq!((slots.in_flight(), slots.try_take(Critical)), (1_000_000, None));
    release(&slots, low);
    assert_eq!(slots.look().in_flight, [0, 0, 400_000, 0, 0]);
    release(&slots, normal);
    assert_eq!((slots.in_flight(), slots.look().in_flight), (0, [0; 5]));
}

#[test]
fn one_slot_more_than_a_word_counts_and_all_that_it_counts() {
    for max in [MOST - 1, MOST, MOST + 1] {
        let slots = with(max);
        for _ in 0..2 {
            let held = take(&slots, Normal, 10_000);
            assert_eq!((held.len() as u64, slots.in_flight()), (max, max));
            release(&slots, held);
            assert_eq!(slots.in_flight(), 0);
        }
    }
}

#[test]
fn shares_of_a_large_limit_are_kept() {
    let shares = [0, 0, 0, 0, 1_000];
    for (limit, kept) in [(100_000, 10_000), (9_000, 900)] {
        let slots = Plain::new(Name::new("a"), Table::Shares(limit, shares));
        let normal = take(&slots, Normal, 200_000);
        assert_eq!(normal.len() as u64, limit - kept);
        assert_eq!(take(&slots, Critical, 200_000).len() as u64, kept);
        let waiting = waits(&slots, &mut Host::default(), call(Normal, 1));
        release(&slots, normal);
        assert_eq!(slots.look().in_flight, [0, 0, 1, 0, kept]);
        granted(&slots, waiting, 1);
    }
}

#[test]
fn a_table_can_grow_beyond_a_word_and_shrink_again() {
    let (slots, mut host) = (of(4_095, [0, 0, 0, 0, 5]), Host::default());
    let mut held = take(&slots, Bulk, 9_999);
    assert_eq!(held.len(), 4_090);
    drop(slots.set(table(10_000, [0; 5]), &mut host));
    held.append(&mut take(&slots, Bulk, 9_999));
    assert_eq!(held.len(), 10_000);
    drop(slots.set(table(4_095, [0, 0, 0, 0, 5]), &mut host));
    let left = held.split_off(4_090);
    let some = held.split_off(1);
    release(&slots, left);
    assert_eq!((slots.try_take(Bulk), slots.in_flight()), (None, 4_090));
    assert!(slots.try_take(Critical).is_some());
    release(&slots, some);
    assert_eq!(slots.look().in_flight, [1, 0, 0, 0, 1]);
}

#[test]
fn ten_thousand_waiters_leave_in_any_order() {
    let (slots, mut host) = (with(1), Host::default());
    let mut slot = slots.try_take(Normal).expect("free");
    let calls = (0..10_000).map(|n| until(Priority::ALL[n as usize % 5], n, LONG - u64::from(n)));
    let tickets: Vec<_> = calls.map(|call| waits(&slots, &mut host, call)).collect();
    // Every third cancels, and of the rest every other one times out.
    let left = |n: u32| !n.is_multiple_of(3) && n < 4_999;
    (0..9_999).step_by(3).for_each(|n| assert_eq!(slots.cancel(tickets[n * 7 % 9_999]), None));
    host.now = LONG - 4_999;
    slots.expire_due(&mut host);
    assert!(host.timed_out().is_sorted_by(|a, b| a > b));
    let mut order: Vec<u32> = (0..10_000).filter(|n| left(*n)).collect();
    order.sort_by_key(|n| (std::cmp::Reverse(n % 5), *n));
    host.now = 0;
    for n in order {
        slots.release(slot, &mut host);
        slot = granted(&slots, tickets[n as usize], n);
    }
    assert_eq!((slots.look().queued, slots.in_flight()), ([0; 5], 1));
}
