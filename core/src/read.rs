//! Reading a breaker. Reading never changes anything.

use crate::admit::priority::LEVELS;
#[cfg(feature = "binding")]
use crate::admit::priority::Priority;
use crate::around::{Around, Caching, Featured, Hedging, Limit};
use crate::body::Body;
use crate::clock::Nanos;
use crate::detect::{Detector, Sums};
use crate::engine::Engine;
use crate::error::REASONS;
use crate::histogram::{Distribution, RECOVERY_BOUNDS};
use crate::machine::{Machine, Phase};
use crate::outcome::Totals;
use crate::recover::RampRules;
use crate::snapshot::{
    BulkheadCounts, GateCounts, HalfOpenCounts, RampCounts, RateLimitCounts, Snapshot, Transition,
    WindowCounts,
};
use crate::sync::Ordering;
use crate::word::{State, Word};

impl Body {
    /// The machine of the engine that decides.
    pub(crate) fn machine(&self) -> (&Engine, Machine) {
        loop {
            let engine = self.engine();
            let machine = engine.cell().read();
            if !machine.moved {
                return (engine, machine);
            }
            self.follow(engine);
        }
    }

    /// The generation, after a change of the word that changes nothing: whoever changes it afterwards sees what this
    /// thread has written before.
    pub(crate) fn touch(&self) -> u64 {
        loop {
            let engine = self.engine();
            let word = Word(engine.cell().word_ref().fetch_add(0, Ordering::AcqRel));
            if !word.is_moved() {
                return self.machine().1.generation;
            }
            self.follow(engine);
        }
    }

    /// The effective state.
    pub(crate) fn state(&self) -> State {
        let machine = self.machine().1;
        machine.effective(self.clock().now())
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for engine in self.engines() {
            engine.add_totals(&mut totals);
        }
        #[cfg(feature = "binding")]
        {
            totals.success += self.side.successes();
        }
        totals
    }

    fn durations(&self) -> [Distribution; 3] {
        let mut sums = [(); 3].map(|()| Distribution::new(self.bounds()));
        self.engines().for_each(|engine| engine.add_durations(&mut sums));
        sums
    }

    fn rate_limit(&self, now: Nanos) -> Option<RateLimitCounts> {
        let set = self.gate_set()?;
        let (limiter, rate) = (set.limiter.as_ref()?, set.words.rate());
        Some(RateLimitCounts {
            rate: limiter.rate(&rate),
            available: limiter.available(&rate, now),
            retry_after: limiter.retry_after(&rate, now),
        })
    }

    fn bulkhead(&self) -> Option<BulkheadCounts> {
        let has_slots = self.gate_set().is_some_and(|set| set.rules.slots.is_some());
        let gates = self.gates.get().filter(|_| has_slots)?;
        let look = gates.slots()?.look();
        Some(BulkheadCounts {
            by_level: look.in_flight,
            queued: look.queued,
            limit: look.slots.max,
            reserved: look.slots.reserved,
            waits: gates.waits(self.bounds()),
        })
    }

    /// What the policies around the call say, if there are any.
    fn around<R>(&self, read: impl FnOnce(&Around) -> Option<R>) -> Option<R> {
        read(&self.gate_set()?.around)
    }

    /// First attempts that lanes have admitted and no budget knows of yet.
    fn pending(&self) -> u64 {
        #[cfg(feature = "binding")]
        return self.side.pending();
        #[cfg(not(feature = "binding"))]
        0
    }

