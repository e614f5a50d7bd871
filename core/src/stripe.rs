//! Stripes: every thread counts in one of its own, so that a success writes nothing that is shared.
//!
//! The first thread that uses a breaker owns the stripe in the cell. Others have theirs in blocks that are allocated
//! when the first thread of a block comes. More threads than stripes share a few by turns: exact, and a little dearer.

use crate::cell::{Layout, STRIPE_WORDS};
use crate::clock::Nanos;
use crate::detect::time::TimeStripe;
use crate::error::Reason;
use crate::histogram::{Distribution, Durations};
use crate::outcome::Outcome;
use crate::sync::{AtomicPtr, AtomicU64, OnceBox, Ordering, bump, wait_round};
use crate::thread::{self, NO_NUMBER};
use std::ptr::NonNull;

/// The counters of a stripe, as they lie in a cell. One thread writes, with plain stores; any may read.
#[repr(C)]
pub(crate) struct Counters {
    pub outcomes: [AtomicU64; 3],
    pub slow: AtomicU64,
    pub late: AtomicU64,
    pub rejected: [AtomicU64; 4],
    pub would_reject: [AtomicU64; 4],
    /// Calls until the next one that is timed.
    pub tick: AtomicU64,
    /// The number of the thread that owns the stripe; 0: nobody yet.
    pub owner: AtomicU64,
    _spare: AtomicU64,
}

const _: () = assert!(size_of::<Counters>() == STRIPE_WORDS * size_of::<AtomicU64>());

/// One stripe.
#[derive(Clone, Copy)]
pub(crate) struct Stripe<'a> {
    words: &'a [AtomicU64],
    durations: &'a OnceBox<Durations>,
}

impl<'a> Stripe<'a> {
    #[inline]
    pub(crate) fn counters(&self) -> &'a Counters {
        let words: &'a [AtomicU64; STRIPE_WORDS] = match self.words.first_chunk() {
            Some(words) => words,
            None => unreachable!("a stripe has its counters"),
        };
        // SAFETY: `Counters` is `repr(C)` and consists of exactly STRIPE_WORDS atomics, as asserted above.
        unsafe { &*std::ptr::from_ref(words).cast::<Counters>() }
    }

    #[inline]
    pub(crate) fn time(&self) -> TimeStripe<'a> {
        TimeStripe(&self.words[STRIPE_WORDS..])
    }

    #[inline]
    pub(crate) fn count(&self, outcome: Outcome) {
        bump(&self.counters().outcomes[outcome as usize]);
    }

    #[inline]
    pub(crate) fn reject(&self, reason: Reason) {
        bump(&self.counters().rejected[reason as usize]);
    }

    pub(crate) fn would_reject(&self, reason: Reason) {
        bump(&self.counters().would_reject[reason as usize]);
    }

    #[inline]
    pub(crate) fn duration(&self, bounds: &[Nanos], outcome: Outcome, d: Nanos) {
        self.durations.get_or_init(|| Box::new(Durations::new(bounds))).record(bounds, outcome, d);
    }

    /// Whether this call is one that is timed: the first and then every n-th.
    #[inline]
    pub(crate) fn samples(&self, every: u32) -> bool {
        let tick = &self.counters().tick;
        let left = tick.load(Ordering::Relaxed);
        let is_due = left == 0;
        tick.store(if is_due { u64::from(every) } else { left } - 1, Ordering::Relaxed);
        is_due
    }
}

/// The totals of a breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Settled as success.
    pub success: u64,
    /// Settled as failure.
    pub failure: u64,
    /// Settled as ignored, or dropped.
    pub ignored: u64,
    /// Successes and failures that took at least `slow_call_duration`.
    pub slow: u64,
    /// Settled after their generation was over.
    pub late: u64,
    /// Probes whose lease ended before they were settled.
    pub expired: u64,
    /// Rejections by the code of their [`Reason`].
    pub rejected: [u64; 4],
    /// What shadow mode admitted and would have rejected, by the code of the [`Reason`].
    pub would_reject: [u64; 4],
}

