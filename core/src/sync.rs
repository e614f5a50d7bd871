//! Atomics, locks and boxes that are filled once: of the standard library, the gate before forks and once_cell, or of
//! loom or shuttle when their models run. Only `thread` names these two beside it, for the number of a model's thread.

use crate::fork::{self, Hold};
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(not(any(loom, shuttle)))]
pub(crate) use {self::ForkMutex as Mutex, once_cell::race::OnceBox};

#[cfg(any(loom, shuttle))]
pub(crate) use modelled::{Mutex, OnceBox};

/// A word that no model looks at: the time of a manual clock. A thread reads it just before words that are modelled,
/// where it can be interrupted all the same, and a model would only multiply by the instants it may lag.
pub(crate) use std::sync::atomic::AtomicU64 as UnmodelledU64;

/// A lock that no model looks at, because nothing that is modelled happens while somebody has it.
pub(crate) use self::ForkMutex as UnmodelledMutex;

/// A static whose value a model makes anew for each of its runs.
#[cfg(not(any(loom, shuttle)))]
macro_rules! modelled_static {
    (static $name:ident: $type:ty = $value:expr;) => {
        static $name: $type = $value;
    };
}
#[cfg(loom)]
macro_rules! modelled_static {
    (static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! { static ref $name: $type = $value; }
    };
}
#[cfg(shuttle)]
macro_rules! modelled_static {
    (static $name:ident: $type:ty = $value:expr;) => {
        shuttle::lazy_static! { static ref $name: $type = $value; }
    };
}
pub(crate) use modelled_static;

/// What a model holds against each other: looks at something, and its end. Nothing outside of models.
#[cfg(not(loom))]
pub(crate) struct Witness;

#[cfg(not(loom))]
impl Witness {
    pub(crate) fn new() -> Self {
        Witness
    }

    #[inline]
    pub(crate) fn look(&self) {}

    #[inline]
    pub(crate) fn end(&self) {}
}

#[cfg(loom)]
pub(crate) struct Witness(loom::cell::UnsafeCell<()>);

#[cfg(loom)]
impl Witness {
    pub(crate) fn new() -> Self {
        Witness(loom::cell::UnsafeCell::new(()))
    }

    pub(crate) fn look(&self) {
        self.0.with(|_| ());
    }

    pub(crate) fn end(&self) {
        self.0.with_mut(|_| ());
    }
}

/// A lock that a forked child never inherits locked: who has it has a [`Hold`](fork::Hold).
///
/// It is the standard library's and not `parking_lot`'s, whose waiting threads meet in a table with locks of its own
/// that other users of that crate may hold while the process is forked. A panic poisons nothing.
#[derive(Debug, Default)]
pub struct ForkMutex<T>(std::sync::Mutex<T>);

impl<T> ForkMutex<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        ForkMutex(std::sync::Mutex::new(value))
    }

    /// Waits until nobody else has it. A thread that has it already hangs.
    pub fn lock(&self) -> ForkGuard<'_, T> {
        let hold = fork::hold();
        ForkGuard { value: self.0.lock().unwrap_or_else(PoisonError::into_inner), _hold: hold }
    }

    /// Takes it if nobody has it.
    #[cfg_attr(any(loom, shuttle), allow(dead_code))]
    pub fn try_lock(&self) -> Option<ForkGuard<'_, T>> {
        let hold = fork::hold();
        let value = match self.0.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(ForkGuard { value, _hold: hold })
    }
}

/// Gives the lock back, and then the hold: fields go in the order in which they stand.
#[derive(Debug)]
pub struct ForkGuard<'a, T> {
    value: std::sync::MutexGuard<'a, T>,
    _hold: Hold,
}

impl<T> Deref for ForkGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for ForkGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Adds one to a word that only the calling thread writes.
#[inline]
pub(crate) fn bump(word: &AtomicU64) {
    word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Gives way to a thread whose few instructions stand between us and a free word. The first rounds spin, later
/// ones yield; returns `false` when it has waited long enough and the caller should go ahead without that thread.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn wait_round(round: u32) -> bool {
    match round {
        0..=5 => (0..1u32 << round).for_each(|_| std::hint::spin_loop()),
        6..=15 => std::thread::yield_now(),
        _ => return false,
    }
    true
}

