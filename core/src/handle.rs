//! Who keeps a breaker in memory.
//!
//! A [`Handle`] is counted, as by an `Arc`. A [`Loan`], which a permit that outlives its borrow holds, is not: the two
//! additions to a shared count would be half the price of a call. It is noted in the stripe of the thread, where a
//! loan and its end are a plain load and store each, and only the sum over all stripes means anything.
//!
//! Loans are given by handles alone, so once the last handle is gone the sum only falls, and whoever finds it at 0 may
//! free the breaker: every loan was noted before that handle went, and the end of each one was released after the last
//! look at the breaker. Who drops the last handle puts the breaker into a list, which is gone through then, and when a
//! loan of a breaker without handles ends. The list has no lock; a fork waits while somebody has it in hand, so that the
//! child has it, too. A loan that ends at the very instant at which the last handle goes may be missed; then the breaker
//! is freed when the next one is.

use crate::body::Body;
use crate::engine::Engine;
use crate::fork;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, Witness, fence, modelled_static};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

struct Shared {
    handles: AtomicU64,
    body: Body,
    witness: Witness,
}

/// A counted reference to a breaker.
pub(crate) struct Handle(NonNull<Shared>);

// SAFETY: a body is Send and Sync, and is only ever reached by shared references until its last user frees it.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl Handle {
    pub(crate) fn new(body: Body) -> Self {
        let shared = Box::new(Shared { handles: AtomicU64::new(1), body, witness: Witness::new() });
        let shared = NonNull::from(Box::leak(shared));
        // SAFETY: nobody else has it yet.
        unsafe { (*shared.as_ptr()).body.first.home = shared.as_ptr().cast() };
        Handle(shared)
    }

    /// The engine must be one of this breaker's.
    #[inline]
    pub(crate) fn lend(&self, engine: &Engine) -> Loan {
        engine.lend();
        Loan(NonNull::from(engine))
    }
}

impl Handle {
    /// A loan of no engine yet.
    #[inline]
    pub(crate) fn stay(&self) -> Stay {
        self.first.lend();
        Stay(self.0)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // SAFETY: as in `deref`.
        unsafe { self.0.as_ref() }.handles.fetch_add(1, Ordering::Relaxed);
        Handle(self.0)
    }
}

impl Deref for Handle {
    type Target = Body;

    #[inline]
    fn deref(&self) -> &Body {
        // SAFETY: nothing is freed while it has a handle.
        unsafe { &self.0.as_ref().body }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: as in `deref`.
        if unsafe { self.0.as_ref() }.handles.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            leave(self.0);
        }
    }
}

/// What an engine's breaker lies in. Whoever has a permit, or what becomes one, has it of a handle's breaker.
#[inline(always)]
fn home(engine: &Engine) -> &Shared {
    debug_assert!(!engine.home.is_null(), "an engine of a body without a handle");
    // SAFETY: set by `Handle::new`, handed on to each successor, and an engine does not outlive its body.
    unsafe { &*engine.home.cast::<Shared>() }
}

/// The breaker whose engine it is, for who has a permit: two words for both would be one more to carry with each call.
#[inline(always)]
pub(crate) fn body_of(engine: &Engine) -> &Body {
    &home(engine).body
}

/// An uncounted reference to a breaker, by the engine that gave a permit.
pub(crate) struct Loan(NonNull<Engine>);

// SAFETY: as for `Handle`.
unsafe impl Send for Loan {}
// SAFETY: as for `Handle`.
unsafe impl Sync for Loan {}
impl UnwindSafe for Loan {}
impl RefUnwindSafe for Loan {}

impl Loan {
    #[inline]
    pub(crate) fn body(&self) -> &Body {
        body_of(self.engine())
    }

    #[inline]
    pub(crate) fn engine(&self) -> &Engine {
        // SAFETY: nothing is freed while it has a loan out, and an engine stays as long as its body.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Loan {
    #[inline]
    fn drop(&mut self) {
        let shared = home(self.engine());
        let is_left = shared.handles.load(Ordering::Relaxed) == 0;
        shared.witness.look();
        self.engine().take_back();
        // The breaker may be freed from here on.
        if is_left {
            free_left();
        }
    }
}

/// A loan of no engine yet. In one word, so that what holds it moves in registers.
pub(crate) struct Stay(NonNull<Shared>);

// SAFETY: as for `Handle`.
unsafe impl Send for Stay {}
// SAFETY: as for `Handle`.
unsafe impl Sync for Stay {}
impl UnwindSafe for Stay {}
impl RefUnwindSafe for Stay {}

impl Stay {
    #[inline]
    pub(crate) fn body(&self) -> &Body {
        // SAFETY: as for a loan.
        unsafe { &self.0.as_ref().body }
    }

    /// Turns it into one of the engine with that number. Only the sum over all engines tells what is lent.
    #[inline]
    pub(crate) fn loan(self, engine: u32) -> Loan {
        Loan(NonNull::from(ManuallyDrop::new(self).body().engine_number(engine)))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        drop(Loan(NonNull::from(&self.body().first)));
    }
}

/// A breaker without handles, of which loans were out.
struct Left {
    shared: NonNull<Shared>,
    next: *mut Left,
}

modelled_static! {
    static LEFT: AtomicPtr<Left> = AtomicPtr::new(std::ptr::null_mut());
}

/// Frees a breaker whose last handle is gone, or leaves that to who ends its last loan.
#[cold]
fn leave(shared: NonNull<Shared>) {
    put_back(Box::new(Left { shared, next: std::ptr::null_mut() }));
    free_left();
}

fn put_back(mut left: Box<Left>) {
    let mut next = LEFT.load(Ordering::Relaxed);
    loop {
        left.next = next;
        let this = Box::into_raw(left);
        match LEFT.compare_exchange(next, this, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(found) => {
                // SAFETY: it is not in the list.
                left = unsafe { Box::from_raw(this) };
                next = found;
            }
        }
    }
}

/// Goes through the list and frees what has no loans any more.
#[cold]
fn free_left() {
    let (mut free, hold) = (Vec::new(), fork::hold());
    // Twice: while the list was in somebody's hands, who ended a loan found nothing in it. The fence lets one of the
    // two see the other.
    for _ in 0..2 {
        fence(Ordering::SeqCst);
        let mut place = match LEFT.load(Ordering::Acquire).is_null() {
            true => break,
            false => LEFT.swap(std::ptr::null_mut(), Ordering::AcqRel),
        };
        while !place.is_null() {
            // SAFETY: who has swapped the list out owns it.
            let left = unsafe { Box::from_raw(place) };
            place = left.next;
            // SAFETY: without handles, only who has taken the breaker from the list frees it.
            match has_loans(unsafe { left.shared.as_ref() }) {
                true => put_back(left),
                // SAFETY: made by `Handle::new`; without handles and loans nobody else has it.
                false => free.push(unsafe { Box::from_raw(left.shared.as_ptr()) }),
            }
        }
    }
    free.iter().for_each(|shared| shared.witness.end());
    drop(hold);
    // What is freed may be the user's, and use breakers.
    drop(free);
}

fn has_loans(shared: &Shared) -> bool {
    shared.body.engines().fold(0, |sum: u64, engine| sum.wrapping_add(engine.lent())) != 0
}
