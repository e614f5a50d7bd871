//! The state of a limit that finds itself. Calls count in words of their own and never wait: a cut belongs to whoever
//! takes the count of outcomes back to nothing, an update to whoever finds its lock free.

use super::concurrency::{BATCH, BATCH_LENGTH, LongRun, in_force, may_cut};
use super::{LimitKind, LimitRules};
use crate::clock::Nanos;
use crate::outcome::Outcome;
use crate::sync::{AtomicU64, Mutex, Ordering, load_to_swap};
use Ordering::{AcqRel, Acquire, Relaxed};

/// A limit, by its rules.
pub(crate) struct LimitState {
    rules: LimitRules,
    /// Bits of a double.
    limit: AtomicU64,
    /// AIMD: outcomes since the last cut, as far as they matter.
    since_cut: AtomicU64,
    /// Gradient: what has come in.
    seen: Seen,
    updates: Mutex<Updates>,
}

/// Successes and their durations since the beginning, and the most calls in flight since the last update.
///
/// A success is begun, then added, then done. Whoever finds as many begun as it found done before has a sum of exactly
/// those: nobody was in between.
struct Seen {
    begun: AtomicU64,
    sum: AtomicU64,
    done: AtomicU64,
    most: AtomicU64,
    /// Successes before the present batch.
    before: AtomicU64,
    /// When the next update may be.
    due: AtomicU64,
}

/// What only an update touches.
struct Updates {
    sum: u64,
    long: LongRun,
}

/// The count of outcomes before the first cut, which is free.
const FREE: u64 = u64::MAX >> 1;

impl LimitState {
    /// A limit at its first value. The first update of a gradient is a batch's length after `now` at the earliest.
    pub(crate) fn new(rules: LimitRules, now: Nanos) -> Self {
        let word = AtomicU64::new;
        let due = now.saturating_add(BATCH_LENGTH);
        LimitState {
            limit: word((rules.initial as f64).to_bits()),
            rules,
            since_cut: word(FREE),
            seen: Seen {
                begun: word(0),
                sum: word(0),
                done: word(0),
                most: word(0),
                before: word(0),
                due: word(due),
            },
            updates: Mutex::new(Updates { sum: 0, long: LongRun::default() }),
        }
    }

    pub(crate) fn rules(&self) -> &LimitRules {
        &self.rules
    }

    /// How many calls may be in flight: the limit's floor.
    #[inline]
    pub(crate) fn limit(&self) -> u64 {
        in_force(f64::from_bits(self.limit.load(Acquire)))
    }

    /// Notes that a call was admitted, with which so many are in flight.
    #[inline]
    pub(crate) fn admitted(&self, in_flight: u64) {
        if let LimitKind::Gradient { .. } = self.rules.kind {
            self.seen.in_flight(in_flight);
        }
    }

    /// Sets the limit by hand, within its range; answers the new floor when that is another.
    pub(crate) fn set(&self, to: u64) -> Option<u64> {
        self.change(|_| to.clamp(self.rules.min, self.rules.max) as f64)
    }

    /// Takes an outcome of a call that was one of `in_flight`; answers the new floor when that is another. Of all who
    /// settle at the same time exactly one is told of each change.
    pub(crate) fn settle(
        &self,
        outcome: Outcome,
        slow: bool,
        in_flight: u64,
        duration: Option<Nanos>,
        now: Nanos,
    ) -> Option<u64> {
        match (self.rules.kind, outcome) {
            (_, Outcome::Ignored) => None,
            (LimitKind::Aimd { .. }, Outcome::Success) if !slow => {
                self.count();
                self.change(|limit| self.rules.raised(limit, in_flight))
            }
            (LimitKind::Aimd { .. }, _) => {
                if self.claim_cut() {
                    self.change(|limit| self.rules.cut(limit))
                } else {
                    None
                }
            }
            (LimitKind::Gradient { tolerance_bp, long_window, .. }, _) => {
                self.seen.in_flight(in_flight);
                if let (Outcome::Success, Some(d)) = (outcome, duration) {
                    self.seen.success(d);
                }
                let (gradient, most) = self.update(in_flight, now, tolerance_bp, long_window)?;
                self.change(|limit| self.rules.follow(limit, gradient, most))
            }
        }
    }

