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
    /// How often each has answered, and how often it could not.
    counts: Box<[[AtomicU64; 2]]>,
}

impl Falling {
    /// `None` when there is none.
    pub(super) fn new(rules: &Policies, before: Option<&Falling>) -> Option<Arc<Self>> {
        let written: &[Rung] = rules.fallback.as_ref().map_or(&[], |fallback| &fallback.rungs);
        let leads = rules.cache.is_some() && !written.contains(&Rung::Cache);
        let rungs: Box<[Rung]> =
            leads.then_some(Rung::Cache).into_iter().chain(written.iter().cloned()).collect();
        let counts = rungs.iter().map(|rung| before.map_or([0; 2], |before| before.counted(rung)));
        let counts = counts.map(|n| n.map(AtomicU64::new)).collect();
        (!rungs.is_empty()).then(|| Arc::new(Falling { counts, rungs }))
    }

    fn counted(&self, rung: &Rung) -> [u64; 2] {
        let found = self.rungs.iter().zip(&self.counts).find(|(known, _)| *known == rung);
        found.map_or([0; 2], |(_, counts)| counts.each_ref().map(|n| n.load(Ordering::Acquire)))
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
            .map(|rung| {
                let [answered, not] = self.counted(rung);
                FallbackCounts { rung: rung.to_string(), answered, failed: not }
            })
            .collect()
    }
}
