//! The features of a breaker, as its calls use them: a structure of one process (policies §10).
//!
//! **Calls.** A call reads three words and takes no lock: up to which generation the features have followed the machine,
//! when there is next something to carry out, and the feature's own (see [`spell`](super::spell)). An outcome is one
//! compare-and-swap on that word, and none where it changes nothing. The lock is taken when the machine has moved on,
//! when something is due, and when an outcome makes a feature unhealthy.
//!
//! **The machine.** Features act while it is closed and its mode is not forced; else every feature may call. Who makes a
//! transition tells of it by [`follow`](Features::follow); a call that meets a generation that is not known asks the
//! [`Host`] for the machine, and the features catch up. So nothing is lost when a transition is told late, out of order,
//! or, where processes share the machine, not at all.
//!
//! **Order.** Who follows the machine first says that the generation changes, then writes the features' words, then what is
//! due, then the generation; who calls reads them in the opposite order. So a call that finds the generation of its word
//! sees features that are at least as new; one that finds it again after it saw a disabled feature was not turned away by
//! a transition that came after its word.

use super::recovery::{Change, Met, NEVER, Place, Recovery, Step};
use super::spell::Spell;
use super::{FeatureRules, FeatureState, Health};
use crate::clock::{COARSE_TICK, Nanos, Source};
use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::word::{GENERATION_MASK, State, Word};

/// What features need of the breaker that they belong to.
pub(crate) trait Host {
    /// The machine as it is now. Called without the features' lock.
    fn machine(&mut self) -> Met;

    /// A feature has changed. Called with the features' lock held, in the order of the changes: it must not come back to
    /// the same features, and should not run code of others.
    fn tell(&mut self, change: Change);
}

/// What a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Looked {
    Admitted,
    /// `retry_after`: until it is tested again, when that is known and lies ahead.
    Disabled {
        retry_after: Option<Nanos>,
    },
    /// The machine has moved on since it was looked at: to be asked again with its new word.
    Again,
    /// A required feature has failed its test: if the breaker is still of that generation it is to open, cause
    /// `feature_failed`. Answered until it has.
    RollBack {
        generation: u64,
    },
}

/// A feature at one instant, for readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeatureCounts {
    pub state: FeatureState,
    pub health: Health,
    pub tallies: Tallies,
}

/// Calls of a feature ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tallies {
    pub admitted: u64,
    pub refused: u64,
    pub successes: u64,
    pub failures: u64,
}

#[derive(Default)]
struct Counters {
    admitted: AtomicU64,
    refused: AtomicU64,
    successes: AtomicU64,
    failures: AtomicU64,
}

/// The features of one table.
pub(crate) struct Features {
    rules: FeatureRules,
    order: Box<[usize]>,
    places: Box<[Place]>,
    counters: Box<[Counters]>,
    /// When there is next something to carry out, or [`NEVER`].
    due: AtomicU64,
    /// The generation up to which the machine is followed, as its word has it; [`NEVER`] while that changes.
    known: AtomicU64,
    recovery: Mutex<Recovery>,
}

/// Whether features act beside a machine with that word.
#[inline]
fn acts(word: Word) -> bool {
    word.state() == State::Closed && !word.mode().is_forced()
}

impl Features {
    /// The features of a plan beside a machine as it is: all enabled beside a closed one; beside any other all disabled,
    /// until it closes.
    pub(crate) fn new(rules: &FeatureRules, met: &Met) -> Self {
        let features = rules.features.len();
        let (recovery, places) = Recovery::new(features, met);
        Features {
            rules: rules.clone(),
            order: rules.order(),
            places,
            counters: (0..features).map(|_| Counters::default()).collect(),
            due: AtomicU64::new(NEVER),
            known: AtomicU64::new(met.generation & GENERATION_MASK),
            recovery: Mutex::new(recovery),
        }
    }

    /// The table. Of another plan with an equal one the features stay; they take its `recovery_timeout` from the
    /// [`Host`].
    pub(crate) fn rules(&self) -> &FeatureRules {
        &self.rules
    }

    // ---- calls ----

    /// Whether a call is let in, when there is nothing else to do; takes no lock. `false`: to be asked by
    /// [`look`](Features::look).
    #[inline]
    pub(crate) fn admits_at_once(&self, word: Word, feature: Option<usize>, clock: &Source) -> bool {
        self.is_at_rest(word, clock) && (!acts(word) || self.state_of(feature) != FeatureState::Disabled)
    }

    /// Asks for a call of that feature, or of none, under that word of the machine. Carries out what is due.
    pub(crate) fn look(
        &self,
        word: Word,
        feature: Option<usize>,
        clock: &Source,
        host: &mut impl Host,
    ) -> Looked {
        if !self.is_at_rest(word, clock) {
            match self.catch_up(word, clock, host) {
                Looked::Admitted => {}
                stop => return stop,
            }
        }
        match feature.and_then(|feature| self.places.get(feature)) {
            Some(place) if acts(word) && place.spell().state() == FeatureState::Disabled => {
                if !self.knows(word) {
                    return Looked::Again;
                }
                let now = clock.now();
                let retest = Some(place.retest()).filter(|at| *at != NEVER && *at > now);
                Looked::Disabled { retry_after: retest.map(|at| at - now) }
            }
            _ => Looked::Admitted,
        }
    }

    /// Carries out what is due, for a settling, before the machine sees its outcome, and for a poll. Never `Disabled`.
    #[inline]
    pub(crate) fn carry_out(&self, word: Word, clock: &Source, host: &mut impl Host) -> Looked {
        match self.is_at_rest(word, clock) {
            true => Looked::Admitted,
            false => self.catch_up(word, clock, host),
        }
    }

