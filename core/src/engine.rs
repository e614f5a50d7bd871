//! A cell with what belongs to it alone: its plans, and the stripes that do not lie in it.

use crate::admit::priority::{LEVELS, Priority};
use crate::cell::{Cell, Layout};
use crate::clock::{COARSE_TICK, Nanos, Source};
use crate::config::Plan;
use crate::detect::adaptive::Adaptive;
use crate::detect::count::Ring;
use crate::detect::time::{self, Period};
use crate::detect::{Detector, Sums};
use crate::error::{MACHINE_REASONS, REASONS, Reason};
use crate::gates::GateWords;
use crate::histogram::{Distribution, bucket_of};
use crate::outcome::{Outcome, Totals};
use crate::stripe::{Counters, Lines, Stripe, Stripes, Tallies, may_pass};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, ProcessLock, bump};
use crate::thread;
use crate::word::{Word, is_later};
use std::ptr::NonNull;
use std::sync::Arc;

/// A plan with its number.
struct Numbered {
    plan: Arc<Plan>,
    number: u32,
}

/// A plan that came later, and the one before it, unless that is the engine's first.
struct Node {
    this: Numbered,
    older: *mut Node,
}

/// A cell with what belongs to it alone.
pub(crate) struct Engine {
    /// The words of the cell, as many as `layout` says.
    words: NonNull<AtomicU64>,
    /// With these the stripe in the cell begins.
    counters: NonNull<Counters>,
    layout: Layout,
    stripes: Stripes,
    first_plan: Numbered,
    /// Plans that came later, the newest first.
    plans: AtomicPtr<Node>,
    /// `sample_durations_every` of the newest plan.
    every: AtomicU32,
    /// Of the newest plan's window: `min_calls` if it counts, the length of a bucket if it goes by time.
    measure: AtomicU64,
    lane: Lane,
    /// Where the tallies of a gated breaker's stripe begin in it, in words.
    tallies_at: u16,
    /// The words are its own, and not memory that was given.
    owns_words: bool,
    /// Of a breaker's first engine: one at a time adds plans and engines. Never taken on the path of a call.
    pub(crate) admin: ProcessLock,
    pub(crate) successor: AtomicPtr<Engine>,
    /// What its body lies in (see `handle`); null until that is so.
    pub(crate) home: *const (),
}

/// Which happy path a success takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Consecutive,
    Count,
    Time,
}

// As for a body: nothing that can panic runs while something is half done.
impl std::panic::RefUnwindSafe for Engine {}

// SAFETY: the pointers are to boxes that only ever grow by compare-and-swap and are freed with `&mut self`.
unsafe impl Send for Engine {}
// SAFETY: as above; what they point to is shared by references alone.
unsafe impl Sync for Engine {}

