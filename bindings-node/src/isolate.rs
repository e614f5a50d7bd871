//! What one isolate has of the core: its breakers by slot, its lanes, its events.
//!
//! Here is what the two functions of a call reach; what JavaScript calls by name are the methods of the class.

// First: `native.d.ts` has the methods in this order, and a class begins with its constructor.
mod class;

mod breaker;
mod cached;
mod courses;
mod gates;
mod held;
mod memory;
mod slots;
mod steps;
mod waits;

use self::courses::Courses;
use self::gates::{Names, ways};
use self::held::Held;
use self::waits::Waits;
use crate::error::no_slot;
use crate::events::Inbox;
use crate::scratch::*;
use fusewire::binding::{Paced, Refused, Slip};
use fusewire::{CircuitBreaker, Outcome, PolicySubscription, RequestError, Subscription};
use napi::bindgen_prelude::*;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a lane counts.
#[derive(Clone, Copy)]
struct LaneCounters {
    successes: NonNull<AtomicU64>,
    admitted: NonNull<AtomicU64>,
}

struct Slot {
    breaker: CircuitBreaker,
    lane: Option<LaneCounters>,
    transitions: Option<Subscription>,
    policies: Option<PolicySubscription>,
}

/// The part that the bare functions reach.
pub(crate) struct Inner {
    pub(crate) scratch: Scratch,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    chunks: Vec<NonNull<AtomicU64>>,
    inbox: Arc<Inbox>,
    waits: Waits,
    held: Held,
    courses: Courses,
    /// Told of the next call.
    names: Option<Names>,
    /// Why the last request could not be.
    wrong: Option<RequestError>,
    /// By number, from 1; as many as `lib/error-types.ts` gives.
    error_types: Vec<Box<str>>,
}

impl Inner {
    fn slot(&self, slot: u32) -> Result<&Slot> {
        self.slots.get(slot as usize).and_then(Option::as_ref).ok_or_else(no_slot)
    }

    fn slot_mut(&mut self, slot: u32) -> Result<&mut Slot> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut).ok_or_else(no_slot)
    }

    fn breaker(&self, slot: u32) -> Result<&CircuitBreaker> {
        Ok(&self.slot(slot)?.breaker)
    }

    fn keep(&mut self, breaker: CircuitBreaker) -> u32 {
        let slot = Some(Slot { breaker, lane: None, transitions: None, policies: None });
        match self.free.pop() {
            Some(free) => {
                self.slots[free as usize] = slot;
                free
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        }
    }

    fn release(&mut self, slot: u32) {
        let Some(Slot { breaker, lane, transitions, policies }) =
            self.slots.get_mut(slot as usize).and_then(Option::take)
        else {
            return;
        };
        for slip in self.held.take_of(slot) {
            breaker.abandon_slip(&slip);
        }
        self.give_up_courses(slot, &breaker);
        if transitions.is_some() || policies.is_some() {
            drop((transitions, policies));
            self.inbox.forget(slot, |_| true);
        }
        if let Some(lane) = lane {
            breaker.remove_lane(lane.successes);
            for counter in [lane.successes, lane.admitted] {
                // SAFETY: the isolate's own memory; nobody else reads it any more.
                unsafe { counter.as_ref() }.store(0, Ordering::Relaxed);
            }
        }
        self.free.push(slot);
    }

    /// Ends everything: the isolate goes away, and its memory with it.
    fn close(&mut self) {
        self.waits.give_up();
        (0..self.slots.len() as u32).for_each(|slot| self.release(slot));
        self.inbox.set_waker(None);
    }

    fn abandon(&self, slot: u32, slip: &Slip) {
        if let Ok(breaker) = self.breaker(slot) {
            breaker.abandon_slip(slip);
        }
    }

    pub(crate) fn acquire(&mut self) {
        let s = self.scratch;
        let Ok(slot) = self.slot(s.get(SLOT)) else { return s.set(CODE, PANICKED) };
        let ways = ways(&slot.breaker);
        if ways != 0 {
            s.set(GATED, ways);
            return s.set(CODE, HAS_GATES);
        }
        slot.breaker.return_grant(s.get(GRANT_CALLS));
        match slot.breaker.acquire_slip() {
            Ok(slip) => s.give(slip),
            Err(refused) => s.turn_away(&slot.breaker, refused),
        }
        let grant = if slot.lane.is_some() { slot.breaker.grant() } else { Default::default() };
        s.set(GRANT_LOW, grant.low);
        s.set(GRANT_CALLS, grant.calls);
        s.set(EVENTS, self.inbox.waiting());
    }

    pub(crate) fn settle(&mut self, error_type: Option<&str>) {
        let s = self.scratch;
        let slip = self.held.take_out(s.taken());
        let Ok(slot) = self.slot(s.get(SLOT)) else { return s.set(CODE, PANICKED) };
        s.set(CODE, 0);
        let numbered =
            || self.error_types.get((s.get(ERROR_TYPE) as usize).wrapping_sub(1)).map(AsRef::as_ref);
        let error_type = error_type.or_else(numbered);
        let settled = match s.get(OUTCOME) {
            ABANDONED => slot.breaker.abandon_slip(&slip),
            code => {
                let outcome = Outcome::ALL.get(code as usize).copied().unwrap_or(Outcome::Ignored);
                slot.breaker.settle_slip(&slip, outcome, s.nanos(), error_type)
            }
        };
        s.set(SETTLED, settled as u32);
        s.set(EVENTS, self.inbox.waiting());
    }
}

