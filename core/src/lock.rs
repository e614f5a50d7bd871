//! A lock that no fork waits for, over what a forked child begins anew.
//!
//! Who has a lock of the standard library must hold off forks, for the child would find it locked for ever; that is two
//! writes to a shared word more. This one names the process whose thread has it: to a thread of any other it is free.
//! What lies behind it may be half changed in such a child, so whoever comes there first begins it anew and looks at
//! nothing of it but what is written under a [`hold`](fork::hold) all the same.

use crate::fork;
use crate::sync::{AtomicU32, Ordering, Witness, wait_round};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

pub(crate) struct ProcessMutex<T> {
    /// The process of who has it; 0: nobody.
    holder: AtomicU32,
    witness: Witness,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time has the value, the one whose compare-and-swap took the lock.
unsafe impl<T: Send> Sync for ProcessMutex<T> {}

impl<T> ProcessMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        ProcessMutex { holder: AtomicU32::new(0), witness: Witness::new(), value: UnsafeCell::new(value) }
    }

    /// Waits until no thread of this process has it: for less than a microsecond, unless that thread is interrupted. A
    /// thread that has it already hangs.
    #[inline]
    pub(crate) fn lock(&self) -> ProcessMutexGuard<'_, T> {
        let me = fork::process();
        if !self.swap(0, me) {
            self.wait(me);
        }
        self.witness.end();
        ProcessMutexGuard { lock: self, _stays: PhantomData }
    }

    #[inline]
    fn swap(&self, holder: u32, me: u32) -> bool {
        self.holder.compare_exchange(holder, me, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn wait(&self, me: u32) {
        let mut round = 0;
        loop {
            let holder = self.holder.load(Ordering::Relaxed);
            if holder != me && self.swap(holder, me) {
                return;
            }
            match wait_round(round) {
                true => round += 1,
                false => pause(&mut round),
            }
        }
    }
}

/// Yielding does not help who is of a higher priority than the thread that it waits for.
#[cfg(not(any(loom, shuttle)))]
fn pause(_round: &mut u32) {
    std::thread::sleep(std::time::Duration::from_micros(50));
}

/// In a model, yielding does.
#[cfg(any(loom, shuttle))]
fn pause(round: &mut u32) {
    *round = 1;
}

/// Gives the lock back. It stays with its thread.
pub(crate) struct ProcessMutexGuard<'a, T> {
    lock: &'a ProcessMutex<T>,
    _stays: PhantomData<*const ()>,
}

impl<T> Deref for ProcessMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: who has the guard has the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for ProcessMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for ProcessMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.holder.store(0, Ordering::Release);
    }
}
