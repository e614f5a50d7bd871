//! Objects that are made and let go with every call, kept for the next one, as the interpreter keeps tuples and floats.

use pyo3::ffi;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

const ROOM: usize = 64;

/// A few objects of one type that nobody holds. The interpreter's lock makes each method a step of its own; without
/// that lock nothing is kept.
pub(crate) struct Shelf {
    count: AtomicUsize,
    kept: [AtomicPtr<ffi::PyObject>; ROOM],
}

impl Shelf {
    pub(crate) const fn new() -> Self {
        Shelf { count: AtomicUsize::new(0), kept: [const { AtomicPtr::new(ptr::null_mut()) }; ROOM] }
    }

    /// One of them, or null.
    #[inline(always)]
    pub(crate) fn take(&self) -> *mut ffi::PyObject {
        if cfg!(Py_GIL_DISABLED) {
            return ptr::null_mut();
        }
        match self.count.load(Ordering::Relaxed) {
            0 => ptr::null_mut(),
            n => {
                self.count.store(n - 1, Ordering::Relaxed);
                self.kept[(n - 1) % ROOM].load(Ordering::Relaxed)
            }
        }
    }

    /// False when there is no room: the caller frees it then.
    #[inline(always)]
    pub(crate) fn put(&self, object: *mut ffi::PyObject) -> bool {
        let n = self.count.load(Ordering::Relaxed);
        if cfg!(Py_GIL_DISABLED) || n >= ROOM {
            return false;
        }
        self.kept[n].store(object, Ordering::Relaxed);
        self.count.store(n + 1, Ordering::Relaxed);
        true
    }
}

/// A `StopIteration` for a result, which `tp_iternext` must raise from 3.12 on to give one.
#[cfg(Py_3_12)]
pub(crate) mod stop_iteration {
    use super::*;

    static SHELF: Shelf = Shelf::new();

    /// A new reference to one that carries `value`, or null and an error; takes the reference.
    ///
    /// # Safety
    /// Attached.
    #[inline(always)]
    pub(crate) unsafe fn with(value: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: attached; what lies on the shelf is ours alone, and without a value.
        unsafe {
            let mut error = SHELF.take();
            if error.is_null() {
                error = fresh();
                if error.is_null() {
                    ffi::Py_DECREF(value);
                    return error;
                }
            }
            (*error.cast::<ffi::PyStopIterationObject>()).value = value;
            error
        }
    }

    #[cold]
    unsafe fn fresh() -> *mut ffi::PyObject {
        // SAFETY: attached; the object is zeroed, and gets what a new one of its class has.
        unsafe {
            let error = ffi::PyType_GenericAlloc(ffi::PyExc_StopIteration.cast(), 0);
            let empty = ffi::PyTuple_New(0);
            if error.is_null() || empty.is_null() {
                ffi::Py_XDECREF(error);
                ffi::Py_XDECREF(empty);
                return ptr::null_mut();
            }
            (*error.cast::<ffi::PyStopIterationObject>()).args = empty;
            error
        }
    }

    /// Keeps it for the next result, when nobody else holds it and nobody wrote to it; takes the reference.
    ///
    /// # Safety
    /// Attached; it came from [`with`].
    #[inline(always)]
    pub(crate) unsafe fn put_back(error: *mut ffi::PyObject) {
        // SAFETY: the caller's promise; with one reference, which is ours, nobody else can reach it.
        unsafe {
            let fields = error.cast::<ffi::PyStopIterationObject>();
            let is_untouched = ffi::Py_REFCNT(error) == 1
                && (*fields).dict.is_null()
                && (*fields).notes.is_null()
                && (*fields).traceback.is_null()
                && (*fields).context.is_null()
                && (*fields).cause.is_null()
                && ffi::Py_SIZE((*fields).args) == 0;
            if is_untouched {
                let value = std::mem::replace(&mut (*fields).value, ptr::null_mut());
                if SHELF.put(error) {
                    // Last: it may run what the user wrote.
                    ffi::Py_XDECREF(value);
                    return;
                }
                (*fields).value = value;
            }
            ffi::Py_DECREF(error);
        }
    }
}
