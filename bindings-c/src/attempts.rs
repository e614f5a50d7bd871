//! A call that is made step by step: attempts with their waits, timeouts, and what answers in the end.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, Outcome, guard, guard_with};
use crate::handle::{self, take, take_numbered};
use crate::permit::told;
use crate::request::{fusewire_request, read, timeout};
use crate::sized;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::steps::{ErrorType, fusewire_ending, fusewire_step};
use crate::text::{self, lossy};
use crate::waiting::{Answer, Place, fusewire_waiting};
use fusewire::binding::{Course, EnteredSlip};
use fusewire::{Ending, Step};
use std::ffi::c_char;
use std::time::Duration;

/// A call with its attempts: retries with their waits and budget, timeouts, and the rungs that answer when it fails. It
/// says what is to be done, one step after the other, and does none of it but asking the breaker for permits. A plain
/// struct of the caller's, which needs no freeing: put it on the stack, move it with the call, and follow its steps to
/// the end, or give it up with `fusewire_attempts_abandon`; one that is left in the middle of an attempt keeps what a
/// permit keeps that is never settled. Any thread may go on with it, but no two at once. Do not use copies of one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_attempts {
    /// For this library alone.
    pub opaque: [u64; 48],
}

/// What the caller's words hold. Nothing of it is on the heap.
#[repr(C)]
pub(crate) struct Words {
    /// `BEGUN` mixed with the handle; what is not is no call.
    guard: u64,
    pub(crate) breaker: *const fusewire_breaker,
    /// Of the handle, which may be another's by now.
    pub(crate) serial: u64,
    pub(crate) course: Course,
    error_type: ErrorType,
}

const BEGUN: u64 = 0x6c6c_6163_206e_7766;

const _: () = assert!(size_of::<Words>() <= size_of::<fusewire_attempts>());
const _: () = assert!(align_of::<Words>() <= align_of::<fusewire_attempts>());

/// A call that was begun, with its breaker.
///
/// # Safety
/// `attempts` is NULL or the caller's struct, which nobody else uses.
pub(crate) unsafe fn begun<'a>(attempts: *mut fusewire_attempts) -> Outcome<(&'a Breaker, &'a mut Words)> {
    if attempts.is_null() {
        return Err(Failure::null("attempts"));
    }
    // SAFETY: the caller's promise; two words are there whatever they say.
    let [guard, breaker] = unsafe { attempts.cast::<[u64; 2]>().read() };
    if guard ^ breaker != BEGUN {
        let what = "the attempts were not begun, or were given up";
        return Err(Failure::new(Code::FUSEWIRE_ERROR_NOT_BEGUN, what));
    }
    // SAFETY: the guard says that they were begun here.
    let words = unsafe { &mut *attempts.cast::<Words>() };
    // SAFETY: a handle that was freed meanwhile is found out.
    let (breaker, serial): (&Breaker, u64) = unsafe { take_numbered("attempts", words.breaker) }?;
    if serial != words.serial {
        let what = "the handle that the attempts were begun with was freed";
        return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_HANDLE, what));
    }
    Ok((breaker, words))
}

pub(crate) fn wrong_step(what: &str) -> Box<Failure> {
    Failure::new(Code::FUSEWIRE_ERROR_WRONG_STEP, what)
}

impl Words {
    /// The next step, if it is known without asking the breaker.
    fn step(&mut self, breaker: &Breaker) -> Outcome<Option<fusewire_step>> {
        let step = self.course.next(&breaker.core);
        step.map(|step| fusewire_step::of(breaker, &step, &self.error_type)).transpose()
    }

    /// What the breaker has answered.
    fn answer(&mut self, breaker: &Breaker, answer: Answer) {
        match answer {
            Ok(paced) => self.course.admitted(&breaker.core, paced),
            Err(refused) => self.course.refused(&breaker.core, refused),
        }
    }

    /// Whether an attempt is under way, or hedges of one that has failed.
    pub(crate) fn is_calling(&self) -> bool {
        self.course.is_under_way()
    }

    fn settle(&mut self, breaker: &Breaker, ending: &Ending<'_>) -> Outcome<fusewire_status> {
        let settled = self.course.settle(&breaker.core, ending);
        self.course.forget_error_type();
        settled.map(told).ok_or_else(|| wrong_step("no attempt is under way"))
    }
}

