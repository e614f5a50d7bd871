//! Attempts beside one that takes long, values that are kept, and calls that are made once for several.

use super::class::Isolate;
use crate::scratch::*;
use fusewire::binding::{Place, Role};
use fusewire::{Ending, Outcome, Priority};
use napi::bindgen_prelude::*;
use napi_derive::napi;

#[napi]
impl Isolate {
    /// Begins an attempt beside the one that is under way, through the scratch; `false` when there is to be none.
    #[napi(catch_unwind)]
    pub fn hedge(&mut self, place: u32) -> bool {
        let s = self.inner.scratch;
        let Some((breaker, entry)) = self.inner.course(place) else { return false };
        let Some(slip) = entry.course.hedge(breaker) else { return false };
        s.set_nanos_at(STEP, breaker.slip_timeout(&slip));
        s.set_nanos_at(HEDGE, entry.course.hedge_after(breaker));
        let slot = entry.slot;
        self.inner.give_paced(slot, (slip, 0));
        true
    }

    /// The attempt has failed while hedges of it go on: settles it. Answers 1 + the code of the slot that it keeps, if it
    /// is to keep one; 0 for none.
    #[napi(catch_unwind)]
    pub fn primary_failed(&mut self, place: u32, error_type: Option<String>, keeps: bool) -> u32 {
        let Some((breaker, entry)) = self.inner.course(place) else { return 0 };
        let kept = if keeps { entry.course.keep_slot() } else { None };
        let slot = entry.slot;
        entry.course.primary_failed(breaker, &Ending::new(Outcome::Failure, error_type.as_deref()));
        if let Some(code) = kept {
            self.inner.courses.kept.push((slot, code));
        }
        self.inner.scratch.set(EVENTS, self.inner.inbox.waiting());
        kept.map_or(0, |code| 1 + u32::from(code))
    }

    /// The hedge whose permit is in the scratch is the attempt from here on.
    #[napi(catch_unwind)]
    pub fn hedge_won(&mut self, place: u32) {
        let slip = self.inner.held.take_out(self.inner.scratch.taken());
        if let Some((breaker, entry)) = self.inner.course(place) {
            entry.course.hedge_won(breaker, &slip);
        }
    }

    fn note_place(&self, place: Option<Place>) -> f64 {
        let Some(Place { at, version }) = place else { return -1.0 };
        self.inner.scratch.set_double(STEP, version as f64);
        at.into()
    }

    /// Where a fresh value of that key lies, that answers before anything is called: its place, and its version in the
    /// scratch; -1 when there is none.
    #[napi(catch_unwind)]
    pub fn cache_fresh(&self, slot: u32, key: String) -> Result<f64> {
        Ok(self.note_place(self.inner.breaker(slot)?.cache_fresh(&key)))
    }

    /// The same for the rung `cache`: a value that may be stale.
    #[napi(catch_unwind)]
    pub fn cache_any(&self, slot: u32, key: String) -> Result<f64> {
        Ok(self.note_place(self.inner.breaker(slot)?.cache_any(&key)))
    }

    /// Where the value of that key is to be kept; the epoch of what is vacant is in the scratch, too.
    #[napi(catch_unwind)]
    pub fn cache_store(&self, slot: u32, key: String) -> Result<f64> {
        let stored = self.inner.breaker(slot)?.cache_store(&key);
        self.inner.scratch.set_double(HEDGE, stored.map_or(0.0, |stored| stored.epoch as f64));
        Ok(self.note_place(stored.map(|stored| stored.place)))
    }

    /// The places of values that are of no use any more: the epoch, the place from which on all are, and those below it;
    /// nothing without a cache: all of them.
    #[napi(catch_unwind)]
    pub fn cache_vacant(&self, slot: u32) -> Result<Vec<f64>> {
        let Some(vacant) = self.inner.breaker(slot)?.cache_vacant() else { return Ok(Vec::new()) };
        let told = [vacant.epoch as f64, vacant.end.into()].into_iter();
        Ok(told.chain(vacant.places.into_iter().map(f64::from)).collect())
    }

    /// A call of that key begins: its ticket, negative when it follows another; 0 when calls do not join each other.
    #[napi(catch_unwind)]
    pub fn flight_join(&self, slot: u32, key: String, level: u32) -> Result<f64> {
        let level = Priority::ALL.get(level as usize).copied().unwrap_or(Priority::Normal);
        Ok(match self.inner.breaker(slot)?.flight_join(&key, level) {
            None => 0.0,
            Some(joined) if joined.role == Role::Lead => joined.ticket as f64,
            Some(joined) => -(joined.ticket as f64),
        })
    }

    /// A leader has its answer: whom it is handed to.
    #[napi(catch_unwind)]
    pub fn flight_land(&self, slot: u32, ticket: f64) -> Result<Vec<f64>> {
        let followers = self.inner.breaker(slot)?.flight_land(ticket as u64);
        Ok(followers.into_iter().map(|ticket| ticket as f64).collect())
    }

    /// A call is given up: who leads from now on.
    #[napi(catch_unwind)]
    pub fn flight_leave(&self, slot: u32, ticket: f64) -> Result<Vec<f64>> {
        let heirs = self.inner.breaker(slot)?.flight_leave(ticket as u64);
        Ok(heirs.into_iter().map(|ticket| ticket as f64).collect())
    }
}
