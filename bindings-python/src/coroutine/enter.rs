//! Asking for a permit where the breaker has gates or policies around the call: at its first step, which never waits. What
//! has to, goes on in Python.

use super::begin::kept_arguments;
use super::parts::{Coroutine, GATED, LIMITED, TRIES};
use crate::asking::{Arguments, Said};
use crate::attempts::Attempts;
use crate::first::First;
use crate::gated::{handles, said_for, too_late};
use crate::guard::Guard;
use crate::permit::Permit;
use fusewire::binding::{Course, EnteredSlip, Refused, Slip};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why the first attempt is not made here.
pub(super) enum Stop {
    /// Of a call of that feature, if it has said one.
    Refused(Refused, Option<Arc<str>>),
    Raised(PyErr),
    /// A coroutine of Python's makes the call.
    Instead(Py<PyAny>),
}

impl From<PyErr> for Stop {
    #[cold]
    fn from(error: PyErr) -> Self {
        Stop::Raised(error)
    }
}

/// Asks; a slip to call for at once.
///
/// # Safety
/// Attached; the phase is `STARTING`, by this thread.
#[inline(never)]
pub(super) unsafe fn enter(slf: *mut Coroutine, guard: &Guard) -> Result<Slip, Stop> {
    // SAFETY: the caller's promise.
    let (py, this) = unsafe { (Python::assume_attached(), &*slf) };
    let tries = guard.core.has_course() && !this.function.is_null();
    // SAFETY: as above.
    unsafe {
        if tries && guard.asking.as_ref().is_some_and(|asking| asking.may_name_key()) {
            return Err(through_gates(py, this, None));
        }
        let said = said_of(py, this, guard)?;
        let first = First::begin(py, guard, said, tries)?;
        if tries && let Some(course) = first.lapsed(guard) {
            return Err(told(py, this, first, course, None));
        }
        let entered = if guard.core.may_queue() {
            guard.enter(&first.wanted)
        } else {
            let mut slip = Slip::default();
            first.ask(guard, &mut slip).map(|wait| EnteredSlip::Admitted((slip, wait)))
        };
        let admitted = match &entered {
            Ok(EnteredSlip::Admitted((slip, 0))) => kind_of(py, guard, slip, tries).map(|kind| (kind, *slip)),
            _ => None,
        };
        let Some((kind, slip)) = admitted else {
            return Err(match tries {
                true => attempts(py, this, guard, first, entered),
                false => waits(py, this, first, entered),
            });
        };
        if tries {
            (*slf).first.write(first);
        } else if guard.core.slip_timeout(&slip) == Some(0) {
            guard.core.abandon_slip(&slip);
            return Err(Stop::Raised(too_late(py, this.owner)));
        }
        this.kind.store(kind, Ordering::Relaxed);
        Ok(slip)
    }
}

/// What kind of call it is that may be made at once; `None`: one that Python makes.
fn kind_of(py: Python<'_>, guard: &Guard, slip: &Slip, tries: bool) -> Option<u8> {
    let is_limited = guard.core.slip_timeout(slip).is_some();
    if (tries && guard.core.has_hedge()) || (is_limited && in_trio(py)) {
        return None;
    }
    Some(GATED | if is_limited { LIMITED } else { 0 } | if tries { TRIES } else { 0 })
}

/// What the call asks for; `None`: nothing of its own.
unsafe fn said_of(py: Python<'_>, this: &Coroutine, guard: &Guard) -> PyResult<Option<Said>> {
    let Some(asking) = &guard.asking else { return Ok(None) };
    if !asking.needs_arguments() {
        return Ok(Some(asking.constant().clone()));
    }
    // SAFETY: attached; the object keeps them.
    unsafe {
        if this.args.is_null() && this.kwargs.is_null() {
            let (args, count) = (this.few.as_ptr(), this.given as usize);
            return guard.said_of(py, Arguments { args, count, names: ptr::null_mut() }).map(Some);
        }
        let (args, kwargs) = kept_arguments(py, this)?;
        said_for(py, guard, &args, &kwargs).map(Some)
    }
}

/// Whether trio runs this: its scopes are entered before the function is called, or not at all.
fn in_trio(py: Python<'_>) -> bool {
    static ASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // SAFETY: attached; both are alive.
    if unsafe { ffi::PyDict_Contains(ffi::PyImport_GetModuleDict(), intern!(py, "trio").as_ptr()) } != 1 {
        return false;
    }
    let found = || Ok::<_, PyErr>(py.import("fusewire._waiting")?.getattr("in_trio")?.unbind());
    let asked = ASK.get_or_try_init(py, found).and_then(|ask| ask.bind(py).call0()?.is_truthy());
    asked.unwrap_or(false)
}

