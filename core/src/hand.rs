//! What an operator does: trip, half-open, reset, modes, poll, and another plan.

use crate::body::Body;
use crate::cell::Stepped;
use crate::clock::Nanos;
use crate::config::Plan;
use crate::detect::count::Recorded;
use crate::detect::{Detector, Sums, time};
use crate::engine::Engine;
use crate::event::By;
use crate::machine::{Machine, Phase};
use crate::sync::{Ordering, wait_round};
use crate::word::{Mode, State, Word};
use std::sync::Arc;

impl Body {
    /// Carries out what is due.
    pub(crate) fn poll(&self) {
        let now = self.clock().now();
        self.step(None, |engine, m| m.poll(now, &self.rules(engine, m)));
        self.end_waits();
        if self.carry_out_tests() {
            self.deliver();
        }
    }

    pub(crate) fn trip(&self, duration: Option<Nanos>, by: &By) {
        let now = self.clock().now();
        self.step(Some(by), |engine, m| {
            m.trip(duration, now, &self.rules(engine, m));
            0
        });
    }

    pub(crate) fn half_open(&self, by: &By) {
        let now = self.clock().now();
        self.step(Some(by), |_, m| {
            m.half_open(now);
            0
        });
    }

    pub(crate) fn reset(&self, by: &By) {
        let now = self.clock().now();
        self.step(Some(by), |_, m| {
            m.reset(now);
            0
        });
    }

    pub(crate) fn set_mode(&self, mode: Mode, by: &By) {
        let now = self.clock().now();
        self.step(Some(by), |_, m| {
            m.set_mode(mode, now);
            0
        });
        // Shadow is no transition, and lets go who waits.
        self.flush_queue();
    }

    /// Marks the breaker as closed for good; answers whether it was so before.
    pub(crate) fn end(&self) -> bool {
        loop {
            let engine = self.engine();
            let stepped =
                engine.cell().transact(|m| (!m.moved).then(|| std::mem::replace(&mut m.ended, true)));
            match stepped.answer {
                Some(was_ended) => return was_ended,
                None => self.follow(engine),
            }
        }
    }

    /// A step on the engine that decides, wherever that is by then. `act` answers how many leases it ended.
    fn step(&self, by: Option<&By>, act: impl Fn(&Engine, &mut Machine) -> u32) {
        loop {
            let (hold, engine) = (self.before(), self.engine());
            let stepped = engine.cell().transact(|m| (!m.moved).then(|| act(engine, m)));
            let Some(expired) = stepped.answer else {
                drop(hold);
                self.follow(engine);
                continue;
            };
            if self.after(hold, engine, &stepped, expired, by) {
                self.deliver();
            }
            return;
        }
    }

    /// Swaps the rules; answers `false` when they are what they were.
    pub(crate) fn reconfigure(&self, plan: Arc<Plan>, by: &By) -> bool {
        let hold = self.before();
        #[cfg(feature = "tracing")]
        let quiet = crate::trace::Quiet::begin();
        let admin = self.administer();
        let engine = self.engine();
        let old = Arc::clone(engine.plan());
        if *old == *plan {
            return false;
        }
        let (keep, now) = (old.counts_alike(&plan), self.clock().now());
        let mode = plan.writes_mode.then_some(plan.mode);
        let stepped = if old.layout() == plan.layout() {
            if let (false, Detector::Time { adaptive: Some(_), .. }) =
                (old.detector == plan.detector, &plan.detector)
            {
                engine.cell().forget_baseline();
            }
            self.put_gates(engine, &plan);
            let gated = plan.is_gated();
            let number = engine.add_plan(Arc::clone(&plan));
            engine.cell().transact(|m| m.reconfigure(number, gated, keep, now))
        } else {
            self.move_on(engine, &old, Arc::clone(&plan), keep, now)
        };
        let (wakers, granted) = self.put_slots(&plan, &old);
        drop(admin);
        #[cfg(feature = "tracing")]
        drop(quiet);
        let changed = self.after(hold, engine, &stepped, 0, Some(by));
        drop(wakers);
        if changed || granted {
            self.deliver();
        }
        if let Some(mode) = mode {
            self.set_mode(mode, by);
        }
        true
    }

    /// Another layout needs another cell. The old word is marked as moved, with the machine as the new cell takes it
    /// over; then the new cell is filled, and last it becomes the one that decides.
    fn move_on(&self, engine: &Engine, old: &Plan, plan: Arc<Plan>, keep: bool, now: Nanos) -> Stepped<()> {
        let inherits = old.detector == plan.detector;
        let (successor, stepped) = Self::leave(engine, Arc::clone(&plan), keep, now);
        self.put_gates(successor, &plan);
        if inherits {
            successor.cell().inherit_baseline(&engine.cell());
        }
        if keep && let Some(machine) = &stepped.after {
            let at = match machine.phase {
                Phase::Open { frozen, .. } => frozen,
                _ => now,
            };
            carry_window(engine, successor, &old.detector, machine.since, at);
        }
        self.be_born(engine, successor);
        stepped
    }

