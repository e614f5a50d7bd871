//! Atomics of the standard library, or of loom when its models run. The only file that names either.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

/// Gives way to a thread whose few instructions stand between us and a free word. The first rounds spin, later
/// ones yield; returns `false` when it has waited long enough and the caller should go ahead without that thread.
#[cfg(not(loom))]
pub(crate) fn wait_round(round: u32) -> bool {
    match round {
        0..=5 => (0..1u32 << round).for_each(|_| std::hint::spin_loop()),
        6..=15 => std::thread::yield_now(),
        _ => return false,
    }
    true
}

/// In a model nobody waits: the interleaving in which the other thread is dead is the interesting one.
#[cfg(loom)]
pub(crate) fn wait_round(_round: u32) -> bool {
    loom::thread::yield_now();
    false
}
