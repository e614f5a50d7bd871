//! A call of a breaker that has gates: what it asks for, its wait for a slot, and its turn.

use crate::asking::Arguments;
use crate::breaker::Breaker;
use crate::error::of_request;
use crate::guard::Guard;
use crate::guarded::{breaker_of, guard_of};
use crate::permit::Permit;
use crate::rejection::raise_refused;
use fusewire::Request;
use fusewire::binding::{EnteredSlip, Paced, Refused, Slip};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Why there is no permit.
pub(crate) enum Stop {
    Refused(Refused),
    /// The exception is raised.
    Raised,
}

impl From<PyErr> for Stop {
    #[cold]
    fn from(error: PyErr) -> Self {
        attached_restore(error);
        Stop::Raised
    }
}

fn attached_restore(error: PyErr) {
    crate::object::attached(|py| error.restore(py));
}

/// Calls a function of `fusewire._waiting`.
pub(crate) fn waiting<'py>(
    py: Python<'py>,
    function: &str,
    permit: Bound<'py, Permit>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("fusewire._waiting")?.getattr(function)?.call1((permit,))
}

impl Guard {
    /// What a call with these arguments asks for, checked.
    ///
    /// # Safety
    /// Attached; the arguments are alive.
    unsafe fn request_of(&self, py: Python<'_>, arguments: Arguments) -> PyResult<Request> {
        let request = match &self.asking {
            None => return Ok(Request::new()),
            // SAFETY: the caller's promise.
            Some(asking) => unsafe { asking.of_call(py, arguments)? },
        };
        self.checked(py, request)
    }

    /// A request that can be.
    pub(crate) fn checked(&self, py: Python<'_>, request: Request) -> PyResult<Request> {
        self.core.check(&request).map_err(|e| of_request(py, &e, None))?;
        Ok(request)
    }

    /// Asks for a permit, or for a place in the queue.
    pub(crate) fn enter(&self, request: &Request) -> Result<EnteredSlip, Refused> {
        let answer = self.core.enter_slip(request);
        if let Err(refused) = &answer {
            self.tell(refused);
        }
        answer
    }

    /// Asks for a permit; never waits.
    pub(crate) fn acquire_for(&self, request: &Request) -> Result<Paced, Refused> {
        let answer = self.core.acquire_slip_for(request);
        if let Err(refused) = &answer {
            self.tell(refused);
        }
        answer
    }
}

/// A permit to call for; the wait for a slot and for its turn are over when this returns.
///
/// # Safety
/// Attached; the owner has the guard, and the arguments are alive.
#[cold]
pub(crate) unsafe fn admit(
    py: Python<'_>,
    owner: *mut ffi::PyObject,
    guard: &Guard,
    arguments: Arguments,
) -> Result<Slip, Stop> {
    // SAFETY: the caller's promise.
    let request = unsafe { guard.request_of(py, arguments)? };
    // SAFETY: as above.
    let (breaker, function) = unsafe { handles(py, owner) };
    let permit = if guard.core.may_queue() {
        Permit::later(breaker, function, request)
    } else {
        match guard.acquire_for(&request).map_err(Stop::Refused)? {
            (slip, 0) => return Ok(slip),
            paced => Permit::paced(breaker, function, paced),
        }
    };
    let permit = Bound::new(py, permit)?;
    match waiting(py, "enter", permit.clone()) {
        Ok(_) => permit.get().take_slip().map_err(Stop::from),
        Err(error) => Err(match permit.get().refused() {
            Some(refused) => Stop::Refused(refused),
            None => error.into(),
        }),
    }
}

/// # Safety
/// Attached; the owner is alive, and a breaker or a decorated function.
unsafe fn handles(py: Python<'_>, owner: *mut ffi::PyObject) -> (Py<Breaker>, Option<Py<PyAny>>) {
    // SAFETY: the caller's promise.
    let (owner, breaker) = unsafe {
        (Bound::from_borrowed_ptr(py, owner).unbind(), Bound::from_borrowed_ptr(py, breaker_of(owner)))
    };
    let function = guard_of(&owner).is_some().then_some(owner);
    // SAFETY: an owner is one, or has one.
    (unsafe { breaker.cast_into_unchecked::<Breaker>() }.unbind(), function)
}

/// A permit for one call of a decorated function, or of a breaker, for those kinds of function whose run Python follows
/// itself. It is to be entered, where it may have to wait.
#[pyfunction]
pub(crate) fn acquire_for<'py>(
    owner: Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, Permit>> {
    let py = owner.py();
    let handle = owner.clone().unbind();
    let guard = match (guard_of(&handle), owner.cast::<Breaker>()) {
        (Some(guard), _) => guard,
        (None, Ok(breaker)) => &breaker.get().guard,
        _ => return Err(pyo3::exceptions::PyTypeError::new_err("a decorated function, or a breaker")),
    };
    // SAFETY: attached; the owner is alive, and one of these.
    let (breaker, function) = unsafe { handles(py, owner.as_ptr()) };
    let answer = if guard.core.is_gated() {
        let request = request_for(py, guard, args, kwargs)?;
        if guard.core.may_queue() {
            return Bound::new(py, Permit::later(breaker, function, request));
        }
        guard.acquire_for(&request)
    } else {
        guard.acquire().map(|slip| (slip, 0))
    };
    match answer {
        Ok(paced) => Bound::new(py, Permit::paced(breaker, function, paced)),
        Err(refused) => {
            raise_refused(py, breaker.as_ptr(), &refused);
            Err(PyErr::fetch(py))
        }
    }
}

fn request_for(
    py: Python<'_>,
    guard: &Guard,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Request> {
    let names = PyTuple::new(py, kwargs.keys().iter())?;
    let all: Vec<*mut ffi::PyObject> =
        args.iter().chain(kwargs.values().iter()).map(|argument| argument.as_ptr()).collect();
    let arguments = Arguments { args: all.as_ptr(), count: args.len(), names: names.as_ptr() };
    // SAFETY: attached; the tuple and the dict keep the arguments.
    unsafe { guard.request_of(py, arguments) }
}