    /// Gives an engine its successor, whose cell is not born yet, and marks its word as moved.
    fn leave(engine: &Engine, plan: Arc<Plan>, keep: bool, now: Nanos) -> (&Engine, Stepped<()>) {
        let (number, gated) = (engine.plan_number() + 1, plan.is_gated());
        let unborn = Word::new(State::Closed, false, Mode::Auto, 0, 0).with_moved();
        let mut next = Box::new(Engine::new(plan, number, None));
        next.home = engine.home;
        let next = Box::into_raw(next);
        // SAFETY: just made; from here on it belongs to its predecessor and stays as long.
        let successor = unsafe { &*next };
        successor.cell().open(unborn);
        engine.successor.store(next, Ordering::Release);
        let stepped = engine.cell().transact(|m| {
            m.reconfigure(number, gated, keep, now);
            m.moved = true;
        });
        (successor, stepped)
    }

    /// Dies in the middle of a move: the word is marked as moved, and that is all.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn die_moving(&self, plan: Arc<Plan>) {
        let _admin = self.first.admin.lock();
        let engine = self.engine();
        let keep = engine.plan().counts_alike(&plan);
        Self::leave(engine, plan, keep, self.clock().now());
    }

    /// Lets the new cell begin with the machine that the old one was left with, once: a cell that has moved on in its
    /// turn has a generation, and who comes late must not bring it back.
    fn be_born(&self, old: &Engine, new: &Engine) {
        let left = old.cell().read();
        new.cell().transact(|m| {
            if m.moved && m.generation == 0 {
                *m = Machine { moved: false, ..left.clone() };
            }
        });
        // Likewise only from the one that was left.
        let was = if std::ptr::eq(old, &self.first) { std::ptr::null() } else { std::ptr::from_ref(old) };
        let (was, next) = (was.cast_mut(), std::ptr::from_ref(new).cast_mut());
        let _ = self.newest.compare_exchange(was, next, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Waits until a moved breaker has arrived. A mover holds the lock and runs no foreign code, so it arrives soon; a
    /// fork waits for it. Should one have been left behind all the same, the breaker arrives without its window.
    pub(crate) fn follow(&self, engine: &Engine) {
        for round in (0..16).cycle() {
            let may_be_moving = self.first.admin.is_held();
            if !std::ptr::eq(self.engine(), engine) {
                return;
            }
            if !may_be_moving {
                break;
            }
            wait_round(round);
        }
        self.arrive(engine);
    }

    /// Does the last step of a move.
    pub(crate) fn arrive(&self, engine: &Engine) {
        // SAFETY: an engine stays until the body is dropped.
        if let Some(next) = unsafe { engine.successor.load(Ordering::Acquire).as_ref() } {
            self.be_born(engine, next);
        }
    }
}

/// Copies what the window holds at `now`, or held when the breaker opened, to the cell that follows. Nobody records
/// there yet.
fn carry_window(old: &Engine, new: &Engine, detector: &Detector, since: u64, now: Nanos) {
    match detector {
        Detector::Consecutive { .. } => {}
        Detector::Count { size, .. } => {
            new.ring().revive(since, || true);
            for mark in old.ring().outcomes(since, *size) {
                let Recorded::Nth(_) = new.ring().record(since, mark) else { return };
            }
        }
        Detector::Time { window, adaptive, .. } => {
            let Some(stripe) = new.first_stripe() else { return };
            // An adaptive window has yet to learn from buckets that it no longer sees: their keys tell of them.
            let keys = old.cell().bucket_keys();
            for (slot, (to, from)) in new.cell().bucket_keys().iter().zip(keys).enumerate() {
                let key = from.load(Ordering::Acquire);
                to.store(key, Ordering::Release);
                if time::generation(key) == since {
                    stripe.time().fill(key, slot, sums_of(old, key, slot));
                }
            }
            if adaptive.is_none() {
                let (newest, buckets) = (window.stretch(now), u64::from(window.buckets));
                for stretch in newest.saturating_sub(buckets - 1)..=newest {
                    let (key, slot) = (time::key(since, stretch), (stretch % buckets) as usize);
                    stripe.time().fill(key, slot, sums_of(old, key, slot));
                }
            }
        }
    }
}

fn sums_of(engine: &Engine, key: u64, slot: usize) -> Sums {
    let mut sums = Sums::default();
    engine.stripes().for_each(|s| sums.add(s.time().read_key(key, slot)));
    sums
}
