//! A gate before `fork(2)`.
//!
//! A fork copies the memory of a process and one of its threads. What the other threads were in the middle of stays in
//! the middle in the child: a lock that nobody gives back, a map between two of its tables, a transition whose event
//! nobody publishes. So whatever takes more than one step and would stand in the child's way runs in a [`Hold`], and a
//! fork waits until there is none: the child finds all of that whole.
//!
//! **What is held.** Every lock of the core, the registry's map, what is filled once by waiting (`OnceLock`), a
//! transition together with the publishing of its event, the taking of an event, a change of rules. Not the path of a
//! call: it consists of single steps, after each of which a thread may be gone.
//!
//! **No wait is for ever.** A fork waits for others' holds for `FOR_HOLDS` and then goes on as without a gate; what
//! its own thread holds it does not wait for. A hold waits for a fork for `FOR_THE_FORK`. So a fork in a user's drop
//! code, which may run in a hold, or by who has something that a holder waits for, is late and not stuck. Holds nest:
//! an inner one never waits.
//!
//! **What it does not see.** Raw `clone(2)` and `vfork` call no handlers; the child may use no breaker before it
//! `exec`s. A fork in a signal handler that interrupted its own thread within a hold finds what that was in the middle
//! of; `fork` is not safe there anyhow since POSIX 2024.
//!
//! The three handlers are enrolled with the first hold and never taken back by us. In a shared library glibc ties them
//! to the object that enrolled them, and takes them back itself when `dlclose` unloads it.

#[cfg(all(test, unix, not(any(loom, shuttle))))]
pub(crate) use gate::is_closed;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub use gate::{Hold, hold};
#[cfg(all(unix, not(any(loom, shuttle))))]
pub(crate) use gate::{process, set_number, survivor};

#[cfg(not(all(unix, not(any(loom, shuttle)))))]
pub(crate) use no_gate::process;
#[cfg(not(all(unix, not(any(loom, shuttle)))))]
pub use no_gate::{Hold, hold};
#[cfg(all(not(unix), not(any(loom, shuttle))))]
pub(crate) use no_gate::{set_number, survivor};

/// What [`process`] answers where nothing was forked.
pub(crate) const FIRST_PROCESS: u32 = 1;

#[cfg(all(unix, not(any(loom, shuttle))))]
mod gate {
    use std::cell::Cell;
    use std::marker::PhantomData;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    /// How long a fork waits for the holds of other threads. The longest of our own is the calibration of quanta's
    /// counter, 200 ms.
    const FOR_HOLDS: Duration = Duration::from_secs(1);
    /// How long a fork waits for one that another thread makes.
    const FOR_ANOTHER: Duration = Duration::from_secs(3);
    /// How long a hold waits for a fork: copying the tables of a very large process takes seconds.
    const FOR_THE_FORK: Duration = Duration::from_secs(10);

    /// How many threads are in a hold, in shards, so that threads rarely write the same line.
    #[repr(align(64))]
    struct Shard(AtomicU32);

    static SHARDS: [Shard; 16] = [const { Shard(AtomicU32::new(0)) }; 16];
    /// A thread is forking.
    static IS_CLOSED: AtomicBool = AtomicBool::new(false);
    static PROCESS: AtomicU32 = AtomicU32::new(super::FIRST_PROCESS);
    static SURVIVOR: AtomicU32 = AtomicU32::new(0);
    /// 0, the id of the process whose thread is enrolling the handlers, or [`DONE`].
    static ENROLLED: AtomicU32 = AtomicU32::new(0);
    const DONE: u32 = u32::MAX;

    /// What a thread has of its own. Without a destructor, so that a thread that is being torn down has it, too.
    struct Own {
        /// Holds within each other.
        depth: Cell<u32>,
        /// It has closed the gate.
        is_forking: Cell<bool>,
        /// See [`set_number`].
        number: Cell<u32>,
    }

    thread_local! {
        static OWN: Own = const {
            Own { depth: Cell::new(0), is_forking: Cell::new(false), number: Cell::new(0) }
        };
    }

    impl Own {
        fn shard(&self) -> &'static Shard {
            // By the golden ratio: the addresses of threads' own memory are a stack apart.
            let spread = (std::ptr::from_ref(self).addr() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            &SHARDS[(spread >> 60) as usize]
        }
    }

    /// While a thread has one the process does not fork; see the top of this file. Not to be kept while something is
    /// awaited that a forking thread might have.
    #[must_use = "dropping it ends it"]
    #[derive(Debug)]
    pub struct Hold(PhantomData<*const ()>);

    /// Lets no fork happen until the hold is dropped. While a fork is being made an outermost hold waits for it.
    #[inline]
    pub fn hold() -> Hold {
        OWN.with(|own| {
            let depth = own.depth.get();
            own.depth.set(depth + 1);
            if depth == 0 {
                enter(&own.shard().0);
            }
        });
        Hold(PhantomData)
    }

    impl Drop for Hold {
        #[inline]
        fn drop(&mut self) {
            OWN.with(|own| {
                let depth = own.depth.get() - 1;
                if depth == 0 {
                    own.shard().0.fetch_sub(1, Ordering::Release);
                }
                own.depth.set(depth);
            });
        }
    }

