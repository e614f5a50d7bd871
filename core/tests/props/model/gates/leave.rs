//! Settling, dropping, and waits that end.

use super::Gated;
use crate::model::{Outcome, Settled};

impl Gated {
    pub fn settle(
        &mut self,
        permit: usize,
        outcome: Outcome,
        duration: Option<u64>,
        error_type: Option<&str>,
        now: u64,
    ) -> Settled {
        let pass = &mut self.passes[permit];
        assert!(!std::mem::replace(&mut pass.is_settled, true), "the bench settles once");
        let (number, level, has_slot, feeds) = (pass.number, pass.level, pass.has_slot, pass.feeds);
        // A success that took as long as it may is a timeout.
        let lasted = duration.unwrap_or(now.saturating_sub(pass.begins));
        let is_late = outcome == Outcome::Success && pass.timeout.is_some_and(|timeout| lasted >= timeout);
        let (outcome, error_type) =
            if is_late { (Outcome::Failure, Some("timeout")) } else { (outcome, error_type) };
        let slow = outcome != Outcome::Ignored && self.machine.was_slow(number, duration, now);
        let settled = self.machine.settle(number, outcome, duration, error_type, now);
        self.flush(now);
        if feeds && settled == Settled::Ok && outcome != Outcome::Ignored && !self.machine.is_forced() {
            self.feed(outcome == Outcome::Failure, slow, now);
            // What a limit that has grown gives is given before the slot of this call.
            self.grant(now);
        }
        self.slots.held[level] -= u64::from(has_slot);
        self.grant(now);
        settled
    }

    fn feed(&mut self, failed: bool, slow: bool, now: u64) {
        if let Some(rate) = self.rate.as_mut().filter(|rate| rate.plan.adaptive.is_some()) {
            rate.count(failed);
            self.adapt(now);
        }
        self.slots.settled(failed || slow);
    }

    /// A permit is dropped.
    pub fn drop_permit(&mut self, permit: usize, now: u64) {
        let number = self.passes[permit].number;
        if self.machine.drops_as_failure(number, now) {
            self.settle(permit, Outcome::Failure, None, Some("timeout"), now);
        } else {
            self.settle(permit, Outcome::Ignored, None, None, now);
        }
    }

    /// Whose waits are due: by deadline, then level, then age.
    pub fn due(&self, now: u64) -> Vec<u64> {
        let mut due: Vec<_> = self.slots.queue.iter().filter(|waiter| waiter.ends <= now).collect();
        due.sort_by_key(|waiter| (waiter.ends, 4 - waiter.level, waiter.id));
        due.iter().map(|waiter| waiter.id).collect()
    }

    pub fn end_due(&mut self, now: u64) {
        for id in self.due(now) {
            if let Some(at) = self.slots.find(id) {
                self.end(at, ("queue_timeout", None));
            }
        }
    }

    /// A waiter goes away, as if it had never come.
    pub fn cancel(&mut self, id: u64) {
        self.slots.queue.retain(|waiter| waiter.id != id);
    }

    /// A waiter goes on at the end of a higher level.
    pub fn raise(&mut self, id: u64, level: usize, now: u64) {
        let Some(at) = self.slots.find(id) else { return };
        if level > self.slots.queue[at].level {
            let waiter = self.slots.queue.remove(at);
            self.slots.enqueue(super::Waiter { level, ..waiter });
            self.grant(now);
        }
    }
}
