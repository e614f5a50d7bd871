//! Slots and their queue: no slot is lost, none is given twice, and who waits is woken.

mod tables;
mod taking;
mod waits;

use crate::admit::bulkhead::Slots;
use crate::admit::priority::Priority::{self, Low, Normal};
use crate::admit::queue::{Ticket, Waiting};
use crate::admit::slots::{Asked, Bulkhead, End, Gates, Slot, Table, Without};
use crate::clock::Near;
use crate::name::Name;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

type Plain = Bulkhead<u32, u32, &'static str>;
type Shared = Arc<Plain>;

/// Gates that stand open, at this time.
struct At(u64);

const BEFORE: u64 = 0;
const DEADLINE: u64 = 5;

impl Gates<u32, u32, &'static str> for At {
    fn now(&mut self, _: &mut Near) -> u64 {
        self.0
    }

    fn look(&mut self, _: Priority) -> Result<(), Option<&'static str>> {
        Ok(())
    }

    fn take(&mut self, waiting: &Waiting<u32>, _: Slot, given: &mut u32) -> Result<(), &'static str> {
        *given = waiting.ask;
        Ok(())
    }

    fn ended(&mut self, _: &Waiting<u32>, _: Without<&'static str>) {}
}

fn table(max: u64, critical: u64) -> Table {
    Table::Slots(Slots { max, reserved: [0, 0, 0, 0, critical] })
}

fn of(max: u64, critical: u64) -> Shared {
    Arc::new(Bulkhead::new(Name::new("a"), table(max, critical)))
}

/// One with a single slot, and a call that has it.
fn taken() -> (Shared, Slot) {
    let slots = of(1, 0);
    let slot = slots.try_take(Normal).expect("free");
    (slots, slot)
}

/// Does the one while another thread does the other; answers what the one says.
fn beside<R>(
    slots: &Shared,
    one: impl FnOnce(&Shared) -> R,
    other: impl FnOnce(&Plain) + Send + 'static,
) -> R {
    let theirs = Arc::clone(slots);
    let thread = thread::spawn(move || other(&theirs));
    let said = one(slots);
    thread.join().expect("no panic");
    said
}

fn release(slot: Slot) -> impl FnOnce(&Plain) + Send + 'static {
    move |slots| slots.release(slot, &mut At(BEFORE))
}

fn call(level: Priority) -> Waiting<u32> {
    Waiting { level, deadline: DEADLINE, since: 0, ask: level as u32 }
}

/// Counts how often it is called. No model need see into it.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A call that waits, or has waited.
struct Place {
    ticket: Ticket,
    woken: Arc<Woken>,
    /// How it had ended when it came to give its waker.
    end: Option<End<u32, &'static str>>,
}

impl Place {
    fn new(slots: &Plain, ticket: Ticket) -> Self {
        let woken = Arc::new(Woken::default());
        let waker: Waker = Arc::clone(&woken).into();
        let end = match slots.poll(ticket, &mut Context::from_waker(&waker), |end| end.copied()) {
            Poll::Pending => None,
            Poll::Ready(end) => Some(end),
        };
        Place { ticket, woken, end }
    }

    /// The slot, if it was granted one. Who was told to wait has been woken exactly if it ended.
    fn slot(&mut self, slots: &Plain) -> Option<Slot> {
        let end = self.end.take().or_else(|| {
            let polled =
                slots.poll(self.ticket, &mut Context::from_waker(&Arc::clone(&self.woken).into()), |end| {
                    end.copied()
                });
            assert_eq!(self.woken.0.load(SeqCst), usize::from(polled.is_ready()), "woken so often");
            match polled {
                Poll::Pending => None,
                Poll::Ready(end) => Some(end),
            }
        });
        match end {
            Some(End::Granted(slot, ask)) if ask == slot.level() as u32 => Some(slot),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    }
}

/// What a call comes to: a slot at once, or a place.
fn acquire(slots: &Plain, level: Priority) -> Result<Slot, Place> {
    match slots.acquire(call(level), None, 9, "full", &mut At(BEFORE)) {
        Asked::Taken(slot) => Ok(slot),
        Asked::Waits(ticket) => Err(Place::new(slots, ticket)),
        other => panic!("{other:?}"),
    }
}

/// A call that is in the queue before anything else happens.
fn place(slots: &Plain, level: Priority) -> Place {
    acquire(slots, level).expect_err("it must wait")
}

/// Gives up, with what it was granted.
fn leave(slots: &Plain, ticket: Ticket) {
    if let Some(End::Granted(slot, _)) = slots.cancel(ticket) {
        slots.release(slot, &mut At(BEFORE));
    }
}

/// Nobody has a slot and nobody waits, as far as anybody can tell.
fn assert_idle(slots: &Plain) {
    let look = slots.look();
    assert_eq!((look.in_flight, look.queued, slots.in_flight()), ([0; 5], [0; 5], 0));
    assert!(slots.try_take(Low).is_some());
}
