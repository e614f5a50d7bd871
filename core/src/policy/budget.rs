//! How many retries and hedges a breaker may begin (policies §7).
//!
//! First attempts are counted in stripes: each thread has one of its own, so a call that succeeds at once writes nothing
//! that is shared. What was withdrawn lies behind a lock, which only those take who would withdraw or look.
//!
//! ```text
//! stripe  0..10  a bucket: 0..30 first attempts     30..64  number of its stretch of time, time / width
//!         10     when the stretch begins that was counted last     11  its bucket
//! ```

use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Mutex, OnceBox, Ordering, load_to_swap};
use crate::thread::{self, NO_NUMBER};
use Ordering::{AcqRel, Acquire, Relaxed};

/// Retries and hedges in `window` are at most `floor(ratio * first attempts) + floor(min_per_second * window)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BudgetRules {
    pub ratio_bp: u64,
    pub min_per_second: f64,
    pub window: Nanos,
}

/// What a window is divided into.
const BUCKETS: usize = 10;

impl BudgetRules {
    /// Length of a bucket.
    fn width(&self) -> Nanos {
        (self.window / BUCKETS as u64).max(1)
    }

    /// How many may be begun in a window with so many first attempts.
    pub(crate) fn allowance(&self, first_attempts: u64) -> u64 {
        let share = u128::from(first_attempts) * u128::from(self.ratio_bp) / u128::from(ONE_BP);
        let least = (self.min_per_second * self.window as f64 / 1e9) as u64;
        u64::try_from(share).unwrap_or(u64::MAX).saturating_add(least)
    }
}

/// The budget of one breaker.
pub(crate) struct Budget {
    rules: BudgetRules,
    width: Nanos,
    /// Stripes of threads, the first ones apart: most breakers never need more.
    near: OnceBox<[Stripe; NEAR]>,
    far: OnceBox<[Stripe; FAR]>,
    /// Those that all other threads share.
    shared: OnceBox<[Stripe; SHARED]>,
    begun: Mutex<Begun>,
}

const NEAR: usize = if cfg!(loom) { 1 } else { 8 };
const FAR: usize = if cfg!(loom) { 1 } else { 56 };
const SHARED: usize = if cfg!(loom) { 1 } else { 4 };

impl Budget {
    pub(crate) fn new(rules: BudgetRules) -> Self {
        Budget {
            width: rules.width(),
            rules,
            near: OnceBox::new(),
            far: OnceBox::new(),
            shared: OnceBox::new(),
            begun: Mutex::new(Begun::default()),
        }
    }

    pub(crate) fn rules(&self) -> &BudgetRules {
        &self.rules
    }

    /// Counts a call's first attempt. An instant of long ago is not counted.
    #[inline]
    pub(crate) fn first(&self, now: Nanos) {
        let number = thread::number();
        let index = number.wrapping_sub(1) as usize;
        if index < NEAR {
            stripes(&self.near)[index].count(now, self.width);
        } else {
            self.first_of_many(number, now);
        }
    }

    #[cold]
    fn first_of_many(&self, number: u32, now: Nanos) {
        let index = number.wrapping_sub(1) as usize - NEAR;
        if number != NO_NUMBER && index < FAR {
            stripes(&self.far)[index].count(now, self.width);
        } else {
            stripes(&self.shared)[index % SHARED].count_shared(now / self.width, 1);
        }
    }

    /// Counts first attempts that somebody else has admitted.
    #[cfg(feature = "binding")]
    pub(crate) fn deposit(&self, now: Nanos, attempts: u64) {
        stripes(&self.shared)[0].count_shared(now / self.width, attempts);
    }

    /// Decides about one retry or hedge: `true` when it may begin, and then it is withdrawn.
    pub(crate) fn withdraw(&self, now: Nanos) -> bool {
        let mut begun = self.begun.lock();
        let stretch = begun.turn(now / self.width);
        let may_begin = begun.sum() < self.allowance(stretch);
        if may_begin {
            begun.counts[stretch as usize % BUCKETS] += 1;
        }
        may_begin
    }

    /// How many may begin now, with first attempts that are still to be deposited. Changes nothing.
    pub(crate) fn left(&self, now: Nanos, pending: u64) -> u64 {
        let mut begun = *self.begun.lock();
        let stretch = begun.turn(now / self.width);
        self.rules.allowance(self.deposits(stretch) + pending).saturating_sub(begun.sum())
    }

    fn allowance(&self, stretch: u64) -> u64 {
        self.rules.allowance(self.deposits(stretch))
    }

