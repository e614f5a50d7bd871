//! Settling a permit. A success of a closed breaker that changes nothing but counts is settled by `succeed_quietly`.

use crate::body::Body;
use crate::clock::Nanos;
use crate::detect::consecutive::{self, Counted};
use crate::detect::count::{Recorded, Ring};
use crate::detect::time::Credited;
use crate::detect::{Detector, Exceeded, Mark, Rates};
use crate::engine::{Engine, Lane};
use crate::gates::End;
use crate::ledger::TIMEOUT;
use crate::machine::Cause;
use crate::outcome::{Kind, Outcome, Settled, Ticket};
use crate::sync::{Ordering, bump, fence};
use crate::word::{GENERATION_BITS, State};

/// The generation in which a ticket was given, as the word holds it.
fn given_in(low: u32) -> u64 {
    u64::from(low) >> (32 - GENERATION_BITS)
}

impl Body {
    /// How long a call has lasted, if it was timed.
    pub(crate) fn elapsed(&self, ticket: &Ticket) -> Option<Nanos> {
        ticket.start().map(|start| self.clock().since(start))
    }

    /// A success that is not slow, of a call that was admitted under a word with that low half, if it changes nothing
    /// but counts. `false` when there is more to it; nothing was done then.
    #[inline]
    pub(crate) fn succeed_quietly(&self, engine: &Engine, low: u32) -> bool {
        let word = engine.load();
        if word.low() != low || !word.is_calm() {
            return false;
        }
        match engine.lane() {
            Lane::Consecutive => word.count() == 0 && engine.count_success(),
            Lane::Count => engine.record_quietly(low),
            Lane::Time => engine.credit_quietly(low, self.clock()),
        }
    }

    /// A success that is more than one that counts. What is common is apart, each with a frame of its own and none here.
    #[inline(never)]
    pub(crate) fn succeed(&self, engine: &Engine, ticket: &Ticket) -> Settled {
        if let Some(start) = ticket.plain_start() {
            return self.succeed_timed(engine, ticket, start);
        }
        if ticket.is_plain_in_a_slot() {
            return self.succeed_in_a_slot(engine, ticket);
        }
        if ticket.is_plain_in_time() {
            return self.succeed_in_time(engine, ticket);
        }
        self.settle(engine, ticket, Outcome::Success, None, None)
    }

    /// A timed success of a closed breaker is nearly as quick as one that is not timed.
    #[inline(never)]
    fn succeed_timed(&self, engine: &Engine, ticket: &Ticket, start: u64) -> Settled {
        let d = self.clock().since(start);
        let is_slow = self.engine().slow_limit().is_some_and(|limit| d >= limit);
        if is_slow || !self.succeed_quietly(engine, ticket.low()) {
            return self.settle(engine, ticket, Outcome::Success, Some(d), None);
        }
        engine.note_duration(self.bounds(), d);
        Settled::Ok
    }

    /// A success, on the happy path without a call.
    #[inline(always)]
    pub(crate) fn settle_success(&self, engine: &Engine, ticket: &Ticket) -> Settled {
        match ticket.is_simple() && self.succeed_quietly(engine, ticket.low()) {
            true => Settled::Ok,
            false => self.succeed(engine, ticket),
        }
    }

    /// The same of a call that has a slot, and nothing else that a gate wants back. Apart, so that a call without one has
    /// nothing of it to carry.
    #[inline(never)]
    fn succeed_in_a_slot(&self, engine: &Engine, ticket: &Ticket) -> Settled {
        let elapsed = self.elapsed(ticket);
        let is_slow = matches!((elapsed, self.engine().slow_limit()), (Some(d), Some(limit)) if d >= limit);
        if is_slow || !self.succeed_quietly(engine, ticket.low()) {
            return self.settle(engine, ticket, Outcome::Success, elapsed, None);
        }
        if let Some(d) = elapsed {
            engine.note_duration(self.bounds(), d);
        }
        self.leave_slot(ticket);
        Settled::Ok
    }

    /// The same of a call that has a timeout, and perhaps a slot: the clock is read once for all that asks how long it was.
    #[inline(never)]
    fn succeed_in_time(&self, engine: &Engine, ticket: &Ticket) -> Settled {
        let lasted = ticket.began().map_or(0, |start| self.clock().since(start));
        let is_late = ticket.timeout().is_some_and(|timeout| lasted >= timeout);
        let elapsed = ticket.start().map(|_| lasted);
        let is_slow = matches!((elapsed, self.engine().slow_limit()), (Some(d), Some(limit)) if d >= limit);
        if is_late || is_slow || !self.succeed_quietly(engine, ticket.low()) {
            return self.settle(engine, ticket, Outcome::Success, None, None);
        }
        if let Some(d) = elapsed {
            engine.note_duration(self.bounds(), d);
        }
        self.leave_slot(ticket);
        Settled::Ok
    }

