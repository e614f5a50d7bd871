//! Waiting for a slot without blocking, for event loops: a place in the queue as a handle.

use crate::bell::Bell;
use crate::breaker::{Breaker, fusewire_breaker};
use crate::call::{fusewire_rejection, hand_over};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, Outcome, guard, guard_free, guard_or, guard_with};
use crate::handle::{self, kind, take, take_numbered};
use crate::names::{FUSEWIRE_NONE, fusewire_priority, priority_of};
use crate::permit::{self, fusewire_permit};
use crate::request::{ask, fusewire_request, timeout};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use fusewire::binding::{EnteredSlip, ForkMutex, Paced, Refused};
use fusewire::{CircuitBreaker, Waiting};
use std::ffi::c_void;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// A call's place in the queue for a slot. It ends once: with a slot, or without one when its time is over or the
/// breaker turns the call away. Ask it with `fusewire_waiting_try_end` or `fusewire_waiting_wait`, and free it with
/// `fusewire_waiting_free`, at any time: a place whose end was not told is given up then, as if the call had never
/// waited. The permit that it gives belongs to the handle of the breaker that was entered through. Threads may share
/// it.
pub struct fusewire_waiting {
    _opaque: [u8; 0],
}

/// Calls `fusewire_waiting_notify`'s callback when the wait has ended, on the thread that has ended it: one that
/// settles a call, changes the breaker by hand, or polls. It must not block, unwind or call this library: let it write
/// to a pipe or an `eventfd`, and ask the place from the loop that reads that.
pub type fusewire_callback = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

pub(crate) type Answer = Result<Paced, Refused>;

/// How far a wait is.
enum Stand {
    Waits(Waiting),
    /// It has ended, and nobody was told.
    Ended(Answer),
    Told,
}

pub(crate) struct Place {
    core: CircuitBreaker,
    /// Whose permit it will be. Never followed unless the handle is live and has that number.
    breaker: *const fusewire_breaker,
    serial: u64,
    stand: ForkMutex<Stand>,
    bell: Arc<Bell>,
    waker: Waker,
}

// SAFETY: the pointer is only what `take_numbered` finds out about.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

kind!(Place, b"fw waits", "fusewire_waiting");

impl Place {
    pub(crate) fn new(
        core: CircuitBreaker,
        breaker: *const fusewire_breaker,
        serial: u64,
        waiting: Waiting,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let place =
            Place { core, breaker, serial, stand: ForkMutex::new(Stand::Waits(waiting)), bell, waker };
        // From here on the bell rings when the wait ends.
        place.look(&mut place.stand.lock());
        place
    }

    /// Whose permit it will be, and the number of that handle.
    pub(crate) fn entered_through(&self) -> (*const fusewire_breaker, u64) {
        (self.breaker, self.serial)
    }

    /// Sees whether the wait has ended; from then on it stands as such.
    fn look(&self, stand: &mut Stand) {
        let Stand::Waits(waiting) = stand else { return };
        if let Some(answer) = waiting.try_end(&self.waker) {
            *stand = Stand::Ended(answer);
            self.bell.ring();
        }
    }

    /// How it ended, once; `None` while it goes on.
    pub(crate) fn try_end(&self) -> Outcome<Option<Answer>> {
        let mut stand = self.stand.lock();
        self.look(&mut stand);
        match std::mem::replace(&mut *stand, Stand::Told) {
            Stand::Ended(answer) => Ok(Some(answer)),
            Stand::Told => {
                let what = "how the wait ended was told before";
                Err(Failure::new(Code::FUSEWIRE_ERROR_ALREADY_TOLD, what))
            }
            waits => {
                *stand = waits;
                Ok(None)
            }
        }
    }

    /// The time that is left until its deadline; zero when it has ended.
    fn left(&self) -> Duration {
        match &*self.stand.lock() {
            Stand::Waits(waiting) => waiting.left(),
            _ => Duration::ZERO,
        }
    }

    /// Ends the wait if its deadline has come; answers whether it has ended.
    fn expire(&self) -> bool {
        let mut stand = self.stand.lock();
        if let Stand::Waits(waiting) = &*stand {
            waiting.expire();
            self.look(&mut stand);
        }
        !matches!(&*stand, Stand::Waits(_))
    }

    /// How it ended; blocks the thread until then, for at most `timeout`.
    fn wait(&self, timeout: Duration) -> Outcome<Option<Answer>> {
        let until = Instant::now().checked_add(timeout);
        loop {
            // Before it looks: what ends the wait after that wakes this thread.
            let _listed = self.bell.list();
            if let Some(answer) = self.try_end()? {
                return Ok(Some(answer));
            }
            let patience =
                until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            match self.left() {
                Duration::ZERO => _ = self.expire(),
                _ if patience.is_zero() => return Ok(None),
                left => std::thread::park_timeout(left.min(patience)),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bell.silence();
        // A wait that goes on is cancelled by its own drop.
        if let Stand::Ended(Ok((slip, _))) = &*self.stand.lock() {
            self.core.abandon_slip(slip);
        }
    }
}

/// As `fusewire_breaker_acquire_wait`, without blocking: where all slots are taken and there is room in the queue,
/// returns `FUSEWIRE_QUEUED` and writes a place in it to `waiting`, to be freed with `fusewire_waiting_free`. The
/// library has no timer: whoever has the place calls `fusewire_waiting_expire` when `fusewire_waiting_left_ns` have
/// passed, or `fusewire_breaker_poll`, which does that for all places of a breaker.
///
/// Returns else as `fusewire_breaker_acquire_with` does, and fails as that does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_enter(
    breaker: *mut fusewire_breaker,
    request: *const fusewire_request,
    permit: *mut fusewire_permit,
    waiting: *mut *mut fusewire_waiting,
    rejection: *mut fusewire_rejection,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let (found, serial, wanted) = ask(breaker, request, permit)?;
            if waiting.is_null() {
                return Err(Failure::null("waiting"));
            }
            let answer = match found.core.enter_slip(&wanted) {
                Ok(EnteredSlip::Waiting(place)) => {
                    waiting.write(handle::give(Place::new(found.core.clone(), breaker, serial, place)));
                    return Ok(Code::FUSEWIRE_QUEUED as fusewire_status);
                }
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Err(refused) => Err(refused),
            };
            Ok(hand_over(found, answer, (breaker, serial), permit, rejection))
        })
    }
}

