//! What answers when a call does not.

use crate::policy::Policies;
use crate::policy::fallback::Rung;
use crate::snapshot::FallbackCounts;
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// The chain of rungs that answer when a call does not: the cache first where it answers failures and is not written
/// elsewhere.
pub(crate) struct Falling {
    rungs: Box<[Rung]>,
    /// How often each has answered, and how often it could not; of a rung that stays the same in every plan.
    counts: Box<[Arc<[AtomicU64; 2]>]>,
}

impl Falling {
    /// `None` when there is none.
    pub(super) fn new(rules: &Policies, before: Option<&Falling>) -> Option<Arc<Self>> {
        let written: &[Rung] = rules.fallback.as_ref().map_or(&[], |fallback| &fallback.rungs);
        let leads = rules.cache.is_some() && !written.contains(&Rung::Cache);
        let rungs: Box<[Rung]> =
            leads.then_some(Rung::Cache).into_iter().chain(written.iter().cloned()).collect();
        let known = |rung| before.and_then(|before| before.counts_of(rung)).map(Arc::clone);
        let counts = rungs.iter().map(|rung| known(rung).unwrap_or_default()).collect();
        (!rungs.is_empty()).then(|| Arc::new(Falling { counts, rungs }))
    }

    fn counts_of(&self, rung: &Rung) -> Option<&Arc<[AtomicU64; 2]>> {
        let at = self.rungs.iter().position(|known| known == rung)?;
        self.counts.get(at)
    }

    pub(crate) fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    pub(crate) fn rung(&self, number: usize) -> Option<&Rung> {
        self.rungs.get(number)
    }

    /// The number of the first rung from `from` on that may answer. Nothing is cached without a key.
    pub(crate) fn rung_from(&self, from: usize, has_key: bool) -> Option<usize> {
        let later = self.rungs.iter().enumerate().skip(from);
        later.filter(|(_, rung)| has_key || **rung != Rung::Cache).map(|(number, _)| number).next()
    }

    pub(crate) fn count(&self, rung: usize, has_answered: bool) {
        if let Some(counts) = self.counts.get(rung) {
            counts[usize::from(!has_answered)].fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn counts(&self) -> Vec<FallbackCounts> {
        self.rungs
            .iter()
            .zip(&self.counts)
            .map(|(rung, counts)| {
                let [answered, not] = counts.each_ref().map(|n| n.load(Ordering::Acquire));
                FallbackCounts { rung: rung.to_string(), answered, failed: not }
            })
            .collect()
    }
}
