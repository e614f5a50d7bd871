//! The type: what a coroutine answers to beside being awaited.

use super::begin::inner_of;
use super::end::{ended, is_running, no_longer_limited};
use super::parts::{ADMITTED, CLASS, Coroutine, FREE, NEW, abandon, dealloc, tp_clear, traverse};
use super::step::{next, send, stop};
use crate::guard::catch;
use crate::object::{make_type, method, no_member, offset_member, slot};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::{CStr, c_char, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::Ordering;

struct Type(*mut ffi::PyTypeObject);

// SAFETY: a type lives as long as the process, and is used by attached threads.
unsafe impl Send for Type {}
// SAFETY: as above.
unsafe impl Sync for Type {}

static TYPE: PyOnceLock<Type> = PyOnceLock::new();

/// `send(value)`.
unsafe extern "C" fn method_send(slf: *mut ffi::PyObject, value: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as `send`.
    unsafe {
        let mut result = ptr::null_mut();
        match send(slf, value, &mut result) {
            ffi::PySendResult::PYGEN_NEXT => result,
            ffi::PySendResult::PYGEN_RETURN => {
                return_by_exception(slf.cast(), result);
                ptr::null_mut()
            }
            ffi::PySendResult::PYGEN_ERROR => ptr::null_mut(),
        }
    }
}

/// Ends it with a result, for who calls methods; takes the reference.
unsafe fn return_by_exception(slf: *mut Coroutine, result: *mut ffi::PyObject) {
    // SAFETY: attached, and the reference is ours.
    unsafe {
        stop(slf, result);
        if ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        }
    }
}

/// `throw(...)`: as the inner one takes it.
unsafe extern "C" fn method_throw(
    slf: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        unsafe {
            let this = &*slf.cast::<Coroutine>();
            let inner = inner_of(this);
            if inner.is_null() {
                return inner;
            }
            let result = call_method(inner, c"throw", args, count as usize);
            if result.is_null() && this.phase() == ADMITTED {
                return finish(slf.cast());
            }
            // What was never resumed is over with it.
            this.turn(NEW, FREE);
            result
        }
    })
}

/// The inner one raised out of `throw`: `StopIteration` is a result. What the call is suspended by from here on, or null.
unsafe fn finish(slf: *mut Coroutine) -> *mut ffi::PyObject {
    // SAFETY: the promises of `method_throw`.
    unsafe {
        let guard = &*(*slf).guard;
        let mut result = ptr::null_mut();
        let mut answer = ffi::PySendResult::PYGEN_ERROR;
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_StopIteration) != 0 {
            let raised = crate::raised::Raised::take();
            result = ffi::PyObject_GetAttrString(raised.value(), c"value".as_ptr());
            raised.forget();
            if result.is_null() {
                return result;
            }
            answer = ffi::PySendResult::PYGEN_RETURN;
        }
        match ended(slf, guard, answer, &mut result) {
            ffi::PySendResult::PYGEN_NEXT => return result,
            ffi::PySendResult::PYGEN_RETURN => return_by_exception(slf, result),
            ffi::PySendResult::PYGEN_ERROR => {}
        }
        ptr::null_mut()
    }
}

unsafe fn call_method(
    object: *mut ffi::PyObject,
    name: &CStr,
    args: *const *mut ffi::PyObject,
    count: usize,
) -> *mut ffi::PyObject {
    // SAFETY: attached; all of them are alive.
    unsafe {
        let method = ffi::PyObject_GetAttrString(object, name.as_ptr());
        if method.is_null() {
            return method;
        }
        let result = ffi::PyObject_Vectorcall(method, args, count, ptr::null_mut());
        ffi::Py_DECREF(method);
        result
    }
}

/// `close()`: the call was cut off.
unsafe extern "C" fn method_close(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        unsafe {
            let this = &*slf.cast::<Coroutine>();
            let inner = this.inner();
            if inner.is_null() {
                // Nothing has begun.
                this.turn(NEW, FREE);
                ffi::Py_INCREF(ffi::Py_None());
                return ffi::Py_None();
            }
            let result = call_method(inner, c"close", ptr::null(), 0);
            if result.is_null() && is_running(this) {
                return result;
            }
            no_longer_limited(this);
            if this.phase.swap(FREE, Ordering::AcqRel) == ADMITTED {
                abandon(this);
            }
            result
        }
    })
}

unsafe extern "C" fn itself(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: alive.
    unsafe { ffi::Py_INCREF(slf) };
    slf
}

unsafe extern "C" fn repr(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: of this type, and alive.
    unsafe {
        let this = &*slf.cast::<Coroutine>();
        let inner = this.inner();
        let what = if inner.is_null() { this.owner } else { inner };
        ffi::PyUnicode_FromFormat(c"<guarded %R at %p>".as_ptr(), what, slf)
    }
}

