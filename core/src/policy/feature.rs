//! Partial recovery and partial breaking (policies §10).

use crate::clock::Nanos;

/// One feature of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureRule {
    pub name: Box<str>,
    /// 0..=1000, the higher first.
    pub priority: u64,
    /// What it requires, by the place among the features; ascending.
    pub requires: Box<[usize]>,
    pub min_health_bp: u64,
    pub test_duration: Nanos,
    pub min_calls: u64,
    /// Its failed test rolls the recovery back.
    pub required: bool,
}

/// The features in byte order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureRules {
    pub features: Box<[FeatureRule]>,
}
