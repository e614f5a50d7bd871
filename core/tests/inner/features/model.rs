//! Features as the policies' text has them (§10), one step after the other: nothing here is shared with what it judges but
//! the words for states and causes.

use crate::machine::Cause;
use crate::policy::feature::FeatureCause::{self, *};
use crate::policy::feature::FeatureState::{self, *};
use crate::policy::feature::recovery::Change;
use crate::policy::feature::{FeatureRule, FeatureRules};
use crate::word::{Mode, State};

#[derive(Clone, Debug)]
struct Feature {
    rule: FeatureRule,
    state: FeatureState,
    /// In this state, the oldest first.
    outcomes: Vec<bool>,
    /// While it is tested: when this ends, and whether it was given more time.
    ends: u64,
    had_more: bool,
    /// While it is disabled; `None`: when the breaker closes.
    retest: Option<u64>,
}

impl Feature {
    fn counted(&self) -> &[bool] {
        &self.outcomes[self.outcomes.len().saturating_sub(50)..]
    }

    fn successes(&self) -> usize {
        self.counted().iter().filter(|good| **good).count()
    }

    fn health(&self) -> Option<f64> {
        let total = self.counted().len();
        (total > 0).then(|| self.successes() as f64 / total as f64)
    }

    fn has_enough(&self) -> bool {
        self.counted().len() as u64 >= self.rule.min_calls
    }

    /// Health against tenths of `min_health`, in whole numbers.
    fn is_below(&self, tenths: usize) -> bool {
        self.successes() * 100_000 < tenths * self.rule.min_health_bp as usize * self.counted().len()
    }
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Admitted,
    Disabled(Option<u64>),
    RollBack,
}

pub struct Model {
    features: Vec<Feature>,
    recovery_timeout: u64,
    pub now: u64,
    pub generation: u64,
    pub openings: u64,
    pub state: State,
    pub mode: Mode,
    pub cause: Option<Cause>,
    rolled_back: bool,
    pub events: Vec<Change>,
    /// How often a test was given more time.
    pub prolonged: usize,
}

impl Model {
    pub fn new(rules: &FeatureRules, recovery_timeout: u64) -> Self {
        let feature = |rule: &FeatureRule| Feature {
            rule: rule.clone(),
            state: Enabled,
            outcomes: Vec::new(),
            ends: 0,
            had_more: false,
            retest: None,
        };
        Model {
            features: rules.features.iter().map(feature).collect(),
            recovery_timeout,
            now: 0,
            generation: 0,
            openings: 0,
            state: State::Closed,
            mode: Mode::Auto,
            cause: None,
            rolled_back: false,
            events: Vec::new(),
            prolonged: 0,
        }
    }

    pub fn acts(&self) -> bool {
        self.state == State::Closed && !self.mode.is_forced()
    }

    pub fn snapshot(&self) -> Vec<(FeatureState, Option<f64>)> {
        self.features.iter().map(|f| (f.state, f.health())).collect()
    }

