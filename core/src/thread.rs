//! The number of a thread: small, unique among the threads that live, given again after its owner ended.
//!
//! Whoever holds a number is the only writer of the stripes that belong to it, so counting there needs no
//! read-modify-write. The list of free numbers is behind a lock, which orders the last write of the old owner before
//! the first of the new one. A forked child has one thread: it gives all numbers but that one's again.

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std_numbers::number;

/// Answered to a thread that is being torn down: its number may already belong to somebody else.
pub(crate) const NO_NUMBER: u32 = u32::MAX;

#[cfg(not(any(loom, shuttle)))]
mod std_numbers {
    use super::NO_NUMBER;
    use crate::fork;
    use crate::sync::Mutex;
    use std::cell::Cell;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    struct Numbers {
        next: u32,
        free: BinaryHeap<Reverse<u32>>,
        /// The process whose threads these are.
        process: u32,
    }

    static NUMBERS: Mutex<Numbers> =
        Mutex::new(Numbers { next: 1, free: BinaryHeap::new(), process: fork::FIRST_PROCESS });

    impl Numbers {
        /// After a fork, the numbers of threads that are not in this process are free.
        fn catch_up(&mut self) {
            let process = fork::process();
            if self.process != process {
                self.process = process;
                let survivor = fork::survivor();
                self.free = (1..self.next).filter(|n| *n != survivor).map(Reverse).collect();
            }
        }
    }

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
            numbers.catch_up();
            let number = numbers.free.pop().map_or_else(
                || {
                    numbers.next += 1;
                    numbers.next - 1
                },
                |Reverse(n)| n,
            );
            fork::set_number(number);
            Lease(number)
        }
    }

    impl Drop for Lease {
        fn drop(&mut self) {
            NUMBER.set(NO_NUMBER);
            let mut numbers = NUMBERS.lock();
            numbers.catch_up();
            numbers.free.push(Reverse(self.0));
            fork::set_number(0);
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