impl Engine {
    pub(crate) fn new(plan: Arc<Plan>, number: u32, given: Option<&'static [AtomicU64]>) -> Self {
        let layout = plan.layout();
        let every = AtomicU32::new(plan.sample_durations_every);
        let lane = match &plan.detector {
            Detector::Consecutive { .. } => Lane::Consecutive,
            Detector::Count { .. } => Lane::Count,
            Detector::Time { .. } => Lane::Time,
        };
        let measure = AtomicU64::new(measure(&plan));
        let words = given.map_or_else(
            || Lines::new(layout.words()).into_raw(),
            |given| {
                layout.check(given.len());
                NonNull::from(given).cast()
            },
        );
        // SAFETY: there are so many.
        let cell = unsafe { std::slice::from_raw_parts(words.as_ptr(), layout.words()) };
        let stripe = NonNull::from(Cell::new(cell, layout).stripe());
        // What another process had lent is gone with it.
        // SAFETY: a stripe begins with its counters.
        unsafe { stripe.cast::<Counters>().as_ref() }.lent.store(0, Ordering::Relaxed);
        Engine {
            words,
            counters: stripe.cast(),
            layout,
            stripes: Stripes::new(),
            first_plan: Numbered { plan, number },
            plans: AtomicPtr::new(std::ptr::null_mut()),
            every,
            measure,
            lane,
            tallies_at: layout.tallies_at() as u16,
            owns_words: given.is_none(),
            admin: ProcessLock::new(),
            successor: AtomicPtr::new(std::ptr::null_mut()),
            home: std::ptr::null(),
        }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` has seen that there are so many; they live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.layout.words()) }
    }

    #[inline]
    pub(crate) fn load(&self) -> Word {
        // SAFETY: as for `words`; a cell begins with its word.
        Word(unsafe { self.words.as_ref() }.load(Ordering::Acquire))
    }

    /// Records a success that is not slow in a count window whose counts began with the generation of `low`; `false`
    /// when they did not, or when the window must be evaluated after it, and nothing was done.
    #[inline(never)]
    pub(crate) fn record_quietly(&self, low: u32) -> bool {
        // SAFETY: as for `words`, of which the window is a part.
        let window = unsafe {
            let (at, words) = self.layout.count_window();
            std::slice::from_raw_parts(self.words.as_ptr().add(at), words)
        };
        Ring::of(window).record_quietly((low >> 8).into(), self.measure.load(Ordering::Relaxed))
            && self.count_success()
    }

    /// Credits a success that is not slow to the running bucket of the thread's stripe; `false` when another bucket
    /// begins, or when the window must be evaluated after it, and nothing was done.
    #[inline(never)]
    pub(crate) fn credit_quietly(&self, low: u32, clock: &Source) -> bool {
        let (now, width) = (clock.coarse(), self.measure.load(Ordering::Relaxed));
        let Some(counters) = self.own_counters() else { return false };
        // SAFETY: behind the counters of a stripe of this layout lie its cursor and so many buckets.
        let is_quiet = unsafe {
            let cursor = std::ptr::from_ref(counters).add(1).cast::<AtomicU64>();
            time::credit_quietly(cursor, self.layout.buckets.into(), low, now, width)
        };
        if is_quiet {
            bump(&counters.outcomes[Outcome::Success as usize]);
        }
        is_quiet
    }

    pub(crate) fn add_totals(&self, totals: &mut Totals) {
        self.stripes.add_totals(self.first_words(), totals);
        self.cell().add_totals(totals);
        if self.layout.gated {
            GateWords::of(self.cell().gates()).add_totals(totals);
            self.stripes().for_each(|stripe| stripe.tallies().add_to(totals));
        }
    }

    pub(crate) fn add_tallies(&self, admitted: &mut [u64; LEVELS], refused: &mut [[u64; LEVELS]; REASONS]) {
        if self.layout.gated {
            self.stripes().for_each(|stripe| stripe.tallies().add_by_level(admitted, refused));
        }
    }

    /// Whether it counts calls by their level.
    #[cfg(feature = "binding")]
    pub(crate) fn counts_levels(&self) -> bool {
        self.layout.gated
    }

    /// Counts a call that was admitted, where a gated breaker does so by level.
    #[inline]
    pub(crate) fn count_admitted(&self, level: Priority) {
        if self.layout.gated {
            self.with_tallies(|tallies| bump(&tallies.admitted[level as usize]));
        }
    }

    /// Counts a refusal.
    pub(crate) fn count_refused(&self, reason: Reason, level: Priority) {
        if self.layout.gated {
            self.with_tallies(|tallies| bump(&tallies.refused[reason as usize][level as usize]));
        }
        if (reason as usize) < MACHINE_REASONS {
            self.with_stripe(|stripe| stripe.reject(reason));
        }
    }

    /// Of a gated engine alone.
    #[inline(always)]
    fn with_tallies(&self, act: impl FnOnce(&Tallies)) {
        match self.own_counters() {
            Some(counters) => {
                // SAFETY: a stripe begins with its counters and, in this layout, has its tallies there.
                let tallies = unsafe {
                    let stripe = std::ptr::from_ref(counters).cast::<AtomicU64>();
                    &*stripe.add(self.tallies_at.into()).cast::<Tallies>()
                };
                act(tallies);
            }
            None => self.with_stripe(|stripe| act(stripe.tallies())),
        }
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

    /// The counters of the calling thread, if they are near: in the cell, or among the first outside it.
    #[inline]
    fn own_counters(&self) -> Option<&Counters> {
        // SAFETY: the stripe in the cell begins with its counters and lives as long as `self`.
        let counters = unsafe { self.counters.as_ref() };
        let number = thread::number();
        match self.stripes.owner() {
            owner if owner == number => Some(counters),
            0 => None,
            _ => self.stripes.near(number),
        }
    }

    /// How long a breaker in mode `auto` is still open, if that is more than a tick of the coarse clock; `None` when more
    /// is to be asked. The coarse clock lags: while it is more than a tick before the deadline, the exact one is before
    /// it, too.
    #[inline]
    pub(crate) fn still_open(&self, clock: &Source) -> Option<Nanos> {
        let until = self.cell().read_deadline()?;
        let coarse = clock.coarse();
        (coarse.saturating_add(COARSE_TICK) < until).then(|| until - coarse)
    }

    /// Counts a call that is turned away because the breaker is open.
    #[inline]
    pub(crate) fn count_open(&self) {
        match self.own_counters() {
            Some(counters) => bump(&counters.rejected[Reason::Open as usize]),
            None => self.with_stripe(|stripe| stripe.reject(Reason::Open)),
        }
    }

    /// Whether the call that begins now is surely none that is timed; counts it then.
    #[inline]
    pub(crate) fn leaves_untimed(&self) -> bool {
        let every = self.every();
        if every < 2 {
            return every == 0;
        }
        self.own_counters().is_some_and(|counters| {
            let left = counters.tick.load(Ordering::Relaxed);
            let is_untimed = may_pass(left, every);
            if is_untimed {
                counters.tick.store(left - 1, Ordering::Relaxed);
            }
            is_untimed
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
    pub(crate) fn note_duration(&self, bounds: &[Nanos], d: Nanos) {
        let noted = self.own_counters().is_some_and(|own| own.durations.record(bucket_of(bounds, d), d));
        if !noted {
            self.note_duration_elsewhere(bounds, d);
        }
    }

    #[inline(never)]
    fn note_duration_elsewhere(&self, bounds: &[Nanos], d: Nanos) {
        self.with_stripe(|stripe| stripe.duration(bounds, Outcome::Success, d));
    }

    #[inline(never)]
    fn count_success_elsewhere(&self) {
        self.with_stripe(|stripe| stripe.count(Outcome::Success));
    }

    /// Notes that a permit which holds the breaker in memory is given.
    #[inline]
    pub(crate) fn lend(&self) {
        match self.own_counters() {
            Some(counters) => counters.lend(1),
            None => self.lend_elsewhere(1),
        }
    }

    /// Notes that such a permit is gone. Unless there is another hold on the breaker, it may be freed from then on.
    #[inline]
    pub(crate) fn take_back(&self) {
        match self.own_counters() {
            Some(counters) => counters.lend(1u64.wrapping_neg()),
            None => self.lend_elsewhere(1u64.wrapping_neg()),
        }
    }

    #[inline(never)]
    fn lend_elsewhere(&self, by: u64) {
        self.stripes.lend(self.first_words(), by);
    }

    /// Permits that hold the breaker in memory: never fewer than there are, as long as nobody gives new ones.
    pub(crate) fn lent(&self) -> u64 {
        self.stripes.lent(self.first_words())
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
        // SAFETY: as for `words`; the stripe is the end of the cell.
        unsafe { std::slice::from_raw_parts(self.counters.as_ptr().cast(), self.layout.stripe_words()) }
    }

    /// The stripe in the cell, for one who knows that nobody uses it yet.
    pub(crate) fn first_stripe(&self) -> Option<Stripe<'_>> {
        self.stripes().next()
    }

    pub(crate) fn stripes(&self) -> impl Iterator<Item = Stripe<'_>> {
        self.stripes.all(self.first_words())
    }

    fn newest(&self) -> &Numbered {
        // SAFETY: a node stays until the engine is dropped.
        unsafe { self.plans.load(Ordering::Acquire).as_ref() }.map_or(&self.first_plan, |node| &node.this)
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

    /// The plan with that number, of which the record holds 16 bits; the newest when it is not known.
    pub(crate) fn plan_of(&self, number: u32) -> &Plan {
        let newest = self.plans.load(Ordering::Acquire);
        let mut place = newest;
        // SAFETY: as in `newest`.
        while let Some(node) = unsafe { place.as_ref() } {
            if node.this.number & 0xFFFF == number {
                return &node.this.plan;
            }
            place = node.older;
        }
        let is_known = newest.is_null() || self.first_plan.number & 0xFFFF == number;
        if is_known { &self.first_plan.plan } else { &self.newest().plan }
    }

    /// The number of the newest plan.
    pub(crate) fn plan_number(&self) -> u32 {
        self.newest().number
    }

    /// Adds a plan. By the holder of the body's lock alone.
    pub(crate) fn add_plan(&self, plan: Arc<Plan>) -> u32 {
        self.every.store(plan.sample_durations_every, Ordering::Relaxed);
        self.measure.store(measure(&plan), Ordering::Relaxed);
        let (older, number) = (self.plans.load(Ordering::Acquire), self.newest().number + 1);
        let node = Box::into_raw(Box::new(Node { this: Numbered { plan, number }, older }));
        self.plans.store(node, Ordering::Release);
        number
    }

    /// Whether the detector now counts what came since generation `since`. Then what was read of the window before is of
    /// no later generation, even if it looks so: 24 bits go round.
    #[cold]
    pub(crate) fn counts_since(&self, since: u64) -> bool {
        let (word, now, _) = self.cell().read_counting();
        !word.is_moved() && now == since
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
            let is_of_this_generation = held >> 40 == since;
            if is_later(held >> 40, since) && !self.counts_since(since)
                || is_of_this_generation && held & ((1 << 40) - 1) >= wanted & ((1 << 40) - 1)
            {
                return;
            }
            let mut bucket = Sums::default();
            self.stripes().for_each(|s| bucket.add(s.time().read_key(held, slot)));
            if shared.compare_exchange(held, wanted, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                if is_of_this_generation && bucket.total > 0 {
                    cell.learn(adaptive.baseline(), |b| adaptive.learn(b, bucket));
                }
                return;
            }
        }
    }
}

/// What the happy path needs to know of a window.
fn measure(plan: &Plan) -> u64 {
    match &plan.detector {
        Detector::Consecutive { .. } => 0,
        Detector::Count { rates, .. } => rates.min_calls,
        Detector::Time { window, .. } => window.width,
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
        // Not each by the one before it: there may be thousands.
        let take_next = |engine: &Engine| engine.successor.swap(std::ptr::null_mut(), Ordering::AcqRel);
        let mut successor = take_next(self);
        while !successor.is_null() {
            // SAFETY: as above.
            let owned = unsafe { Box::from_raw(successor) };
            successor = take_next(&owned);
        }
        if self.owns_words {
            // SAFETY: `new` made them for so many words. Nothing of what is dropped after this looks at them.
            drop(unsafe { Lines::from_raw(self.words, self.layout.words()) });
        }
    }
}