    /// Features by priority, and those of one priority by name.
    fn in_order(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.features.len()).collect();
        all.sort_by(|a, b| {
            let (a, b) = (&self.features[*a].rule, &self.features[*b].rule);
            b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name))
        });
        all
    }

    fn change(&mut self, feature: usize, to: FeatureState, cause: FeatureCause) {
        let f = &mut self.features[feature];
        if f.state != to {
            let (from, health) = (f.state, f.health());
            self.events.push(Change { feature, from, to, cause, health, generation: self.generation });
            (f.state, f.had_more) = (to, false);
            f.outcomes.clear();
        }
    }

    // ---- the machine ----

    pub fn transition(&mut self, state: State, mode: Mode, cause: Cause) {
        self.generation += 1;
        if state == State::Open && !matches!(cause, Cause::Mode | Cause::Reconfigured) {
            self.openings += 1;
        }
        (self.state, self.mode, self.cause) = (state, mode, Some(cause));
        let same = matches!(cause, Cause::Reconfigured) || cause == Cause::Mode && mode.is_forced();
        if same {
            return;
        }
        self.rolled_back = false;
        for feature in self.in_order() {
            match (state, cause) {
                (State::Open, _) => {
                    self.change(feature, Disabled, Opened);
                    self.features[feature].retest = None;
                }
                (State::Closed, Cause::Reset) => self.change(feature, Enabled, Reset),
                (State::Closed, Cause::Mode) => self.change(feature, Enabled, FeatureCause::Mode),
                (State::Closed, _) => self.features[feature].retest = Some(self.now),
                (State::HalfOpen, _) => {}
            }
        }
        if self.acts() {
            self.begin();
        }
    }

    // ---- tests ----

    fn begin(&mut self) {
        if self.features.iter().any(|f| f.state == Testing) {
            return;
        }
        let may = |f: &Feature| {
            let is_enabled = |required: &usize| self.features[*required].state == Enabled;
            f.state == Disabled
                && f.retest.is_some_and(|at| at <= self.now)
                && f.rule.requires.iter().all(is_enabled)
        };
        let highest = self.features.iter().filter(|f| may(f)).map(|f| f.rule.priority).max();
        let chosen: Vec<usize> = self
            .in_order()
            .into_iter()
            .filter(|f| may(&self.features[*f]) && Some(self.features[*f].rule.priority) == highest)
            .collect();
        for feature in chosen {
            self.change(feature, Testing, Recovery);
            self.features[feature].ends = self.now + self.features[feature].rule.test_duration;
        }
    }

    /// Carries out what is due; answers whether recovery is rolled back.
    pub fn due(&mut self) -> bool {
        if !self.acts() {
            return false;
        }
        for feature in self.in_order() {
            if self.rolled_back {
                break;
            }
            if self.features[feature].state == Testing && self.now >= self.features[feature].ends {
                self.end_test(feature);
            }
        }
        if !self.rolled_back {
            self.begin();
        }
        self.rolled_back
    }

    fn end_test(&mut self, feature: usize) {
        let (now, f) = (self.now, &mut self.features[feature]);
        let none_failed = f.successes() == f.counted().len();
        if !f.has_enough() && !f.had_more && !none_failed {
            f.had_more = true;
            f.ends = now + f.rule.test_duration;
            self.prolonged += 1;
            return;
        }
        let passes = if f.has_enough() || f.had_more { !f.is_below(10) } else { none_failed };
        if passes {
            return self.change(feature, Enabled, Passed);
        }
        f.retest = Some(now + self.recovery_timeout);
        let is_required = f.rule.required;
        self.change(feature, Disabled, Failed);
        if is_required {
            self.rolled_back = true;
            for other in self.in_order() {
                self.change(other, Disabled, RolledBack);
            }
        }
    }

    // ---- calls ----

    pub fn look(&mut self, feature: Option<usize>) -> Answer {
        if self.due() {
            return Answer::RollBack;
        }
        match feature.map(|f| &self.features[f]) {
            Some(f) if self.acts() && f.state == Disabled => {
                Answer::Disabled(f.retest.filter(|at| *at > self.now).map(|at| at - self.now))
            }
            _ => Answer::Admitted,
        }
    }

    /// Counts an outcome; what is due was carried out before.
    pub fn settle(&mut self, feature: usize, succeeds: bool) {
        self.features[feature].outcomes.push(succeeds);
        let f = &self.features[feature];
        if !self.acts() || f.state != Enabled || !f.has_enough() || !f.is_below(7) {
            return;
        }
        self.change(feature, Disabled, Unhealthy);
        let mut down = vec![feature];
        // As many rounds as a chain of requirements can be long.
        for _ in 0..self.features.len() {
            let requires = |f: &Feature| f.rule.requires.iter().any(|required| down.contains(required));
            let more: Vec<usize> = (0..self.features.len())
                .filter(|f| !down.contains(f) && requires(&self.features[*f]))
                .collect();
            down.extend(more);
        }
        let retest = Some(self.now + self.recovery_timeout);
        self.features[feature].retest = retest;
        for other in self.in_order() {
            if down.contains(&other) && self.features[other].state != Disabled {
                self.change(other, Disabled, Requirement);
                self.features[other].retest = retest;
            }
        }
        self.begin();
    }
}
