//! A cell with what belongs to it alone: its plans, and the stripes that do not lie in it.

use crate::cell::{Cell, Layout};
use crate::clock::{Nanos, Source};
use crate::config::Plan;
use crate::detect::adaptive::Adaptive;
use crate::detect::count::Ring;
use crate::detect::time::Period;
use crate::detect::{Detector, Sums};
use crate::histogram::Distribution;
use crate::outcome::Outcome;
use crate::stripe::{Counters, Lines, Stripe, Stripes, Totals};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, bump};
use crate::thread;
use crate::word::Word;
use std::ptr::NonNull;
use std::sync::Arc;

/// Where the words of a cell lie.
pub(crate) enum Home {
    Own(Lines),
    Given(&'static [AtomicU64]),
}

/// A plan with its number; the newest one first.
struct Node {
    plan: Arc<Plan>,
    number: u32,
    older: *mut Node,
}

/// A cell with what belongs to it alone.
pub(crate) struct Engine {
    /// The words of `home`, so that the path of a call need not ask where they lie.
    words: NonNull<[AtomicU64]>,
    /// Those of the stripe in the cell, and its counters.
    stripe: NonNull<[AtomicU64]>,
    counters: NonNull<Counters>,
    _home: Home,
    layout: Layout,
    stripes: Stripes,
    plans: AtomicPtr<Node>,
    /// `sample_durations_every` of the newest plan.
    every: AtomicU32,
    /// `min_calls` and the length of a bucket of the newest plan's window.
    min_calls: AtomicU64,
    width: AtomicU64,
    lane: Lane,
    pub(crate) successor: AtomicPtr<Engine>,
}

/// Which happy path a success takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Consecutive,
    Count,
    Time,
}

// SAFETY: the pointers are to boxes that only ever grow by compare-and-swap and are freed with `&mut self`.
unsafe impl Send for Engine {}
// SAFETY: as above; what they point to is shared by references alone.
unsafe impl Sync for Engine {}

impl Engine {
    pub(crate) fn new(plan: Arc<Plan>, number: u32, home: Home) -> Self {
        let layout = plan.layout();
        let every = AtomicU32::new(plan.sample_durations_every);
        let lane = match &plan.detector {
            Detector::Consecutive { .. } => Lane::Consecutive,
            Detector::Count { .. } => Lane::Count,
            Detector::Time { .. } => Lane::Time,
        };
        let (min_calls, width) = hot_numbers(&plan);
        let node = Box::into_raw(Box::new(Node { plan, number, older: std::ptr::null_mut() }));
        let words = match &home {
            Home::Own(lines) => lines.words(),
            Home::Given(words) => words,
        };
        let stripe = NonNull::from(Cell::new(words, layout).stripe());
        Engine {
            words: NonNull::from(words),
            stripe,
            counters: stripe.cast(),
            _home: home,
            layout,
            stripes: Stripes::new(layout),
            plans: AtomicPtr::new(node),
            every,
            min_calls: AtomicU64::new(min_calls),
            width: AtomicU64::new(width),
            lane,
            successor: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: they lie in `_home`, which does not move them and lives as long as `self`.
        unsafe { self.words.as_ref() }
    }

    #[inline]
    pub(crate) fn load(&self) -> Word {
        Word(self.words()[0].load(Ordering::Acquire))
    }

    /// Records a success that is not slow in a count window whose counts began with the generation of `low`; `false`
    /// when they did not, or when the window must be evaluated after it, and nothing was done.
    #[inline(never)]
    pub(crate) fn record_quietly(&self, low: u32) -> bool {
        self.ring().record_quietly((low >> 8).into(), self.min_calls.load(Ordering::Relaxed))
            && self.count_success()
    }

    /// Credits a success that is not slow to the running bucket of the thread's stripe; `false` when another bucket
    /// begins, or when the window must be evaluated after it, and nothing was done.
    #[inline(never)]
    pub(crate) fn credit_quietly(&self, low: u32, clock: &Source) -> bool {
        let (now, width) = (clock.coarse(), self.width.load(Ordering::Relaxed));
        self.with_stripe(|stripe| {
            let is_quiet = stripe.time().credit_quietly(low, now, width);
            if is_quiet {
                stripe.count(Outcome::Success);
            }
            is_quiet
        })
    }

    pub(crate) fn add_totals(&self, totals: &mut Totals) {
        self.stripes.add_totals(self.first_words(), totals);
    }

    pub(crate) fn add_durations(&self, sums: &mut [Distribution; 3]) {
        self.stripes.add_durations(self.first_words(), sums);
    }

    /// The count window's words, without a detour.
    #[inline]
    pub(crate) fn ring(&self) -> Ring<'_> {
        self.cell().ring()
    }