/// A call of one attempt whose wait, if it has one, is begun.
unsafe fn waits(
    py: Python<'_>,
    this: &Coroutine,
    first: First,
    entered: Result<EnteredSlip, Refused>,
) -> Stop {
    // SAFETY: attached; the owner is alive.
    unsafe {
        let (breaker, function) = handles(py, this.owner);
        let permit = match entered {
            Err(refused) => {
                let feature = first.said.as_ref().and_then(Said::feature);
                return Stop::Refused(refused, feature.map(Arc::from));
            }
            Ok(EnteredSlip::Admitted(paced)) => Permit::paced(breaker, function, paced),
            Ok(EnteredSlip::Waiting(place)) => Permit::queued(breaker, function, first.wanted, place),
        };
        through_gates(py, this, Some(permit))
    }
}

/// `fusewire._streams.through_gates`: asks, unless there is a permit, makes the call and settles it.
unsafe fn through_gates(py: Python<'_>, this: &Coroutine, permit: Option<Permit>) -> Stop {
    let made = || -> PyResult<Bound<'_, PyAny>> {
        // SAFETY: attached; what is not null is alive.
        let object = |pointer| unsafe { Bound::from_borrowed_ptr_or_opt(py, pointer) };
        // SAFETY: as above.
        let (args, kwargs) = unsafe { kept_arguments(py, this)? };
        let permit = permit.map(|permit| Bound::new(py, permit)).transpose()?;
        let parts = (object(this.owner), object(this.function), object(this.inner()), args, kwargs, permit);
        py.import("fusewire._streams")?.getattr("through_gates")?.call1(parts)
    };
    made().map_or_else(Stop::Raised, |made| Stop::Instead(made.unbind()))
}

/// A call whose first attempt was asked for.
unsafe fn attempts(
    py: Python<'_>,
    this: &Coroutine,
    guard: &Guard,
    first: First,
    entered: Result<EnteredSlip, Refused>,
) -> Stop {
    // SAFETY: attached; the owner is alive.
    unsafe {
        let (course, permit) = match entered {
            Err(refused) => (first.told(guard, Err(refused)), None),
            Ok(EnteredSlip::Admitted(paced)) => (first.told(guard, Ok(paced)), None),
            Ok(EnteredSlip::Waiting(place)) => {
                let (breaker, own) = handles(py, this.owner);
                (first.course(guard), Some(Permit::queued(breaker, own, first.wanted, place)))
            }
        };
        told(py, this, first, course, permit)
    }
}

/// A call that goes on in Python, with the permit that it waits for, if it does.
unsafe fn told(
    py: Python<'_>,
    this: &Coroutine,
    mut first: First,
    course: Box<Course>,
    permit: Option<Permit>,
) -> Stop {
    // SAFETY: attached; the owner is alive.
    unsafe {
        let (breaker, function) = handles(py, this.owner);
        let attempts = Attempts::going_on(breaker, function, first.said.take().unwrap_or_default(), course);
        rest(py, this, attempts, |attempts| {
            let permit = permit.map(|permit| Bound::new(py, permit)).transpose()?;
            Ok((attempts, permit, None, None, None))
        })
        .map_or_else(Stop::Raised, |rest| Stop::Instead(rest.unbind()))
    }
}

/// What `fusewire._course.rest` is told of a call: its attempts, the permit that it waits for, what the attempt has raised,
/// what it has returned, and within how many seconds it should have.
pub(super) type Told<'py> = (
    Bound<'py, Attempts>,
    Option<Bound<'py, Permit>>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
    Option<f64>,
);

/// The coroutine that makes the rest of a call.
///
/// # Safety
/// Attached; the object is alive.
pub(super) unsafe fn rest<'py>(
    py: Python<'py>,
    this: &Coroutine,
    attempts: Attempts,
    told: impl FnOnce(Bound<'py, Attempts>) -> PyResult<Told<'py>>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: attached; what is not null is alive.
    let object = |pointer| unsafe { Bound::from_borrowed_ptr_or_opt(py, pointer) };
    let (attempts, permit, error, result, limit) = told(Bound::new(py, attempts)?)?;
    // SAFETY: as above.
    let (args, kwargs) = unsafe { kept_arguments(py, this)? };
    // One that has run is not to be closed.
    let fresh =
        if error.is_none() && result.is_none() && limit.is_none() { object(this.inner()) } else { None };
    let parts = (
        object(this.owner),
        object(this.function),
        fresh,
        args,
        kwargs,
        attempts,
        permit,
        error,
        result,
        limit,
    );
    py.import("fusewire._course")?.getattr("rest")?.call1(parts)
}
