//! What happened, in order.

use fusewire::{Event, FeatureCause, FeatureState, PolicyChange, PolicyEvent, State};
use std::fmt;
use std::time::Duration;

/// Whom it happened to, and what.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The breaker moved.
    Breaker { from: State, to: State, cause: String },
    /// A feature moved; with its health in the state before.
    Feature { name: String, from: FeatureState, to: FeatureState, cause: String, health: Option<f64> },
    /// The upstream was told how to answer the calls of a feature, or all.
    Upstream { phase: &'static str, feature: Option<&'static str> },
}

impl What {
    pub fn breaker(event: &Event) -> Self {
        What::Breaker { from: event.from, to: event.to, cause: event.cause.to_string() }
    }

    /// `None`: what changed is no feature.
    pub fn feature(event: &PolicyEvent) -> Option<Self> {
        let PolicyChange::Feature { feature, from, to, cause, health } = &event.change else { return None };
        let (name, cause) = (feature.to_string(), cause.to_string());
        Some(What::Feature { name, from: *from, to: *to, cause, health: *health })
    }

    /// Whether a feature that worked is disabled since another one's test failed.
    pub fn is_taken_back(&self) -> bool {
        matches!(self, What::Feature { cause, .. } if *cause == FeatureCause::RolledBack.to_string())
    }

    pub fn health(&self) -> Option<f64> {
        match self {
            What::Feature { health, .. } => *health,
            _ => None,
        }
    }
}

/// As the check compares it: who, and what became of it.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Breaker { from, to, cause } => write!(f, "breaker: {from} -> {to} ({cause})"),
            What::Feature { name, from, to, cause, .. } => write!(f, "{name}: {from} -> {to} ({cause})"),
            What::Upstream { phase, feature: None } => write!(f, "upstream: {phase}"),
            What::Upstream { phase, feature: Some(feature) } => write!(f, "upstream: {phase} for {feature}"),
        }
    }
}

/// One of them, and when, after the scene began.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Duration,
    pub what: What,
}
