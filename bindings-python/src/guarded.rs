//! A decorated function: an object that receives vectorcall and passes it on.
//!
//! PyO3 offers no vectorcall slot, and packing the arguments into a tuple and a dict costs three times what the whole
//! call costs here. So this type is made by hand. The function's own `__code__`, `__defaults__` and so on show through,
//! which is what `inspect` asks a function for.
//!
//! Here is what the package's Python calls: to make one, and to ask what guards it.

mod call;
mod class;
mod course;
mod method;
mod parts;

#[cfg(Py_3_10)]
pub(crate) use course::note_one_attempt;
pub(crate) use parts::{breaker_of, guard_of};

use crate::asking::Asking;
use crate::breaker::Breaker;
use crate::guard::Guard;
use crate::rules::Rules;
use call::{call_async, call_sync};
use parts::Guarded;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ptr;

/// Guards `function` with `breaker`: the object to put in its place. `options` are the rules of this function alone, and
/// what its calls ask for.
#[pyfunction]
pub(crate) fn guard_function<'py>(
    breaker: &Bound<'py, Breaker>,
    function: &Bound<'py, PyAny>,
    is_async: bool,
    options: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = breaker.py();
    let (asking, own) = (Asking::take(options)?, Rules::take(options)?);
    let base = &breaker.get().guard;
    let guard = Guard::new(base.core.clone(), Rules::merged(py, base.rules.as_deref(), own)).asking(asking);
    if let Some(asking) = &guard.asking
        && asking.constant().names_feature()
    {
        // Known now, and not only when the breaker has gates.
        guard.checked(py, asking.constant())?;
    }
    let class = class::guarded_type(py);
    if class.is_null() {
        return Err(PyErr::fetch(py));
    }
    // SAFETY: attached; the fields of the fresh, zeroed object are written before anybody sees it.
    let object = unsafe {
        let object = ffi::PyType_GenericAlloc(class, 0);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        let fields = object.cast::<Guarded>();
        (*fields).vectorcall = Some(if is_async { call_async } else { call_sync });
        (*fields).function = function.clone().into_ptr();
        (*fields).breaker = breaker.clone().into_ptr();
        ptr::write(&raw mut (*fields).guard, guard);
        Bound::from_owned_ptr(py, object)
    };
    dress(&object, function)?;
    Ok(object)
}

/// What `functools.update_wrapper` does, without the import.
fn dress(object: &Bound<'_, PyAny>, function: &Bound<'_, PyAny>) -> PyResult<()> {
    for name in ["__module__", "__name__", "__qualname__", "__doc__"] {
        if let Ok(value) = function.getattr(name) {
            object.setattr(name, value)?;
        }
    }
    if let Ok(own) = function.getattr("__dict__") {
        object.getattr("__dict__")?.call_method1("update", (own,))?;
    }
    object.setattr("__wrapped__", function)
}

/// The fallback that holds for a decorated function, or for calls of a breaker.
#[pyfunction]
pub(crate) fn fallback_of(owner: Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    let py = owner.py();
    let handle = owner.clone().unbind();
    let guard =
        guard_of(&handle).or_else(|| owner.cast::<Breaker>().ok().map(|breaker| &breaker.get().guard));
    let fallback = guard?.rules.as_ref()?.fallback(py)?.clone();
    Some(fallback.unbind())
}

/// What answers by the names of rungs, for a decorated function or for calls of a breaker.
#[pyfunction]
pub(crate) fn rungs_of(owner: Bound<'_, PyAny>) -> Option<Py<PyDict>> {
    let py = owner.py();
    let handle = owner.clone().unbind();
    let guard =
        guard_of(&handle).or_else(|| owner.cast::<Breaker>().ok().map(|breaker| &breaker.get().guard));
    guard?.rules.as_ref()?.rungs(py).map(|rungs| rungs.clone().unbind())
}

/// Puts what is made by hand into its places.
pub(crate) fn add_types(m: &Bound<'_, PyModule>) -> PyResult<()> {
    class::add_type(m)?;
    method::add_methods(m.py())
}
