//! What retries keep.

use crate::clock::Nanos;
use crate::policy::budget::Budget;
use crate::policy::category::Category;
use crate::policy::retry::{Asked, Denied, Missed, RetryRules};
use crate::policy::wait::{After, Choice, FIRST_RETRY, Retry, Scores, Taken, Wait, WaitKind};
use crate::snapshot::RetryCounts;
use crate::sync::{AtomicU64, Mutex, Ordering};
use std::sync::Arc;

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
    pub(super) budget: Option<Arc<Budget>>,
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
    pub(super) fn new(rules: &RetryRules, budget: Option<Arc<Budget>>, before: Option<&Retrying>) -> Self {
        let lasting = before.map_or_else(Arc::default, |before| Arc::clone(&before.lasting));
        Retrying { rules: rules.clone(), budget, lasting }
    }

    /// A call begins.
    #[inline]
    pub(super) fn first(&self, now: Nanos) {
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

    /// `pending`: first attempts that are still to be deposited.
    pub(crate) fn counts(&self, now: Nanos, pending: u64) -> RetryCounts {
        let counts = &self.lasting.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        let Scores(scores) = *self.lasting.scores.lock();
        let is_adaptive = self.rules.backoff.kind == WaitKind::Adaptive;
        RetryCounts {
            budget: self.budget.as_ref().map(|budget| budget.left(now, pending)),
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
