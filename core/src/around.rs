//! What the policies around the call keep, for one plan (policies §6 to §10), in the memory of the process.

use crate::clock::Nanos;
use crate::policy::Policies;
use crate::policy::budget::{Budget, BudgetRules};
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::category::Category;
use crate::policy::fallback::Rung;
use crate::policy::feature::live::Features;
use crate::policy::feature::recovery::Met;
use crate::policy::feature::{FeatureRules, MAX_FEATURES};
use crate::policy::flights::Flights;
use crate::policy::hedge::{HedgeRules, Pace};
use crate::policy::index::{Found, Index, Place, Stored};
use crate::policy::retry::{Asked, Denied, Missed, RetryRules};
use crate::policy::timeout::{Learned, TimeoutRules};
use crate::policy::wait::{After, Choice, FIRST_RETRY, Retry, Scores, Taken, Wait, WaitKind};
use crate::snapshot::{CacheCounts, FallbackCounts, FeatureCounts, HedgeCounts, RetryCounts};
use crate::sync::{AtomicU64, Mutex, Ordering};
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

/// Retries, by what they follow, and those that were denied.
#[derive(Default)]
struct Counts {
    by_category: [AtomicU64; Category::ALL.len()],
    /// After rejections.
    rejected: AtomicU64,
    denied: [AtomicU64; Denied::ALL.len()],
}

/// What retries keep.
pub(crate) struct Retrying {
    pub rules: RetryRules,
    budget: Option<Arc<Budget>>,
    /// What outlives the rules.
    lasting: Arc<Lasting>,
}

#[derive(Default)]
struct Lasting {
    /// Waits that drew a number.
    drawn: AtomicU64,
    /// What the host reported last: the bits of a double.
    utilisation: AtomicU64,
    scores: Mutex<Scores>,
    counts: Counts,
}

/// What a retry's wait is drawn from, beside the rules.
pub(crate) struct Draws<'a> {
    pub seed: u64,
    pub outages: &'a [Nanos],
}

impl Retrying {
    fn new(rules: &RetryRules, budget: Option<Arc<Budget>>, before: Option<&Retrying>) -> Self {
        let lasting = before.map_or_else(Arc::default, |before| Arc::clone(&before.lasting));
        Retrying { rules: rules.clone(), budget, lasting }
    }

    /// A call begins.
    #[inline]
    fn first(&self, now: Nanos) {
        if let Some(budget) = &self.budget {
            budget.first(now);
        }
    }

