//! The number of a thread: small, unique among the threads that live, given again after its owner ended.
//!
//! Whoever holds a number is the only writer of the stripes that belong to it, so counting there needs no
//! read-modify-write. The list of free numbers is behind a lock, which orders the last write of the old owner before
//! the first of the new one.

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std_numbers::number;

/// Answered to a thread that is being torn down: its number may already belong to somebody else.
pub(crate) const NO_NUMBER: u32 = u32::MAX;

#[cfg(not(any(loom, shuttle)))]
mod std_numbers {
    use super::NO_NUMBER;
    use parking_lot::Mutex;
    use std::cell::Cell;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    struct Numbers {
        next: u32,
        free: BinaryHeap<Reverse<u32>>,
    }

    static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers { next: 1, free: BinaryHeap::new() });

    thread_local! {
        /// 0: not asked for yet. Without a destructor, so that reading it is one load.
        static NUMBER: Cell<u32> = const { Cell::new(0) };
        static LEASE: Lease = Lease::take();
    }

    /// Gives the number back when its thread ends.
    struct Lease(u32);

    impl Lease {
        fn take() -> Self {
            let mut numbers = NUMBERS.lock();
            Lease(numbers.free.pop().map_or_else(
                || {
                    numbers.next += 1;
                    numbers.next - 1
                },
                |Reverse(n)| n,
            ))
        }
    }

    impl Drop for Lease {
        fn drop(&mut self) {
            NUMBER.set(NO_NUMBER);
            NUMBERS.lock().free.push(Reverse(self.0));
        }
    }

    /// The calling thread's number, 1 and up; the smallest free one is given first.
    #[inline]
    pub(crate) fn number() -> u32 {
        let n = NUMBER.get();
        if n != 0 { n } else { first() }
    }

    #[cold]
    fn first() -> u32 {
        let n = LEASE.try_with(|lease| lease.0).unwrap_or(NO_NUMBER);
        NUMBER.set(n);
        n
    }
}

#[cfg(loom)]
loom::thread_local! {
    static MODEL_NUMBER: std::cell::Cell<u32> = std::cell::Cell::new(1);
}

/// A model names its threads itself: loom's threads share one thread of the system.
#[cfg(loom)]
pub(crate) fn number() -> u32 {
    MODEL_NUMBER.with(std::cell::Cell::get)
}

/// Sets the calling model thread's number.
#[cfg(all(test, loom))]
pub(crate) fn set_number(n: u32) {
    MODEL_NUMBER.with(|c| c.set(n));
}

/// Shuttle's threads, too, share one thread of the system; it numbers them itself.
#[cfg(shuttle)]
pub(crate) fn number() -> u32 {
    usize::from(shuttle::current::me()) as u32 + 1
}
