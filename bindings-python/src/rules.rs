//! What counts as what: the user's rules, in the order of semantics §3.

use crate::error::invalid;
use fusewire::Outcome;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple, PyType};
use std::ffi::{CStr, c_int, c_void};

/// Exceptions that a rule speaks of.
struct Matcher {
    /// Classes, as `except` takes them.
    classes: Option<Py<PyTuple>>,
    predicates: Vec<Py<PyAny>>,
}

impl Matcher {
    fn parse(key: &str, given: &Bound<'_, PyAny>) -> PyResult<Matcher> {
        let py = given.py();
        let mut classes = Vec::new();
        let mut predicates = Vec::new();
        sort(key, given, &mut classes, &mut predicates)?;
        let classes = if classes.is_empty() { None } else { Some(PyTuple::new(py, classes)?.unbind()) };
        Ok(Matcher { classes, predicates })
    }

    fn copy(&self, py: Python<'_>) -> Matcher {
        Matcher {
            classes: self.classes.as_ref().map(|c| c.clone_ref(py)),
            predicates: self.predicates.iter().map(|p| p.clone_ref(py)).collect(),
        }
    }

    /// Whether it speaks of that exception; `None` when a predicate raised, which is logged.
    fn matches(&self, breaker: &str, error: &Bound<'_, PyAny>) -> Option<bool> {
        let py = error.py();
        if let Some(classes) = &self.classes {
            // SAFETY: attached; both are alive. It answers 0 or 1 for classes.
            if unsafe { ffi::PyErr_GivenExceptionMatches(error.as_ptr(), classes.as_ptr()) } != 0 {
                return Some(true);
            }
        }
        let mut failed = false;
        for predicate in &self.predicates {
            match ask(breaker, predicate.bind(py), error) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => failed = true,
            }
        }
        if failed { None } else { Some(false) }
    }
}

/// Sorts what a rule was given into classes and predicates.
fn sort<'py>(
    key: &str,
    given: &Bound<'py, PyAny>,
    classes: &mut Vec<Bound<'py, PyAny>>,
    predicates: &mut Vec<Py<PyAny>>,
) -> PyResult<()> {
    let py = given.py();
    if let Ok(class) = given.cast::<PyType>() {
        if class.is_subclass_of::<pyo3::exceptions::PyBaseException>()? {
            classes.push(given.clone());
            return Ok(());
        }
    } else if given.is_instance_of::<PyTuple>()
        || given.is_instance_of::<PyList>()
        || given.is_instance_of::<PySet>()
        || given.is_instance_of::<PyFrozenSet>()
    {
        for item in given.try_iter()? {
            sort(key, &item?, classes, predicates)?;
        }
        return Ok(());
    } else if given.is_callable() {
        predicates.push(given.clone().unbind());
        return Ok(());
    }
    Err(invalid(
        py,
        key,
        given,
        "an exception class, a predicate such as lambda error: ..., or a tuple of them",
    ))
}

/// Asks a predicate. One that raises, or that answers a coroutine, is logged and has no answer.
fn ask(breaker: &str, predicate: &Bound<'_, PyAny>, given: &Bound<'_, PyAny>) -> Option<bool> {
    let answer = predicate.call1((given,)).and_then(|answer| {
        // SAFETY: attached, and the object is alive.
        if unsafe { ffi::PyCoro_CheckExact(answer.as_ptr()) } != 0 {
            answer.call_method0("close")?;
            return Err(pyo3::exceptions::PyTypeError::new_err(
                "it is a coroutine function, and must answer at once: write def, not async def",
            ));
        }
        answer.is_truthy()
    });
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            crate::events::log_error(predicate.py(), "a predicate", breaker, &error);
            None
        }
    }
}

/// What a call that raised counts as.
pub(crate) enum Verdict {
    /// As an outcome.
    Outcome(Outcome),
    /// As a permit that was dropped.
    Abandoned,
}

/// The type under which a failure is counted.
pub(crate) enum ErrorType {
    /// The name of the exception's class.
    Class,
    /// What the user's `error_type` said; `None` for an empty text, which is no type, and for what is no failure.
    Said(Option<String>),
}

impl ErrorType {
    /// The type of that exception.
    pub(crate) fn of<'a>(&'a self, error: &'a Bound<'_, PyAny>) -> Option<&'a str> {
        match self {
            ErrorType::Class => Some(class_name(error)),
            ErrorType::Said(name) => name.as_deref(),
        }
    }
}

/// The rules of a breaker or of one decorated function.
#[derive(Default)]
pub(crate) struct Rules {
    ignore: Option<Matcher>,
    failure: Option<Matcher>,
    failure_result: Option<Py<PyAny>>,
    error_type: Option<Py<PyAny>>,
    fallback: Option<Py<PyAny>>,
    /// Failures that rungs answer for; all of them where none is named.
    fall_back_on: Option<Matcher>,
    /// Functions and constants, by the names of rungs.
    rungs: Option<Py<PyDict>>,
}

