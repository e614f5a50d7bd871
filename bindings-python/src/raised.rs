//! The exception that is being raised, taken out of the interpreter while something else is done.

use pyo3::ffi;
#[cfg(not(Py_3_12))]
use std::ptr;

/// An exception on its way to the caller. It is put back by [`restore`](Raised::restore), unchanged.
#[must_use = "the exception is lost unless it is restored"]
pub(crate) struct Raised {
    #[cfg(not(Py_3_12))]
    class: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    #[cfg(not(Py_3_12))]
    traceback: *mut ffi::PyObject,
}

impl Raised {
    /// Takes the exception; none is raised afterwards.
    ///
    /// # Safety
    /// The thread is attached.
    #[cfg(Py_3_12)]
    pub(crate) unsafe fn take() -> Self {
        // SAFETY: the caller's promise.
        Raised { value: unsafe { ffi::PyErr_GetRaisedException() } }
    }

    /// Takes the exception; none is raised afterwards.
    ///
    /// # Safety
    /// The thread is attached.
    #[cfg(not(Py_3_12))]
    pub(crate) unsafe fn take() -> Self {
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the caller's promise; a null class is no exception at all.
        unsafe {
            ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback);
            if !class.is_null() {
                ffi::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
                if !traceback.is_null() && !value.is_null() {
                    ffi::PyException_SetTraceback(value, traceback);
                }
            }
        }
        Raised { class, value, traceback }
    }

    /// The exception, borrowed; null if there was none.
    pub(crate) fn value(&self) -> *mut ffi::PyObject {
        self.value
    }

    /// Lets go of it: it was handled.
    ///
    /// # Safety
    /// The thread is attached.
    pub(crate) unsafe fn forget(self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.restore();
            ffi::PyErr_Clear();
        }
    }

    /// Raises it again.
    ///
    /// # Safety
    /// The thread is attached.
    pub(crate) unsafe fn restore(self) {
        // SAFETY: the caller's promise; what was taken is given back.
        #[cfg(Py_3_12)]
        unsafe {
            ffi::PyErr_SetRaisedException(self.value);
        }
        // SAFETY: as above.
        #[cfg(not(Py_3_12))]
        unsafe {
            ffi::PyErr_Restore(self.class, self.value, self.traceback);
        }
    }
}

/// Raises an instance as it is: without the context of the exception that is being handled.
///
/// # Safety
/// The thread is attached; the reference is given away.
pub(crate) unsafe fn raise(value: *mut ffi::PyObject) {
    // SAFETY: the caller's promise.
    #[cfg(Py_3_12)]
    unsafe {
        ffi::PyErr_SetRaisedException(value);
    }
    // SAFETY: as above.
    #[cfg(not(Py_3_12))]
    unsafe {
        let class = ffi::Py_TYPE(value).cast::<ffi::PyObject>();
        ffi::Py_INCREF(class);
        ffi::PyErr_Restore(class, value, ptr::null_mut());
    }
}
