//! A breaker: its engines, and what a step of the machine owes to readers.
//!
//! A [`Body`] has one [`Engine`] or, after it was reconfigured to another layout, a row of them: the newest one decides,
//! the others only explain late results and keep their totals. Engines and plans stay until the breaker is dropped, so
//! that a call in flight may hold a plain reference to the one that admitted it.

use crate::cell::Stepped;
use crate::clock::{Nanos, Source};
use crate::config::Plan;
use crate::detect::Detector;
use crate::engine::Engine;
use crate::event::{By, Counts, Event};
use crate::events::Hub;
use crate::fork::{self, Hold};
use crate::gates::Gates;
use crate::histogram::DURATION_BOUNDS;
use crate::ledger::Ledger;
use crate::machine::{Cause, Machine, Phase, Rules};
use crate::name::Name;
use crate::rng::{self, LazySeed};
#[cfg(feature = "binding")]
use crate::side::Side;
use crate::sync::{AtomicPtr, AtomicU64, OnceBox, Ordering};
use crate::word::{Mode, State, Word};
use std::panic::RefUnwindSafe;
use std::sync::Arc;

/// A breaker.
pub(crate) struct Body {
    pub(crate) first: Engine,
    /// The newest engine, once there is more than one.
    pub(crate) newest: AtomicPtr<Engine>,
    pub(crate) name: Name,
    /// `None`: the system's clock and the usual bounds.
    setting: Option<Arc<Setting>>,
    ledger: OnceBox<Ledger>,
    pub(crate) gates: OnceBox<Gates>,
    pub(crate) hub: OnceBox<Arc<Hub>>,
    #[cfg(feature = "binding")]
    pub(crate) side: Side,
}

/// What breakers of a registry have in common.
pub(crate) struct Setting {
    pub(crate) clock: Source,
    /// Upper bounds of the durations.
    pub(crate) bounds: Box<[Nanos]>,
}

// What can panic in a breaker is a listener's or a classifier's code, which runs outside of every lock and is caught.
impl RefUnwindSafe for Body {}

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
        let gated = plan.is_gated();
        let word = Word::new(State::Closed, false, plan.mode, 0, 0).with_gates(gated);
        let first = Engine::new(plan, 0, memory);
        if !first.cell().open(word) {
            return None;
        }
        if first.load().is_moved() {
            // The breaker that moved on from here is gone, with the cells that it moved to.
            first.cell().transact(|m| m.moved = false);
        }
        let body = Body {
            first,
            newest: AtomicPtr::new(std::ptr::null_mut()),
            name,
            setting,
            ledger: OnceBox::new(),
            gates: OnceBox::new(),
            hub: OnceBox::new(),
            #[cfg(feature = "binding")]
            side: Side::default(),
        };
        body.put_gates(&body.first, body.first.plan());
        Some(body)
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
    pub(crate) fn seed(&self) -> u64 {
        static PROCESS: LazySeed = LazySeed::new();
        let place = std::ptr::from_ref(self).addr() as u64;
        let process = PROCESS.get() ^ u64::from(std::process::id()) << 32;
        rng::mix(process ^ place)
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| Box::new(Ledger::new()))
    }

    pub(crate) fn existing_ledger(&self) -> Option<&Ledger> {
        self.ledger.get()
    }

    /// The last failure as one word, for who may want to know of it later; 0 when there was none.
    #[inline]
    pub(crate) fn failure_word(&self) -> u64 {
        self.existing_ledger().map_or(0, Ledger::last_word)
    }

    pub(crate) fn rules(&self, engine: &Engine, machine: &Machine) -> Rules {
        engine.plan_of(machine.plan).rules(|| self.seed())
    }

    // ---- what a step owes ----

    /// Before a step, which may be a transition: until its event is published no fork must happen, for nobody else
    /// publishes it.
    pub(crate) fn before(&self) -> Hold {
        if let Some(hub) = self.hub.get() {
            hub.settle_in();
        }
        fork::hold()
    }

    /// Counts and records what a step did; answers whether there is an event to deliver. `hold` is that of
    /// [`before`](Body::before).
    pub(crate) fn after<R>(
        &self,
        hold: Hold,
        engine: &Engine,
        stepped: &Stepped<R>,
        expired: u32,
        by: Option<&By>,
    ) -> bool {
        let Some(after) = &stepped.after else { return false };
        engine.cell().count_expired(expired);
        if after.generation == stepped.before.generation {
            return false;
        }
        self.ledger().transition(&stepped.before, after);
        let hub = self.hub_to_tell();
        if let Some(hub) = hub {
            hub.publish(self.event(engine, &stepped.before, after, by));
        }
        if self.gates.get().is_some() {
            self.follow_features(after, engine.plan().rules.recovery_timeout);
        }
        drop(hold);
        // Foreign code.
        #[cfg(feature = "tracing")]
        crate::trace::transition(&self.name, after, by);
        let flushes = after.state() == State::Open || after.mode == Mode::ForcedOpen;
        hub.is_some() || self.featured().is_some() || flushes && self.slots().is_some()
    }

    /// The hub of a breaker that somebody listens to.
    fn hub_to_tell(&self) -> Option<&Arc<Hub>> {
        #[cfg(feature = "binding")]
        if crate::events::watcher().is_some() {
            return Some(self.hub());
        }
        self.hub.get()
    }

    /// The hub, made when it is first needed.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        self.hub.get_or_init(|| {
            let hub = Hub::new();
            #[cfg(feature = "binding")]
            if let Some(watcher) = crate::events::watcher() {
                hub.subscribe(0, Box::new(watcher), None).detach();
                hub.begin_after(0);
            }
            Box::new(hub)
        })
    }

    /// What a step owed, when no lock is held: a queue to flush, events to deliver.
    pub(crate) fn deliver(&self) {
        if self.gates.get().is_some() {
            self.flush_queue();
        }
        if let Some(hub) = self.hub.get() {
            hub.deliver();
        }
        // What the policies made of a transition comes after it.
        if let Some(hub) = self.gates.get().and_then(|gates| gates.events.get()) {
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
            mode: after.mode,
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
