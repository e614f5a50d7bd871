//! Who is next.

use super::*;
use Priority::{Bulk, Critical, High, Low, Normal};

#[test]
fn a_slot_is_taken_and_given_back() {
    let (slots, mut host) = (with(2), Host::default());
    let (first, second) = (slots.try_take(Normal), slots.try_take(Bulk));
    assert_eq!((slots.try_take(Critical), slots.in_flight()), (None, 2));
    slots.release(first.expect("free"), &mut host);
    assert_eq!(slots.look().in_flight, [1, 0, 0, 0, 0]);
    slots.release(second.expect("free"), &mut host);
    assert_eq!((slots.in_flight(), slots.limit()), (0, 2));
}

#[test]
fn a_slot_can_be_kept_as_a_small_number() {
    for level in Priority::ALL {
        let slots = with(1);
        let slot = slots.try_take(level).expect("free");
        assert_eq!((slot.level(), Slot::of_code(slot.code())), (level, slot));
    }
}

#[test]
fn a_slot_that_comes_free_goes_to_the_higher_level_and_there_to_who_came_first() {
    let (slots, mut host) = (with(1), Host::default());
    let mut slot = slots.try_take(Normal).expect("free");
    let calls = [(1, Low), (2, High), (3, Low), (4, High), (5, Critical)];
    let tickets = calls.map(|(n, level)| waits(&slots, &mut host, call(level, n)));
    assert_eq!((slots.look().queued, slots.in_flight()), ([0, 2, 0, 2, 1], 1));
    for n in [5, 2, 4, 1, 3] {
        assert_eq!(slots.try_take(Critical), None, "somebody waits");
        slots.release(slot, &mut host);
        slot = granted(&slots, tickets[n as usize - 1], n);
    }
    slots.release(slot, &mut host);
    assert!(slots.try_take(Bulk).is_some());
}

#[test]
fn a_slot_goes_to_the_first_in_order_whom_the_formula_admits() {
    // One of two is for bulk alone.
    let (slots, mut host) = (of(2, [1, 0, 0, 0, 0]), Host::default());
    let critical = slots.try_take(Critical).expect("free");
    let waiting = waits(&slots, &mut host, call(Critical, 1));
    let bulk = slots.try_take(Bulk).expect("a newcomer takes what no waiter could");
    let lower = waits(&slots, &mut host, call(Bulk, 2));
    slots.release(bulk, &mut host);
    assert_eq!(ask(&slots, waiting), None, "it is kept for bulk");
    let bulk = granted(&slots, lower, 2);
    slots.release(critical, &mut host);
    slots.release(granted(&slots, waiting, 1), &mut host);
    slots.release(bulk, &mut host);
    assert_eq!(slots.in_flight(), 0);
}

#[test]
fn slots_can_be_reserved_for_all_levels_while_nobody_waits() {
    let (slots, mut host) = (of(5, [1; 5]), Host::default());
    let held: Vec<_> =
        Priority::ALL.into_iter().map(|level| slots.try_take(level).expect("its own")).collect();
    assert!(Priority::ALL.into_iter().all(|level| slots.try_take(level).is_none()));
    held.into_iter().for_each(|slot| slots.release(slot, &mut host));
    let first = slots.try_take(Low);
    assert_eq!((first.is_some(), slots.try_take(Low), slots.in_flight()), (true, None, 1));
}

#[test]
fn the_newest_of_the_lowest_level_makes_room_for_a_higher_one() {
    let (slots, mut host) = (with(1), Host::default());
    let slot = slots.try_take(Normal).expect("free");
    let older = waits(&slots, &mut host, call(Low, 1));
    let newest = waits(&slots, &mut host, call(Low, 2));
    let normal = waits(&slots, &mut host, call(Normal, 3));
    assert_eq!(slots.acquire(call(Low, 4), None, 3, FULL, &mut host), Asked::Full);
    let Asked::Waits(high) = slots.acquire(call(High, 5), None, 3, FULL, &mut host) else {
        panic!("no room")
    };
    assert_eq!((ask(&slots, newest), ask(&slots, older)), (refused(FULL), None));
    assert_eq!(host.ended, [(2, Without::Refused(FULL))]);
    assert!(matches!(slots.acquire(call(High, 6), None, 3, FULL, &mut host), Asked::Waits(_)));
    assert!(matches!(slots.acquire(call(High, 7), None, 3, FULL, &mut host), Asked::Waits(_)));
    assert_eq!((ask(&slots, older), ask(&slots, normal)), (refused(FULL), refused(FULL)));
    assert_eq!(slots.acquire(call(High, 8), None, 3, FULL, &mut host), Asked::Full);
    slots.release(slot, &mut host);
    granted(&slots, high, 5);
}