    /// A permit was dropped unsettled: ignored, or a failure when it lasted too long.
    #[cold]
    pub(crate) fn abandon(&self, engine: &Engine, ticket: &Ticket) -> Settled {
        let elapsed = self.elapsed(ticket);
        match (elapsed, self.engine().plan().cancelled_after) {
            (Some(elapsed), Some(limit)) if elapsed >= limit => {
                self.settle(engine, ticket, Outcome::Failure, Some(elapsed), Some(TIMEOUT))
            }
            _ => self.settle(engine, ticket, Outcome::Ignored, elapsed, None),
        }
    }

    /// Settles a ticket that `engine` gave. `duration` is what the caller reports; without one the clock tells, if the
    /// call was timed.
    #[inline(never)]
    pub(crate) fn settle(
        &self,
        engine: &Engine,
        ticket: &Ticket,
        outcome: Outcome,
        duration: Option<Nanos>,
        error_type: Option<&str>,
    ) -> Settled {
        let tested = !ticket.is_plain() && self.featured().is_some() && self.carry_out_tests();
        let (outcome, error_type) = match self.is_too_late(ticket, outcome, duration) {
            true => (Outcome::Failure, Some(TIMEOUT)),
            false => (outcome, error_type),
        };
        let duration = duration.or_else(|| self.elapsed(ticket));
        let slow = outcome != Outcome::Ignored
            && matches!((duration, self.engine().slow_limit()), (Some(d), Some(limit)) if d >= limit);
        let (settled, has_changed) = self.settle_machine(engine, ticket, outcome, slow);
        engine.with_stripe(|stripe| {
            stripe.count(outcome);
            if slow {
                bump(&stripe.counters().slow);
            }
            if let Some(d) = duration {
                stripe.duration(self.bounds(), outcome, d);
            }
        });
        if settled == Settled::Late {
            engine.cell().count_late();
        }
        if outcome == Outcome::Failure {
            self.ledger().failure(error_type, self.clock().coarse());
        }
        if tested {
            self.deliver();
        }
        if !ticket.is_plain() {
            let is_forced = engine.load().mode().is_forced();
            let timed_out = outcome == Outcome::Failure && error_type == Some(TIMEOUT);
            self.leave_gates(
                ticket,
                &End { settled, outcome, is_slow: slow, is_forced, duration, timed_out },
            );
        }
        if has_changed {
            self.deliver();
        }
        settled
    }

    /// Whether a success took as long as its timeout: a synchronous call, which nobody could stop (policies §6).
    #[inline]
    fn is_too_late(&self, ticket: &Ticket, outcome: Outcome, reported: Option<Nanos>) -> bool {
        let Some(timeout) = ticket.timeout().filter(|_| outcome == Outcome::Success) else { return false };
        let began = || ticket.began().map(|start| self.clock().since(start));
        reported.or_else(began).is_some_and(|lasted| lasted >= timeout)
    }

    /// Whether an attempt that ends so has succeeded, for what learns from it; `None` when it says nothing, also if it is
    /// not late.
    pub(crate) fn teaches(
        &self,
        engine: &Engine,
        ticket: &Ticket,
        outcome: Outcome,
        d: Option<Nanos>,
    ) -> Option<bool> {
        let is_plain = matches!(ticket.kind(), Kind::Plain | Kind::Probe(_));
        let says = is_plain && outcome != Outcome::Ignored && !engine.load().mode().is_forced();
        says.then(|| outcome == Outcome::Success && !self.is_too_late(ticket, outcome, d))
    }

    /// Answers also whether there is an event to deliver.
    fn settle_machine(
        &self,
        engine: &Engine,
        ticket: &Ticket,
        outcome: Outcome,
        slow: bool,
    ) -> (Settled, bool) {
        if ticket.kind() == Kind::Bypassed {
            return (Settled::Ok, false);
        }
        let given = given_in(ticket.low());
        let word = engine.load();
        if word.is_moved() || word.generation() != given {
            return (Settled::Late, false);
        }
        let is_bystander = word.mode().is_forced() || matches!(ticket.kind(), Kind::Shadowed(_));
        match word.state() {
            State::Closed if !is_bystander && outcome != Outcome::Ignored => {
                self.settle_closed(engine, given, Mark { failure: outcome == Outcome::Failure, slow })
            }
            State::HalfOpen if !is_bystander => {
                let lease = if let Kind::Probe(lease) = ticket.kind() { lease } else { 0 };
                self.settle_half_open(engine, given, lease, outcome, slow)
            }
            _ => (Settled::Ok, false),
        }
    }