/// Begins a call that is made step by step, and writes it to `attempts`; the breaker is not asked yet. `request`: what
/// each attempt asks for; NULL asks for nothing in particular. The handle `breaker` must stay until the call is over or
/// given up.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`,
/// `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_INVALID_VALUE` when the request itself is wrong: `error`, unless it is
/// NULL, says which field, its value and what is allowed. Nothing counts then, and `attempts` is marked as not begun.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_begin(
    breaker: *mut fusewire_breaker,
    request: *const fusewire_request,
    attempts: *mut fusewire_attempts,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if attempts.is_null() {
                return Err(Failure::null("attempts"));
            }
            mark_as_not_begun(attempts);
            let (found, serial): (&Breaker, u64) = take_numbered("breaker", breaker)?;
            let course = Course::begin(&found.core, &read(request)?)?;
            let guard = BEGUN ^ breaker.addr() as u64;
            let error_type = text::copy("");
            attempts.cast::<Words>().write(Words { guard, breaker, serial, course, error_type });
            Ok(OK)
        })
    }
}

/// # Safety
/// `attempts` may be written.
unsafe fn mark_as_not_begun(attempts: *mut fusewire_attempts) {
    // SAFETY: the caller's promise.
    unsafe { attempts.cast::<[u64; 2]>().write([0; 2]) };
}

/// What the next functions have in common: the step that is known, or that `ask` makes known; the latter answers a
/// status when it does not.
///
/// # Safety
/// As for `fusewire_attempts_next`.
unsafe fn next_by(
    attempts: *mut fusewire_attempts,
    step: *mut fusewire_step,
    mut ask: impl FnMut(&Breaker, &mut Words) -> Outcome<Option<fusewire_status>>,
) -> Outcome<fusewire_status> {
    if step.is_null() {
        return Err(Failure::null("step"));
    }
    // SAFETY: the caller's promises.
    let (breaker, words) = unsafe { begun(attempts) }?;
    loop {
        if let Some(next) = words.step(breaker)? {
            // SAFETY: as above.
            unsafe { step.write(next) };
            return Ok(OK);
        }
        if let Some(status) = ask(breaker, words)? {
            return Ok(status);
        }
    }
}

/// Writes to `step` what is to be done now, and asks the breaker for a permit when it is time to. Never waits: not for a
/// slot either. Asked again before that is done it says the same, of a wait what is left of it.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, or `FUSEWIRE_ERROR_INVALID_HANDLE` when the
/// handle that they were begun with was freed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_next(
    attempts: *mut fusewire_attempts,
    step: *mut fusewire_step,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        next_by(attempts, step, |breaker, words| {
            words.course.ask(&breaker.core);
            Ok(None)
        })
    })
}

/// As `fusewire_attempts_next`; where all slots are taken and there is room in the queue, the thread waits there as in
/// `fusewire_breaker_acquire_wait`, for at most `timeout_ns` nanoseconds of the system's time; `FUSEWIRE_NONE` sets no
/// limit of its own. It does not wait out the step `FUSEWIRE_STEP_WAIT`.
///
/// Returns also `FUSEWIRE_TIMED_OUT` when `timeout_ns` is over: the attempt has left the queue then as if it had never
/// been there, and nothing is written; ask again, or give the call up. Fails as `fusewire_attempts_next` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_next_wait(
    attempts: *mut fusewire_attempts,
    timeout_ns: u64,
    step: *mut fusewire_step,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        next_by(attempts, step, |breaker, words| {
            let answer = match breaker.core.enter_slip(&words.course.wanted()) {
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Ok(EnteredSlip::Waiting(mut waiting)) => match waiting.wait_slip(timeout(timeout_ns)) {
                    Some(answer) => answer,
                    None => return Ok(Some(Code::FUSEWIRE_TIMED_OUT as fusewire_status)),
                },
                Err(refused) => Err(refused),
            };
            words.answer(breaker, answer);
            Ok(None)
        })
    })
}

/// As `fusewire_attempts_next`, for event loops: where all slots are taken and there is room in the queue, returns
/// `FUSEWIRE_QUEUED` and writes a place in it to `waiting`, as `fusewire_breaker_enter` does. When that has ended go on
/// with `fusewire_attempts_resume`, and free it.
///
/// Fails as `fusewire_attempts_next` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_enter(
    attempts: *mut fusewire_attempts,
    step: *mut fusewire_step,
    waiting: *mut *mut fusewire_waiting,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if waiting.is_null() {
            return Err(Failure::null("waiting"));
        }
        next_by(attempts, step, |breaker, words| {
            let answer = match breaker.core.enter_slip(&words.course.wanted()) {
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Ok(EnteredSlip::Waiting(place)) => {
                    let place = Place::new(breaker.core.clone(), words.breaker, words.serial, place);
                    waiting.write(handle::give(place));
                    return Ok(Some(Code::FUSEWIRE_QUEUED as fusewire_status));
                }
                Err(refused) => Err(refused),
            };
            words.answer(breaker, answer);
            Ok(None)
        })
    })
}