impl Totals {
    fn add(&mut self, c: &Counters) {
        let get = |word: &AtomicU64| word.load(Ordering::Relaxed);
        self.success += get(&c.outcomes[Outcome::Success as usize]);
        self.failure += get(&c.outcomes[Outcome::Failure as usize]);
        self.ignored += get(&c.outcomes[Outcome::Ignored as usize]);
        self.slow += get(&c.slow);
        self.late += get(&c.late);
        for (sum, word) in self.rejected.iter_mut().zip(&c.rejected) {
            *sum += get(word);
        }
        for (sum, word) in self.would_reject.iter_mut().zip(&c.would_reject) {
            *sum += get(word);
        }
    }
}

/// Threads 1 to 64 have stripes of their own, in two blocks; the last block is shared by all others. In a model only
/// two have their own, and two are shared.
const BLOCKS: [u32; 3] = if cfg!(loom) { [1, 1, SHARED] } else { [8, 56, SHARED] };
const SHARED: u32 = if cfg!(loom) { 2 } else { 4 };
const SHARED_BLOCK: usize = BLOCKS.len() - 1;

/// Some stripes outside the cell, and the block after it.
struct Block {
    /// The counters of the first stripe, and how many words on those of the next.
    counters: NonNull<Counters>,
    stride: usize,
    lines: Lines,
    durations: Box<[OnceBox<Durations>]>,
    next: AtomicPtr<Block>,
}