/// An attribute of the inner coroutine that shows through: the closure is its name.
unsafe extern "C" fn get_through(slf: *mut ffi::PyObject, name: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: of this type, and alive; the name is text of the process.
    unsafe {
        let this = &*slf.cast::<Coroutine>();
        let inner = this.inner();
        if inner.is_null() {
            without_inner(this, name.cast())
        } else {
            ffi::PyObject_GetAttrString(inner, name.cast())
        }
    }
}

/// The same of a coroutine whose function was not called, and may never be. Who looks at it shall not hear what the
/// function has to say to its arguments.
#[cold]
unsafe fn without_inner(this: &Coroutine, name: *const c_char) -> *mut ffi::PyObject {
    // SAFETY: attached; a coroutine without an inner one has the function.
    unsafe {
        let (text, function) = (CStr::from_ptr(name), this.function);
        let answer = match text.to_bytes() {
            b"__name__" | b"__qualname__" => return ffi::PyObject_GetAttrString(function, name),
            b"cr_code" => return ffi::PyObject_GetAttrString(function, c"__code__".as_ptr()),
            b"cr_running" | b"cr_suspended" => ffi::Py_False(),
            b"cr_frame" if this.phase() == NEW => {
                // It tells a coroutine that has not begun from one that is over.
                let inner = inner_of(this);
                if !inner.is_null() {
                    return ffi::PyObject_GetAttrString(inner, name);
                }
                ffi::PyErr_Clear();
                ffi::Py_None()
            }
            _ => ffi::Py_None(),
        };
        ffi::Py_INCREF(answer);
        answer
    }
}

const SHOWING_THROUGH: [&CStr; 8] = [
    c"__name__",
    c"__qualname__",
    c"cr_await",
    c"cr_code",
    c"cr_frame",
    c"cr_origin",
    c"cr_running",
    c"cr_suspended",
];

fn make_coroutine_type() -> Type {
    let mut getters: Vec<ffi::PyGetSetDef> = SHOWING_THROUGH
        .iter()
        .map(|name| ffi::PyGetSetDef {
            name: name.as_ptr(),
            get: Some(get_through),
            set: None,
            doc: ptr::null(),
            closure: name.as_ptr().cast_mut().cast(),
        })
        .collect();
    // SAFETY: an all-zero entry ends the list.
    getters.push(unsafe { std::mem::zeroed() });
    let members = vec![offset_member(c"__weaklistoffset__", offset_of!(Coroutine, weak)), no_member()];
    let mut methods = vec![
        method(
            c"send",
            ffi::PyMethodDefPointer { PyCFunction: method_send },
            ffi::METH_O,
            c"send(value) -> resume it, which yields the next value or raises StopIteration",
        ),
        method(
            c"throw",
            ffi::PyMethodDefPointer { PyCFunctionFast: method_throw },
            ffi::METH_FASTCALL,
            c"throw(exception) -> raise it inside",
        ),
        method(
            c"close",
            ffi::PyMethodDefPointer { PyCFunction: method_close },
            ffi::METH_NOARGS,
            c"close() -> raise GeneratorExit inside; the permit counts as dropped",
        ),
    ];
    // SAFETY: as above.
    methods.push(unsafe { std::mem::zeroed() });
    let slots = vec![
        slot(ffi::Py_am_await, itself as *const ()),
        slot(ffi::Py_am_send, send as *const ()),
        slot(ffi::Py_tp_iter, itself as *const ()),
        slot(ffi::Py_tp_iternext, next as *const ()),
        slot(ffi::Py_tp_dealloc, dealloc as *const ()),
        slot(ffi::Py_tp_traverse, traverse as *const ()),
        slot(ffi::Py_tp_clear, tp_clear as *const ()),
        slot(ffi::Py_tp_repr, repr as *const ()),
        slot(ffi::Py_tp_members, members.leak().as_ptr() as *const ()),
        slot(ffi::Py_tp_getset, getters.leak().as_ptr() as *const ()),
        slot(ffi::Py_tp_methods, methods.leak().as_ptr() as *const ()),
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC;
    // SAFETY: attached: modules are made by attached threads; the slots fit `Coroutine`.
    Type(unsafe { make_type(c"fusewire.GuardedCoroutine", size_of::<Coroutine>(), flags, slots) })
}

/// Puts the type into its place.
pub(crate) fn add_types(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    let class = TYPE.get_or_init(py, make_coroutine_type).0;
    // SAFETY: written while the module is made, before anything can be called.
    unsafe { CLASS = class };
    // SAFETY: attached.
    m.add("GuardedCoroutine", unsafe { Bound::from_borrowed_ptr_or_err(py, class.cast())? })
}
