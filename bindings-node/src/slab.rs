//! Cells in slabs: every isolate sees a slab through one array buffer, however many breakers lie in it.
//!
//! Slabs are never freed. A cell that is given back is zeroed and kept for the next breaker of its size.

use fusewire::binding::CellMemory;
use parking_lot::Mutex;
use std::alloc::{Layout, alloc_zeroed};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// A cell begins at a multiple of so many words.
const LINE: usize = 8;
/// The first slab is small, for those who have few breakers.
const FIRST: usize = 64 * 1024 / 8;
const OTHERS: usize = 1024 * 1024 / 8;

#[derive(Default)]
struct Inner {
    slabs: Vec<&'static [AtomicU64]>,
    /// Words used of the newest slab.
    used: usize,
    free: HashMap<usize, Vec<&'static [AtomicU64]>>,
}

/// The slabs of the process.
#[derive(Default)]
pub(crate) struct Slabs(Mutex<Inner>);

static SLABS: LazyLock<Arc<Slabs>> = LazyLock::new(Arc::default);

pub(crate) fn slabs() -> &'static Arc<Slabs> {
    &SLABS
}

fn new_slab(words: usize) -> Option<&'static [AtomicU64]> {
    let layout = Layout::from_size_align(words * 8, LINE * 8).ok()?;
    // SAFETY: the layout is not empty. Zeroed memory is a row of atomics, and nobody frees it.
    unsafe {
        let place = alloc_zeroed(layout).cast::<AtomicU64>();
        (!place.is_null()).then(|| std::slice::from_raw_parts(place, words))
    }
}

impl CellMemory for Slabs {
    fn take(&self, words: usize) -> Option<&'static [AtomicU64]> {
        let words = words.next_multiple_of(LINE);
        let mut inner = self.0.lock();
        if let Some(cell) = inner.free.get_mut(&words).and_then(Vec::pop) {
            return Some(cell);
        }
        if inner.slabs.last().is_none_or(|slab| slab.len() - inner.used < words) {
            let size = if inner.slabs.is_empty() { FIRST } else { OTHERS };
            if words > size {
                return None;
            }
            let slab = new_slab(size)?;
            inner.slabs.push(slab);
            inner.used = 0;
        }
        let at = inner.used;
        inner.used += words;
        inner.slabs.last().map(|slab| &slab[at..at + words])
    }

    fn give_back(&self, words: &'static [AtomicU64]) {
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.0.lock().free.entry(words.len()).or_default().push(words);
    }
}

impl Slabs {
    /// Where a cell lies: the number of its slab, and the index of its first word there.
    pub(crate) fn find(&self, cell: &[AtomicU64]) -> Option<(u32, u32)> {
        let at = cell.as_ptr().addr();
        let inner = self.0.lock();
        let slab = inner.slabs.iter().position(|slab| {
            let from = slab.as_ptr().addr();
            (from..from + slab.len() * 8).contains(&at)
        })?;
        Some((slab as u32, ((at - inner.slabs[slab].as_ptr().addr()) / 8) as u32))
    }

    pub(crate) fn slab(&self, number: u32) -> Option<&'static [AtomicU64]> {
        self.0.lock().slabs.get(number as usize).copied()
    }
}
