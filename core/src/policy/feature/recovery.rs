//! What changes the states of features, one step after the other (policies §10): the machine's transitions, tests that
//! begin and end, health that falls.
//!
//! Whoever makes a step has the lock behind which [`Recovery`] lies; what calls read and count meanwhile lies in the
//! [`Place`]s. A step tells each change in the order in which it makes them.

use super::spell::Spell;
use super::{FeatureCause, FeatureRules, FeatureState, Verdict};
use crate::clock::Nanos;
use crate::machine::Cause;
use crate::sync::{AtomicU64, Ordering, load_to_swap};
use crate::word::{Mode, State};

/// Never: nothing is due, or only when the breaker closes.
pub(crate) const NEVER: Nanos = Nanos::MAX;

/// The machine, as far as features follow it, and the rule that the plan adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    pub generation: u64,
    /// Openings ever: they tell of one that nobody here has seen.
    pub openings: u64,
    /// As it is stored.
    pub state: State,
    pub mode: Mode,
    /// What led to this generation; `None` before the first transition.
    pub cause: Option<Cause>,
    /// After so long a feature that was disabled is tested again.
    pub recovery_timeout: Nanos,
}

impl Met {
    /// Whether features are tested, judged and turned away.
    pub(crate) fn acts(&self) -> bool {
        self.state == State::Closed && !self.mode.is_forced()
    }
}

/// A feature that changed its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    /// Its place in the table.
    pub feature: usize,
    pub from: FeatureState,
    pub to: FeatureState,
    pub cause: FeatureCause,
    /// In the state that has ended; `None` without outcomes.
    pub health: Option<f64>,
    /// The breaker's generation in which it changed.
    pub generation: u64,
}

/// What is read and counted of a feature without the lock.
pub(crate) struct Place {
    pub spell: AtomicU64,
    /// When a disabled one is tested again, or [`NEVER`] for "when the breaker closes". Written under the lock, before
    /// the word says `disabled`.
    pub retest: AtomicU64,
}

impl Place {
    fn new(state: FeatureState) -> Self {
        let begin = match state {
            FeatureState::Enabled => Spell(0),
            state => Spell(0).next(state),
        };
        Place { spell: AtomicU64::new(begin.0), retest: AtomicU64::new(NEVER) }
    }

    pub(crate) fn spell(&self) -> Spell {
        Spell(self.spell.load(Ordering::Acquire))
    }

    /// What a compare-and-swap is to replace.
    pub(crate) fn newest(&self) -> Spell {
        Spell(load_to_swap(&self.spell))
    }