/// The options that are rules, in the order in which they are read.
pub(crate) const KEYS: [&str; 7] =
    ["ignore", "failure", "failure_result", "error_type", "fallback", "fall_back_on", "rungs"];

impl Rules {
    /// Takes the rules out of keyword arguments; what is left belongs to the document.
    pub(crate) fn take(options: &Bound<'_, PyDict>) -> PyResult<Option<Box<Rules>>> {
        let mut rules = Rules::default();
        let mut any = false;
        for key in KEYS {
            let Some(given) = options.get_item(key)? else { continue };
            if key == "fallback" && (given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>()) {
                // The names of rungs are the document's; see `fusewire._fallback`.
                continue;
            }
            options.del_item(key)?;
            if given.is_none() {
                continue;
            }
            any = true;
            match key {
                "ignore" => rules.ignore = Some(Matcher::parse(key, &given)?),
                "failure" => rules.failure = Some(Matcher::parse(key, &given)?),
                "failure_result" => {
                    rules.failure_result = Some(callable(
                        key,
                        &given,
                        "a predicate of the result, such as lambda r: r.status >= 500",
                    )?);
                }
                "error_type" => {
                    rules.error_type =
                        Some(callable(key, &given, "a function from an exception to a short text")?)
                }
                "fall_back_on" => rules.fall_back_on = Some(Matcher::parse(key, &given)?),
                "rungs" => {
                    let table = "a dict of functions and constants by the names of rungs";
                    let rungs =
                        given.cast::<PyDict>().map_err(|_| invalid(given.py(), key, &given, table))?;
                    rules.rungs = Some(rungs.copy()?.unbind());
                }
                _ => {
                    rules.fallback = Some(callable(
                        key,
                        &given,
                        "a function that takes the arguments of the call, or a list of rungs",
                    )?)
                }
            }
        }
        Ok(any.then(|| Box::new(rules)))
    }

    /// These rules, where `over` has none of its own.
    pub(crate) fn merged(
        py: Python<'_>,
        base: Option<&Rules>,
        over: Option<Box<Rules>>,
    ) -> Option<Box<Rules>> {
        let Some(base) = base else { return over };
        let mut all = over.unwrap_or_default();
        all.ignore = all.ignore.or_else(|| base.ignore.as_ref().map(|m| m.copy(py)));
        all.failure = all.failure.or_else(|| base.failure.as_ref().map(|m| m.copy(py)));
        let other = |mine: Option<Py<PyAny>>, theirs: &Option<Py<PyAny>>| {
            mine.or_else(|| theirs.as_ref().map(|p| p.clone_ref(py)))
        };
        all.failure_result = other(all.failure_result.take(), &base.failure_result);
        all.error_type = other(all.error_type.take(), &base.error_type);
        all.fallback = other(all.fallback.take(), &base.fallback);
        all.fall_back_on = all.fall_back_on.or_else(|| base.fall_back_on.as_ref().map(|m| m.copy(py)));
        all.rungs = match (all.rungs.take(), &base.rungs) {
            (None, base) => base.as_ref().map(|rungs| rungs.clone_ref(py)),
            (Some(own), None) => Some(own),
            (Some(own), Some(base)) => {
                let rungs = base.bind(py).copy();
                // Neither holds what a dict would not take.
                rungs
                    .and_then(|rungs| rungs.update(own.bind(py).as_mapping()).map(|()| rungs.unbind()))
                    .ok()
                    .or(Some(own))
            }
        };
        Some(all)
    }

    /// Whether a result decides something.
    pub(crate) fn judges_results(&self) -> bool {
        self.failure_result.is_some()
    }

    /// What is called in place of a call that is turned away.
    pub(crate) fn fallback<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyAny>> {
        self.fallback.as_ref().map(|f| f.bind(py))
    }

    /// What answers by the names of rungs.
    pub(crate) fn rungs<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyDict>> {
        self.rungs.as_ref().map(|rungs| rungs.bind(py))
    }

    /// Whether a rung answers for that failure.
    pub(crate) fn falls_back(&self, breaker: &str, error: &Bound<'_, PyAny>) -> bool {
        self.fall_back_on.as_ref().is_none_or(|matcher| matcher.matches(breaker, error) != Some(false))
    }

    /// What a result counts as.
    pub(crate) fn of_result(&self, breaker: &str, result: &Bound<'_, PyAny>) -> Outcome {
        match &self.failure_result {
            Some(predicate) if ask(breaker, predicate.bind(result.py()), result) == Some(true) => {
                Outcome::Failure
            }
            _ => Outcome::Success,
        }
    }