    fn deposits(&self, stretch: u64) -> u64 {
        self.all().map(|stripe| stripe.sum(stretch)).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Stripe> {
        let near = self.near.get().into_iter().flatten();
        near.chain(self.far.get().into_iter().flatten()).chain(self.shared.get().into_iter().flatten())
    }
}

#[inline]
fn stripes<const N: usize>(block: &OnceBox<[Stripe; N]>) -> &[Stripe; N] {
    match block.get() {
        Some(stripes) => stripes,
        None => allocate(block),
    }
}

#[cold]
fn allocate<const N: usize>(block: &OnceBox<[Stripe; N]>) -> &[Stripe; N] {
    block.get_or_init(|| Box::new(std::array::from_fn(|_| Stripe::new())))
}

/// What was withdrawn in the last stretches of time.
#[derive(Clone, Copy, Default)]
struct Begun {
    latest: u64,
    counts: [u64; BUCKETS],
}

impl Begun {
    /// Goes on to a stretch, and answers the latest: who comes with an instant that is older than what others have
    /// brought withdraws from theirs.
    fn turn(&mut self, stretch: u64) -> u64 {
        let passed = stretch.saturating_sub(self.latest).min(BUCKETS as u64);
        for next in 1..=passed {
            // The last ones up to `stretch`: all of them when more than a window has passed.
            self.counts[(stretch - passed + next) as usize % BUCKETS] = 0;
        }
        self.latest = self.latest.max(stretch);
        self.latest
    }

    fn sum(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// First attempts, of one thread or of some that share it. On lines of its own, those that are fetched in pairs.
#[repr(align(128))]
struct Stripe {
    buckets: [AtomicU64; BUCKETS],
    /// Where the owner counts; nobody else looks there.
    begin: AtomicU64,
    index: AtomicU64,
}

const COUNT_BITS: u32 = 30;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// Numbers of stretches are kept modulo this; a stretch is a tenth of a second at least, so they return after decades.
const STRETCHES: u64 = 1 << (64 - COUNT_BITS);

impl Stripe {
    /// All zeros: the first stretch begins at 0 and has the first bucket.
    fn new() -> Self {
        Stripe {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            begin: AtomicU64::new(0),
            index: AtomicU64::new(0),
        }
    }

    /// Counts by the thread that alone writes here.
    #[inline]
    fn count(&self, now: Nanos, width: Nanos) {
        if now.wrapping_sub(self.begin.load(Relaxed)) >= width {
            return self.count_elsewhere(now, width);
        }
        if let Some(bucket) = self.buckets.get(self.index.load(Relaxed) as usize) {
            bucket.store(one_more(bucket.load(Relaxed)), Relaxed);
        }
    }

    /// Counts in another stretch than the last time.
    #[cold]
    fn count_elsewhere(&self, now: Nanos, width: Nanos) {
        let stretch = now / width;
        let index = stretch as usize % BUCKETS;
        if let Some(word) = counted(self.buckets[index].load(Relaxed), stretch, 1) {
            self.buckets[index].store(word, Relaxed);
            self.begin.store(stretch * width, Relaxed);
            self.index.store(index as u64, Relaxed);
        }
    }

    /// Counts by one of several threads.
    fn count_shared(&self, stretch: u64, attempts: u64) {
        let bucket = &self.buckets[stretch as usize % BUCKETS];
        let mut word = load_to_swap(bucket);
        while let Some(next) = counted(word, stretch, attempts) {
            match bucket.compare_exchange(word, next, AcqRel, Acquire) {
                Ok(_) => return,
                Err(found) => word = found,
            }
        }
    }

    /// First attempts in the window that ends with `stretch`.
    fn sum(&self, stretch: u64) -> u64 {
        let words = self.buckets.iter().map(|bucket| bucket.load(Acquire));
        let is_inside = |word: &u64| age(*word, stretch) < BUCKETS as u64;
        words.filter(is_inside).map(|word| word & COUNT).sum()
    }
}

/// By how many stretches that of a bucket is before `stretch`.
fn age(word: u64, stretch: u64) -> u64 {
    stretch.wrapping_sub(word >> COUNT_BITS) % STRETCHES
}

/// A bucket with one more of the same stretch; a full one stays.
#[inline]
fn one_more(word: u64) -> u64 {
    word + u64::from(word & COUNT < COUNT)
}

/// A bucket with so many more in `stretch`; `None` when it counts a later one already.
fn counted(word: u64, stretch: u64, attempts: u64) -> Option<u64> {
    match age(word, stretch) {
        0 => Some(word + attempts.min(COUNT - (word & COUNT))),
        age if age < STRETCHES / 2 || word & COUNT == 0 => {
            Some((stretch % STRETCHES) << COUNT_BITS | attempts.min(COUNT))
        }
        _ => None,
    }
}
