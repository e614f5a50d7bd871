//! Stripes: every thread counts in one of its own, so that a success writes nothing that is shared.
//!
//! The first thread that uses a breaker owns the stripe in the cell. Others have theirs in blocks that are allocated
//! when the first thread of a block comes. More threads than stripes share a few by turns: exact, and a little dearer.

use crate::admit::priority::LEVELS;
use crate::cell::{STRIPE_WORDS, TALLY_WORDS};
use crate::clock::Nanos;
use crate::detect::time::TimeStripe;
use crate::error::{MACHINE_REASONS, REASONS, Reason};
use crate::fork;
use crate::histogram::{self, Brief, Distribution, Durations};
use crate::outcome::{Outcome, Totals};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, OnceBox, Ordering, bump, wait_round};
use crate::thread::{self, NO_NUMBER};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The counters of a stripe, as they lie in a cell. One thread writes, with plain stores; any may read.
#[repr(C)]
pub(crate) struct Counters {
    pub outcomes: [AtomicU64; 3],
    pub slow: AtomicU64,
    pub rejected: [AtomicU64; MACHINE_REASONS],
    /// Calls until the next one that is timed.
    pub tick: AtomicU64,
    /// Of a stripe that threads share: the process whose thread writes, or 0.
    pub turn: AtomicU64,
    /// Permits given less permits gone, of those that hold the breaker in memory; of one process.
    pub lent: AtomicU64,
    pub durations: Brief,
}

const _: () = assert!(size_of::<Counters>() == STRIPE_WORDS * size_of::<AtomicU64>());

/// What a gated breaker counts beside, by level; at the end of each of its stripes. One thread writes, as above.
#[repr(C)]
pub(crate) struct Tallies {
    pub admitted: [AtomicU64; LEVELS],
    pub refused: [[AtomicU64; LEVELS]; REASONS],
    spare: [AtomicU64; 4],
}

const _: () = assert!(size_of::<Tallies>() == TALLY_WORDS * size_of::<AtomicU64>());

impl Tallies {
    /// Adds the refusals that the counters do not have: by the gates' own reasons.
    pub(crate) fn add_to(&self, totals: &mut Totals) {
        for (sum, levels) in totals.rejected.iter_mut().zip(&self.refused).skip(MACHINE_REASONS) {
            *sum += levels.iter().map(|word| word.load(Ordering::Relaxed)).sum::<u64>();
        }
    }
}

impl Tallies {
    /// Adds what was counted by level.
    pub(crate) fn add_by_level(&self, admitted: &mut [u64; LEVELS], refused: &mut [[u64; LEVELS]; REASONS]) {
        let rows = std::iter::once((admitted, &self.admitted));
        for (sums, words) in rows.chain(refused.iter_mut().zip(&self.refused)) {
            sums.iter_mut().zip(words).for_each(|(sum, word)| *sum += word.load(Ordering::Relaxed));
        }
    }
}

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

    /// The tallies, of a gated breaker's stripe.
    #[inline]
    pub(crate) fn tallies(&self) -> &'a Tallies {
        let words: &'a [AtomicU64; TALLY_WORDS] = match self.words.last_chunk() {
            Some(words) => words,
            None => unreachable!("a gated breaker's stripe has its tallies"),
        };
        // SAFETY: `Tallies` is `repr(C)` and consists of exactly TALLY_WORDS atomics, as asserted above.
        unsafe { &*std::ptr::from_ref(words).cast::<Tallies>() }
    }

    #[inline]
    pub(crate) fn duration(&self, bounds: &[Nanos], outcome: Outcome, d: Nanos) {
        histogram::record(&self.counters().durations, self.durations, bounds, outcome, d);
    }

    /// Takes the calls that may be made until the next one that is timed.
    #[cfg(feature = "binding")]
    pub(crate) fn take_ticks(&self, every: u32) -> u32 {
        let tick = &self.counters().tick;
        let left = tick.load(Ordering::Relaxed);
        if !may_pass(left, every) {
            return 0;
        }
        tick.store(0, Ordering::Relaxed);
        left as u32
    }

    #[cfg(feature = "binding")]
    pub(crate) fn give_ticks(&self, calls: u32) {
        let tick = &self.counters().tick;
        tick.store(tick.load(Ordering::Relaxed) + u64::from(calls), Ordering::Relaxed);
    }

    /// Whether this call is one that is timed: the first and then every n-th.
    #[inline]
    pub(crate) fn samples(&self, every: u32) -> bool {
        let tick = &self.counters().tick;
        let left = tick.load(Ordering::Relaxed);
        let is_due = !may_pass(left, every);
        tick.store(if is_due { u64::from(every) } else { left } - 1, Ordering::Relaxed);
        is_due
    }
}

