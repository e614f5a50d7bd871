//! Slots and their queue, one thread at a time, by what the policies say of them (§4).

use crate::admit::bulkhead::Slots;
use crate::admit::priority::Priority::{self, Bulk, Critical, High, Low, Normal};
use crate::admit::queue::{Ticket, Waiting};
use crate::admit::slots::{Asked, Bulkhead, End, Gates, Slot, Table, Without};
use crate::name::Name;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

const FULL: &str = "bulkhead_full";

/// Gates that stand open unless told, and note what they are told.
#[derive(Default)]
pub struct Host {
    pub now: u64,
    /// Who is refused, by what it asks for.
    pub refused: Vec<u32>,
    /// Nobody may begin to wait.
    pub is_open: bool,
    pub ended: Vec<(u32, Without<&'static str>)>,
}

impl Gates<u32, u32, &'static str> for Host {
    fn now(&mut self) -> u64 {
        self.now
    }

    fn look(&mut self, _: &Waiting<u32>) -> Result<(), &'static str> {
        if self.is_open { Err("open") } else { Ok(()) }
    }

    fn take(&mut self, waiting: &Waiting<u32>, slot: Slot) -> Result<u32, &'static str> {
        assert_eq!(slot.level(), waiting.level);
        if self.refused.contains(&waiting.ask) { Err("rate_limited") } else { Ok(waiting.ask) }
    }

    fn ended(&mut self, waiting: &Waiting<u32>, how: Without<&'static str>) {
        self.ended.push((waiting.ask, how));
    }
}

pub type Plain = Bulkhead<u32, u32, &'static str>;

fn of(max: u64, reserved: [u64; 5]) -> Plain {
    Bulkhead::new(Name::new("a"), Table::Slots(Slots { max, reserved }))
}

fn with(max: u64) -> Plain {
    of(max, [0; 5])
}

const LONG: u64 = 1_000_000;

fn call(level: Priority, ask: u32) -> Waiting<u32> {
    Waiting { level, deadline: LONG, since: 0, ask }
}

/// A call that must wait.
#[track_caller]
fn waits(slots: &Plain, host: &mut Host, waiting: Waiting<u32>) -> Ticket {
    match slots.acquire(waiting, 100, FULL, host) {
        Asked::Waits(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn ask(slots: &Plain, ticket: Ticket) -> Option<End<u32, &'static str>> {
    match slots.poll(ticket, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

/// The slot of a wait that was granted.
#[track_caller]
fn granted(slots: &Plain, ticket: Ticket, ask_of_it: u32) -> Slot {
    match ask(slots, ticket) {
        Some(End::Granted(slot, granted)) if granted == ask_of_it => slot,
        other => panic!("{other:?}"),
    }
}

const fn refused<T>(reason: &'static str) -> Option<End<T, &'static str>> {
    Some(End::Not(Without::Refused(reason)))
}

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
fn a_slot_that_comes_free_goes_to_the_higher_level_and_there_to_who_came_first() {
    let (slots, mut host) = (with(1), Host::default());
    let mut slot = slots.try_take(Normal).expect("free");
    let calls = [(1, Low), (2, High), (3, Low), (4, High), (5, Critical)];
    let tickets: Vec<_> = calls.map(|(n, level)| (n, waits(&slots, &mut host, call(level, n)))).into();
    assert_eq!((slots.look().queued, slots.in_flight()), ([0, 2, 0, 2, 1], 1));
    for n in [5, 2, 4, 1, 3] {
        assert_eq!(slots.try_take(Critical), None, "somebody waits");
        slots.release(slot, &mut host);
        let (_, ticket) = tickets.iter().find(|(of, _)| *of == n).expect("it waits");
        slot = granted(&slots, *ticket, n);
    }
    slots.release(slot, &mut host);
    assert!(slots.try_take(Bulk).is_some());
}
