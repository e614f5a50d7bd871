//! The table of slots in force, read without a lock by who asks for one.

use super::bulkhead::{Counts, MOST, Slots};
use super::priority::LEVELS;
use crate::sync::{AtomicU64, Ordering, fence};

/// One writer at a time, who has the lock of the queue.
pub(crate) struct Limits {
    /// Slots that are given by their total alone, as long as one word counts them; 0 when some are reserved.
    plain: AtomicU64,
    max: AtomicU64,
    /// Odd while the next two do not belong together.
    version: AtomicU64,
    /// [`COUNT_BITS`](Self::BITS) for each level, or all ones: some level's do not fit.
    reserved: AtomicU64,
}

/// What the table says in a word's place for a reservation that it has no room for.
const TOO_LARGE: u64 = u64::MAX;
const BITS: u32 = 12;

fn pack(reserved: &Counts) -> u64 {
    match reserved.iter().all(|slots| *slots <= MOST) {
        true => reserved.iter().rev().fold(0, |word, slots| word << BITS | slots),
        false => TOO_LARGE,
    }
}

fn plain(slots: &Slots) -> u64 {
    if slots.has_reserved() { 0 } else { slots.max.min(MOST) }
}

impl Limits {
    pub(crate) fn new(slots: &Slots) -> Self {
        Limits {
            plain: AtomicU64::new(plain(slots)),
            max: AtomicU64::new(slots.max),
            version: AtomicU64::new(0),
            reserved: AtomicU64::new(pack(&slots.reserved)),
        }
    }

    /// So many calls may be in flight before anything else than their number must be looked at.
    #[inline]
    pub(crate) fn plain(&self) -> u64 {
        self.plain.load(Ordering::Relaxed)
    }

    /// Slots, whoever they are for.
    pub(crate) fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The table, if it can be had without the lock.
    pub(crate) fn read(&self) -> Option<Slots> {
        let version = self.version.load(Ordering::Acquire);
        let (max, reserved) = (self.max(), self.reserved.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let is_whole = version & 1 == 0 && self.version.load(Ordering::Relaxed) == version;
        let unpack = |level: usize| reserved >> (BITS * level as u32) & MOST;
        (is_whole && reserved != TOO_LARGE)
            .then(|| Slots { max, reserved: std::array::from_fn::<_, LEVELS, _>(unpack) })
    }

    /// Puts another table in force.
    pub(crate) fn write(&self, slots: &Slots) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.plain.store(plain(slots), Ordering::Relaxed);
        self.max.store(slots.max, Ordering::Relaxed);
        self.reserved.store(pack(&slots.reserved), Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }
}
