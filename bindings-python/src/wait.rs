//! A permit's wait for a slot, which begins when it is awaited. The core queues and decides; `fusewire._waiting` lets threads and loops wait.
//!
//! A wait's bell is rung once, by whichever thread ends the wait, when the core holds no lock. It is a function of
//! Python's that wakes the thread or the loop which waits. A loop that is over cannot be woken: the wait is given up then,
//! and what it was granted goes on to the next.

use crate::object::attached;
use crate::raised::Raised;
use fusewire::binding::{ForkMutex, Paced, Refused};
use fusewire::{Waiting, Wanted};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::cell::RefCell;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A call's wait.
pub(crate) struct Wait {
    pub(crate) request: Wanted,
    place: ForkMutex<Place>,
    bell: OnceLock<Arc<Bell>>,
    /// Why it ended without a slot.
    refused: OnceLock<Refused>,
}

struct Place {
    /// Taken out while the core works on it: the core may run what users wrote, and no lock is held then.
    waiting: Option<Waiting>,
    is_asked: bool,
    is_given_up: bool,
}

impl Wait {
    /// Of a call that has not asked yet.
    pub(crate) fn new(request: Wanted) -> Arc<Self> {
        let place = ForkMutex::new(Place { waiting: None, is_asked: false, is_given_up: false });
        Arc::new(Wait { request, place, bell: OnceLock::new(), refused: OnceLock::new() })
    }

    /// True for the one who may ask.
    pub(crate) fn claim(&self) -> bool {
        !std::mem::replace(&mut self.place.lock().is_asked, true)
    }

    /// Keeps the place that the call was given.
    pub(crate) fn begin(&self, waiting: Waiting) {
        self.place.lock().waiting = Some(waiting);
    }

    /// Does something with the place; `None` when it was given up.
    fn with<R>(&self, act: impl FnOnce(&mut Waiting) -> R) -> Option<R> {
        let mut waiting = self.place.lock().waiting.take()?;
        let answer = act(&mut waiting);
        let mut place = self.place.lock();
        if place.is_given_up {
            // Given up in between. It ends when the lock is free.
            drop(place);
            drop(waiting);
        } else {
            place.waiting = Some(waiting);
        }
        Some(answer)
    }

    /// Whether the call has a place.
    pub(crate) fn has_begun(&self) -> bool {
        self.place.lock().waiting.is_some()
    }

    /// How it ended; `None` while it goes on, and `ring` is called when it ends. Outer `None`: it was given up.
    pub(crate) fn try_end(
        self: &Arc<Self>,
        ring: &Bound<'_, PyAny>,
    ) -> Option<Option<Result<Paced, Refused>>> {
        let bell = self
            .bell
            .get_or_init(|| Arc::new(Bell { ring: ring.clone().unbind(), wait: Arc::downgrade(self) }));
        let waker = Waker::from(Arc::clone(bell));
        let answer = self.with(|waiting| waiting.try_end(&waker))?;
        if answer.is_some() {
            // Its end is told once.
            self.give_up();
        }
        Some(answer)
    }

    /// It ends without a slot.
    pub(crate) fn refuse(&self, refused: Refused) {
        let _ = self.refused.set(refused);
    }

    /// Why it ended without a slot.
    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.refused.get()
    }

    /// For the collector. What rings belongs to the wait, also while the core keeps the bell: a task whose loop nobody has
    /// any more is rubbish, and ends its wait when it is collected.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.bell.get().map_or(Ok(()), |bell| visit.call(&bell.ring))
    }

    /// Whether somebody has asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.place.lock().is_asked
    }

    /// How long until its deadline, on the breaker's clock.
    pub(crate) fn left(&self) -> Duration {
        self.with(|waiting| waiting.left()).unwrap_or_default()
    }

    /// Ends it if its deadline has come; whether it has ended.
    pub(crate) fn expire(&self) -> bool {
        self.with(|waiting| waiting.expire()).unwrap_or(true)
    }

    pub(crate) fn raise(&self, to: fusewire::Priority) {
        let _ = self.with(|waiting| waiting.raise(to));
    }

    /// Ends it as if it had never begun.
    pub(crate) fn give_up(&self) {
        let mut place = self.place.lock();
        place.is_given_up = true;
        let waiting = place.waiting.take();
        drop(place);
        drop(waiting);
    }
}

/// Rings in the thread or loop that waits.
struct Bell {
    ring: Py<PyAny>,
    wait: Weak<Wait>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        attached(|py| {
            // SAFETY: attached. A wait may end in the middle of an exception's way.
            let raised = unsafe { Raised::take() };
            if !ring(py, &self.ring)
                && let Some(wait) = self.wait.upgrade()
            {
                give_up_in_turn(wait);
            }
            // SAFETY: attached.
            unsafe { raised.restore() };
        });
    }
}

/// Whether there was somebody to hear it. An interrupt is for the main thread, and must not cost a waiter its slot.
fn ring(py: Python<'_>, ring: &Py<PyAny>) -> bool {
    let mut interrupted = false;
    let answer = loop {
        match ring.call0(py) {
            Err(error) if !interrupted && error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                interrupted = true
            }
            answer => break answer.is_ok(),
        }
    };
    if interrupted {
        // SAFETY: attached.
        unsafe { ffi::PyErr_SetInterrupt() };
    }
    answer
}

/// Gives a wait up. The slot that it returns may be granted to one whose loop is over as well, and so on: they are given
/// up one after the other, not one inside the other.
fn give_up_in_turn(wait: Arc<Wait>) {
    thread_local! {
        static TURN: RefCell<Option<Vec<Arc<Wait>>>> = const { RefCell::new(None) };
    }
    let is_first = TURN.with_borrow_mut(|turn| {
        let is_first = turn.is_none();
        turn.get_or_insert_default().push(wait);
        is_first
    });
    if !is_first {
        return;
    }
    while let Some(next) = TURN.with_borrow_mut(|turn| turn.as_mut().and_then(Vec::pop)) {
        next.give_up();
    }
    TURN.set(None);
}

/// Warns, as of a coroutine.
#[cold]
pub(crate) fn warn_never_awaited(breaker: &str) {
    let text = format!("a permit of circuit breaker '{breaker}' was never awaited");
    let Ok(text) = std::ffi::CString::new(text) else { return };
    // SAFETY: attached; what was raised is put back.
    unsafe {
        let raised = Raised::take();
        if ffi::PyErr_WarnEx(ffi::PyExc_RuntimeWarning, text.as_ptr(), 1) != 0 {
            ffi::PyErr_WriteUnraisable(std::ptr::null_mut());
        }
        raised.restore();
    }
}
