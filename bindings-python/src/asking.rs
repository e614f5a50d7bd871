//! What a call asks for: its level, its cost, how long it is of use, and what it is a call of.

use crate::clock::nanos;
use crate::error::{of_request, wrong_request};
use fusewire::binding::{cost_of, priority, priority_of};
use fusewire::{Priority, Request};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDelta, PyDict, PyInt, PyString};
use std::ffi::{c_int, c_void};
use std::sync::Arc;

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

/// What a caller may say of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Priority,
    Cost,
    Deadline,
    Feature,
    Method,
    Idempotent,
    Once,
    Key,
}

impl Field {
    pub(crate) const ALL: [Field; 8] = [
        Field::Priority,
        Field::Cost,
        Field::Deadline,
        Field::Feature,
        Field::Method,
        Field::Idempotent,
        Field::Once,
        Field::Key,
    ];

    /// Whether it says what may be done around the call, and nothing of who may make it.
    fn is_around_the_call(self) -> bool {
        matches!(self, Field::Method | Field::Idempotent | Field::Once | Field::Key)
    }

    /// The keyword.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::Priority => "priority",
            Field::Cost => "cost",
            Field::Deadline => "deadline",
            Field::Feature => "feature",
            Field::Method => "method",
            Field::Idempotent => "idempotent",
            Field::Once => "once",
            Field::Key => "key",
        }
    }
}

const INSTANT: &str = "an instant of the breaker's clock in seconds, such as time.monotonic() + 5";

/// The option that says what keys of one function begin with.
const KEY_SPACE: &str = "key_space";

/// What a call asks for, as it was said; what is left out takes the core's default.
#[derive(Clone, Default)]
pub(crate) struct Said {
    priority: Option<Priority>,
    cost: Option<u32>,
    deadline: Option<u64>,
    feature: Option<Arc<str>>,
    method: Option<Arc<str>>,
    is_idempotent: Option<bool>,
    /// Whether it may be made once only, as where nobody knows of what method it is.
    is_once: bool,
    key: Option<Arc<str>>,
    /// How much of the key's beginning keeps it apart from those of other functions.
    space: usize,
}

impl Said {
    /// What the keywords of a call say, in the order of [`Field::ALL`].
    pub(crate) fn of(given: [Option<&Bound<'_, PyAny>>; Field::ALL.len()]) -> PyResult<Self> {
        let mut said = Said::default();
        for (field, given) in Field::ALL.into_iter().zip(given) {
            if let Some(given) = given {
                said.say(field, given)?;
            }
        }
        Ok(said)
    }

    /// `None` says nothing.
    fn say(&mut self, field: Field, given: &Bound<'_, PyAny>) -> PyResult<()> {
        if given.is_none() {
            return Ok(());
        }
        match field {
            Field::Priority => self.priority = Some(level_of(given)?),
            Field::Cost => self.cost = Some(cost(given)?),
            Field::Deadline if given.is_instance_of::<PyDelta>() => {
                return Err(wrong_request("deadline", given, INSTANT));
            }
            Field::Deadline => self.deadline = Some(nanos("deadline", given)?),
            Field::Feature => self.feature = Some(text(field, given)?),
            Field::Method => self.method = Some(text(field, given)?),
            Field::Idempotent => self.is_idempotent = Some(given.is_truthy()?),
            Field::Once => self.is_once = given.is_truthy()?,
            Field::Key => self.key = Some(text(field, given)?),
        }
        Ok(())
    }

    /// For the core.
    pub(crate) fn request(&self) -> Request<'_> {
        let mut request = Request::new();
        if let Some(priority) = self.priority {
            request = request.priority(priority);
        }
        if let Some(cost) = self.cost {
            request = request.cost(cost);
        }
        if let Some(deadline) = self.deadline {
            request = request.deadline(deadline);
        }
        if let Some(feature) = &self.feature {
            request = request.feature(feature);
        }
        if let Some(method) = &self.method {
            request = request.method(method);
        }
        match self.is_idempotent {
            Some(true) => request = request.idempotent(),
            Some(false) => request = request.once(),
            None => {}
        }
        if self.is_once {
            request = request.once();
        }
        if let Some(key) = &self.key {
            request = request.key(key);
        }
        request
    }