impl Block {
    fn new(layout: Layout, stripes: u32) -> Self {
        let stride = layout.stripe_words();
        let lines = Lines::new(stride * stripes as usize);
        Block {
            counters: NonNull::from(lines.words()).cast(),
            stride,
            lines,
            durations: (0..stripes).map(|_| OnceBox::new()).collect(),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    fn stripe(&self, layout: Layout, index: usize) -> Stripe<'_> {
        let size = layout.stripe_words();
        Stripe { words: &self.lines.words()[index * size..][..size], durations: &self.durations[index] }
    }
}

// SAFETY: `counters` points into `lines`, which are shared by references alone.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

/// Zeroed words at an address that is a multiple of 64.
///
/// Not a box: pointers into the words are kept beside them, and a box that is moved would be taken for their only owner.
pub(crate) struct Lines(NonNull<[Line]>);

#[repr(C, align(64))]
struct Line([AtomicU64; 8]);

// SAFETY: it owns what it points to, and gives away shared references alone.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    /// Room for at least `words` words.
    pub(crate) fn new(words: usize) -> Self {
        let line = |_| Line(std::array::from_fn(|_| AtomicU64::new(0)));
        let lines: Box<[Line]> = (0..words.div_ceil(8)).map(line).collect();
        Lines(NonNull::from(Box::leak(lines)))
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        // A model's words may be of another size: if they did not fill a line evenly, this would not compile.
        const _: () = assert!(size_of::<Line>() == 8 * size_of::<AtomicU64>());
        // SAFETY: a line is exactly eight words without padding, so lines in a row are words in a row.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 8) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: leaked by `new`, and given back here alone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The stripes of one breaker that do not lie in its cell.
pub(crate) struct Stripes {
    layout: Layout,
    /// The first block; each is allocated when a thread comes that needs it or a later one.
    blocks: AtomicPtr<Block>,
    first: OnceBox<Durations>,
}

impl Stripes {
    pub(crate) fn new(layout: Layout) -> Self {
        Stripes { layout, blocks: AtomicPtr::new(std::ptr::null_mut()), first: OnceBox::new() }
    }

    /// Runs `f` on a stripe that nobody else writes meanwhile. `cell` are the words of the stripe in the cell.
    #[inline]
    pub(crate) fn with<R>(&self, cell: &[AtomicU64], f: impl FnOnce(Stripe<'_>) -> R) -> R {
        let first = Stripe { words: cell, durations: &self.first };
        let number = thread::number();
        if first.counters().owner.load(Ordering::Relaxed) == u64::from(number) {
            return f(first);
        }
        self.with_other(first, number, f)
    }

    /// The counters of thread `number`, if it has a stripe in the first block: the short way for what only counts.
    #[inline]
    pub(crate) fn near(&self, number: u32) -> Option<&Counters> {
        // SAFETY: as in `block_at`.
        let block = unsafe { self.blocks.load(Ordering::Acquire).as_ref() }?;
        let index = number.wrapping_sub(1);
        // SAFETY: the block has so many stripes, and each begins with its counters.
        (index < BLOCKS[0]).then(|| unsafe {
            &*block.counters.as_ptr().cast::<AtomicU64>().add(index as usize * block.stride).cast()
        })
    }

    fn with_other<R>(&self, first: Stripe<'_>, number: u32, f: impl FnOnce(Stripe<'_>) -> R) -> R {
        if number == NO_NUMBER {
            return self.with_shared(0, f);
        }
        let owner = &first.counters().owner;
        if owner.load(Ordering::Relaxed) == 0
            && owner.compare_exchange(0, number.into(), Ordering::AcqRel, Ordering::Acquire).is_ok()
        {
            return f(first);
        }
        let mut index = number - 1;
        for (block, stripes) in BLOCKS[..SHARED_BLOCK].iter().enumerate() {
            if index < *stripes {
                return f(self.block(block).stripe(self.layout, index as usize));
            }
            index -= stripes;
        }
        self.with_shared(number, f)
    }

    /// A stripe by turns: its `owner` is the thread that writes it just now.
    #[cold]
    fn with_shared<R>(&self, number: u32, f: impl FnOnce(Stripe<'_>) -> R) -> R {
        let block = self.block(SHARED_BLOCK);
        let mut turn = 0;
        loop {
            let stripe = block.stripe(self.layout, number.wrapping_add(turn) as usize % SHARED as usize);
            let owner = &stripe.counters().owner;
            if owner.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                let turn = Turn(owner);
                let answer = f(stripe);
                drop(turn);
                return answer;
            }
            wait_round(turn.min(8));
            turn = turn.wrapping_add(1);
        }
    }

    fn block(&self, index: usize) -> &Block {
        let mut block = self.block_at(&self.blocks, BLOCKS[0]);
        for stripes in &BLOCKS[1..=index] {
            block = self.block_at(&block.next, *stripes);
        }
        block
    }

    #[inline]
    fn block_at(&self, place: &AtomicPtr<Block>, stripes: u32) -> &Block {
        let found = place.load(Ordering::Acquire);
        // SAFETY: a block that was put here stays until the stripes are dropped.
        unsafe { found.as_ref() }.unwrap_or_else(|| self.allocate(place, stripes))
    }

    #[cold]
    fn allocate(&self, place: &AtomicPtr<Block>, stripes: u32) -> &Block {
        let new = Box::into_raw(Box::new(Block::new(self.layout, stripes)));
        let null = std::ptr::null_mut();
        match place.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: as above; `new` is there now.
            Ok(_) => unsafe { &*new },
            Err(found) => {
                // SAFETY: nobody else has seen `new`; `found` is the block that is there.
                unsafe {
                    drop(Box::from_raw(new));
                    &*found
                }
            }
        }
    }

    /// Every stripe there is; `cell` as in [`with`](Stripes::with).
    pub(crate) fn all<'a>(&'a self, cell: &'a [AtomicU64]) -> impl Iterator<Item = Stripe<'a>> {
        let first = Stripe { words: cell, durations: &self.first };
        // SAFETY: as in `block_at`.
        let block_in = |place: &AtomicPtr<Block>| unsafe { place.load(Ordering::Acquire).as_ref() };
        let blocks = std::iter::successors(block_in(&self.blocks), move |block| block_in(&block.next));
        let others = blocks.flat_map(move |b| (0..b.durations.len()).map(move |i| b.stripe(self.layout, i)));
        std::iter::once(first).chain(others)
    }

    pub(crate) fn add_totals(&self, cell: &[AtomicU64], totals: &mut Totals) {
        self.all(cell).for_each(|stripe| totals.add(stripe.counters()));
    }

    pub(crate) fn add_durations(&self, cell: &[AtomicU64], sums: &mut [Distribution; 3]) {
        self.all(cell).filter_map(|stripe| stripe.durations.get()).for_each(|d| d.add_to(sums));
    }
}

/// Ends a turn on a shared stripe, also when the closure panics.
struct Turn<'a>(&'a AtomicU64);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Drop for Stripes {
    fn drop(&mut self) {
        let mut place = self.blocks.load(Ordering::Acquire);
        while !place.is_null() {
            // SAFETY: made by `allocate` and dropped only here, with `&mut self`.
            let block = unsafe { Box::from_raw(place) };
            place = block.next.load(Ordering::Acquire);
        }
    }
}
