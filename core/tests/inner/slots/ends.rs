//! How waits end.

use super::*;
use Priority::{Bulk, Critical, High, Low, Normal};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Everybody who is told to waits; one call has the only slot.
fn queue(calls: &[Waiting<u32>]) -> (Plain, Host, Slot, Vec<Ticket>) {
    let (slots, mut host) = (with(1), Host::default());
    let slot = slots.try_take(Normal).expect("free");
    let tickets = calls.iter().map(|call| waits(&slots, &mut host, *call)).collect();
    (slots, host, slot, tickets)
}

#[test]
fn waits_that_are_due_end_by_deadline_then_level_then_age() {
    let calls = [(Low, 1, 9), (Low, 2, 5), (Low, 3, 7), (High, 4, 7), (Low, 5, 7), (Low, 6, 10)];
    let (slots, mut host, slot, tickets) = queue(&calls.map(|(level, n, at)| until(level, n, at)));
    slots.raise(tickets[4], High, &mut host);
    host.now = 4;
    slots.expire_due(&mut host);
    assert!(host.timed_out().is_empty());
    host.now = 9;
    slots.expire_due(&mut host);
    assert_eq!(host.timed_out(), [2, 4, 5, 3, 1]);
    assert!(tickets[..5].iter().all(|ticket| ask(&slots, *ticket) == TIMED_OUT));
    slots.release(slot, &mut host);
    granted(&slots, tickets[5], 6);
}

#[test]
fn a_waiter_ends_at_its_own_deadline_and_not_before() {
    let (slots, mut host, _, tickets) = queue(&[until(Low, 1, 5), until(Low, 2, 5)]);
    host.now = 4;
    assert!(!slots.expire(tickets[0], &mut host));
    host.now = 5;
    assert!(slots.expire(tickets[0], &mut host));
    assert_eq!((ask(&slots, tickets[0]), ask(&slots, tickets[1])), (TIMED_OUT, None));
    assert!(slots.expire(tickets[0], &mut host), "it waits no longer");
    assert_eq!(host.timed_out(), [1]);
}

#[test]
fn who_is_found_past_its_deadline_is_not_granted() {
    let (slots, mut host, slot, tickets) = queue(&[until(High, 1, 5), until(Low, 2, 9)]);
    host.now = 5;
    slots.release(slot, &mut host);
    assert_eq!(ask(&slots, tickets[0]), TIMED_OUT);
    granted(&slots, tickets[1], 2);
}

#[test]
fn who_is_past_its_deadline_takes_no_place_in_a_full_queue() {
    let (slots, mut host, _, tickets) = queue(&[until(High, 1, 5)]);
    host.now = 5;
    assert!(matches!(slots.acquire(call(Bulk, 2), None, 1, FULL, &mut host), Asked::Waits(_)));
    assert_eq!(ask(&slots, tickets[0]), TIMED_OUT);
}

#[test]
fn a_slot_that_a_gate_refuses_passes_on() {
    let (slots, mut host, slot, tickets) = queue(&[call(High, 1), call(High, 2), call(Low, 3)]);
    host.refused = vec![1, 2];
    slots.release(slot, &mut host);
    assert_eq!([0, 1].map(|n| ask(&slots, tickets[n])), [refused("rate_limited"); 2]);
    assert_eq!(slots.look().in_flight, [0, 1, 0, 0, 0]);
    host.refused = vec![4];
    let last = waits(&slots, &mut host, call(Critical, 4));
    slots.release(granted(&slots, tickets[2], 3), &mut host);
    assert_eq!((ask(&slots, last), slots.in_flight()), (refused("rate_limited"), 0));
    assert!(slots.try_take(Bulk).is_some(), "nobody waits");
}

#[test]
fn a_gate_that_refuses_lets_nobody_begin_to_wait_nor_displace() {
    let (slots, mut host, _, tickets) = queue(&[call(Low, 1)]);
    host.is_open = true;
    assert_eq!(slots.acquire(call(High, 2), None, 1, FULL, &mut host), Asked::Refused("open"));
    assert_eq!((ask(&slots, tickets[0]), slots.look().queued), (None, [0, 1, 0, 0, 0]));
}

