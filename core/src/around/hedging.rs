//! What hedges keep.

use crate::clock::Nanos;
use crate::policy::budget::Budget;
use crate::policy::hedge::{HedgeRules, Pace};
use crate::policy::retry::RetryRules;
use crate::snapshot::HedgeCounts;
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// A second attempt beside one that takes long.
pub(crate) struct Hedging {
    rules: HedgeRules,
    pace: Arc<Pace>,
    /// Which methods may be hedged: those that may be retried.
    methods: RetryRules,
    pub(super) budget: Option<Arc<Budget>>,
    counts: Arc<[AtomicU64; 2]>,
}

impl Hedging {
    pub(super) fn new(
        rules: HedgeRules,
        methods: &RetryRules,
        budget: Option<Arc<Budget>>,
        before: Option<&Hedging>,
    ) -> Self {
        Hedging {
            rules,
            pace: before.map_or_else(|| Arc::new(Pace::new()), |before| Arc::clone(&before.pace)),
            methods: methods.clone(),
            budget,
            counts: before.map_or_else(Arc::default, |before| Arc::clone(&before.counts)),
        }
    }

    /// A call begins that `retry`, which would count it, knows nothing of.
    pub(super) fn first(&self, now: Nanos) {
        if let Some(budget) = &self.budget {
            budget.first(now);
        }
    }

    /// Whether a call of that method may have hedges.
    pub(crate) fn is_for(&self, method: Option<&str>, idempotent: bool) -> bool {
        self.methods.attempts_for(method, idempotent) > 1
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// How long an attempt goes on before another is started beside it, which is its `begun` + 1st.
    pub(crate) fn after(&self, begun: u32) -> Option<Nanos> {
        let may = u64::from(begun) < self.rules.max;
        self.pace.after(&self.rules).filter(|_| may)
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// Whether the budget bears another one; counts it.
    pub(crate) fn begin(&self, now: Nanos) -> bool {
        let may = self.budget.as_ref().is_none_or(|budget| budget.withdraw(now));
        if may {
            self.counts[0].fetch_add(1, Ordering::AcqRel);
        }
        may
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// One has answered first.
    pub(crate) fn won(&self) {
        self.counts[1].fetch_add(1, Ordering::AcqRel);
    }

    /// A first attempt has ended, or was cancelled, after so long.
    pub(crate) fn record(&self, lasted: Nanos) {
        self.pace.record(lasted);
    }

    pub(crate) fn counts(&self) -> HedgeCounts {
        let [begun, won] = self.counts.each_ref().map(|n| n.load(Ordering::Acquire));
        HedgeCounts { after: self.pace.after(&self.rules), begun, won }
    }
}