impl Inner {
    /// Takes back what the lane has not used of its grant.
    fn take_grant_back(&self, slot: u32) {
        if let Ok(breaker) = self.breaker(slot) {
            breaker.return_grant(self.scratch.get(GRANT_CALLS));
        }
    }

    /// Grants the lane which first attempts it may admit alone.
    fn grant_first(&self, slot: u32) {
        let s = self.scratch;
        let granted = match self.slot(slot) {
            Ok(Slot { breaker, lane: Some(_), .. }) => breaker.grant_first(),
            _ => Default::default(),
        };
        s.set(GRANT_LOW, granted.grant.low);
        s.set(GRANT_CALLS, granted.grant.calls);
        s.set(HAS_BUDGET, granted.has_budget.into());
        s.set_nanos_at(GRANT_TIMEOUT, granted.timeout);
    }

    /// Gives a permit of gates out, with the turn that a leaky bucket gives.
    fn give_paced(&mut self, slot: u32, (slip, turn): Paced) {
        let timeout = self.breaker(slot).ok().and_then(|breaker| breaker.slip_timeout(&slip));
        self.scratch.set_nanos_at(STEP, timeout);
        let slip = self.held.keep(slot, slip);
        self.scratch.give(slip);
        self.scratch.set_double(TURN, turn as f64);
    }
}

impl Scratch {
    pub(crate) fn give(self, slip: Slip) {
        self.set(CODE, 0);
        self.set(LOW, slip.low);
        self.set(LEASE, slip.lease);
        self.set(EXTRA, slip.extra);
        self.set(ENGINE, slip.engine);
        self.set_wide(START, slip.start);
        self.set_wide(REST, slip.rest);
    }

    pub(crate) fn taken(self) -> Slip {
        Slip {
            low: self.get(LOW),
            lease: self.get(LEASE),
            extra: self.get(EXTRA),
            engine: self.get(ENGINE),
            start: self.get_wide(START),
            rest: self.get_wide(REST),
        }
    }

    fn turn_away(self, breaker: &CircuitBreaker, refused: Refused) {
        self.set(CODE, 1 + refused.reason as u32);
        self.note_refusal(breaker, &refused);
    }

    fn note_refusal(self, breaker: &CircuitBreaker, refused: &Refused) {
        self.set(REFUSED, 1 + refused.reason as u32);
        self.set_nanos(refused.retry_after);
        self.set_wide(FAILURE, breaker.failure_word());
    }
}
