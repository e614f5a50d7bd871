//! Asking: the look at every gate, the take, and the queue.

use super::rate::{Ask, Turn};
use super::{Asked, End, Gated, Given, Pass, Request, Waiter};
use crate::model::Drawn;

type Refusal = (&'static str, Option<u64>);

/// What a call that every gate admits is about to take.
struct Way {
    turn: Option<Turn>,
    bypasses: bool,
}

impl Gated {
    pub fn acquire(&mut self, request: Request, waits: bool, now: u64) -> Asked {
        if request.cost == 0 || self.rate.as_ref().is_some_and(|rate| request.cost > rate.most()) {
            return Asked::Wrong;
        }
        let mut drawn = None;
        let answer = match self.look(&request, &mut drawn, false, now) {
            Ok(way) => Asked::Admitted(self.take(&request, way, self.plan.slots.is_some(), now)),
            Err((reason, _)) if self.machine.is_shadow() && reason != "closed" => {
                Asked::Admitted(self.mark(&request, reason, now))
            }
            Err(full) if waits && full.0 == self.slots.full() => self.wait(request, drawn, full, now),
            Err(refusal) => self.refuse(request.level, refusal),
        };
        self.flush(now);
        answer
    }

    /// The first refusal wins: mode and machine, priority floor, rate limit, concurrency.
    fn look(
        &mut self,
        request: &Request,
        drawn: &mut Drawn,
        has_slot: bool,
        now: u64,
    ) -> Result<Way, Refusal> {
        if self.is_closed {
            return Err(("closed", None));
        }
        let priority = self.plan.priority.clone();
        let level_of = |f: fn(&super::plan::PriorityPlan) -> Option<usize>| priority.as_ref().and_then(f);
        let stands_back = level_of(|p| p.half_open_min).is_some_and(|least| request.level < least);
        let is_spared = level_of(|p| p.open_bypass).is_some_and(|least| request.level >= least);
        let bypasses = match self.machine.look(stands_back, drawn, now) {
            Ok(()) => false,
            Err((reason, _)) if is_spared && reason != "forced_open" => true,
            Err(refusal) => return Err(refusal),
        };
        self.adapt(now);
        if request.level < self.floor {
            return Err(("shed", None));
        }
        let ask = Ask { level: request.level, cost: request.cost, deadline: request.deadline };
        let turn = match self.rate.as_mut().map(|rate| (rate.look(&ask, now), rate)) {
            None => None,
            Some((Ok(turn), _)) => Some(turn),
            Some((Err(after), rate)) => {
                rate.hold();
                return Err(("rate_limited", after));
            }
        };
        if self.plan.slots.is_some() && !has_slot && !self.slots.gives_newcomer(request.level) {
            return Err((self.slots.full(), None));
        }
        Ok(Way { turn, bypasses })
    }

    /// Takes slot, token and the machine's place.
    fn take(&mut self, request: &Request, way: Way, has_slot: bool, now: u64) -> Given {
        self.slots.held[request.level] += u64::from(has_slot);
        let mut wait = 0;
        if let (Some((share, turn)), Some(rate)) = (way.turn, &mut self.rate) {
            rate.take(share, now);
            if turn > 0 {
                rate.hold();
            }
            wait = if self.machine.is_shadow() { 0 } else { turn };
        }
        let number = match way.bypasses {
            true => self.machine.give(false, true, now + wait),
            false => self.machine.take(wait, now),
        };
        self.bypassed += u64::from(way.bypasses);
        let feeds = !way.bypasses && !self.machine.is_forced();
        let permit = self.pass(Pass::new(number, request, has_slot, feeds, now + wait));
        Given { permit, would_reject: None, bypassed: way.bypasses, wait }
    }

    fn pass(&mut self, pass: Pass) -> usize {
        self.admitted[pass.level] += u64::from(!self.plan.is_empty());
        self.passes.push(pass);
        self.passes.len() - 1
    }

    /// In shadow, what would be refused runs at once, marked, without slot or token.
    fn mark(&mut self, request: &Request, reason: &'static str, now: u64) -> Given {
        self.machine.count_would_reject(reason);
        let number = self.machine.give(true, false, now);
        let permit = self.pass(Pass::new(number, request, false, false, now));
        Given { permit, would_reject: Some(reason), bypassed: false, wait: 0 }
    }

    fn refuse(&mut self, level: usize, (reason, after): Refusal) -> Asked {
        self.count_refused(level, reason);
        Asked::Rejected(reason, after)
    }

    fn count_refused(&mut self, level: usize, reason: &'static str) {
        self.machine.count_rejected(reason);
        if reason != "closed" && !self.plan.is_empty() {
            *self.refused.entry((reason, level)).or_default() += 1;
        }
    }

    fn wait(&mut self, request: Request, drawn: Drawn, full: Refusal, now: u64) -> Asked {
        // Without a queue nobody begins to wait, also where somebody does by rules from before.
        let Some(plan) = self.slots.plan.clone().filter(|plan| plan.max_queue > 0) else {
            return self.refuse(request.level, full);
        };
        if self.slots.queue.len() as u64 >= plan.max_queue {
            // The order of the queue puts the newest of the lowest level last.
            match self.slots.queue.last() {
                Some(last) if last.level < request.level => {
                    let at = self.slots.queue.len() - 1;
                    self.end(at, full);
                }
                _ => return self.refuse(request.level, full),
            }
        }
        self.waiters += 1;
        let patience = now + plan.timeouts[request.level];
        let ends = request.deadline.map_or(patience, |deadline| deadline.min(patience));
        self.slots.enqueue(Waiter { id: self.waiters, level: request.level, ends, request, drawn });
        Asked::Waits(self.waiters)
    }

    /// Ends a wait without a grant.
    pub(super) fn end(&mut self, at: usize, (reason, after): Refusal) {
        let waiter = self.slots.queue.remove(at);
        self.count_refused(waiter.level, reason);
        self.ends.push((waiter.id, End::Refused(reason, after)));
    }

    /// Gives free slots to who waits: every gate is looked at again, and a refusal passes the slot on.
    pub(super) fn grant(&mut self, now: u64) {
        while let Some(at) = self.slots.next() {
            let mut waiter = self.slots.queue.remove(at);
            let request = Request { level: waiter.level, ..waiter.request };
            let end = match self.look(&request, &mut waiter.drawn, true, now) {
                Ok(way) => End::Granted(self.take(&request, way, true, now)),
                Err((reason, after)) => {
                    self.count_refused(waiter.level, reason);
                    End::Refused(reason, after)
                }
            };
            self.ends.push((waiter.id, end));
        }
        self.flush(now);
    }

    /// Nobody waits on an open breaker, but for those who pass it; and nobody at all on a closed one or in shadow.
    pub(super) fn flush(&mut self, now: u64) {
        while self.machine.is_shadow() && !self.is_closed && !self.slots.queue.is_empty() {
            let (waiter, full) = (self.slots.queue.remove(0), self.slots.full());
            let request = Request { level: waiter.level, ..waiter.request };
            let given = self.mark(&request, full, now);
            self.ends.push((waiter.id, End::Granted(given)));
        }
        let Some(refusal) = self.machine.flushes(now) else { return };
        let spared = self.plan.priority.as_ref().and_then(|priority| priority.open_bypass);
        let stays = |level| refusal.0 == "open" && spared.is_some_and(|least| level >= least);
        while let Some(at) = self.slots.queue.iter().position(|waiter| !stays(waiter.level)) {
            self.end(at, refusal);
        }
    }

    pub(super) fn adapt(&mut self, now: u64) {
        let Some((from, to)) = self.rate.as_mut().and_then(|rate| rate.adapt(now)) else { return };
        self.note(super::Change::Rate(from, to), None, now);
    }
}