/// In a model nobody waits for a claim: the interleaving in which its owner is dead is the interesting one.
#[cfg(loom)]
pub(crate) fn wait_round(round: u32) -> bool {
    if round > 0 {
        loom::thread::yield_now();
    }
    false
}

/// A few rounds, so that a random schedule has both: the other thread went on, or it did not.
#[cfg(shuttle)]
pub(crate) fn wait_round(round: u32) -> bool {
    shuttle::thread::yield_now();
    round < 3
}

/// A lock off the path of calls. Who has it can be seen by those who would wait for something else that it is at. A fork
/// waits until it is free; should it be forked all the same, what another process holds is free here.
pub(crate) struct ProcessLock(AtomicU32);

impl ProcessLock {
    pub(crate) fn new() -> Self {
        ProcessLock(AtomicU32::new(0))
    }

    /// Waits as long as another thread of this process holds it. Not to be held while foreign code runs.
    pub(crate) fn lock(&self) -> ProcessGuard<'_> {
        let (hold, me) = (fork::hold(), fork::process());
        for round in (0..16).cycle() {
            let holder = self.0.load(Ordering::Relaxed);
            if holder != me
                && self.0.compare_exchange(holder, me, Ordering::AcqRel, Ordering::Acquire).is_ok()
            {
                break;
            }
            wait_round(round);
        }
        ProcessGuard { lock: self, _hold: hold }
    }

    /// Whether a thread of this process holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.0.load(Ordering::Acquire) == fork::process()
    }
}

/// Gives the lock back.
pub(crate) struct ProcessGuard<'a> {
    lock: &'a ProcessLock,
    _hold: Hold,
}

impl Drop for ProcessGuard<'_> {
    fn drop(&mut self) {
        self.lock.0.store(0, Ordering::Release);
    }
}

/// Loads what a compare-and-swap is to replace.
#[cfg(not(loom))]
#[inline]
pub(crate) fn load_to_swap(word: &AtomicU64) -> u64 {
    word.load(Ordering::Acquire)
}

/// The newest value: an older one would only cost the compare-and-swap that follows another round, and the model the
/// time to follow each. No word that is loaded this way is ever all ones.
#[cfg(loom)]
pub(crate) fn load_to_swap(word: &AtomicU64) -> u64 {
    match word.compare_exchange(u64::MAX, u64::MAX, Ordering::Acquire, Ordering::Acquire) {
        Ok(found) | Err(found) => found,
    }
}

#[cfg(any(loom, shuttle))]
mod modelled {
    #[cfg(loom)]
    use loom::sync;
    #[cfg(shuttle)]
    use shuttle::sync;

    /// A lock with the face of `ForkMutex`. A model ends at the first panic, so nobody sees a poisoned one.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        pub(crate) fn try_lock(&self) -> Option<sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// A box that whoever is first fills, as once_cell makes it.
    pub(crate) struct OnceBox<T>(super::AtomicPtr<T>);

    impl<T> OnceBox<T> {
        pub(crate) fn new() -> Self {
            OnceBox(super::AtomicPtr::new(std::ptr::null_mut()))
        }

        pub(crate) fn get(&self) -> Option<&T> {
            // SAFETY: a box that was put here stays until `self` is dropped.
            unsafe { self.0.load(super::Ordering::Acquire).as_ref() }
        }

        pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
            use super::Ordering::{Acquire, Release};
            if let Some(found) = self.get() {
                return found;
            }
            let made = Box::into_raw(make());
            let place = self.0.compare_exchange(std::ptr::null_mut(), made, Release, Acquire);
            // SAFETY: as above; nobody else has seen `made` when another box is there already.
            unsafe {
                &*place.map_or_else(
                    |found| {
                        drop(Box::from_raw(made));
                        found
                    },
                    |_| made,
                )
            }
        }
    }

    impl<T> Drop for OnceBox<T> {
        fn drop(&mut self) {
            let found = self.0.load(super::Ordering::Acquire);
            if !found.is_null() {
                // SAFETY: made by `get_or_init` and dropped only here.
                drop(unsafe { Box::from_raw(found) });
            }
        }
    }
}