    pub(crate) fn cell(&self) -> Cell<'_> {
        Cell::known(self.words(), self.layout)
    }

    #[inline]
    pub(crate) fn every(&self) -> u32 {
        self.every.load(Ordering::Relaxed)
    }

    /// The counters of the stripe in the cell, if the calling thread owns it.
    #[inline]
    fn own_counters(&self) -> Option<&Counters> {
        // SAFETY: the stripe in the cell begins with its counters and lives as long as `self`.
        let counters = unsafe { self.counters.as_ref() };
        (counters.owner.load(Ordering::Relaxed) == u64::from(thread::number())).then_some(counters)
    }

    /// Whether the call that begins now is surely none that is timed; counts it then.
    #[inline]
    pub(crate) fn leaves_untimed(&self) -> bool {
        self.every() == 0
            || self.own_counters().is_some_and(|counters| {
                let left = counters.tick.load(Ordering::Relaxed);
                if left > 0 {
                    counters.tick.store(left - 1, Ordering::Relaxed);
                }
                left > 0
            })
    }

    /// Counts a success; always `true`.
    #[inline]
    pub(crate) fn count_success(&self) -> bool {
        match self.own_counters() {
            Some(counters) => bump(&counters.outcomes[Outcome::Success as usize]),
            None => self.count_success_elsewhere(),
        }
        true
    }

    /// Notes how long a success took that is counted already.
    #[inline]
    pub(crate) fn note_duration(&self, bounds: &[Nanos], outcome: Outcome, d: Nanos) {
        self.with_stripe(|stripe| stripe.duration(bounds, outcome, d));
    }

    #[inline(never)]
    fn count_success_elsewhere(&self) {
        self.with_stripe(|stripe| stripe.count(Outcome::Success));
    }

    #[inline]
    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    #[inline]
    pub(crate) fn with_stripe<R>(&self, f: impl FnOnce(Stripe<'_>) -> R) -> R {
        self.stripes.with(self.first_words(), f)
    }

    #[inline]
    fn first_words(&self) -> &[AtomicU64] {
        // SAFETY: as for `words`.
        unsafe { self.stripe.as_ref() }
    }

    /// The stripe in the cell, for one who knows that nobody uses it yet.
    pub(crate) fn first_stripe(&self) -> Option<Stripe<'_>> {
        self.stripes().next()
    }

    pub(crate) fn stripes(&self) -> impl Iterator<Item = Stripe<'_>> {
        self.stripes.all(self.first_words())
    }

    fn newest(&self) -> &Node {
        // SAFETY: a node stays until the engine is dropped.
        unsafe { &*self.plans.load(Ordering::Acquire) }
    }

    /// `slow_call_duration` of the newest plan.
    #[inline]
    pub(crate) fn slow_limit(&self) -> Option<Nanos> {
        self.plan().slow_call_duration
    }

    /// The newest plan.
    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.newest().plan
    }

    /// The plan with that number, as the record holds it; the newest when it is not known.
    pub(crate) fn plan_of(&self, number: u32) -> &Plan {
        let newest = self.newest();
        let mut node = newest;
        while node.number & 0xFFFF != number {
            // SAFETY: as in `newest`.
            match unsafe { node.older.as_ref() } {
                Some(older) => node = older,
                None => return &newest.plan,
            }
        }
        &node.plan
    }

    /// The number of the newest plan.
    pub(crate) fn plan_number(&self) -> u32 {
        self.newest().number
    }

    /// Adds a plan. By the holder of the body's lock alone.
    pub(crate) fn add_plan(&self, plan: Arc<Plan>) -> u32 {
        self.every.store(plan.sample_durations_every, Ordering::Relaxed);
        let (min_calls, width) = hot_numbers(&plan);
        self.min_calls.store(min_calls, Ordering::Relaxed);
        self.width.store(width, Ordering::Relaxed);
        let (older, number) = (self.plans.load(Ordering::Acquire), self.newest().number + 1);
        let node = Box::into_raw(Box::new(Node { plan, number, older }));
        self.plans.store(node, Ordering::Release);
        number
    }

    /// What the window holds at `now`, for readers and for judging.
    pub(crate) fn sums(&self, detector: &Detector, since: u64, now: Nanos) -> Sums {
        match detector {
            Detector::Consecutive { .. } => Sums::default(),
            Detector::Count { size, .. } => self.cell().ring().sums(since, *size),
            Detector::Time { window, .. } => self.time_sums(window, since, now),
        }
    }

    pub(crate) fn time_sums(&self, window: &Period, since: u64, now: Nanos) -> Sums {
        let newest = window.stretch(now);
        let oldest = newest.saturating_sub(u64::from(window.buckets) - 1);
        let mut sums = Sums::default();
        for stripe in self.stripes() {
            (oldest..=newest)
                .for_each(|stretch| sums.add(stripe.time().read(since, stretch, window.buckets)));
        }
        sums
    }

    /// Before an outcome takes a bucket from an older stretch: the first to do so learns from what the bucket held in
    /// all stripes. None of them gives its own away before the key says that this was done.
    pub(crate) fn learn(
        &self,
        stripe: Stripe<'_>,
        adaptive: &Adaptive,
        window: &Period,
        since: u64,
        now: Nanos,
    ) {
        let Some((_, wanted)) = stripe.time().recycles(since, now, window) else { return };
        let slot = (window.stretch(now) % u64::from(window.buckets)) as usize;
        let cell = self.cell();
        let shared = &cell.bucket_keys()[slot];
        loop {
            let held = shared.load(Ordering::Acquire);
            if held >> 40 == since && held & ((1 << 40) - 1) >= wanted & ((1 << 40) - 1) {
                return;
            }
            let mut bucket = Sums::default();
            self.stripes().for_each(|s| bucket.add(s.time().read_key(held, slot)));
            if shared.compare_exchange(held, wanted, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                if held >> 40 == since && bucket.total > 0 {
                    cell.learn(adaptive.baseline(), |b| adaptive.learn(b, bucket));
                }
                return;
            }
        }
    }
}

fn hot_numbers(plan: &Plan) -> (u64, Nanos) {
    match &plan.detector {
        Detector::Consecutive { .. } => (0, 0),
        Detector::Count { rates, .. } => (rates.min_calls, 0),
        Detector::Time { window, rates, .. } => (rates.min_calls, window.width),
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("word", &self.load()).finish_non_exhaustive()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let mut node = self.plans.load(Ordering::Acquire);
        while !node.is_null() {
            // SAFETY: nodes were made by `Box::into_raw` and are freed here alone.
            let owned = unsafe { Box::from_raw(node) };
            node = owned.older;
        }
        let successor = self.successor.load(Ordering::Acquire);
        if !successor.is_null() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(successor) });
        }
    }
}