/// Goes on with how the wait in the queue has ended that `fusewire_attempts_enter` began, and writes the next step.
/// Returns `FUSEWIRE_QUEUED` while it goes on. Never blocks.
///
/// Fails as `fusewire_attempts_next` does, also with `FUSEWIRE_ERROR_INVALID_HANDLE` when `waiting` is none or of another
/// handle of a breaker, `FUSEWIRE_ERROR_ALREADY_TOLD` when how it ended was told before, or `FUSEWIRE_ERROR_WRONG_STEP`
/// when the attempts do not ask for a permit now.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_resume(
    attempts: *mut fusewire_attempts,
    waiting: *mut fusewire_waiting,
    step: *mut fusewire_step,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if step.is_null() {
            return Err(Failure::null("step"));
        }
        let (breaker, words) = begun(attempts)?;
        let place: &Place = take("waiting", waiting)?;
        if place.entered_through() != (words.breaker, words.serial) {
            let what = "the place is of another handle of a breaker than the attempts";
            return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_HANDLE, what));
        }
        if words.course.next(&breaker.core).is_some() {
            return Err(wrong_step("the attempts do not ask for a permit now"));
        }
        let Some(answer) = place.try_end()? else { return Ok(Code::FUSEWIRE_QUEUED as fusewire_status) };
        words.answer(breaker, answer);
        // To ask at once is to wait for nothing: the program says again how it waits for a slot.
        let next = words.step(breaker)?.unwrap_or_else(|| fusewire_step::of_wait(Duration::ZERO));
        step.write(next);
        Ok(OK)
    })
}

/// Settles the attempt that is under way, with all there is to say. `fusewire_attempts_next` says what is to be done
/// then.
///
/// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE` when the handle that they were begun with was freed, `FUSEWIRE_ERROR_INVALID_SIZE`,
/// `FUSEWIRE_ERROR_INVALID_VALUE`, or `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way, such as one that was
/// settled before; the detail goes to `error`, unless that is NULL. Nothing is settled then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_settle(
    attempts: *mut fusewire_attempts,
    ending: *const fusewire_ending,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let (breaker, words) = begun(attempts)?;
            if ending.is_null() {
                return Err(Failure::null("ending"));
            }
            let ours = sized::read("ending", ending)?;
            let error_type = lossy(ours.error_type);
            let told = ours.told(error_type.as_deref())?;
            let settled = words.settle(breaker, &told)?;
            words.error_type = text::copy(error_type.as_deref().unwrap_or_default());
            Ok(settled)
        })
    }
}

/// Settles the attempt that is under way as a success; how long it took is read from the clock, if it is timed. Returns
/// as `fusewire_attempts_settle` does, and fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_WRONG_STEP`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_success(attempts: *mut fusewire_attempts) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { begun(attempts) }?;
        let settled = words.settle(breaker, &Ending::success())?;
        words.error_type[0] = 0;
        Ok(settled)
    })
}

/// Settles the attempt that is under way as a failure. `error_type`: as for `fusewire_ending`. Returns and fails as
/// `fusewire_attempts_success` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_failure(
    attempts: *mut fusewire_attempts,
    error_type: *const c_char,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promises.
        let ((breaker, words), error_type) = unsafe { (begun(attempts)?, lossy(error_type)) };
        let settled =
            words.settle(breaker, &Ending::new(fusewire::Outcome::Failure, error_type.as_deref()))?;
        words.error_type = text::copy(error_type.as_deref().unwrap_or_default());
        Ok(settled)
    })
}

/// Tells whether the rung of the step `FUSEWIRE_STEP_USE` has answered; `false` when it could not, as a cache that has
/// nothing.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or
/// `FUSEWIRE_ERROR_WRONG_STEP` when no rung is to answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_answered(
    attempts: *mut fusewire_attempts,
    has_answered: bool,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { begun(attempts) }?;
        if !matches!(words.course.next(&breaker.core), Some(Step::Use(_))) {
            return Err(wrong_step("no rung is to answer"));
        }
        words.course.answered(&breaker.core, has_answered);
        Ok(OK)
    })
}

/// Gives a call up, such as a cancelled one; the attempt that is under way, if there is one, is settled as
/// `fusewire_permit_abandon` does. No step comes after that. A call that is over need not be given up, and may be.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, also when that was done before, or
/// `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_abandon(attempts: *mut fusewire_attempts) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { begun(attempts) }?;
        words.course.abandon(&breaker.core);
        // SAFETY: as above.
        unsafe { mark_as_not_begun(attempts) };
        Ok(OK)
    })
}
