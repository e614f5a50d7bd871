//! What the policies around the call keep, for one plan (policies §6 to §10), in the memory of the process.

mod caching;
mod falling;
mod featured;
mod hedging;
mod retrying;

pub(crate) use caching::{Cached, Caching};
pub(crate) use falling::Falling;
pub(crate) use featured::Featured;
pub(crate) use hedging::Hedging;
pub(crate) use retrying::{Draws, Retrying};

use crate::clock::Nanos;
use crate::policy::Policies;
use crate::policy::budget::{Budget, BudgetRules};
use crate::policy::cache::CacheRules;
use crate::policy::feature::recovery::Met;
use crate::policy::hedge::HedgeRules;
use crate::policy::retry::RetryRules;
use crate::policy::timeout::{Learned, TimeoutRules};
use crate::sync::OnceBox;
use std::sync::Arc;

/// How long a call may take.
pub(crate) enum Limit {
    Fixed(Nanos),
    Learned(Arc<Learned>),
}

impl Limit {
    fn new(rules: &TimeoutRules, before: Option<&Limit>) -> Self {
        match (rules, before) {
            (TimeoutRules::Fixed(d), _) => Limit::Fixed(*d),
            (TimeoutRules::Learned(rules), Some(Limit::Learned(old))) if old.rules() == rules => {
                Limit::Learned(Arc::clone(old))
            }
            (TimeoutRules::Learned(rules), _) => Limit::Learned(Arc::new(Learned::new(*rules))),
        }
    }

    /// For a call that begins now.
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Limit::Fixed(d) => *d,
            Limit::Learned(learned) => learned.limit(),
        }
    }

    pub(crate) fn learned(&self) -> Option<&Learned> {
        match self {
            Limit::Fixed(_) => None,
            Limit::Learned(learned) => Some(learned),
        }
    }
}

/// The policies around the call of one plan, with what they have learned. What a policy of the plan before has learned is
/// taken over where both say the same of it.
#[derive(Default)]
pub(crate) struct Around {
    pub timeout: Option<Limit>,
    pub retry: Option<Retrying>,
    pub falling: Option<Arc<Falling>>,
    pub features: Option<Featured>,
    pub hedge: Option<Hedging>,
    pub cache: Option<Caching>,
    /// Of the newest table of features, also of a plan without: what calls carry of a table is none of a later one.
    table: u16,
}

impl Around {
    pub(crate) fn new(
        rules: Option<&Policies>,
        before: Option<&Around>,
        cached: &OnceBox<Arc<Cached>>,
        met: &Met,
        now: Nanos,
    ) -> Self {
        let table = before.map_or(0, |around| around.table);
        let Some(rules) = rules else { return Around { table, ..Around::default() } };
        let timeout = |rules| Limit::new(rules, before.and_then(|around| around.timeout.as_ref()));
        let old = before.and_then(|around| around.retry.as_ref());
        let budget = |rules: BudgetRules| {
            let known = old.and_then(|old| old.budget.clone());
            let known = known.or_else(|| before?.hedge.as_ref()?.budget.clone());
            let kept = known.filter(|budget| *budget.rules() == rules);
            kept.unwrap_or_else(|| Arc::new(Budget::new(rules)))
        };
        let old_features = before.and_then(|around| around.features.as_ref());
        let features = rules.features.as_ref().map(|rules| Featured::new(rules, old_features, table, met));
        let old_hedge = before.and_then(|around| around.hedge.as_ref());
        // Hedges and retries share one.
        let methods = rules.retry.as_ref().or(rules.default_retry.as_ref());
        let budget = methods.and_then(|rules| rules.budget).map(budget);
        let retry = |rules: &RetryRules| Retrying::new(rules, budget.clone(), old);
        let hedge = |hedge: &HedgeRules| {
            methods.map(|methods| Hedging::new(*hedge, methods, budget.clone(), old_hedge))
        };
        let cache = |cache: &CacheRules| {
            let lasting = Arc::clone(cached.get_or_init(|| Box::new(Arc::new(Cached::new()))));
            Caching::new(*cache, lasting, before.is_some_and(|around| around.cache.is_some()), now)
        };
        Around {
            timeout: rules.timeout.as_ref().map(timeout),
            retry: rules.retry.as_ref().map(retry),
            falling: Falling::new(rules, before.and_then(|around| around.falling.as_deref())),
            table: features.as_ref().map_or(table, Featured::version),
            features,
            hedge: rules.hedge.as_ref().and_then(hedge),
            cache: rules.cache.as_ref().map(cache),
        }
    }

    /// Whether a call is more than asking, calling and settling.
    #[cfg(feature = "binding")]
    pub(crate) fn has_course(&self) -> bool {
        self.retry.is_some() || self.falling.is_some() || self.hedge.is_some()
    }

    /// A call begins that is made step by step.
    #[inline]
    pub(crate) fn first(&self, now: Nanos) {
        match (&self.retry, &self.hedge) {
            (Some(retrying), _) => retrying.first(now),
            (None, Some(hedging)) => hedging.first(now),
            (None, None) => {}
        }
    }

    /// Calls have begun that a lane has admitted.
    #[cfg(feature = "binding")]
    pub(crate) fn deposit(&self, now: Nanos, attempts: u64) {
        if let Some(budget) = self.budget() {
            budget.deposit(now, attempts);
        }
    }

    #[cfg(feature = "binding")]
    fn budget(&self) -> Option<&Budget> {
        match (&self.retry, &self.hedge) {
            (Some(retrying), _) => retrying.budget.as_deref(),
            (None, hedging) => hedging.as_ref()?.budget.as_deref(),
        }
    }

    /// Whether first attempts are counted for a budget.
    #[cfg(feature = "binding")]
    pub(crate) fn has_budget(&self) -> bool {
        self.budget().is_some()
    }

    /// Whether a first attempt that succeeds is of no consequence to any policy but the budget.
    #[cfg(feature = "binding")]
    pub(crate) fn is_simple(&self) -> bool {
        self.features.is_none() && self.hedge.is_none() && !matches!(self.timeout, Some(Limit::Learned(_)))
    }

    /// Whether a policy wants to know how calls end.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        self.features.is_some() || matches!(self.timeout, Some(Limit::Learned(_)))
    }
}
