//! The awaitable of a guarded call: a coroutine over the function's own, which asks for a permit at its first step and
//! settles it at its last.
//!
//! The interpreter resumes an awaitable through `am_send` (asyncio's tasks; `await` up to 3.11) or through `tp_iternext`
//! (`await` from 3.12 on). Both lead to one step. A result leaves `tp_iternext` as a `StopIteration`.
//!
//! While the breaker is open, or where it has gates, the function is not called before there is a permit: a coroutine that
//! will be thrown away costs more than the rejection.
//!
//! A call that is let in at once and succeeds at its first attempt is made here from the first step to the last. What waits
//! before it, or comes after, is a coroutine of Python's that takes the inner one's place.

#[cfg(Py_3_10)]
mod begin;
#[cfg(Py_3_10)]
mod class;
#[cfg(Py_3_10)]
mod end;
#[cfg(Py_3_10)]
mod enter;
#[cfg(Py_3_10)]
mod parts;
#[cfg(Py_3_10)]
mod step;

#[cfg(not(Py_3_10))]
pub(crate) use before_3_10::*;
#[cfg(Py_3_10)]
pub(crate) use begin::begin;
#[cfg(Py_3_10)]
pub(crate) use class::add_types;

/// Python 3.9 has no `am_send`: the package wraps coroutine functions in Python there.
#[cfg(not(Py_3_10))]
mod before_3_10 {
    use crate::guard::Guard;
    use pyo3::ffi;
    use pyo3::prelude::*;
    use std::ptr;

    /// # Safety
    /// Attached.
    pub(crate) unsafe fn begin(
        _owner: *mut ffi::PyObject,
        _guard: &Guard,
        _function: *mut ffi::PyObject,
        _args: *const *mut ffi::PyObject,
        _count: usize,
        _names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: attached.
        unsafe {
            ffi::PyErr_SetString(ffi::PyExc_RuntimeError, c"fusewire: needs Python 3.10".as_ptr());
        }
        ptr::null_mut()
    }

    pub(crate) fn add_types(_m: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(())
    }
}
