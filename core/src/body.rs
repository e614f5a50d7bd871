//! A breaker, and everything of a call that is not its happy path.
//!
//! A [`Body`] has one [`Engine`] or, after it was reconfigured to another layout, a row of them: the newest one decides,
//! the others only explain late results and keep their totals. Engines and plans stay until the breaker is dropped, so
//! that a call in flight may hold a plain reference to the one that admitted it.

use crate::cell::Stepped;
use crate::clock::{Nanos, Source};
use crate::config::Plan;
use crate::detect::consecutive::{self, Counted};
use crate::detect::count::{Recorded, Ring};
use crate::detect::time::Credited;
use crate::detect::{Detector, Exceeded, Mark, Rates};
use crate::engine::{Engine, Lane};
use crate::error::Reason;
#[cfg(feature = "tower")]
use crate::error::Rejection;
use crate::events::{By, Counts, Event, Hub};
use crate::histogram::DURATION_BOUNDS;
use crate::ledger::{Ledger, TIMEOUT};
use crate::machine::{Cause, Machine, Phase, Rules, Verdict};
use crate::name::Name;
use crate::outcome::{Kind, Outcome, Settled, Ticket};
use crate::sync::{AtomicPtr, AtomicU64, OnceBox, Ordering, bump, fence};
use crate::word::{GENERATION_BITS, Mode, State, Word};
use std::panic::RefUnwindSafe;
use std::sync::{Arc, OnceLock};

/// A breaker.
pub(crate) struct Body {
    pub(crate) first: Engine,
    /// The newest engine, once there is more than one.
    pub(crate) newest: AtomicPtr<Engine>,
    pub(crate) name: Name,
    /// `None`: the system's clock and the usual bounds.
    setting: Option<Arc<Setting>>,
    ledger: OnceBox<Ledger>,
    pub(crate) hub: OnceBox<Arc<Hub>>,
}

/// What breakers of a registry have in common.
pub(crate) struct Setting {
    pub(crate) clock: Source,
    /// Upper bounds of the durations.
    pub(crate) bounds: Box<[Nanos]>,
}

// What can panic in a breaker is a listener's or a classifier's code, which runs outside of every lock and is caught.
impl RefUnwindSafe for Body {}

/// The answer to a call.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Answer<'b> {
    Admitted(&'b Engine, Ticket),
    Rejected { reason: Reason, retry_after: Option<Nanos> },
}

/// The generation in which a ticket was given, as the word holds it.
fn given_in(low: u32) -> u64 {
    u64::from(low) >> (32 - GENERATION_BITS)
}

impl Body {
    /// A breaker on the heap, or in memory that the caller gives; `None` when that memory holds a cell of another
    /// layout.
    pub(crate) fn new(
        name: Name,
        plan: Arc<Plan>,
        setting: Option<Arc<Setting>>,
        memory: Option<&'static [AtomicU64]>,
    ) -> Option<Self> {
        setting.as_ref().map_or(&Source::System, |s| &s.clock).warm_up();
        let word = Word::new(State::Closed, false, plan.mode, 0, 0);
        let first = Engine::new(plan, 0, memory);
        first.cell().open(word).then(|| Body {
            first,
            newest: AtomicPtr::new(std::ptr::null_mut()),
            name,
            setting,
            ledger: OnceBox::new(),
            hub: OnceBox::new(),
        })
    }

    /// The engine that decides.
    #[inline]
    pub(crate) fn engine(&self) -> &Engine {
        let newest = self.newest.load(Ordering::Acquire);
        // SAFETY: an engine stays until the body is dropped.
        unsafe { newest.as_ref() }.unwrap_or(&self.first)
    }

    /// Every engine there is, oldest first.
    pub(crate) fn engines(&self) -> impl Iterator<Item = &Engine> {
        // SAFETY: as in `engine`.
        std::iter::successors(Some(&self.first), |engine| unsafe {
            engine.successor.load(Ordering::Acquire).as_ref()
        })
    }