    fn gate_counts(&self) -> Option<GateCounts> {
        let set = self.gate_set()?;
        let (admitted, refused) = ([0; LEVELS], [[0; LEVELS]; REASONS]);
        let mut counts = GateCounts { min_priority: set.floor(), admitted, refused };
        for engine in self.engines() {
            engine.add_tallies(&mut counts.admitted, &mut counts.refused);
        }
        #[cfg(feature = "binding")]
        if self.first.counts_levels() {
            counts.admitted[Priority::Normal as usize] += self.side.admitted();
        }
        Some(counts)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (engine, machine) = self.machine();
        let now = self.clock().now();
        let plan = engine.plan_of(machine.plan);
        let ledger = self.existing_ledger();
        Snapshot {
            name: self.name.clone(),
            state: machine.effective(now),
            stored_state: machine.state(),
            mode: machine.mode,
            generation: machine.generation,
            opened: machine.openings,
            openings_in_a_row: machine.in_row,
            retry_after: machine.retry_after(now),
            consecutive_failures: plan.detector.rates().is_none().then_some(machine.word().count()),
            window: window(engine, &plan.detector, &machine, now),
            half_open: half_open(&machine),
            ramp: ramp(&machine, plan.rules.ramp.as_ref()),
            rate_limit: self.rate_limit(now),
            bulkhead: self.bulkhead(),
            gates: self.gate_counts(),
            timeout: self.around(|around| around.timeout.as_ref().map(Limit::now)),
            retry: self
                .around(|around| around.retry.as_ref().map(|retrying| retrying.counts(now, self.pending()))),
            fallbacks: self.around(|around| around.falling.as_ref().map(|f| f.counts())).unwrap_or_default(),
            cache: self.around(|around| around.cache.as_ref().map(Caching::counts)),
            hedge: self.around(|around| around.hedge.as_ref().map(Hedging::counts)),
            features: self
                .around(|around| around.features.as_ref().map(Featured::counts))
                .unwrap_or_default(),
            totals: self.totals(),
            last: machine.cause.map(|cause| Transition {
                cause,
                from: machine.from,
                to: machine.state(),
                at: machine.at,
            }),
            last_failure: ledger.and_then(|l| l.last_failure()),
            failures_by_type: ledger.map(|l| l.failures()).unwrap_or_default(),
            durations: self.durations(),
            duration_bounds: self.bounds().to_vec(),
            recoveries: ledger.map_or_else(|| Distribution::new(&RECOVERY_BOUNDS), |l| l.recoveries()),
            changes: ledger.map(|l| l.changes()).unwrap_or_default(),
        }
    }
}

fn window(engine: &Engine, detector: &Detector, machine: &Machine, now: Nanos) -> Option<WindowCounts> {
    let rates = detector.rates()?;
    let at = match machine.phase {
        Phase::Open { frozen, .. } => frozen,
        _ => now,
    };
    let sums = engine.sums(detector, machine.since, at);
    let Sums { total, failures, slow } = sums;
    let is_enough = total >= rates.min_calls;
    let rate = |n: u64| is_enough.then(|| n as f64 / total as f64);
    let adaptive = match detector {
        Detector::Time { adaptive, .. } => adaptive.as_ref(),
        _ => None,
    };
    let baseline = adaptive.map(|a| engine.cell().baseline(a.baseline()));
    let threshold = match (adaptive, baseline) {
        (Some(a), Some(b)) if is_enough => Some(a.threshold(rates, b, total)),
        _ => None,
    };
    let slow_call_rate = rates.slow_bp.and_then(|_| rate(slow));
    Some(WindowCounts {
        total,
        failures,
        slow,
        failure_rate: rate(failures),
        slow_call_rate,
        baseline,
        threshold,
    })
}

fn half_open(machine: &Machine) -> HalfOpenCounts {
    match &machine.phase {
        Phase::Probing(p) => {
            HalfOpenCounts { in_flight: p.in_flight(), successes: p.successes, failures: p.failures }
        }
        _ => HalfOpenCounts::default(),
    }
}

fn ramp(machine: &Machine, rules: Option<&RampRules>) -> Option<RampCounts> {
    match (&machine.phase, rules) {
        (Phase::Ramping(r), Some(rules)) => Some(RampCounts {
            share: rules.share_bp(r.step) as f64 / crate::backoff::ONE_BP as f64,
            step: r.step,
            settled: r.settled,
            failures: r.failures,
        }),
        _ => None,
    }
}
