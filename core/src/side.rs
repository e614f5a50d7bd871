//! What a breaker carries for a host of another language: memory that the host gave and sees, and lanes.
//!
//! A **lane** is a thread of the host that decides alone while nothing happens: JavaScript on a typed array over the
//! cell. These few lines are all that it may know and do; version 1:
//!
//! - It may admit a call without asking while the low half of the cell's first word is what its last grant named, and as
//!   often as that grant allowed (`CircuitBreaker::grant`). A grant names calls that are not timed, of a closed breaker
//!   in mode `auto` that counts consecutive failures; any transition changes the low half.
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
pub const LANE_VERSION: u32 = 1;

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

#[derive(Default)]
struct Lanes {
    counters: Vec<Counter>,
    /// Successes of lanes that are gone.
    gone: u64,
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
    /// The counter is written by the lane's thread alone, as a double, and readable from any thread until it is
    /// removed.
    pub(crate) unsafe fn add_lane(&self, counter: NonNull<AtomicU64>) {
        let mut lanes = self.lanes.lock();
        // Most breakers are used by one thread, and a vector's first room is for four.
        lanes.counters.reserve_exact(1);
        lanes.counters.push(Counter(counter));
    }

    /// What the lane has counted stays.
    pub(crate) fn remove_lane(&self, counter: NonNull<AtomicU64>) {
        let mut lanes = self.lanes.lock();
        if let Some(i) = lanes.counters.iter().position(|c| c.0 == counter) {
            lanes.gone += lanes.counters.swap_remove(i).read();
        }
    }

    pub(crate) fn successes(&self) -> u64 {
        let lanes = self.lanes.lock();
        lanes.gone + lanes.counters.iter().map(Counter::read).sum::<u64>()
    }
}