    pub(crate) fn swap(&self, from: Spell, to: Spell) -> bool {
        self.spell.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(crate) fn retest(&self) -> Nanos {
        self.retest.load(Ordering::Acquire)
    }

    fn set_retest(&self, at: Nanos) {
        self.retest.store(at, Ordering::Release);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Test {
    end: Nanos,
    was_prolonged: bool,
}

/// What lies behind the lock.
pub(crate) struct Recovery {
    /// The generation up to which the features are brought.
    pub known: u64,
    openings: u64,
    tests: Box<[Test]>,
    /// A required feature failed its test, and the breaker has not opened yet.
    pub is_rolled_back: bool,
}

impl Recovery {
    /// All enabled beside a closed machine; else the breaker is yet to recover, and they with it.
    pub(crate) fn new(features: usize, met: &Met) -> (Self, Box<[Place]>) {
        let state = if met.state == State::Closed { FeatureState::Enabled } else { FeatureState::Disabled };
        let recovery = Recovery {
            known: met.generation,
            openings: met.openings,
            tests: (0..features).map(|_| Test::default()).collect(),
            is_rolled_back: false,
        };
        (recovery, (0..features).map(|_| Place::new(state)).collect())
    }
}

/// A step, by whoever has the lock.
pub(crate) struct Step<'a> {
    pub rules: &'a FeatureRules,
    /// See [`FeatureRules::order`].
    pub order: &'a [usize],
    pub places: &'a [Place],
    pub recovery: &'a mut Recovery,
    pub met: Met,
    pub now: Nanos,
    pub tell: &'a mut dyn FnMut(Change),
}

impl Step<'_> {
    /// Does what the machine's transitions up to `met` do, unless that is known.
    pub(crate) fn follow(&mut self) {
        let Met { generation, openings, state, mode, cause, .. } = self.met;
        if generation <= self.recovery.known {
            return;
        }
        self.recovery.known = generation;
        let has_opened = std::mem::replace(&mut self.recovery.openings, openings) != openings;
        if has_opened || state != State::Closed {
            self.recovery.is_rolled_back = false;
        }
        if has_opened || state == State::Open {
            self.open();
        }
        match (state, cause) {
            (State::Closed, Some(Cause::Reset)) => self.enable_all(FeatureCause::Reset),
            (State::Closed, Some(Cause::Mode)) if !mode.is_forced() => self.enable_all(FeatureCause::Mode),
            (State::Closed, Some(Cause::ProbesSucceeded | Cause::RampCompleted)) => {
                self.make_due(|_| true);
                self.begin();
            }
            // There was a close that nobody here has seen: who waits for one is due at the next look.
            (State::Closed, _) if !self.recovery.is_rolled_back => self.make_due(|retest| retest == NEVER),
            _ => {}
        }
    }

    /// Ends the tests that are due, and begins those that are; answers whether the breaker is to open.
    pub(crate) fn carry_out(&mut self) -> bool {
        if !self.recovery.is_rolled_back {
            let due: Vec<usize> = self.order.iter().copied().filter(|f| self.is_over(*f)).collect();
            due.into_iter().for_each(|feature| self.end_test(feature));
            self.begin();
        }
        self.recovery.is_rolled_back
    }

    /// An outcome made an enabled feature unhealthy: `found` is its word with that outcome.
    pub(crate) fn disable(&mut self, feature: usize, found: Spell) {
        // Only who has the lock ends a spell: one that has ended by now has a retest that is not this one's.
        if !self.places[feature].newest().is_of(found) {
            return;
        }
        self.set_retest(feature);
        self.swap_spell(feature, found, FeatureState::Disabled, FeatureCause::Unhealthy);
        let depends = self.rules.dependants(feature);
        for &other in self.order {
            if depends[other] && self.state(other) != FeatureState::Disabled {
                self.set_retest(other);
                self.change(other, FeatureState::Disabled, FeatureCause::Requirement);
            }
        }
        self.begin();
    }

    /// The next instant at which there is something to carry out.
    pub(crate) fn due(&self) -> Nanos {
        if self.recovery.is_rolled_back {
            return 0;
        }
        let in_state = |state| self.order.iter().filter(move |f| self.state(**f) == state);
        let ends = in_state(FeatureState::Testing).map(|f| self.recovery.tests[*f].end).min();
        ends.unwrap_or_else(|| {
            let waiting = in_state(FeatureState::Disabled).filter(|f| self.may_be_tested(**f));
            waiting.map(|f| self.places[*f].retest()).min().unwrap_or(NEVER)
        })
    }

    // ---- the machine ----

    fn open(&mut self) {
        for &feature in self.order {
            self.places[feature].set_retest(NEVER);
            self.change(feature, FeatureState::Disabled, FeatureCause::Opened);
        }
    }

    fn enable_all(&mut self, cause: FeatureCause) {
        self.recovery.is_rolled_back = false;
        for &feature in self.order {
            self.change(feature, FeatureState::Enabled, cause);
        }
    }

    /// The breaker has closed: what is disabled is to be tested.
    fn make_due(&mut self, is_meant: impl Fn(Nanos) -> bool) {
        for place in self.places.iter().filter(|place| place.spell().state() == FeatureState::Disabled) {
            if is_meant(place.retest()) {
                place.set_retest(self.now);
            }
        }
    }

    // ---- tests ----

    /// Those of the highest priority begin together, unless some are at it.
    fn begin(&mut self) {
        if self.order.iter().any(|f| self.state(*f) == FeatureState::Testing) {
            return;
        }
        let is_ready = |f: &usize| {
            self.state(*f) == FeatureState::Disabled
                && self.places[*f].retest() <= self.now
                && self.may_be_tested(*f)
        };
        let ready: Vec<usize> = self.order.iter().copied().filter(is_ready).collect();
        let highest = ready.first().map(|f| self.rules.features[*f].priority);
        for feature in ready {
            let rule = &self.rules.features[feature];
            if Some(rule.priority) == highest {
                let end = self.now.saturating_add(rule.test_duration);
                self.recovery.tests[feature] = Test { end, was_prolonged: false };
                self.change(feature, FeatureState::Testing, FeatureCause::Recovery);
            }
        }
    }

    fn is_over(&self, feature: usize) -> bool {
        self.state(feature) == FeatureState::Testing && self.now >= self.recovery.tests[feature].end
    }

    /// Judges a test that is over, unless another one has just rolled the recovery back.
    fn end_test(&mut self, feature: usize) {
        while self.is_over(feature) {
            let (rule, spell) = (&self.rules.features[feature], self.places[feature].newest());
            let test = &mut self.recovery.tests[feature];
            match rule.judge(spell.health(), test.was_prolonged) {
                Verdict::GoesOn => {
                    *test = Test { end: self.now.saturating_add(rule.test_duration), was_prolonged: true };
                }
                Verdict::Passed => {
                    self.swap(feature, spell, FeatureState::Enabled, FeatureCause::Passed);
                }
                Verdict::Failed => {
                    self.set_retest(feature);
                    let has_failed = self.swap(feature, spell, FeatureState::Disabled, FeatureCause::Failed);
                    if has_failed && rule.required {
                        self.roll_back();
                    }
                }
            }
        }
    }

    fn roll_back(&mut self) {
        self.recovery.is_rolled_back = true;
        for &feature in self.order {
            self.places[feature].set_retest(NEVER);
            self.change(feature, FeatureState::Disabled, FeatureCause::RolledBack);
        }
    }

    fn may_be_tested(&self, feature: usize) -> bool {
        let mut requires = self.rules.features[feature].requires.iter();
        requires.all(|required| self.state(*required) == FeatureState::Enabled)
    }

    // ---- one feature ----

    fn state(&self, feature: usize) -> FeatureState {
        self.places[feature].spell().state()
    }

    /// A feature that is disabled now is tested again after the recovery timeout.
    fn set_retest(&self, feature: usize) {
        self.places[feature].set_retest(self.now.saturating_add(self.met.recovery_timeout));
    }

    /// Changes a feature's state, whatever it has counted meanwhile.
    fn change(&mut self, feature: usize, to: FeatureState, cause: FeatureCause) {
        loop {
            let found = self.places[feature].newest();
            if found.state() == to || self.swap(feature, found, to, cause) {
                return;
            }
        }
    }

    /// Ends the spell of `found`, whatever it has counted meanwhile; its health is then that of `found`.
    fn swap_spell(&mut self, feature: usize, found: Spell, to: FeatureState, cause: FeatureCause) {
        loop {
            let newest = self.places[feature].newest();
            if self.places[feature].swap(newest, newest.next(to)) {
                return self.tell_of(feature, found, to, cause);
            }
        }
    }

    /// Changes it if it has counted nothing since.
    fn swap(&mut self, feature: usize, found: Spell, to: FeatureState, cause: FeatureCause) -> bool {
        let is_done = self.places[feature].swap(found, found.next(to));
        if is_done {
            self.tell_of(feature, found, to, cause);
        }
        is_done
    }

    fn tell_of(&mut self, feature: usize, ended: Spell, to: FeatureState, cause: FeatureCause) {
        let (from, health) = (ended.state(), ended.health().share());
        (self.tell)(Change { feature, from, to, cause, health, generation: self.met.generation });
    }
}
