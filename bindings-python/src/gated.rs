//! A call of a breaker that has gates: what it asks for, its wait for a slot, and its turn.

use crate::asking::{Arguments, Said};
use crate::attempts::Attempts;
use crate::breaker::Breaker;
use crate::error::of_request;
use crate::guard::Guard;
use crate::guarded::{breaker_of, guard_of};
use crate::permit::Permit;
use crate::rejection::raise_refused_of;
use fusewire::Wanted;
use fusewire::binding::{EnteredSlip, Paced, Refused, Slip};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
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

/// Whether this thread runs an event loop.
fn runs_loop(py: Python<'_>) -> PyResult<bool> {
    static ASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = || Ok::<_, PyErr>(py.import("fusewire._waiting")?.getattr("runs_loop")?.unbind());
    ASK.get_or_try_init(py, found)?.bind(py).call0()?.is_truthy()
}

impl Guard {
    /// What a call with these arguments asks for.
    ///
    /// # Safety
    /// Attached; the arguments are alive.
    pub(crate) unsafe fn said_of(&self, py: Python<'_>, arguments: Arguments) -> PyResult<Said> {
        match &self.asking {
            None => Ok(Said::default()),
            // SAFETY: the caller's promise.
            Some(asking) => unsafe { asking.of_call(py, self.core.name(), arguments) },
        }
    }

    /// The same, checked.
    ///
    /// # Safety
    /// As there.
    unsafe fn wanted_of(&self, py: Python<'_>, arguments: Arguments) -> PyResult<Wanted> {
        match &self.asking {
            None => Ok(Wanted::default()),
            // SAFETY: the caller's promise.
            Some(_) => self.checked(py, &unsafe { self.said_of(py, arguments)? }),
        }
    }

    /// A request that can be.
    pub(crate) fn checked(&self, py: Python<'_>, said: &Said) -> PyResult<Wanted> {
        self.core.check(&said.request()).map_err(|e| of_request(py, &e, None))
    }

    /// Asks for a permit, or for a place in the queue.
    pub(crate) fn enter(&self, request: &Wanted) -> Result<EnteredSlip, Refused> {
        let answer = self.core.enter_slip(request);
        if let Err(refused) = &answer {
            self.tell(refused);
        }
        answer
    }

    /// Asks for a permit; never waits.
    pub(crate) fn acquire_for(&self, request: &Wanted) -> Result<Paced, Refused> {
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
#[inline(never)]
pub(crate) unsafe fn admit(
    py: Python<'_>,
    owner: *mut ffi::PyObject,
    guard: &Guard,
    arguments: Arguments,
) -> Result<Slip, Stop> {
    // SAFETY: the caller's promise.
    let request = unsafe { guard.wanted_of(py, arguments)? };
    // A loop would stand still, and is not queued for.
    let entered = if guard.core.may_queue() && !runs_loop(py)? {
        guard.enter(&request).map_err(Stop::Refused)?
    } else {
        EnteredSlip::Admitted(guard.acquire_for(&request).map_err(Stop::Refused)?)
    };
    if let EnteredSlip::Admitted((slip, 0)) = entered {
        if guard.core.slip_timeout(&slip) == Some(0) {
            guard.core.abandon_slip(&slip);
            // SAFETY: as above.
            return Err(unsafe { too_late(py, owner) }.into());
        }
        return Ok(slip);
    }
    // SAFETY: as above.
    let (breaker, function) = unsafe { handles(py, owner) };
    let permit = match entered {
        EnteredSlip::Admitted(paced) => Permit::paced(breaker, function, paced),
        EnteredSlip::Waiting(place) => Permit::queued(breaker, function, request, place),
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

/// The error of a call whose deadline leaves it no time.
///
/// # Safety
/// As for [`handles`].
#[cold]
pub(crate) unsafe fn too_late(py: Python<'_>, owner: *mut ffi::PyObject) -> PyErr {
    // SAFETY: the caller's promise.
    let (breaker, _) = unsafe { handles(py, owner) };
    let made = py
        .import("fusewire._errors")
        .and_then(|errors| errors.getattr("CallTimeoutError"))
        .and_then(|class| class.call1((breaker, 0.0)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// # Safety
/// Attached; the owner is alive, and a breaker or a decorated function.
pub(crate) unsafe fn handles(py: Python<'_>, owner: *mut ffi::PyObject) -> (Py<Breaker>, Option<Py<PyAny>>) {
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
    let Some(guard) = guard_in(&handle, &owner) else {
        return Err(pyo3::exceptions::PyTypeError::new_err("a decorated function, or a breaker"));
    };
    // SAFETY: attached; the owner is alive, and one of these.
    let (breaker, function) = unsafe { handles(py, owner.as_ptr()) };
    let is_asked = guard.asking.as_ref().is_some_and(|asking| asking.constant().matters_without_gates());
    let mut feature = None;
    let answer = if guard.core.is_gated() || is_asked {
        let said = said_for(py, guard, args, kwargs)?;
        let request = guard.checked(py, &said)?;
        feature = said.feature().map(str::to_owned);
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
            raise_refused_of(py, breaker.as_ptr(), &refused, feature.as_deref());
            Err(PyErr::fetch(py))
        }
    }
}

/// The attempts of one call of a decorated function, or of a breaker; `None` when a call is one attempt and no more.
#[pyfunction]
pub(crate) fn attempts_for(
    owner: Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Option<Attempts>> {
    let py = owner.py();
    let handle = owner.clone().unbind();
    let Some(guard) = guard_in(&handle, &owner) else { return Ok(None) };
    if !guard.core.has_course() {
        return Ok(None);
    }
    // SAFETY: attached; the owner is alive, and one of these.
    let (breaker, function) = unsafe { handles(py, owner.as_ptr()) };
    let said = said_for(py, guard, args, kwargs)?;
    Attempts::begin(py, breaker, function, said).map(Some)
}

/// The guard of a decorated function, or of a breaker.
fn guard_in<'a>(handle: &'a Py<PyAny>, owner: &'a Bound<'_, PyAny>) -> Option<&'a Guard> {
    guard_of(handle).or_else(|| owner.cast::<Breaker>().ok().map(|breaker| &breaker.get().guard))
}

/// What a call with these arguments asks for.
pub(crate) fn said_for(
    py: Python<'_>,
    guard: &Guard,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Said> {
    let names = PyTuple::new(py, kwargs.keys().iter())?;
    let all: Vec<*mut ffi::PyObject> =
        args.iter().chain(kwargs.values().iter()).map(|argument| argument.as_ptr()).collect();
    let arguments = Arguments { args: all.as_ptr(), count: args.len(), names: names.as_ptr() };
    // SAFETY: attached; the tuple and the dict keep the arguments.
    unsafe { guard.said_of(py, arguments) }
}