    fn settle_half_open(
        &self,
        engine: &Engine,
        given: u64,
        lease: u32,
        outcome: Outcome,
        slow: bool,
    ) -> (Settled, bool) {
        let now = self.clock().now();
        let mut expired = 0;
        let hold = self.before();
        let stepped = engine.cell().transact(|m| {
            expired = 0;
            if m.moved {
                return Settled::Late;
            }
            let rules = self.rules(engine, m);
            let counts_as_failure = slow && rules.slow_fails && outcome == Outcome::Success;
            let taken = m.settle(
                given,
                lease,
                if counts_as_failure { Outcome::Failure } else { outcome },
                now,
                &rules,
            );
            expired = taken.expired;
            taken.settled
        });
        let has_changed = self.after(hold, engine, &stepped, expired, None);
        (stepped.answer, has_changed)
    }

    fn settle_closed(&self, engine: &Engine, given: u64, mark: Mark) -> (Settled, bool) {
        let (word, since, plan) = engine.cell().read_counting();
        if word.is_moved() || word.generation() != given {
            return (Settled::Late, false);
        }
        let plan = engine.plan_of(plan);
        let recorded = match &plan.detector {
            Detector::Consecutive { threshold } => {
                return self.settle_consecutive(engine, given, mark, *threshold);
            }
            Detector::Count { size, rates } => loop {
                match record_in_ring(engine.ring(), since, mark, *size, rates) {
                    Judged::Late if engine.ring().revive(since, || engine.counts_since(since)) => {}
                    judged => break judged,
                }
            },
            Detector::Time { .. } => self.credit(engine, since, word.low(), &plan.detector, mark),
        };
        match recorded {
            Judged::Late => (Settled::Late, false),
            Judged::Below => (Settled::Ok, false),
            Judged::Exceeded(exceeded) => (Settled::Ok, self.detected(engine, given, since, exceeded)),
        }
    }

    fn credit(&self, engine: &Engine, since: u64, low: u32, detector: &Detector, mark: Mark) -> Judged {
        let Detector::Time { window, rates, adaptive } = detector else { return Judged::Below };
        let now = self.clock().coarse();
        let credited = engine.with_stripe(|stripe| {
            if let Some(adaptive) = adaptive {
                engine.learn(stripe, adaptive, window, since, now);
            }
            let credited = stripe.time().credit(since, low, now, window, mark);
            if credited != Credited::Late || !engine.counts_since(since) {
                return credited;
            }
            stripe.time().vacate(now, window);
            stripe.time().credit(since, low, now, window, mark)
        });
        match credited {
            Credited::Late => return Judged::Late,
            Credited::Passed => return Judged::Below,
            Credited::Evaluate => {}
        }
        // Of two threads that reach a threshold together, each in its own stripe, the second to come here sees both.
        fence(Ordering::SeqCst);
        let sums = engine.time_sums(window, since, now);
        engine.with_stripe(|stripe| stripe.time().watch(sums.total < rates.min_calls));
        let exceeded = match adaptive {
            None => rates.judge(sums),
            Some(a) => a.judge(rates, engine.cell().baseline(a.baseline()), sums),
        };
        exceeded.map_or(Judged::Below, Judged::Exceeded)
    }

    fn settle_consecutive(&self, engine: &Engine, given: u64, mark: Mark, threshold: u32) -> (Settled, bool) {
        loop {
            let word = engine.load();
            if word.is_moved() || word.generation() != given {
                return (Settled::Late, false);
            }
            let counted = match mark.failure {
                true => consecutive::failure(word.count(), threshold),
                false if word.count() == 0 => return (Settled::Ok, false),
                false => Counted::Below(0),
            };
            match counted {
                Counted::Below(count) => {
                    if engine.cell().swap(word, word.with_count(count)) {
                        return (Settled::Ok, false);
                    }
                }
                Counted::Reached => {
                    if let Some(settled) = self.reach_threshold(engine, given, threshold) {
                        return settled;
                    }
                }
            }
        }
    }

