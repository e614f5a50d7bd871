//! What JavaScript asks and tells of calls with their attempts, beside the two functions of every call.

use super::class::Isolate;
use super::gates::ways;
use crate::error::of_request;
use crate::scratch::EVENTS;
use fusewire::Ending;
use fusewire::binding::finished_json;
use napi::bindgen_prelude::*;
use napi_derive::napi;

#[napi]
impl Isolate {
    /// Takes up a call whose first attempt, in the scratch, has ended as more than a success; answers its place.
    #[napi(catch_unwind)]
    pub fn take_up(&mut self, is_lane: bool, lasted: f64) -> Result<u32> {
        self.inner.take_up(is_lane, lasted as u64).map_err(|e| of_request(&e))
    }

    /// Tells the breaker's budget of what the lane has admitted, as of now.
    #[napi(catch_unwind)]
    pub fn fold_lane(&self, slot: u32) {
        if let Ok(breaker) = self.inner.breaker(slot) {
            breaker.fold_lanes();
        }
    }

    /// As `settleAttempt`, for a failure whose type has no number.
    #[napi(catch_unwind)]
    pub fn settle_attempt_failed(&mut self, error_type: String) {
        self.inner.settle_attempt(Some(&error_type));
    }

    /// Goes on with a call, through the scratch: after a wait, or to hear the same once more. It may ask the breaker, so what
    /// the lane has not used of its grant is given back before.
    #[napi(catch_unwind)]
    pub fn go_on(&mut self, place: u32) {
        let slot = self.inner.course(place).map(|(_, entry)| entry.slot);
        slot.into_iter().for_each(|slot| self.inner.take_grant_back(slot));
        self.inner.go_on(place);
        self.inner.scratch.set(EVENTS, self.inner.inbox.waiting());
    }

    /// Tells whether the rung has answered, and goes on.
    #[napi(catch_unwind)]
    pub fn answered(&mut self, place: u32, has_answered: bool) {
        if let Some((breaker, entry)) = self.inner.course(place) {
            entry.course.answered(breaker, has_answered);
        }
        self.inner.go_on(place);
        self.inner.scratch.set(EVENTS, self.inner.inbox.waiting());
    }

    /// By which ways the breaker's calls go.
    #[napi(catch_unwind)]
    pub fn ways(&self, slot: u32) -> Result<u32> {
        Ok(ways(self.inner.breaker(slot)?))
    }

    /// Which rung is to answer.
    #[napi(catch_unwind)]
    pub fn rung(&self) -> String {
        self.inner.courses.rung.clone()
    }

    /// The rungs of a breaker, in their order.
    #[napi(catch_unwind)]
    pub fn rungs(&self, slot: u32) -> Result<Vec<String>> {
        Ok(self.inner.breaker(slot)?.rungs().iter().map(ToString::to_string).collect())
    }

    /// Throws when a rung may not go through the breaker in slot `to`: it is one of those that are in the middle of asking a
    /// rung in the same call.
    #[napi(catch_unwind)]
    pub fn check_descent(&self, asking: Vec<u32>, to: u32) -> Result<()> {
        let asking = asking.into_iter().map(|slot| self.inner.breaker(slot).cloned());
        let asking = asking.collect::<Result<Vec<_>>>()?;
        self.inner.breaker(to)?.check_descent(&asking).map_err(crate::error::of_config)
    }

    /// How the call ended that ended last, as JSON.
    #[napi(catch_unwind)]
    pub fn finished(&mut self) -> Option<String> {
        self.inner.courses.finished.take().map(|done| finished_json(&done).to_string())
    }

    /// Which use of its place a call is.
    #[napi(catch_unwind)]
    pub fn course_turn(&mut self, place: u32) -> u32 {
        self.inner.course(place).map_or(0, |(_, entry)| entry.turn)
    }

    /// Gives a call up: the permit of an attempt that is under way is dropped, or settled as timed out. With `turn`, only
    /// if it is still that use of its place.
    #[napi(catch_unwind)]
    pub fn give_up(&mut self, place: u32, timed_out: bool, turn: Option<u32>) {
        if turn.is_some_and(|turn| turn != self.course_turn(place)) {
            return;
        }
        if let Some((breaker, entry)) = self.inner.course(place) {
            if timed_out {
                entry.course.settle(breaker, &Ending::failure(fusewire::binding::TIMEOUT));
            }
            entry.course.abandon(breaker);
            self.inner.courses.take(place);
        }
        self.inner.scratch.set(EVENTS, self.inner.inbox.waiting());
    }

    /// Has the attempt that is under way keep its slot when the call is given up, or another attempt has answered first; 1 +
    /// the code of the slot, 0 when it has none.
    #[napi(catch_unwind)]
    pub fn keep_slot(&mut self, place: u32) -> u32 {
        let Some((_, entry)) = self.inner.course(place) else { return 0 };
        let (slot, kept) = (entry.slot, entry.course.keep_slot());
        self.inner.note_kept(slot, kept)
    }

    /// The same of the permit in the scratch, which lies there without its slot then.
    #[napi(catch_unwind)]
    pub fn keep_slot_of(&mut self, slot: u32) -> Result<u32> {
        let s = self.inner.scratch;
        let slip = self.inner.held.take_out(s.taken());
        let kept = self.inner.breaker(slot)?.keep_slot_of(&slip);
        let (slip, code) = kept.map_or((slip, None), |(slip, code)| (slip, Some(code)));
        s.give(slip);
        Ok(self.inner.note_kept(slot, code))
    }

    /// Gives a slot back that an attempt has kept, which nobody has waited for.
    #[napi(catch_unwind)]
    pub fn give_back(&mut self, slot: u32, code: u32) {
        let kept = &mut self.inner.courses.kept;
        let found = kept.iter().position(|(of, kept)| *of == slot && u32::from(*kept) == code);
        let Some(at) = found else { return };
        let (_, code) = kept.swap_remove(at);
        if let Ok(breaker) = self.inner.breaker(slot) {
            breaker.give_back_slot(code);
        }
        self.inner.scratch.set(EVENTS, self.inner.inbox.waiting());
    }

    /// Reports how busy this process is, 0 to 1.
    #[napi(catch_unwind)]
    pub fn set_utilisation(&self, slot: u32, to: f64) -> Result<()> {
        self.inner.breaker(slot)?.set_utilisation(to).map_err(crate::error::of_config)
    }
}
