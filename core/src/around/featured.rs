//! The features beside the machine.

use crate::policy::feature::live::Features;
use crate::policy::feature::recovery::Met;
use crate::policy::feature::{FeatureRules, MAX_FEATURES};
use crate::snapshot::FeatureCounts;
use std::sync::Arc;

/// The features, and which table of this breaker's they are.
pub(crate) struct Featured {
    pub features: Arc<Features>,
    version: u16,
}

/// Of a mark: the place in the table, plus one.
const PLACE_BITS: u32 = 7;
const _: () = assert!(MAX_FEATURES < 1 << PLACE_BITS);

impl Featured {
    /// `version`: of the newest table so far, whether or not the plan before has one.
    pub(super) fn new(rules: &FeatureRules, before: Option<&Featured>, version: u16, met: &Met) -> Self {
        match before.filter(|before| before.features.rules() == rules) {
            Some(before) => Featured { features: Arc::clone(&before.features), version },
            None => Featured {
                features: Arc::new(Features::new(rules, met)),
                version: (version + 1) % (1 << (u16::BITS - PLACE_BITS)),
            },
        }
    }

    pub(super) fn version(&self) -> u16 {
        self.version
    }

    pub(crate) fn counts(&self) -> Vec<FeatureCounts> {
        let rules = self.features.rules().features.iter();
        let all = rules.zip(self.features.snapshot());
        all.map(|(rule, counted)| FeatureCounts {
            name: rule.name.to_string(),
            state: counted.state,
            health: counted.health.share(),
            admitted: counted.tallies.admitted,
            refused: counted.tallies.refused,
            successes: counted.tallies.successes,
            failures: counted.tallies.failures,
        })
        .collect()
    }

    /// What a call carries of its feature: never 0, and of no other table, but after hundreds.
    pub(crate) fn mark(&self, place: usize) -> u16 {
        self.version << PLACE_BITS | (place + 1) as u16
    }

    /// The place of the feature that a call carries; `None` when it names none, or one of another table.
    #[inline]
    pub(crate) fn place(&self, mark: u16) -> Option<usize> {
        let is_ours = mark >> PLACE_BITS == self.version;
        usize::from(mark & ((1 << PLACE_BITS) - 1)).checked_sub(1).filter(|_| is_ours)
    }
}
