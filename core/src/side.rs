//! What a breaker carries for a host of another language: memory that the host gave and sees, and lanes.
//!
//! A **lane** is a thread of the host that decides alone while nothing happens: JavaScript on a typed array over the
//! cell. These few lines are all that it may know and do; version 2:
//!
//! - It may admit a call without asking while the low half of the cell's first word is what its last grant named, and as
//!   often as that grant allowed (`CircuitBreaker::grant`). A grant names calls that are not timed, of a closed breaker
//!   in mode `auto` that counts consecutive failures; any transition changes the low half.
//! - A grant of first attempts (`CircuitBreaker::grant_first`) names, likewise, calls with attempts: of a breaker that has
//!   `retry`, `fallback` or a fixed `timeout`, and no other policy. For each that it admits the lane adds 1 to its second
//!   counter. It asks for no level but `normal`, for no feature and until no deadline of the call's own. Before the turn of
//!   the host's loop is over in which it has admitted some, or its clock moves, it says so (`CircuitBreaker::fold_lanes`):
//!   they are then deposited with the budget as of that instant.
//! - Of such a call it knows at least how long it has lasted, or that it has ended in the turn in which it began; that is
//!   no time. When it has lasted its timeout, and whenever it comes to anything but a success, the lane has the call taken
//!   up (`Course::take_up`).
//! - It may settle such a call as a success without asking while the low half still is the same and the count of
//!   failures, `COUNT_MASK` of the high half, is 0: it adds 1 to the lane's counter, a double that it alone writes.
//! - Everything else it asks: [`acquire_slip`](crate::CircuitBreaker::acquire_slip) and
//!   [`settle_slip`](crate::CircuitBreaker::settle_slip). What is left of its grant it gives back before it asks for the
//!   next one, unless that grant was without limit, so that the first and then every n-th call of a thread is timed, as
//!   without a lane. A thread has one lane of a breaker.

use crate::sync::{AtomicU64, Mutex, Ordering};
use std::ptr::NonNull;
use std::sync::Arc;

/// The version of the rules of lanes.
pub const LANE_VERSION: u32 = 2;

/// Where the high half of the word of a closed breaker holds the count of consecutive failures.
pub const COUNT_MASK: u32 = crate::word::COUNT_MASK as u32;

/// Memory that a host gives for cells, and sees.
pub trait CellMemory: Send + Sync + 'static {
    /// So many zeroed words at a multiple of 64, or `None`: the cell lies on the heap then.
    fn take(&self, words: usize) -> Option<&'static [AtomicU64]>;

    /// What was taken, when its breaker is gone.
    fn give_back(&self, words: &'static [AtomicU64]);
}

/// A host's memory, and a cell in it.
pub(crate) struct Lodging {
    host: Arc<dyn CellMemory>,
    pub(crate) words: &'static [AtomicU64],
}

impl Lodging {
    pub(crate) fn take(host: &Arc<dyn CellMemory>, words: usize) -> Option<Self> {
        let words = host.take(words)?;
        Some(Lodging { host: Arc::clone(host), words })
    }
}

impl Drop for Lodging {
    fn drop(&mut self) {
        self.host.give_back(self.words);
    }
}

struct Counter(NonNull<AtomicU64>);

// SAFETY: who adds a lane keeps its counter readable until the lane is removed, from any thread.
unsafe impl Send for Counter {}

impl Counter {
    fn read(&self) -> u64 {
        // SAFETY: as above.
        f64::from_bits(unsafe { self.0.as_ref() }.load(Ordering::Acquire)) as u64
    }
}

struct Lane {
    successes: Counter,
    /// First attempts that it has admitted.
    admitted: Counter,
    /// Those of them that were deposited with the budget.
    folded: u64,
}

#[derive(Default)]
struct Lanes {
    lanes: Vec<Lane>,
    /// Successes, and first attempts, of lanes that are gone.
    gone: u64,
    gone_admitted: u64,
}

impl Lanes {
    fn pending(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.admitted.read() - lane.folded).sum()
    }
}

/// What a breaker carries for hosts.
#[derive(Default)]
pub(crate) struct Side {
    lanes: Mutex<Lanes>,
    /// Given back after everything else of the breaker is gone: this is its body's last field.
    pub(crate) lodging: Option<Lodging>,
}

impl Side {
    /// # Safety
    /// The counters are written by the lane's thread alone, as doubles, and readable from any thread until it is
    /// removed.
    pub(crate) unsafe fn add_lane(&self, successes: NonNull<AtomicU64>, admitted: NonNull<AtomicU64>) {
        let mut lanes = self.lanes.lock();
        // Most breakers are used by one thread, and a vector's first room is for four.
        lanes.lanes.reserve_exact(1);
        lanes.lanes.push(Lane { successes: Counter(successes), admitted: Counter(admitted), folded: 0 });
    }

    /// What the lane with that counter of successes has counted stays.
    pub(crate) fn remove_lane(&self, successes: NonNull<AtomicU64>) {
        let mut lanes = self.lanes.lock();
        if let Some(i) = lanes.lanes.iter().position(|lane| lane.successes.0 == successes) {
            let lane = lanes.lanes.swap_remove(i);
            lanes.gone += lane.successes.read();
            lanes.gone_admitted += lane.admitted.read();
        }
    }

    pub(crate) fn successes(&self) -> u64 {
        let lanes = self.lanes.lock();
        lanes.gone + lanes.lanes.iter().map(|lane| lane.successes.read()).sum::<u64>()
    }

    /// First attempts that lanes have admitted.
    pub(crate) fn admitted(&self) -> u64 {
        let lanes = self.lanes.lock();
        lanes.gone_admitted + lanes.lanes.iter().map(|lane| lane.admitted.read()).sum::<u64>()
    }

    /// Those that no budget knows of yet.
    pub(crate) fn pending(&self) -> u64 {
        self.lanes.lock().pending()
    }

    /// Hands those over, once.
    pub(crate) fn fold(&self, deposit: impl FnOnce(u64)) {
        let mut lanes = self.lanes.lock();
        let mut pending = 0;
        for lane in &mut lanes.lanes {
            let admitted = lane.admitted.read();
            pending += admitted - lane.folded;
            lane.folded = admitted;
        }
        // Who looks at the budget meanwhile waits for the lock, and finds them here or there.
        if pending > 0 {
            deposit(pending);
        }
    }
}
