//! Partial recovery and partial breaking (policies §10): the rules of a table, and what they say of a number of outcomes.
//!
//! `spell` is one feature's word, `recovery` what changes states, one step after the other, and `live` what calls use.

pub(crate) mod live;
pub(crate) mod recovery;
pub(crate) mod spell;

use crate::backoff::ONE_BP;
use crate::clock::Nanos;

/// Whether calls of a feature are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FeatureState {
    /// Its calls pass; it is judged by their outcomes.
    Enabled = 0,
    /// Its calls pass, for as long as they are to show whether it works.
    Testing = 1,
    /// Its calls are turned away, reason `feature_disabled`.
    Disabled = 2,
}

impl FeatureState {
    /// Every state, in the order of its code.
    pub const ALL: [FeatureState; 3] = [FeatureState::Enabled, FeatureState::Testing, FeatureState::Disabled];

    /// The name in metrics, events and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            FeatureState::Enabled => "enabled",
            FeatureState::Testing => "testing",
            FeatureState::Disabled => "disabled",
        }
    }
}

impl std::fmt::Display for FeatureState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What changed a feature's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum FeatureCause {
    /// The breaker opened: every feature is disabled.
    Opened = 1,
    /// Its turn to be tested has come.
    Recovery = 2,
    /// It passed its test.
    Passed = 3,
    /// It failed its test.
    Failed = 4,
    /// A required feature failed its test: every other one is disabled, and the breaker opens.
    RolledBack = 5,
    /// Its health fell too far.
    Unhealthy = 6,
    /// A feature that it requires was disabled.
    Requirement = 7,
    /// The breaker was reset: every feature is enabled.
    Reset = 8,
    /// A forced mode was left: every feature is enabled.
    Mode = 9,
}

impl FeatureCause {
    /// Every cause, in the order of its code.
    pub const ALL: [FeatureCause; 9] = [
        FeatureCause::Opened,
        FeatureCause::Recovery,
        FeatureCause::Passed,
        FeatureCause::Failed,
        FeatureCause::RolledBack,
        FeatureCause::Unhealthy,
        FeatureCause::Requirement,
        FeatureCause::Reset,
        FeatureCause::Mode,
    ];

    /// The name in events and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            FeatureCause::Opened => "opened",
            FeatureCause::Recovery => "recovery",
            FeatureCause::Passed => "passed",
            FeatureCause::Failed => "failed",
            FeatureCause::RolledBack => "rolled_back",
            FeatureCause::Unhealthy => "unhealthy",
            FeatureCause::Requirement => "requirement",
            FeatureCause::Reset => "reset",
            FeatureCause::Mode => "mode",
        }
    }
}

impl std::fmt::Display for FeatureCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One feature of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureRule {
    pub name: Box<str>,
    /// 0..=1000, the higher first.
    pub priority: u64,
    /// What it requires, by the place in the table.
    pub requires: Box<[usize]>,
    pub min_health_bp: u64,
    pub test_duration: Nanos,
    pub min_calls: u64,
    /// Its failed test rolls the recovery back.
    pub required: bool,
}

/// The features in the document's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureRules {
    pub features: Box<[FeatureRule]>,
}

/// Outcomes of a feature's calls in its present state, the last 50 at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    pub successes: u64,
    pub total: u64,
}

impl Health {
    /// `None` without outcomes.
    pub(crate) fn share(self) -> Option<f64> {
        (self.total > 0).then(|| self.successes as f64 / self.total as f64)
    }
}

/// How a test that has lasted its time ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// Too few calls, and some of them failed: it goes on for as long again.
    GoesOn,
}

impl FeatureRule {
    /// How a test ends; `was_prolonged`: it has had its second time.
    pub(crate) fn judge(&self, health: Health, was_prolonged: bool) -> Verdict {
        let Health { successes, total } = health;
        let has_too_few = total < self.min_calls && !was_prolonged;
        match has_too_few {
            true if successes == total => Verdict::Passed,
            true => Verdict::GoesOn,
            false if successes * ONE_BP >= self.min_health_bp * total => Verdict::Passed,
            false => Verdict::Failed,
        }
    }

    /// Whether an enabled feature is to be disabled: its health is below seven tenths of what a test asks for.
    pub(crate) fn is_unhealthy(&self, health: Health) -> bool {
        health.total >= self.min_calls
            && health.successes * 10 * ONE_BP < 7 * self.min_health_bp * health.total
    }
}

impl FeatureRules {
    /// The place of a feature in the table.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|rule| &*rule.name == name)
    }

    /// Places in the order in which changes are made: by priority, the highest first, then by name in byte order.
    pub(crate) fn order(&self) -> Box<[usize]> {
        let mut order: Box<[usize]> = (0..self.features.len()).collect();
        order.sort_by_key(|place| {
            let rule = &self.features[*place];
            (std::cmp::Reverse(rule.priority), rule.name.as_bytes())
        });
        order
    }

    /// All that require a feature, directly or not.
    pub(crate) fn dependants(&self, feature: usize) -> Vec<bool> {
        let mut found = vec![false; self.features.len()];
        let mut next = vec![feature];
        while let Some(required) = next.pop() {
            for (place, rule) in self.features.iter().enumerate() {
                if rule.requires.contains(&required) && !std::mem::replace(&mut found[place], true) {
                    next.push(place);
                }
            }
        }
        found
    }
}