#[test]
fn a_queue_of_no_length_lets_nobody_wait() {
    let (slots, mut host) = (with(1), Host::default());
    assert!(matches!(slots.acquire(call(Low, 1), None, 0, FULL, &mut host), Asked::Taken(_)));
    assert_eq!(slots.acquire(call(Critical, 2), None, 0, FULL, &mut host), Asked::Full);
    assert_eq!(slots.look().queued, [0; 5]);
}

#[test]
fn a_raised_waiter_stands_at_the_end_of_its_new_level_and_keeps_its_deadline() {
    let (slots, mut host) = (with(1), Host::default());
    let slot = slots.try_take(Normal).expect("free");
    let raised = waits(&slots, &mut host, until(Low, 1, 50));
    let high = waits(&slots, &mut host, until(High, 2, 60));
    slots.raise(raised, High, &mut host);
    slots.raise(raised, Bulk, &mut host);
    assert_eq!((slots.look().queued, slots.look().next_due), ([0, 0, 0, 2, 0], Some(50)));
    slots.release(slot, &mut host);
    let slot = granted(&slots, high, 2);
    host.now = 49;
    slots.release(slot, &mut host);
    assert_eq!(granted(&slots, raised, 1).level(), High);
    slots.raise(raised, Critical, &mut host);
    assert_eq!(slots.look().in_flight, [0, 0, 0, 1, 0], "it does not wait");
}

#[test]
fn a_raised_waiter_takes_what_is_kept_for_its_new_level() {
    let (slots, mut host) = (of(2, [0, 0, 0, 0, 1]), Host::default());
    let _slot = slots.try_take(Normal).expect("free");
    let ticket = waits(&slots, &mut host, call(Normal, 1));
    slots.raise(ticket, High, &mut host);
    assert_eq!(ask(&slots, ticket), None);
    slots.raise(ticket, Critical, &mut host);
    assert_eq!(granted(&slots, ticket, 1).level(), Critical);
}

#[test]
fn another_table_grants_what_has_become_free_and_cuts_nobody_off() {
    let (slots, mut host) = (with(3), Host::default());
    let held: Vec<_> = (0..3).filter_map(|_| slots.try_take(Normal)).collect();
    let tickets = [1, 2, 3].map(|n| waits(&slots, &mut host, call(Normal, n)));
    drop(slots.set(table(5, [0, 0, 0, 0, 1]), &mut host));
    let more = granted(&slots, tickets[0], 1);
    assert_eq!((ask(&slots, tickets[1]), slots.limit()), (None, 5));
    drop(slots.set(table(1, [0; 5]), &mut host));
    assert_eq!(slots.look().in_flight, [0, 0, 4, 0, 0]);
    held.into_iter().for_each(|slot| slots.release(slot, &mut host));
    assert_eq!((ask(&slots, tickets[1]), slots.in_flight()), (None, 1));
    slots.release(more, &mut host);
    slots.release(granted(&slots, tickets[1], 2), &mut host);
    slots.release(granted(&slots, tickets[2], 3), &mut host);
    assert_eq!(slots.in_flight(), 0);
}

#[test]
fn shares_follow_the_limit() {
    // A quarter for critical calls.
    let slots = Plain::new(Name::new("a"), Table::Shares(4, [0, 0, 0, 0, 2_500]));
    let mut host = Host::default();
    let take = |n: usize| (0..n).filter_map(|_| slots.try_take(Normal)).count();
    assert_eq!((take(9), slots.limit()), (3, 4));
    slots.set_max(|| 9, &mut host);
    assert_eq!((take(9), slots.limit()), (4, 9));
    let waiting = waits(&slots, &mut host, call(Normal, 1));
    slots.set_max(|| 9, &mut host);
    assert_eq!(ask(&slots, waiting), None);
    slots.set_max(|| 11, &mut host);
    granted(&slots, waiting, 1);
    assert_eq!(slots.look().slots, Slots { max: 11, reserved: [0, 0, 0, 0, 2] });
}