/// Asks a place with `end`, and writes what it answers; `otherwise` while the wait goes on.
///
/// # Safety
/// As for `fusewire_waiting_try_end`.
unsafe fn end(
    waiting: *mut fusewire_waiting,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
    otherwise: Code,
    end: impl FnOnce(&Place) -> Outcome<Option<Answer>>,
) -> Outcome<fusewire_status> {
    if permit.is_null() {
        return Err(Failure::null("permit"));
    }
    // SAFETY: the caller's promises.
    unsafe {
        permit::mark_as_not_given(permit);
        let place: &Place = take("waiting", waiting)?;
        let (found, serial): (&Breaker, u64) = take_numbered("breaker", place.breaker)?;
        if serial != place.serial {
            let what = "the handle that was entered through was freed";
            return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_HANDLE, what));
        }
        Ok(match end(place)? {
            Some(answer) => hand_over(found, answer, (place.breaker, serial), permit, rejection),
            None => otherwise as fusewire_status,
        })
    }
}

/// How the wait ended, if it has: `FUSEWIRE_OK`, and `permit` is written, to be settled once; or `FUSEWIRE_REJECTED`,
/// and why is written to `rejection`, unless that is NULL (`FUSEWIRE_REASON_QUEUE_TIMEOUT` when its time was over).
/// Either is told once. `FUSEWIRE_QUEUED` while it goes on. Never blocks.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` (also when the handle that was entered
/// through was freed), or `FUSEWIRE_ERROR_ALREADY_TOLD`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_try_end(
    waiting: *mut fusewire_waiting,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe { end(waiting, permit, rejection, Code::FUSEWIRE_QUEUED, Place::try_end) })
}

/// As `fusewire_waiting_try_end`; blocks the thread until the wait has ended, and ends it at its deadline, for at most
/// `timeout_ns` nanoseconds of the system's time, whatever the breaker's clock; `FUSEWIRE_NONE` sets no limit of its
/// own. Returns `FUSEWIRE_TIMED_OUT` when that is over and the wait goes on.
///
/// Fails as `fusewire_waiting_try_end` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_wait(
    waiting: *mut fusewire_waiting,
    timeout_ns: u64,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let wait = |place: &Place| place.wait(timeout(timeout_ns));
        end(waiting, permit, rejection, Code::FUSEWIRE_TIMED_OUT, wait)
    })
}

/// Calls `callback(userdata)` once when the wait has ended, and at once when it has; see `fusewire_callback`. It takes
/// the place of one that was set before; NULL sets none. That one is not called any more when this returns, nor is any
/// when `fusewire_waiting_free` has returned: both wait for one that is running.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_notify(
    waiting: *mut fusewire_waiting,
    callback: fusewire_callback,
    userdata: *mut c_void,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let place: &Place = unsafe { take("waiting", waiting) }?;
        place.bell.silence();
        if let Some(callback) = callback {
            place.bell.set(callback, userdata);
        }
        Ok(OK)
    })
}

/// The time that is left until the wait ends without a slot, in nanoseconds on the breaker's clock; 0 when its time is
/// over or it has ended, `FUSEWIRE_NONE` when `waiting` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_left_ns(waiting: *const fusewire_waiting) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let place: &Place = unsafe { take("waiting", waiting) }?;
        Ok(u64::try_from(place.left().as_nanos()).unwrap_or(FUSEWIRE_NONE - 1))
    })
}

/// Ends the wait if its time is over. Returns `FUSEWIRE_OK` when it has ended, in whatever way, and `FUSEWIRE_QUEUED`
/// when it goes on.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_expire(waiting: *mut fusewire_waiting) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let place: &Place = unsafe { take("waiting", waiting) }?;
        Ok(if place.expire() { OK } else { Code::FUSEWIRE_QUEUED as fusewire_status })
    })
}

/// Lets the call wait at the end of a higher priority, with the deadline that it has; one that is not higher, or a wait
/// that has ended, changes nothing.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_INVALID_VALUE` when
/// `to` is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_raise(
    waiting: *mut fusewire_waiting,
    to: fusewire_priority,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let place: &Place = unsafe { take("waiting", waiting) }?;
        let to = priority_of(to)?;
        if let Stand::Waits(waiting) = &*place.stand.lock() {
            waiting.raise(to);
        }
        Ok(OK)
    })
}

/// Frees a place. A wait whose end was not told is given up: it leaves nothing behind, and a slot that it was given
/// goes to the next. NULL does nothing; freeing twice ends the process with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_waiting_free(waiting: *mut fusewire_waiting) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<Place, _>("fusewire_waiting_free", waiting) })
}