    /// Replaces the limit; answers the new floor when that is another.
    fn change(&self, to: impl Fn(f64) -> f64) -> Option<u64> {
        let mut bits = load_to_swap(&self.limit);
        loop {
            let limit = f64::from_bits(bits);
            let next = to(limit);
            if next == limit {
                return None;
            }
            match self.limit.compare_exchange(bits, next.to_bits(), AcqRel, Acquire) {
                Ok(_) => return Some(in_force(next)).filter(|floor| *floor != in_force(limit)),
                Err(now) => bits = now,
            }
        }
    }

    /// AIMD: counts an outcome that cuts nothing. Once there are enough for a cut at any limit nobody writes any more.
    fn count(&self) {
        if self.since_cut.load(Relaxed) < self.rules.max {
            self.since_cut.fetch_add(1, AcqRel);
        }
    }

    /// AIMD: counts a failure or a slow call; `true` when it is the one that cuts the limit. The limit that it is held
    /// against may be one that another's cut is about to lower: then it waits for more outcomes, never for fewer.
    fn claim_cut(&self) -> bool {
        let mut settled = load_to_swap(&self.since_cut);
        loop {
            let nth = settled + 1;
            let cuts = may_cut(f64::from_bits(self.limit.load(Acquire)), nth);
            match self.since_cut.compare_exchange(settled, if cuts { 0 } else { nth }, AcqRel, Acquire) {
                Ok(_) => return cuts,
                Err(now) => settled = now,
            }
        }
    }

    /// Gradient: ends a batch that is due; answers its gradient and the most calls in flight. Who meets an update or a
    /// success that is just being added leaves it to the next.
    fn update(&self, in_flight: u64, now: Nanos, tolerance_bp: u64, long_window: u64) -> Option<(f64, u64)> {
        if !self.seen.is_due(now) {
            return None;
        }
        let mut updates = self.updates.try_lock()?;
        // Again, as somebody may have updated before the lock was free.
        if !self.seen.is_due(now) {
            return None;
        }
        let (successes, sum) = self.seen.settled()?;
        let batch = successes - self.seen.before.load(Acquire);
        let d = sum.wrapping_sub(updates.sum) as f64 / batch as f64;
        updates.sum = sum;
        self.seen.before.store(successes, Ordering::Release);
        self.seen.due.store(now.saturating_add(BATCH_LENGTH), Ordering::Release);
        // From here on those count that are still in flight.
        let most = self.seen.most.swap(in_flight.saturating_sub(1), AcqRel);
        (d > 0.0).then(|| (updates.long.gradient(d, tolerance_bp, long_window), most))
    }
}

impl Seen {
    #[inline]
    fn in_flight(&self, calls: u64) {
        if self.most.load(Relaxed) < calls {
            self.most.fetch_max(calls, AcqRel);
        }
    }

    fn success(&self, duration: Nanos) {
        self.begun.fetch_add(1, AcqRel);
        self.sum.fetch_add(duration, AcqRel);
        self.done.fetch_add(1, AcqRel);
    }

    fn is_due(&self, now: Nanos) -> bool {
        now >= self.due.load(Acquire)
            && self.done.load(Acquire).saturating_sub(self.before.load(Acquire)) >= BATCH
    }

    /// How many successes there were and the sum of exactly their durations, if nobody adds one just now.
    fn settled(&self) -> Option<(u64, u64)> {
        let done = load_to_swap(&self.done);
        let sum = load_to_swap(&self.sum);
        (load_to_swap(&self.begun) == done).then_some((done, sum))
    }
}
