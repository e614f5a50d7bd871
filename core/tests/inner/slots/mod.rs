//! Slots and their queue, by what the policies say of them (§4).

mod ends;
#[cfg(unix)]
mod forks;
mod model;
mod order;
mod wakers;
mod wide;

use crate::admit::bulkhead::Slots;
use crate::admit::priority::Priority;
use crate::admit::queue::{Ticket, Waiting};
use crate::admit::slots::{Asked, Bulkhead, End, Gates, Slot, Table, Without};
use crate::clock::Near;
use crate::name::Name;
use std::task::{Context, Poll, Waker};

const FULL: &str = "bulkhead_full";

/// Gates that stand open unless told, and note what they are told.
#[derive(Default)]
struct Host {
    now: u64,
    /// Who is refused at its grant, by what it asks for.
    refused: Vec<u32>,
    /// Nobody may begin to wait.
    is_open: bool,
    /// Panics at the next grant.
    is_broken: bool,
    ended: Vec<(u32, Without<&'static str>)>,
}

impl Host {
    fn at(now: u64) -> Self {
        Host { now, ..Host::default() }
    }

    /// Who has timed out, in order.
    fn timed_out(&self) -> Vec<u32> {
        let timed_out = self.ended.iter().filter(|(_, how)| *how == Without::TimedOut);
        timed_out.map(|(ask, _)| *ask).collect()
    }
}

impl Gates<u32, u32, &'static str> for Host {
    fn now(&mut self, _: &mut Near) -> u64 {
        self.now
    }

    fn look(&mut self, _: Priority) -> Result<(), Option<&'static str>> {
        if self.is_open { Err(Some("open")) } else { Ok(()) }
    }

    fn take(&mut self, waiting: &Waiting<u32>, slot: Slot, given: &mut u32) -> Result<(), &'static str> {
        *given = waiting.ask;
        assert_eq!(slot.level(), waiting.level);
        assert!(!std::mem::take(&mut self.is_broken), "a gate is broken");
        if self.refused.contains(&waiting.ask) { Err("rate_limited") } else { Ok(()) }
    }

    fn ended(&mut self, waiting: &Waiting<u32>, how: Without<&'static str>) {
        self.ended.push((waiting.ask, how));
    }
}

type Plain = Bulkhead<u32, u32, &'static str>;

fn of(max: u64, reserved: [u64; 5]) -> Plain {
    Bulkhead::new(Name::new("a"), table(max, reserved))
}

fn table(max: u64, reserved: [u64; 5]) -> Table {
    Table::Slots(Slots { max, reserved })
}

fn with(max: u64) -> Plain {
    of(max, [0; 5])
}

const LONG: u64 = 1_000_000;

fn call(level: Priority, ask: u32) -> Waiting<u32> {
    Waiting { level, deadline: LONG, since: 0, ask }
}

fn until(level: Priority, ask: u32, deadline: u64) -> Waiting<u32> {
    Waiting { deadline, ..call(level, ask) }
}

/// A call that must wait.
#[track_caller]
fn waits(slots: &Plain, host: &mut Host, waiting: Waiting<u32>) -> Ticket {
    match slots.acquire(waiting, None, u64::MAX, FULL, host) {
        Asked::Waits(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn ask(slots: &Plain, ticket: Ticket) -> Option<End<u32, &'static str>> {
    match slots.poll(ticket, &mut Context::from_waker(Waker::noop()), |end| end.copied()) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

/// The slot of a wait that was granted.
#[track_caller]
fn granted(slots: &Plain, ticket: Ticket, asked: u32) -> Slot {
    match ask(slots, ticket) {
        Some(End::Granted(slot, granted)) if granted == asked => slot,
        other => panic!("{other:?}"),
    }
}

const fn refused(reason: &'static str) -> Option<End<u32, &'static str>> {
    Some(End::Not(Without::Refused(reason)))
}

const TIMED_OUT: Option<End<u32, &'static str>> = Some(End::Not(Without::TimedOut));
const CLOSED: Option<End<u32, &'static str>> = Some(End::Not(Without::Closed));