    /// What the user says of an exception that is neither a cancellation nor an interpreter's exit.
    fn of_error(&self, breaker: &str, error: &Bound<'_, PyAny>) -> Outcome {
        if self.ignore.as_ref().is_some_and(|m| m.matches(breaker, error) == Some(true)) {
            return Outcome::Ignored;
        }
        match &self.failure {
            Some(failure) if failure.matches(breaker, error) == Some(false) => Outcome::Success,
            _ => Outcome::Failure,
        }
    }

    /// The type under which an error is counted. Where an `error_type` answers `None`, or raises, which is logged, what is
    /// known of the class decides.
    fn type_of(&self, breaker: &str, error: &Bound<'_, PyAny>) -> ErrorType {
        let Some(namer) = &self.error_type else { return ErrorType::Class };
        let said = namer
            .bind(error.py())
            .call1((error,))
            .and_then(|name| if name.is_none() { Ok(None) } else { Ok(Some(name.str()?.to_string())) });
        match said {
            Ok(None) => ErrorType::Class,
            Ok(name) => ErrorType::Said(name.filter(|name| !name.is_empty())),
            Err(thrown) => {
                crate::events::log_error(error.py(), "error_type", breaker, &thrown);
                ErrorType::Class
            }
        }
    }

    /// Every object that the rules hold, for the collector.
    fn objects(&self) -> impl Iterator<Item = &Py<PyAny>> {
        let matchers = self.ignore.iter().chain(&self.failure).chain(&self.fall_back_on);
        let own = self.failure_result.iter().chain(&self.error_type).chain(&self.fallback);
        matchers.flat_map(|m| &m.predicates).chain(own)
    }

    /// For the collector, of a PyO3 object.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.rungs)?;
        self.objects().try_for_each(|object| visit.call(object))
    }

    /// For the collector, of an object made by hand.
    ///
    /// # Safety
    /// As the interpreter calls a traverse function.
    pub(crate) unsafe fn traverse(&self, visitor: ffi::visitproc, argument: *mut c_void) -> c_int {
        if let Some(rungs) = &self.rungs {
            // SAFETY: the caller's promise.
            let answer = unsafe { visitor(rungs.as_ptr(), argument) };
            if answer != 0 {
                return answer;
            }
        }
        for object in self.objects() {
            // SAFETY: the caller's promise.
            let answer = unsafe { visitor(object.as_ptr(), argument) };
            if answer != 0 {
                return answer;
            }
        }
        0
    }
}

fn callable(key: &str, given: &Bound<'_, PyAny>, allowed: &str) -> PyResult<Py<PyAny>> {
    if given.is_callable() {
        Ok(given.clone().unbind())
    } else {
        Err(invalid(given.py(), key, given, allowed))
    }
}

/// The name of an object's class, without its module.
pub(crate) fn class_name<'a>(object: &'a Bound<'_, PyAny>) -> &'a str {
    // SAFETY: a type's name is text of its own, which lives as long as the type.
    let name = unsafe { CStr::from_ptr((*ffi::Py_TYPE(object.as_ptr())).tp_name) };
    let name = name.to_str().unwrap_or("Exception");
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether the exception is a cancellation of `asyncio` or trio, or ends a generator or a greenlet.
fn is_cancellation(error: &Bound<'_, PyAny>) -> bool {
    if error.is_instance_of::<pyo3::exceptions::PyGeneratorExit>() {
        return true;
    }
    // By name along the ancestors: none of these packages need be loaded, and none is loaded for this.
    let class = error.get_type();
    class.mro().iter().any(|ancestor| {
        let Ok(ancestor) = ancestor.cast_into::<PyType>() else { return false };
        let (Ok(module), Ok(name)) = (ancestor.module(), ancestor.qualname()) else { return false };
        let (Ok(module), Ok(name)) = (module.to_str(), name.to_str()) else { return false };
        matches!(
            (module, name),
            ("asyncio.exceptions", "CancelledError")
                | ("trio" | "trio._core._exceptions", "Cancelled")
                | ("greenlet", "GreenletExit")
        )
    })
}

/// What an exception counts as, with the type to count it under if it is a failure.
pub(crate) fn judge(rules: Option<&Rules>, breaker: &str, error: &Bound<'_, PyAny>) -> (Verdict, ErrorType) {
    if !error.is_instance_of::<pyo3::exceptions::PyException>() {
        if error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>()
            || error.is_instance_of::<pyo3::exceptions::PySystemExit>()
        {
            return (Verdict::Outcome(Outcome::Ignored), ErrorType::Said(None));
        }
        if is_cancellation(error) {
            return (Verdict::Abandoned, ErrorType::Said(None));
        }
    }
    let outcome = rules.map_or(Outcome::Failure, |rules| rules.of_error(breaker, error));
    let kind = match rules {
        _ if outcome != Outcome::Failure => ErrorType::Said(None),
        Some(rules) => rules.type_of(breaker, error),
        None => ErrorType::Class,
    };
    (Verdict::Outcome(outcome), kind)
}
