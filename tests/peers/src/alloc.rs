//! A global allocator that counts live bytes while it is told to.
//!
//! Off, it costs one predictable branch on a plain load, so that peers which allocate on every call are not charged
//! for being counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The system allocator with a tally of live bytes.
pub struct Counting;

fn tally(bytes: isize) {
    if COUNTING.load(Relaxed) {
        LIVE.fetch_add(bytes, Relaxed);
    }
}

// SAFETY: every method forwards its arguments unchanged to the system allocator and returns its answer; the tally
// touches two static atomics and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tally(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        tally(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        tally(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        tally(new_size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// Starts a tally at zero.
pub fn start() {
    LIVE.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Bytes that were allocated since [`start`] and are still live.
pub fn live() -> usize {
    LIVE.load(Relaxed).max(0) as usize
}

/// Ends the tally.
pub fn stop() {
    COUNTING.store(false, Relaxed);
}