    /// The failure that reaches the threshold; `None` when others have changed the count meanwhile.
    fn reach_threshold(&self, engine: &Engine, given: u64, threshold: u32) -> Option<(Settled, bool)> {
        let now = self.clock().now();
        let hold = self.before();
        let stepped = engine.cell().transact(|m| {
            if m.moved || !m.is_generation(given) {
                return Some(Settled::Late);
            }
            if consecutive::failure(m.count, threshold) != Counted::Reached {
                return None;
            }
            m.count += 1;
            let rules = self.rules(engine, m);
            Some(m.detect(given, Cause::FailureThreshold, now, &rules))
        });
        let has_changed = self.after(hold, engine, &stepped, 0, None);
        stepped.answer.map(|settled| (settled, has_changed))
    }

    /// A window's threshold is reached. The outcome that reached it was recorded in its generation, so it is not late
    /// even if somebody else's opened first. New rules that keep the counts, which began at `since`, begin a generation;
    /// the counts are the same, so it opens all the same.
    fn detected(&self, engine: &Engine, given: u64, since: u64, exceeded: Exceeded) -> bool {
        let cause = match exceeded {
            Exceeded::FailureRate => Cause::FailureRate,
            Exceeded::SlowCallRate => Cause::SlowCallRate,
        };
        let now = self.clock().now();
        let hold = self.before();
        let stepped = engine.cell().transact(|m| {
            if !m.moved {
                let rules = self.rules(engine, m);
                let generation = if m.since == since { given_in(m.word().low()) } else { given };
                let _ = m.detect(generation, cause, now, &rules);
            }
        });
        self.after(hold, engine, &stepped, 0, None)
    }
}

/// What the detector says of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Late,
    Below,
    Exceeded(Exceeded),
}

pub(crate) fn record_in_ring(ring: Ring<'_>, since: u64, mark: Mark, size: u32, rates: &Rates) -> Judged {
    let taken = if mark.is_good() { None } else { ring.take_margin(since) };
    let Recorded::Nth(n) = ring.record(since, mark) else { return Judged::Late };
    let passes = mark.is_good() || taken.is_some_and(|taken| ring.confirm(taken));
    if passes && n != rates.min_calls {
        return Judged::Below;
    }
    ring.evaluate(since, size, rates).map_or(Judged::Below, Judged::Exceeded)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::config::{Builder, Window};
    use crate::event::By;
    use crate::name::Name;
    use std::time::Duration;

    const BAD: Mark = Mark { failure: true, slow: false };

    fn body(window: Window) -> Body {
        let plan = Builder::default().window(window.min_calls(3)).plan().expect("valid");
        Body::new(Name::new("a"), plan.into(), None, None).expect("new memory")
    }

    fn counted(body: &Body) -> u64 {
        let (since, now) = (body.engine().cell().read_counting().1, body.clock().now());
        body.engine().sums(&body.engine().plan().detector, since, now).total
    }

    #[test]
    fn what_is_counted_now_is_told_by_the_word() {
        let body = body(Window::count(9));
        let engine = body.engine();
        let counted = || (0..5).filter(|since| engine.counts_since(*since)).collect::<Vec<_>>();
        assert_eq!(counted(), [0]);
        body.reset(&By::default());
        assert_eq!(counted(), [1]);
        body.trip(None, &By::default());
        assert_eq!(counted(), [1], "open keeps what was counted");
        body.half_open(&By::default());
        assert_eq!(counted(), [3]);
        let other = Builder::default().window(Window::count(9).min_calls(3)).half_open_max_calls(60);
        assert!(body.reconfigure(other.plan().expect("valid").into(), &By::default()));
        assert_eq!(counted(), [0; 0], "it has moved");
    }

    #[test]
    fn an_outcome_that_was_on_its_way_over_a_transition_disturbs_nothing_of_the_next_generation() {
        for window in [
            Window::time(Duration::from_secs(7200)).buckets(1),
            Window::adaptive(Duration::from_secs(7200)).buckets(1),
        ] {
            let body = body(window);
            let (engine, detector) = (body.engine(), &body.engine().plan().detector);
            body.reset(&By::default());
            // As when another thread, which has the same stripe by turns, had read the word before.
            let credit = |since: u64| body.credit(engine, since, (since << 8) as u32, detector, BAD);
            for n in 1..=2 {
                assert_eq!(credit(1), Judged::Below);
                assert_eq!(credit(0), Judged::Late);
                assert_eq!(counted(&body), n);
            }
        }
    }
}