    /// Upper bounds of the durations.
    pub(crate) fn bounds(&self) -> &[Nanos] {
        self.setting.as_ref().map_or(&DURATION_BOUNDS, |setting| &setting.bounds)
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Source {
        self.setting.as_ref().map_or(&Source::System, |setting| &setting.clock)
    }

    /// The seed of the jitter where the document has none: another one for each breaker and each process, also one that
    /// was forked.
    fn seed(&self) -> u64 {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        let place = std::ptr::from_ref(self).addr() as u64;
        let process = PROCESS.get_or_init(crate::rng::random_seed) ^ u64::from(std::process::id()) << 32;
        crate::rng::mix(process ^ place)
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| Box::new(Ledger::new()))
    }

    pub(crate) fn existing_ledger(&self) -> Option<&Ledger> {
        self.ledger.get()
    }

    pub(crate) fn rules(&self, engine: &Engine, machine: &Machine) -> Rules {
        engine.plan_of(machine.plan).rules(|| self.seed())
    }

    // ---- acquire ----

    /// Everything but an untimed call of a closed breaker in mode `auto`.
    pub(crate) fn acquire(&self) -> Answer<'_> {
        loop {
            let engine = self.engine();
            let word = engine.load();
            if word.is_moved() {
                self.follow(engine);
                continue;
            }
            if word.is_plainly_closed() {
                return self.admit(engine, word.low(), Kind::Plain);
            }
            return match word.mode() {
                Mode::ForcedOpen => self.reject(engine, Reason::ForcedOpen, None),
                Mode::ForcedClosed => self.admit(engine, word.low(), Kind::Plain),
                mode => match self.ask(engine, word) {
                    Some((verdict, low)) => self.answer(engine, mode, verdict, low),
                    None => continue,
                },
            };
        }
    }

    /// Asks the machine; answers its verdict with the word's low half at that instant, or `None` when the breaker has
    /// moved meanwhile.
    fn ask(&self, engine: &Engine, word: Word) -> Option<(Verdict, u32)> {
        match word.state() {
            State::Closed => return Some((Verdict::Admitted, word.low())),
            State::Open | State::HalfOpen => {}
        }
        let now = self.clock().now();
        let mut expired = 0;
        let stepped = engine.cell().transact(|m| {
            expired = 0;
            let verdict = (!m.moved).then(|| m.acquire(now, &self.rules(engine, m), &mut expired));
            verdict.map(|v| (v, m.word().low()))
        });
        if self.after(engine, &stepped, expired, None) {
            self.deliver();
        }
        stepped.answer
    }

    fn answer<'b>(&'b self, engine: &'b Engine, mode: Mode, verdict: Verdict, low: u32) -> Answer<'b> {
        match verdict {
            Verdict::Admitted => self.admit(engine, low, Kind::Plain),
            Verdict::Probe { lease } => self.admit(engine, low, Kind::Probe(lease)),
            Verdict::Rejected { reason, .. } if mode == Mode::Shadow => {
                engine.with_stripe(|stripe| stripe.would_reject(reason));
                self.admit(engine, low, Kind::Shadowed(reason))
            }
            Verdict::Rejected { reason, retry_after } => self.reject(engine, reason, retry_after),
        }
    }

    fn reject<'b>(&'b self, engine: &'b Engine, reason: Reason, retry_after: Option<Nanos>) -> Answer<'b> {
        engine.with_stripe(|stripe| stripe.reject(reason));
        Answer::Rejected { reason, retry_after }
    }

    fn admit<'b>(&'b self, engine: &'b Engine, low: u32, kind: Kind) -> Answer<'b> {
        Answer::Admitted(engine, self.sample(engine, Ticket::new(low, kind)))
    }

    /// The ticket, timed from now if this call is one that is timed.
    #[inline(never)]
    pub(crate) fn sample(&self, engine: &Engine, ticket: Ticket) -> Ticket {
        let every = engine.every();
        let is_timed = every == 1 || every != 0 && engine.with_stripe(|stripe| stripe.samples(every));
        if is_timed { ticket.timed(self.clock().tick()) } else { ticket }
    }

    /// Whether a call would be turned away just now.
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn would_reject(&self) -> Option<(Reason, Option<Nanos>)> {
        if self.engine().load().is_plainly_closed() { None } else { self.would_reject_now() }
    }

    /// Leases that have ended are taken, else nobody might ever do it. In a ramp only asking tells, because who asks is
    /// counted.
    #[cfg(feature = "tower")]
    #[cold]
    fn would_reject_now(&self) -> Option<(Reason, Option<Nanos>)> {
        if let Some(after) = self.engine().still_open(self.clock()) {
            return Some((Reason::Open, Some(after)));
        }
        let (engine, mut machine) = self.machine();
        let (mode, rules, mut expired) = (machine.mode, self.rules(engine, &machine), 0);
        let verdict = machine.acquire(self.clock().now(), &rules, &mut expired);
        if expired > 0 {
            self.poll();
        }
        match verdict {
            Verdict::Rejected { reason: Reason::Ramp, .. } => None,
            Verdict::Rejected { reason, retry_after } if mode != Mode::Shadow => Some((reason, retry_after)),
            _ => None,
        }
    }

    /// Counts and answers a rejection that was decided before.
    #[cfg(feature = "tower")]
    #[cold]
    pub(crate) fn turn_away(&self, reason: Reason, retry_after: Option<Nanos>) -> Rejection {
        let engine = self.engine();
        engine.with_stripe(|stripe| stripe.reject(reason));
        #[cfg(feature = "tracing")]
        crate::trace::rejected(engine.load(), reason);
        Rejection { name: self.name.clone(), reason, retry_after }
    }

    // ---- settle ----

    /// How long a call has lasted, if it was timed.
    fn elapsed(&self, ticket: &Ticket) -> Option<Nanos> {
        ticket.start().map(|start| self.clock().since(start))
    }

    /// A success that is not slow, of a call that was admitted under a word with that low half, if it changes nothing
    /// but counts. `false` when there is more to it; nothing was done then.
    #[inline]
    pub(crate) fn succeed_quietly(&self, engine: &Engine, low: u32) -> bool {
        let word = engine.load();
        if word.low() != low || !word.is_plainly_closed() {
            return false;
        }
        match engine.lane() {
            Lane::Consecutive => word.count() == 0 && engine.count_success(),
            Lane::Count => engine.record_quietly(low),
            Lane::Time => engine.credit_quietly(low, self.clock()),
        }
    }

    /// A success: a timed one of a closed breaker is nearly as quick as one that is not.
    #[inline(never)]
    pub(crate) fn succeed(&self, engine: &Engine, ticket: Ticket) -> Settled {
        let Some(d) = self.elapsed(&ticket) else {
            return self.settle(engine, ticket, Outcome::Success, None, None);
        };
        let is_slow = self.engine().slow_limit().is_some_and(|limit| d >= limit);
        if is_slow || !ticket.is_plain() || !self.succeed_quietly(engine, ticket.low()) {
            return self.settle(engine, ticket, Outcome::Success, Some(d), None);
        }
        engine.note_duration(self.bounds(), Outcome::Success, d);
        Settled::Ok
    }

    /// A permit was dropped unsettled: ignored, or a failure when it lasted too long.
    #[cold]
    pub(crate) fn abandon(&self, engine: &Engine, ticket: Ticket) -> Settled {
        let elapsed = self.elapsed(&ticket);
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
        ticket: Ticket,
        outcome: Outcome,
        duration: Option<Nanos>,
        error_type: Option<&str>,
    ) -> Settled {
        let duration = duration.or_else(|| self.elapsed(&ticket));
        let slow = outcome != Outcome::Ignored
            && matches!((duration, self.engine().slow_limit()), (Some(d), Some(limit)) if d >= limit);
        let (settled, has_changed) = self.settle_machine(engine, ticket, outcome, slow);
        engine.with_stripe(|stripe| {
            stripe.count(outcome);
            if slow {
                bump(&stripe.counters().slow);
            }
            if settled == Settled::Late {
                bump(&stripe.counters().late);
            }
            if let Some(d) = duration {
                stripe.duration(self.bounds(), outcome, d);
            }
        });
        if outcome == Outcome::Failure {
            self.ledger().failure(error_type, self.clock().coarse());
        }
        if has_changed {
            self.deliver();
        }
        settled
    }

    /// Answers also whether there is an event to deliver.
    fn settle_machine(
        &self,
        engine: &Engine,
        ticket: Ticket,
        outcome: Outcome,
        slow: bool,
    ) -> (Settled, bool) {
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
        let has_changed = self.after(engine, &stepped, expired, None);
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
            Detector::Count { size, rates } => record_in_ring(engine.ring(), since, mark, *size, rates),
            Detector::Time { .. } => self.credit(engine, since, word.low(), &plan.detector, mark),
        };
        match recorded {
            Judged::Late => (Settled::Late, false),
            Judged::Below => (Settled::Ok, false),
            Judged::Exceeded(exceeded) => (Settled::Ok, self.detected(engine, given, exceeded)),
        }
    }

    fn credit(&self, engine: &Engine, since: u64, low: u32, detector: &Detector, mark: Mark) -> Judged {
        let Detector::Time { window, rates, adaptive } = detector else { return Judged::Below };
        let now = self.clock().coarse();
        let credited = engine.with_stripe(|stripe| {
            if let Some(adaptive) = adaptive {
                engine.learn(stripe, adaptive, window, since, now);
            }
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
        let has_changed = self.after(engine, &stepped, 0, None);
        stepped.answer.map(|settled| (settled, has_changed))
    }

    /// A window's threshold is reached. The outcome that reached it was recorded in its generation, so it is not late
    /// even if somebody else's opened first.
    fn detected(&self, engine: &Engine, given: u64, exceeded: Exceeded) -> bool {
        let cause = match exceeded {
            Exceeded::FailureRate => Cause::FailureRate,
            Exceeded::SlowCallRate => Cause::SlowCallRate,
        };
        let now = self.clock().now();
        let stepped = engine.cell().transact(|m| {
            if !m.moved {
                let rules = self.rules(engine, m);
                let _ = m.detect(given, cause, now, &rules);
            }
        });
        self.after(engine, &stepped, 0, None)
    }

    // ---- what a step owes ----

    /// Counts and records what a step did; answers whether there is an event to deliver.
    pub(crate) fn after<R>(
        &self,
        engine: &Engine,
        stepped: &Stepped<R>,
        expired: u32,
        by: Option<&By>,
    ) -> bool {
        let Some(after) = &stepped.after else { return false };
        if expired > 0 {
            engine.cell().expired().fetch_add(expired.into(), Ordering::AcqRel);
        }
        if after.generation == stepped.before.generation {
            return false;
        }
        self.ledger().transition(&stepped.before, after);
        #[cfg(feature = "tracing")]
        crate::trace::transition(&self.name, after, by);
        let Some(hub) = self.hub.get() else { return false };
        hub.publish(self.event(engine, &stepped.before, after, by));
        true
    }

    pub(crate) fn deliver(&self) {
        if let Some(hub) = self.hub.get() {
            hub.deliver();
        }
    }

    fn event(&self, engine: &Engine, before: &Machine, after: &Machine, by: Option<&By>) -> Event {
        let by = by.cloned().unwrap_or_default();
        Event {
            breaker: self.name.clone(),
            generation: after.generation,
            from: after.from,
            to: after.state(),
            cause: after.cause.unwrap_or(Cause::Manual),
            at: after.at,
            actor: by.actor,
            reason: by.reason,
            counts: self.counts(engine, before, after),
            missed: 0,
        }
    }

    fn counts(&self, engine: &Engine, before: &Machine, after: &Machine) -> Counts {
        match &before.phase {
            Phase::Probing(p) => {
                Counts { total: (p.successes + p.failures).into(), failures: p.failures.into(), slow: 0 }
            }
            Phase::Ramping(r) => Counts { total: r.settled.into(), failures: r.failures.into(), slow: 0 },
            Phase::Open { .. } => Counts::default(),
            Phase::Closed { .. } => match &engine.plan_of(before.plan).detector {
                Detector::Consecutive { .. } => {
                    let failures =
                        u64::from(if after.state() == State::Open { after.count } else { before.count });
                    Counts { total: failures, failures, slow: 0 }
                }
                detector => {
                    let s = engine.sums(detector, before.since, after.at);
                    Counts { total: s.total, failures: s.failures, slow: s.slow }
                }
            },
        }
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
