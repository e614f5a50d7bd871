//! What a call asks for: its level, its cost, and how long it is of use.

use crate::clock::nanos;
use crate::error::of_request;
use fusewire::binding::{cost_of, priority, priority_of};
use fusewire::{Priority, Request};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use std::ffi::{c_int, c_void};

/// A number; `None` for what is none, and for `True` and `False`.
fn number(given: &Bound<'_, PyAny>) -> Option<f64> {
    if given.is_instance_of::<PyBool>() {
        return None;
    }
    match given.extract::<f64>() {
        Ok(number) => Some(number),
        // A whole number that no double holds.
        Err(_) => given.is_instance_of::<PyInt>().then_some(f64::INFINITY),
    }
}

/// The level that a name or a number stands for.
pub(crate) fn level_of(given: &Bound<'_, PyAny>) -> PyResult<Priority> {
    let found = match (given.cast::<PyString>(), number(given)) {
        (Ok(text), _) => priority(&text.to_string_lossy()),
        (_, Some(number)) => priority_of(number),
        _ => priority_of(f64::NAN),
    };
    found.map_err(|e| of_request(given.py(), &e, Some(given)))
}

/// The name of the level that a name or a number stands for.
#[pyfunction]
pub(crate) fn level_name(given: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    Ok(level_of(given)?.name())
}

fn cost(given: &Bound<'_, PyAny>) -> PyResult<u32> {
    cost_of(number(given).unwrap_or(f64::NAN)).map_err(|e| of_request(given.py(), &e, Some(given)))
}

/// What is given, unless it is `None`.
fn given<'a, 'py>(given: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    given.filter(|given| !given.is_none())
}

/// A request from what a caller says; what is left out takes the core's default.
pub(crate) fn request(
    priority: Option<&Bound<'_, PyAny>>,
    costs: Option<&Bound<'_, PyAny>>,
    deadline: Option<&Bound<'_, PyAny>>,
) -> PyResult<Request> {
    let mut request = Request::new();
    if let Some(priority) = given(priority) {
        request = request.priority(level_of(priority)?);
    }
    if let Some(costs) = given(costs) {
        request = request.cost(cost(costs)?);
    }
    if let Some(deadline) = given(deadline) {
        request = request.deadline(nanos("deadline", deadline)?);
    }
    Ok(request)
}

/// The arguments of a call, as a vectorcall has them.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    pub(crate) args: *const *mut ffi::PyObject,
    pub(crate) count: usize,
    pub(crate) names: *mut ffi::PyObject,
}

impl Arguments {
    /// # Safety
    /// Attached; the arguments are alive.
    unsafe fn call<'py>(self, py: Python<'py>, function: &Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: the caller's promise. Whoever calls on may not use the place before the first argument.
        unsafe {
            let count = self.count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            let answer = ffi::PyObject_Vectorcall(function.as_ptr(), self.args, count, self.names);
            Bound::from_owned_ptr_or_err(py, answer)
        }
    }
}

/// What calls of one function ask for.
pub(crate) struct Asking {
    constant: Request,
    /// Functions of the call's arguments.
    priority: Option<Py<PyAny>>,
    cost: Option<Py<PyAny>>,
}

impl Asking {
    /// Takes it out of the options of one function.
    pub(crate) fn take(options: &Bound<'_, PyDict>) -> PyResult<Option<Box<Asking>>> {
        let taken = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            let found = options.get_item(key)?.filter(|given| !given.is_none());
            if found.is_some() {
                options.del_item(key)?;
            }
            Ok(found)
        };
        let (priority, cost, deadline) = (taken("priority")?, taken("cost")?, taken("deadline")?);
        if priority.is_none() && cost.is_none() && deadline.is_none() {
            return Ok(None);
        }
        let is_constant = |given: &Bound<'_, PyAny>| !given.is_callable();
        let constant = request(
            priority.as_ref().filter(|given| is_constant(given)),
            cost.as_ref().filter(|given| is_constant(given)),
            deadline.as_ref(),
        )?;
        let function = |given: Option<Bound<'_, PyAny>>| given.filter(|g| g.is_callable()).map(Bound::unbind);
        Ok(Some(Box::new(Asking { constant, priority: function(priority), cost: function(cost) })))
    }

    /// Whether the arguments of a call decide; for coroutines, which begin later than they are called.
    #[cfg(Py_3_10)]
    pub(crate) fn needs_arguments(&self) -> bool {
        self.priority.is_some() || self.cost.is_some()
    }

    /// What a call with these arguments asks for.
    ///
    /// # Safety
    /// Attached; the arguments are alive.
    pub(crate) unsafe fn of_call(&self, py: Python<'_>, arguments: Arguments) -> PyResult<Request> {
        let mut request = self.constant;
        if let Some(function) = &self.priority {
            // SAFETY: the caller's promise.
            let said = unsafe { arguments.call(py, function)? };
            if !said.is_none() {
                request = request.priority(level_of(&said)?);
            }
        }
        if let Some(function) = &self.cost {
            // SAFETY: the caller's promise.
            let said = unsafe { arguments.call(py, function)? };
            if !said.is_none() {
                request = request.cost(cost(&said)?);
            }
        }
        Ok(request)
    }

    fn functions(&self) -> impl Iterator<Item = &Py<PyAny>> {
        self.priority.iter().chain(&self.cost)
    }

    /// For the collector, of a PyO3 object.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.functions().try_for_each(|function| visit.call(function))
    }

    /// For the collector, of an object made by hand.
    ///
    /// # Safety
    /// As the interpreter calls a traverse function.
    pub(crate) unsafe fn traverse(&self, visitor: ffi::visitproc, argument: *mut c_void) -> c_int {
        for function in self.functions() {
            // SAFETY: the caller's promise.
            let answer = unsafe { visitor(function.as_ptr(), argument) };
            if answer != 0 {
                return answer;
            }
        }
        0
    }
}