    /// Either we see the gate closed, or who closes it sees us: both write before they read, in one order for all.
    #[inline]
    fn enter(holds: &AtomicU32) {
        if ENROLLED.load(Ordering::Acquire) != DONE {
            enrol();
        }
        holds.fetch_add(1, Ordering::SeqCst);
        if IS_CLOSED.load(Ordering::SeqCst) {
            stand_back(holds);
        }
    }

    #[cold]
    fn stand_back(holds: &AtomicU32) {
        let mut patience = Patience::new(FOR_THE_FORK);
        loop {
            holds.fetch_sub(1, Ordering::SeqCst);
            let is_open = patience.until(|| !IS_CLOSED.load(Ordering::Acquire));
            holds.fetch_add(1, Ordering::SeqCst);
            if !is_open || !IS_CLOSED.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    #[cold]
    fn enrol() {
        let me = std::process::id();
        loop {
            match ENROLLED.load(Ordering::Acquire) {
                DONE => return,
                // Another thread is at it.
                found if found == me => thread::yield_now(),
                // 0, or a process that we were forked from in the middle of this; then the handlers may be enrolled
                // already. They may run twice.
                found => {
                    if ENROLLED.compare_exchange(found, me, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                        break;
                    }
                }
            }
        }
        // SAFETY: the handlers are functions of this object, which neither unwind nor allocate.
        let failed = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) } != 0;
        // For want of memory alone; who comes next tries again.
        ENROLLED.store(if failed { 0 } else { DONE }, Ordering::Release);
    }

    /// Closes the gate and waits for the holds of other threads.
    extern "C" fn before() {
        OWN.with(|own| {
            if own.is_forking.get() {
                return;
            }
            let close =
                || IS_CLOSED.compare_exchange(false, true, Ordering::SeqCst, Ordering::Relaxed).is_ok();
            if !Patience::new(FOR_ANOTHER).until(close) {
                return;
            }
            own.is_forking.set(true);
            let mut patience = Patience::new(FOR_HOLDS);
            for shard in &SHARDS {
                let ours = u32::from(own.depth.get() > 0 && std::ptr::eq(shard, own.shard()));
                patience.until(|| shard.0.load(Ordering::SeqCst) <= ours);
            }
        });
    }

    extern "C" fn in_parent() {
        if OWN.with(|own| own.is_forking.replace(false)) {
            IS_CLOSED.store(false, Ordering::SeqCst);
        }
    }

    /// The only thread of a new process: what others held is gone with them.
    extern "C" fn in_child() {
        OWN.with(|own| {
            SHARDS.iter().for_each(|shard| shard.0.store(0, Ordering::Relaxed));
            if own.depth.get() > 0 {
                own.shard().0.store(1, Ordering::Relaxed);
            }
            SURVIVOR.store(own.number.get(), Ordering::Relaxed);
            PROCESS.store(PROCESS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
            own.is_forking.set(false);
            IS_CLOSED.store(false, Ordering::SeqCst);
        });
    }

    /// Whether a thread is forking, and waits for holds or for the system.
    #[cfg(test)]
    pub(crate) fn is_closed() -> bool {
        IS_CLOSED.load(Ordering::SeqCst)
    }

    /// Which process this is of those that it descends from: 1, and one more with every fork. What is marked with
    /// another number was left by a thread that is not here. A process id would come again, and cost a system call.
    #[inline]
    pub(crate) fn process() -> u32 {
        PROCESS.load(Ordering::Acquire)
    }

    /// Should the calling thread fork, [`survivor`] answers this number in the child.
    pub(crate) fn set_number(n: u32) {
        OWN.with(|own| own.number.set(n));
    }

    /// The number of the thread that made the fork which this process began with; 0 if it had none.
    pub(crate) fn survivor() -> u32 {
        SURVIVOR.load(Ordering::Relaxed)
    }

    /// Waits so long and no longer.
    struct Patience {
        end: Instant,
        rounds: u32,
    }

    impl Patience {
        fn new(length: Duration) -> Self {
            Patience { end: Instant::now() + length, rounds: 0 }
        }

        /// Waits until `is_so`; `false` when that took too long.
        fn until(&mut self, is_so: impl Fn() -> bool) -> bool {
            loop {
                if is_so() {
                    return true;
                }
                if Instant::now() >= self.end {
                    return false;
                }
                self.rounds += 1;
                if self.rounds <= 64 {
                    thread::yield_now();
                } else {
                    thread::sleep(Duration::from_micros(50));
                }
            }
        }
    }
}

/// Where nothing forks, and in models.
#[cfg(not(all(unix, not(any(loom, shuttle)))))]
mod no_gate {
    use std::marker::PhantomData;

    /// While a thread has one the process does not fork; here it never does.
    #[must_use = "dropping it ends it"]
    #[derive(Debug)]
    pub struct Hold(PhantomData<*const ()>);

    /// Lets no fork happen until the hold is dropped; here none ever does.
    #[inline]
    pub fn hold() -> Hold {
        Hold(PhantomData)
    }

    impl Drop for Hold {
        #[inline]
        fn drop(&mut self) {}
    }

    #[inline]
    pub(crate) fn process() -> u32 {
        super::FIRST_PROCESS
    }

    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn set_number(_: u32) {}

    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn survivor() -> u32 {
        0
    }
}