    /// Counts an outcome that the machine took, whose word is now `word`. Not for what is late, ignored, bypassed or would
    /// have been rejected, nor in a forced mode.
    pub(crate) fn settle(
        &self,
        word: Word,
        feature: usize,
        failed: bool,
        clock: &Source,
        host: &mut impl Host,
    ) {
        let (Some(place), Some(counters)) = (self.places.get(feature), self.counters.get(feature)) else {
            return;
        };
        if !self.knows(word) {
            self.follow(&host.machine(), clock.now(), &mut |change| host.tell(change));
        }
        let counter = if failed { &counters.failures } else { &counters.successes };
        counter.fetch_add(1, Ordering::Relaxed);
        let spell = count(place, failed);
        let is_judged = acts(word) && spell.state() == FeatureState::Enabled;
        if is_judged && self.rules.features[feature].is_unhealthy(spell.health()) {
            self.disable(feature, spell, clock, host);
        }
    }

    /// Notes that a call was let in by all the gates.
    #[inline]
    pub(crate) fn count_admitted(&self, feature: usize) {
        if let Some(counters) = self.counters.get(feature) {
            counters.admitted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a call was turned away because its feature is disabled.
    pub(crate) fn count_refused(&self, feature: usize) {
        if let Some(counters) = self.counters.get(feature) {
            counters.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    // ---- the machine ----

    /// Does what the machine's transitions up to `met` do to the features. Nothing, when that is known.
    pub(crate) fn follow(&self, met: &Met, now: Nanos, tell: &mut dyn FnMut(Change)) {
        self.step(met, now, tell, |_| ());
    }

    /// Every feature, in the table's order, at one instant.
    pub(crate) fn snapshot(&self) -> Vec<FeatureCounts> {
        let _recovery = self.recovery.lock();
        let counts = |(place, counters): (&Place, &Counters)| {
            let spell = place.spell();
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let tallies = Tallies {
                admitted: read(&counters.admitted),
                refused: read(&counters.refused),
                successes: read(&counters.successes),
                failures: read(&counters.failures),
            };
            FeatureCounts { state: spell.state(), health: spell.health(), tallies }
        };
        self.places.iter().zip(&self.counters).map(counts).collect()
    }

    // ---- what calls read ----

    #[inline]
    fn knows(&self, word: Word) -> bool {
        self.known.load(Ordering::Acquire) == word.generation()
    }

    /// Whether the machine is followed up to that word, and nothing is due beside it.
    #[inline]
    fn is_at_rest(&self, word: Word, clock: &Source) -> bool {
        self.knows(word) && (!acts(word) || !self.is_due(clock))
    }

    /// The coarse clock lags: while it is more than a tick before the instant, the exact one is before it, too.
    #[inline]
    fn is_due(&self, clock: &Source) -> bool {
        match self.due.load(Ordering::Acquire) {
            NEVER => false,
            due => clock.coarse().saturating_add(COARSE_TICK) >= due && clock.now() >= due,
        }
    }

    #[inline]
    fn state_of(&self, feature: Option<usize>) -> FeatureState {
        let place = feature.and_then(|feature| self.places.get(feature));
        place.map_or(FeatureState::Enabled, |place| place.spell().state())
    }

    // ---- what takes the lock ----

    #[cold]
    fn catch_up(&self, word: Word, clock: &Source, host: &mut impl Host) -> Looked {
        let (met, now) = (host.machine(), clock.now());
        let carried_out = self.step(&met, now, &mut |change| host.tell(change), |step| {
            if met.acts() { step.carry_out() } else { false }
        });
        match carried_out {
            Some(true) => Looked::RollBack { generation: met.generation },
            Some(false) if met.generation & GENERATION_MASK == word.generation() => Looked::Admitted,
            _ => Looked::Again,
        }
    }

    #[cold]
    fn disable(&self, feature: usize, found: Spell, clock: &Source, host: &mut impl Host) {
        loop {
            let (met, now) = (host.machine(), clock.now());
            let stepped = self.step(&met, now, &mut |change| host.tell(change), |step| {
                if met.acts() {
                    step.disable(feature, found);
                }
            });
            // Else others have followed a later machine meanwhile, and the feature may still be unhealthy beside that.
            if stepped.is_some() {
                return;
            }
        }
    }

    /// A step on a machine that was `met`, after what it did itself; `None` when the features know a later one already.
    fn step<R>(
        &self,
        met: &Met,
        now: Nanos,
        tell: &mut dyn FnMut(Change),
        act: impl FnOnce(&mut Step<'_>) -> R,
    ) -> Option<R> {
        let recovery = &mut *self.recovery.lock();
        if met.generation < recovery.known {
            return None;
        }
        if met.generation > recovery.known {
            self.known.store(NEVER, Ordering::Release);
        }
        let (rules, order, places) = (&self.rules, &*self.order, &*self.places);
        let mut step = Step { rules, order, places, recovery, met: *met, now, tell };
        step.follow();
        let answer = act(&mut step);
        self.due.store(step.due(), Ordering::Release);
        self.known.store(step.recovery.known & GENERATION_MASK, Ordering::Release);
        Some(answer)
    }
}

/// Adds an outcome to the spell that the feature is in; answers its word with it.
fn count(place: &Place, failed: bool) -> Spell {
    let mut found = place.spell();
    loop {
        let spell = found.with(failed);
        if spell == found || place.swap(found, spell) {
            return spell;
        }
        found = place.newest();
    }
}