#[test]
fn a_cancelled_waiter_leaves_nothing_behind() {
    let (slots, mut host, slot, tickets) = queue(&[until(High, 1, 5), call(Low, 2)]);
    assert_eq!(slots.cancel(tickets[0]), None);
    assert_eq!((ask(&slots, tickets[0]), slots.cancel(tickets[0])), (Some(End::Gone), None));
    assert_eq!((slots.look().queued, slots.look().next_due), ([0, 1, 0, 0, 0], Some(LONG)));
    slots.release(slot, &mut host);
    slots.release(granted(&slots, tickets[1], 2), &mut host);
    assert_eq!((slots.in_flight(), host.ended), (0, vec![]));
}

#[test]
fn a_grant_that_its_waiter_did_not_see_comes_back_to_who_cancels() {
    let (slots, mut host, slot, tickets) = queue(&[call(High, 1), call(Low, 2)]);
    slots.release(slot, &mut host);
    let Some(End::Granted(slot, 1)) = slots.cancel(tickets[0]) else { panic!("no grant") };
    assert_eq!((slots.cancel(tickets[0]), ask(&slots, tickets[1])), (None, None));
    slots.release(slot, &mut host);
    granted(&slots, tickets[1], 2);
    assert_eq!(slots.in_flight(), 1);
}

#[test]
fn a_flush_refuses_all_below_the_spared_levels() {
    let (slots, mut host, slot, tickets) = queue(&[call(Low, 1), call(Critical, 2), call(High, 3)]);
    slots.flush("open", Some(Critical), &mut host);
    assert_eq!(host.ended, [(3, Without::Refused("open")), (1, Without::Refused("open"))]);
    assert_eq!((ask(&slots, tickets[0]), ask(&slots, tickets[1])), (refused("open"), None));
    slots.flush("forced_open", None, &mut host);
    assert_eq!(ask(&slots, tickets[1]), refused("forced_open"));
    slots.release(slot, &mut host);
    assert_eq!((slots.in_flight(), slots.look().queued), (0, [0; 5]));
}

#[test]
fn who_is_let_go_has_no_slot() {
    let (slots, mut host, slot, tickets) = queue(&[call(Low, 1), call(Critical, 2)]);
    assert_eq!(slots.deadline(tickets[0]), Some(LONG));
    slots.let_go(|waiting| waiting.ask + 10);
    assert_eq!(slots.deadline(tickets[0]), None);
    assert_eq!([0, 1].map(|n| ask(&slots, tickets[n])), [Some(End::Passed(11)), Some(End::Passed(12))]);
    slots.release(slot, &mut host);
    assert_eq!((slots.in_flight(), host.ended), (0, vec![]));
}

#[test]
fn a_closed_one_ends_every_wait_and_calls_in_flight_settle() {
    let (slots, mut host, slot, tickets) = queue(&[call(Low, 1), call(Critical, 2)]);
    slots.close(&mut host);
    assert!(tickets.iter().all(|ticket| ask(&slots, *ticket) == CLOSED));
    assert_eq!(host.ended, [(2, Without::Closed), (1, Without::Closed)]);
    assert_eq!(slots.acquire(call(High, 3), None, 9, FULL, &mut host), Asked::Closed);
    slots.release(slot, &mut host);
    assert_eq!(slots.in_flight(), 0);
}

#[test]
fn a_gate_that_panics_loses_no_slot_and_no_waiter() {
    let (slots, mut host, slot, tickets) = queue(&[until(High, 1, 5), call(High, 2), call(Low, 3)]);
    (host.is_broken, host.now) = (true, 5);
    assert!(catch_unwind(AssertUnwindSafe(|| slots.release(slot, &mut host))).is_err());
    assert_eq!((ask(&slots, tickets[0]), ask(&slots, tickets[1])), (TIMED_OUT, None));
    assert_eq!((slots.try_take(High), slots.look().in_flight), (None, [0; 5]), "a waiter's turn");
    let slot = slots.try_take(Critical).expect("above who waits");
    slots.release(slot, &mut host);
    slots.release(granted(&slots, tickets[1], 2), &mut host);
    granted(&slots, tickets[2], 3);
}