/// Whether a call may pass untimed when `left` may until the next one that is timed. More than the document allows were
/// left by one that was swapped.
#[inline]
pub(crate) fn may_pass(left: u64, every: u32) -> bool {
    (1..u64::from(every)).contains(&left)
}

impl Counters {
    /// Adds to `lent`; by the thread that owns the stripe. Released, so that who finds every permit gone finds all that
    /// was done with them done.
    #[inline]
    pub(crate) fn lend(&self, by: u64) {
        self.lent.store(self.lent.load(Ordering::Relaxed).wrapping_add(by), Ordering::Release);
    }

    fn add_to(&self, totals: &mut Totals) {
        let get = |word: &AtomicU64| word.load(Ordering::Relaxed);
        totals.success += get(&self.outcomes[Outcome::Success as usize]);
        totals.failure += get(&self.outcomes[Outcome::Failure as usize]);
        totals.ignored += get(&self.outcomes[Outcome::Ignored as usize]);
        totals.slow += get(&self.slow);
        for (sum, word) in totals.rejected.iter_mut().zip(&self.rejected) {
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
    fn new(stride: usize, stripes: u32) -> Self {
        let lines = Lines::new(stride * stripes as usize);
        Block {
            counters: NonNull::from(lines.words()).cast(),
            stride,
            lines,
            durations: (0..stripes).map(|_| OnceBox::new()).collect(),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    fn stripe(&self, index: usize) -> Stripe<'_> {
        let words = &self.lines.words()[index * self.stride..][..self.stride];
        Stripe { words, durations: &self.durations[index] }
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

    /// The first word; as many as were asked for follow, and end with the lines.
    pub(crate) fn into_raw(self) -> NonNull<AtomicU64> {
        ManuallyDrop::new(self).0.cast()
    }

    /// Takes back what `into_raw` gave.
    ///
    /// # Safety
    /// `first` is from `into_raw` of lines for so many words, and nothing uses them any more.
    pub(crate) unsafe fn from_raw(first: NonNull<AtomicU64>, words: usize) -> Self {
        Lines(NonNull::slice_from_raw_parts(first.cast(), words.div_ceil(8)))
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

/// The stripes of one breaker that do not lie in its cell. Whoever asks for one gives the words of the stripe in the
/// cell, `cell`.
pub(crate) struct Stripes {
    /// The first block; each is allocated when a thread comes that needs it or a later one.
    blocks: AtomicPtr<Block>,
    first: OnceBox<Durations>,
    /// The number of the thread that owns the stripe in the cell; 0: nobody yet. It does not lie there, because others
    /// read it at each call, which must not cost them a line that the owner writes.
    owner: AtomicU32,
}

impl Stripes {
    pub(crate) fn new() -> Self {
        Stripes {
            blocks: AtomicPtr::new(std::ptr::null_mut()),
            first: OnceBox::new(),
            owner: AtomicU32::new(0),
        }
    }

    /// The number of the thread that owns the stripe in the cell; 0: nobody yet.
    #[inline]
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Runs `f` on a stripe that nobody else writes meanwhile.
    #[inline]
    pub(crate) fn with<R>(&self, cell: &[AtomicU64], f: impl FnOnce(Stripe<'_>) -> R) -> R {
        let first = Stripe { words: cell, durations: &self.first };
        let number = thread::number();
        if self.owner() == number {
            return f(first);
        }
        match self.own(first, number) {
            Some(stripe) => f(stripe),
            None => self.with_shared(cell, number, f),
        }
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

    /// Adds to `lent` of the thread's stripe, and looks at nothing afterwards: the breaker may be gone then.
    pub(crate) fn lend(&self, cell: &[AtomicU64], by: u64) {
        let (first, number) = (Stripe { words: cell, durations: &self.first }, thread::number());
        match self.own(first, number) {
            Some(stripe) => stripe.counters().lend(by),
            None => {
                let stripe = self.shared(cell, number);
                stripe.counters().lent.fetch_add(by, Ordering::AcqRel);
            }
        }
    }

    /// Permits that are out: never fewer than there are, as long as nobody gives new ones.
    pub(crate) fn lent(&self, cell: &[AtomicU64]) -> u64 {
        self.all(cell).fold(0, |sum, s| sum.wrapping_add(s.counters().lent.load(Ordering::Acquire)))
    }

    /// The stripe that thread `number` alone writes, if it has one.
    fn own<'a>(&'a self, first: Stripe<'a>, number: u32) -> Option<Stripe<'a>> {
        if number == NO_NUMBER {
            return None;
        }
        let is_ours = match self.owner() {
            0 => self.owner.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire).is_ok(),
            owner => owner == number,
        };
        if is_ours {
            return Some(first);
        }
        let mut index = number - 1;
        for (block, stripes) in BLOCKS[..SHARED_BLOCK].iter().enumerate() {
            if index < *stripes {
                return Some(self.block(first.words.len(), block).stripe(index as usize));
            }
            index -= stripes;
        }
        None
    }

    fn shared(&self, cell: &[AtomicU64], turn: u32) -> Stripe<'_> {
        self.block(cell.len(), SHARED_BLOCK).stripe(turn as usize % SHARED as usize)
    }

    /// A stripe by turns.
    #[cold]
    fn with_shared<R>(&self, cell: &[AtomicU64], number: u32, f: impl FnOnce(Stripe<'_>) -> R) -> R {
        let mut turn = 0;
        loop {
            let stripe = self.shared(cell, number.wrapping_add(turn));
            let word = &stripe.counters().turn;
            let (found, me) = (word.load(Ordering::Relaxed), fork::process().into());
            // A thread of another process is not here: it was left behind when this one was forked.
            if found != me && word.compare_exchange(found, me, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                let turn = Turn(word);
                let answer = f(stripe);
                drop(turn);
                return answer;
            }
            wait_round(turn.min(8));
            turn = turn.wrapping_add(1);
        }
    }

    fn block(&self, stride: usize, index: usize) -> &Block {
        let mut block = self.block_at(&self.blocks, stride, BLOCKS[0]);
        for stripes in &BLOCKS[1..=index] {
            block = self.block_at(&block.next, stride, *stripes);
        }
        block
    }

    #[inline]
    fn block_at(&self, place: &AtomicPtr<Block>, stride: usize, stripes: u32) -> &Block {
        let found = place.load(Ordering::Acquire);
        // SAFETY: a block that was put here stays until the stripes are dropped.
        unsafe { found.as_ref() }.unwrap_or_else(|| self.allocate(place, stride, stripes))
    }

    #[cold]
    fn allocate(&self, place: &AtomicPtr<Block>, stride: usize, stripes: u32) -> &Block {
        let new = Box::into_raw(Box::new(Block::new(stride, stripes)));
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

    /// Every stripe there is.
    pub(crate) fn all<'a>(&'a self, cell: &'a [AtomicU64]) -> impl Iterator<Item = Stripe<'a>> {
        let first = Stripe { words: cell, durations: &self.first };
        // SAFETY: as in `block_at`.
        let block_in = |place: &AtomicPtr<Block>| unsafe { place.load(Ordering::Acquire).as_ref() };
        let blocks = std::iter::successors(block_in(&self.blocks), move |block| block_in(&block.next));
        let others = blocks.flat_map(move |b| (0..b.durations.len()).map(move |i| b.stripe(i)));
        std::iter::once(first).chain(others)
    }

    pub(crate) fn add_totals(&self, cell: &[AtomicU64], totals: &mut Totals) {
        self.all(cell).for_each(|stripe| stripe.counters().add_to(totals));
    }

    pub(crate) fn add_durations(&self, cell: &[AtomicU64], sums: &mut [Distribution; 3]) {
        for stripe in self.all(cell) {
            stripe.counters().durations.add_to(&mut sums[Outcome::Success as usize]);
            if let Some(more) = stripe.durations.get() {
                more.add_to(sums);
            }
        }
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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_a_thread_of_another_process_had_is_taken_over() {
        let (lines, stripes) = (Lines::new(STRIPE_WORDS), Stripes::new());
        let cell = &lines.words()[..STRIPE_WORDS];
        let shared = |n| stripes.shared(cell, n).counters();
        // As after a fork in the middle of four turns.
        (0..SHARED).for_each(|n| shared(n).turn.store(u64::MAX, Ordering::Relaxed));
        for n in 0..SHARED {
            stripes.with_shared(cell, n, |stripe| stripe.count(Outcome::Success));
            assert_eq!(shared(n).turn.load(Ordering::Relaxed), 0);
        }
        let mut totals = Totals::default();
        stripes.add_totals(cell, &mut totals);
        assert_eq!(totals.success, u64::from(SHARED));
    }
}