    /// Whether there is another attempt, and after which wait.
    pub(crate) fn decide(
        &self,
        asked: &Asked,
        after: After,
        previous: Option<Nanos>,
        draws: impl FnOnce(&mut dyn FnMut(&Draws<'_>)),
    ) -> Result<Wait, Denied> {
        let wait = || {
            let mut wait = None;
            draws(&mut |draws| wait = Some(self.wait(asked, after, previous, draws)));
            wait.unwrap_or(Wait { total: 0, backoff: None })
        };
        let withdraw = || self.budget.as_ref().is_none_or(|budget| budget.withdraw(asked.now));
        let decided = self.rules.decide(asked, wait, withdraw);
        let counts = &self.lasting.counts;
        let count = match (&decided, asked.missed) {
            (Ok(_), Missed::Failed(category)) => &counts.by_category[category as usize],
            (Ok(_), Missed::Rejected) => &counts.rejected,
            (Err(denied), _) => &counts.denied[*denied as usize],
        };
        count.fetch_add(1, Ordering::AcqRel);
        decided
    }

    fn wait(&self, asked: &Asked, after: After, previous: Option<Nanos>, draws: &Draws<'_>) -> Wait {
        self.rules.backoff.wait(&Retry {
            attempts: asked.attempts,
            number: FIRST_RETRY + self.lasting.drawn.fetch_add(1, Ordering::AcqRel),
            previous,
            seed: draws.seed,
            utilisation: self.utilisation(),
            outages: draws.outages,
            scores: *self.lasting.scores.lock(),
            after,
        })
    }

    /// Learns how the attempt went that followed a backoff.
    pub(crate) fn learn(&self, used: Option<Taken>, has_succeeded: bool) {
        if let Some(Taken { length, choice: Some(choice) }) = used {
            self.lasting.scores.lock().learn(choice, length, self.rules.backoff.max, has_succeeded);
        }
    }

    pub(crate) fn counts(&self, now: Nanos) -> RetryCounts {
        let counts = &self.lasting.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        let Scores(scores) = *self.lasting.scores.lock();
        let is_adaptive = self.rules.backoff.kind == WaitKind::Adaptive;
        RetryCounts {
            budget: self.budget.as_ref().map(|budget| budget.left(now)),
            scores: is_adaptive.then(|| Choice::ALL.map(|choice| (choice.name(), scores[choice as usize]))),
            by_category: counts.by_category.each_ref().map(read),
            rejected: read(&counts.rejected),
            denied: counts.denied.each_ref().map(read),
        }
    }

    fn utilisation(&self) -> f64 {
        f64::from_bits(self.lasting.utilisation.load(Ordering::Acquire))
    }

    /// 0 to 1.
    pub(crate) fn set_utilisation(&self, to: f64) {
        self.lasting.utilisation.store(to.to_bits(), Ordering::Release);
    }
}

/// The chain of rungs that answer when a call does not: the cache first where it answers failures and is not written
/// elsewhere.
pub(crate) struct Falling {
    rungs: Box<[Rung]>,
    /// How often each has answered, and how often it could not.
    counts: Box<[[AtomicU64; 2]]>,
}

impl Falling {
    /// `None` when there is none.
    fn new(rules: &Policies, before: Option<&Falling>) -> Option<Arc<Self>> {
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

/// A second attempt beside one that takes long.
pub(crate) struct Hedging {
    rules: HedgeRules,
    pace: Arc<Pace>,
    /// Which methods may be hedged: those that may be retried.
    methods: RetryRules,
    budget: Option<Arc<Budget>>,
    counts: Arc<[AtomicU64; 2]>,
}

impl Hedging {
    /// A call begins that `retry`, which would count it, knows nothing of.
    fn first(&self, now: Nanos) {
        if let Some(budget) = &self.budget {
            budget.first(now);
        }
    }

    /// Whether a call of that method may have hedges.
    pub(crate) fn is_for(&self, method: Option<&str>, idempotent: bool) -> bool {
        self.methods.attempts_for(method, idempotent) > 1
    }

    /// How long an attempt goes on before another is started beside it, which is its `begun` + 1st.
    pub(crate) fn after(&self, begun: u32) -> Option<Nanos> {
        let may = u64::from(begun) < self.rules.max;
        self.pace.after(&self.rules).filter(|_| may)
    }

    /// Whether the budget bears another one; counts it.
    pub(crate) fn begin(&self, now: Nanos) -> bool {
        let may = self.budget.as_ref().is_none_or(|budget| budget.withdraw(now));
        if may {
            self.counts[0].fetch_add(1, Ordering::AcqRel);
        }
        may
    }

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

/// What is known of earlier calls' values, and which calls are under way.
pub(crate) struct Caching {
    pub rules: CacheRules,
    pub lasting: Arc<Cached>,
}

pub(crate) struct Cached {
    pub index: Arc<Index>,
    pub flights: Flights,
    /// Answers that were fresh, that were stale, and times that there was none.
    counts: [AtomicU64; 3],
}

impl Caching {
    fn new(rules: CacheRules, before: Option<&Caching>, now: Nanos) -> Self {
        let new =
            || Cached { index: Arc::new(Index::new()), flights: Flights::new(), counts: Default::default() };
        let lasting = before.map_or_else(|| Arc::new(new()), |before| Arc::clone(&before.lasting));
        // The host's values stay where they are until others take their places.
        lasting.index.shrink(&rules, now);
        Caching { rules, lasting }
    }

    fn count(&self, found: &Found) {
        let which = match found {
            Found::Fresh(_) => 0,
            Found::Stale(_) => 1,
            Found::Absent => 2,
        };
        self.lasting.counts[which].fetch_add(1, Ordering::AcqRel);
    }

    /// Before anything is called: where a fresh value lies, if those answer.
    pub(crate) fn fresh(&self, key: &str, now: Nanos) -> Option<Place> {
        if self.rules.mode != CacheMode::ReadThrough {
            return None;
        }
        match self.lasting.index.look(&self.rules, key, now) {
            found @ Found::Fresh(place) => {
                self.count(&found);
                Some(place)
            }
            // It is looked for once more when the call fails.
            _ => None,
        }
    }

    /// When the call has failed: where a value lies that may answer.
    pub(crate) fn any(&self, key: &str, now: Nanos) -> Option<Place> {
        let found = self.lasting.index.look(&self.rules, key, now);
        self.count(&found);
        found.place()
    }

    pub(crate) fn store(&self, key: &str, now: Nanos) -> Option<Stored> {
        self.lasting.index.store(&self.rules, key, now)
    }

    pub(crate) fn counts(&self) -> CacheCounts {
        let [fresh, stale, absent] = self.lasting.counts.each_ref().map(|n| n.load(Ordering::Acquire));
        CacheCounts { entries: self.lasting.index.len() as u64, fresh, stale, absent }
    }
}

/// The features, and which table of this breaker's they are.
pub(crate) struct Featured {
    pub features: Arc<Features>,
    version: u16,
}

/// Of a mark: the place in the table, plus one.
const PLACE_BITS: u32 = 7;
const _: () = assert!(MAX_FEATURES < 1 << PLACE_BITS);

impl Featured {
    fn new(rules: &FeatureRules, before: Option<&Featured>, met: &Met) -> Self {
        let version = before.map_or(0, |before| before.version);
        match before.filter(|before| before.features.rules() == rules) {
            Some(before) => Featured { features: Arc::clone(&before.features), version },
            None => Featured {
                features: Arc::new(Features::new(rules, met)),
                version: (version + 1) % (1 << (u16::BITS - PLACE_BITS)),
            },
        }
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
}

impl Around {
    pub(crate) fn new(rules: Option<&Policies>, before: Option<&Around>, met: &Met, now: Nanos) -> Self {
        let Some(rules) = rules else { return Around::default() };
        let timeout = |rules| Limit::new(rules, before.and_then(|around| around.timeout.as_ref()));
        let old = before.and_then(|around| around.retry.as_ref());
        let budget = |rules: BudgetRules| {
            let known = old.and_then(|old| old.budget.clone());
            let known = known.or_else(|| before?.hedge.as_ref()?.budget.clone());
            let kept = known.filter(|budget| *budget.rules() == rules);
            kept.unwrap_or_else(|| Arc::new(Budget::new(rules)))
        };
        let features = |rules| Featured::new(rules, before.and_then(|around| around.features.as_ref()), met);
        let old_hedge = before.and_then(|around| around.hedge.as_ref());
        // Hedges and retries share one.
        let methods = rules.retry.as_ref().or(rules.default_retry.as_ref());
        let budget = methods.and_then(|rules| rules.budget).map(budget);
        let retry = |rules: &RetryRules| Retrying::new(rules, budget.clone(), old);
        let hedge = |hedge: &HedgeRules| {
            methods.map(|methods| Hedging {
                rules: *hedge,
                pace: old_hedge.map_or_else(|| Arc::new(Pace::new()), |old| Arc::clone(&old.pace)),
                methods: methods.clone(),
                budget: budget.clone(),
                counts: old_hedge.map_or_else(Arc::default, |old| Arc::clone(&old.counts)),
            })
        };
        let cache =
            |cache: &CacheRules| Caching::new(*cache, before.and_then(|around| around.cache.as_ref()), now);
        Around {
            timeout: rules.timeout.as_ref().map(timeout),
            retry: rules.retry.as_ref().map(retry),
            falling: Falling::new(rules, before.and_then(|around| around.falling.as_deref())),
            features: rules.features.as_ref().map(features),
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

    /// Whether a policy wants to know how calls end.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        self.features.is_some() || matches!(self.timeout, Some(Limit::Learned(_)))
    }
}
