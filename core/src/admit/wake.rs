//! Wakers of waits that have ended, called once no lock is held.

use crate::name::Name;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;

/// Wakes them in the order in which they were added, when it is dropped: to be made before a lock is taken, so that it
/// outlasts the guard even in a panic. What a waker's own code panics with is reported, and the next is woken.
#[must_use = "dropping them wakes: not under a lock"]
pub(crate) struct Wakers<'a> {
    breaker: &'a Name,
    /// Most operations wake one or nobody, and allocate nothing. Emptied when this is dropped.
    first: ManuallyDrop<Option<Waker>>,
    /// Nobody unless there is a first; the same.
    more: ManuallyDrop<Vec<Waker>>,
}

impl<'a> Wakers<'a> {
    pub(crate) fn new(breaker: &'a Name) -> Self {
        Wakers { breaker, first: ManuallyDrop::new(None), more: ManuallyDrop::new(Vec::new()) }
    }

    pub(crate) fn add(&mut self, waker: Option<Waker>) {
        let Some(waker) = waker else { return };
        match *self.first {
            None => *self.first = Some(waker),
            Some(_) => self.more.push(waker),
        }
    }
}

impl Wakers<'_> {
    #[cold]
    fn wake_more(&mut self) {
        std::mem::take(&mut *self.more).into_iter().for_each(|waker| wake(self.breaker, waker));
    }
}

impl Drop for Wakers<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            wake(self.breaker, first);
            if !self.more.is_empty() {
                self.wake_more();
            }
        }
    }
}

fn wake(breaker: &Name, waker: Waker) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        crate::report::panicked("waker", breaker, &*panic);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Wakes the calling thread from `park`. Made once for a thread; later calls clone it.
pub(crate) fn unparks_this_thread() -> Waker {
    let new = || Waker::from(Arc::new(Unpark(std::thread::current())));
    thread_local! {
        static WAKER: std::cell::OnceCell<Waker> = const { std::cell::OnceCell::new() };
    }
    WAKER.try_with(|waker| waker.get_or_init(new).clone()).unwrap_or_else(|_| new())
}