    /// Of which feature it is.
    pub(crate) fn feature(&self) -> Option<&str> {
        self.feature.as_deref()
    }

    /// Until when it is of use.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Under what its value is cached.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The key as it was said.
    pub(crate) fn own_key(&self) -> Option<&str> {
        self.key().and_then(|key| key.get(self.space..))
    }

    /// Keeps the key apart from those of other functions.
    fn apart(&mut self, space: &str) {
        if let Some(key) = self.key.as_ref().filter(|_| !space.is_empty()) {
            (self.key, self.space) = (Some(Arc::from(format!("{space}{key}"))), space.len());
        }
    }

    /// Its level, if one was said.
    pub(crate) fn priority(&self) -> Option<Priority> {
        self.priority
    }

    /// Whether it may be wrong of a breaker that has no gates.
    pub(crate) fn names_feature(&self) -> bool {
        self.feature.is_some()
    }

    /// Whether it says something to a breaker that has no gates.
    pub(crate) fn matters_without_gates(&self) -> bool {
        self.feature.is_some() || self.deadline.is_some()
    }
}

fn text(field: Field, given: &Bound<'_, PyAny>) -> PyResult<Arc<str>> {
    match given.cast::<PyString>() {
        Ok(text) => Ok(Arc::from(&*text.to_string_lossy())),
        Err(_) => Err(wrong_request(field.name(), given, "a text")),
    }
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
    constant: Said,
    /// Functions of the call's arguments.
    functions: Vec<(Field, Py<PyAny>)>,
    /// What keys begin with, so that no other function has the same.
    space: String,
}

impl Asking {
    /// Takes it out of the options of one function.
    pub(crate) fn take(options: &Bound<'_, PyDict>) -> PyResult<Option<Box<Asking>>> {
        let mut asking = Asking { constant: Said::default(), functions: Vec::new(), space: String::new() };
        let mut any = false;
        if let Some(space) = options.get_item(KEY_SPACE)? {
            options.del_item(KEY_SPACE)?;
            asking.space = space.extract()?;
        }
        for field in Field::ALL {
            let Some(given) = options.get_item(field.name())? else { continue };
            if given.is_none() {
                // Said by nobody; of the same name may be a key of the document.
                continue;
            }
            any = true;
            options.del_item(field.name())?;
            if given.is_callable() && field != Field::Deadline {
                asking.functions.push((field, given.unbind()));
            } else {
                asking.constant.say(field, &given)?;
            }
        }
        asking.constant.apart(&asking.space);
        Ok(any.then(|| Box::new(asking)))
    }

    /// What is the same for all calls.
    pub(crate) fn constant(&self) -> &Said {
        &self.constant
    }

    /// Whether the arguments of a call decide; for coroutines, which begin later than they are called.
    #[cfg(Py_3_10)]
    pub(crate) fn needs_arguments(&self) -> bool {
        !self.functions.is_empty()
    }

    /// Whether values of calls may be cached: one says under what.
    #[cfg(Py_3_10)]
    pub(crate) fn may_name_key(&self) -> bool {
        self.constant.key.is_some() || self.functions.iter().any(|(field, _)| *field == Field::Key)
    }

    /// What a call with these arguments asks for. Who asks for what cannot be told is an error; what would only be done around
    /// the call is logged, and left out then: a key that cannot be made, and a method, without which the call is made once.
    ///
    /// # Safety
    /// Attached; the arguments are alive.
    pub(crate) unsafe fn of_call(
        &self,
        py: Python<'_>,
        breaker: &str,
        arguments: Arguments,
    ) -> PyResult<Said> {
        let mut said = self.constant.clone();
        for (field, function) in &self.functions {
            // SAFETY: the caller's promise.
            let answer = unsafe { arguments.call(py, function) };
            match answer.and_then(|answer| said.say(*field, &answer)) {
                Err(error)
                    if field.is_around_the_call()
                        && error.is_instance_of::<pyo3::exceptions::PyException>(py) =>
                {
                    crate::events::log_error(py, field.name(), breaker, &error);
                    said.is_once |= *field == Field::Method;
                }
                answer => answer?,
            }
            if *field == Field::Key {
                said.apart(&self.space);
            }
        }
        Ok(said)
    }

    fn functions(&self) -> impl Iterator<Item = &Py<PyAny>> {
        self.functions.iter().map(|(_, function)| function)
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
