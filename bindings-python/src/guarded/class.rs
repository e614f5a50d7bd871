//! The type: what a decorated function answers to beside being called.

use super::parts::{CLASS, Guarded, dealloc, tp_clear, traverse};
use crate::object::{attached, make_type, method, no_member, offset_member, slot};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::ffi::{CStr, c_void};
use std::mem::offset_of;
use std::ptr;

unsafe extern "C" {
    /// Part of the stable interface; PyO3 does not name it.
    fn PyMethod_New(function: *mut ffi::PyObject, object: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

struct Type(*mut ffi::PyTypeObject);

// SAFETY: a type lives as long as the process, and is used by attached threads.
unsafe impl Send for Type {}
// SAFETY: as above.
unsafe impl Sync for Type {}

static TYPE: PyOnceLock<Type> = PyOnceLock::new();

/// As a function: bound to the object through which it is found.
unsafe extern "C" fn descr_get(
    slf: *mut ffi::PyObject,
    object: *mut ffi::PyObject,
    _class: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: attached, and the arguments are alive.
    unsafe {
        if object.is_null() || object == ffi::Py_None() {
            ffi::Py_INCREF(slf);
            return slf;
        }
        PyMethod_New(slf, object)
    }
}

unsafe extern "C" fn repr(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attached(|py| {
        // SAFETY: of this type, and alive.
        let (guarded, function) = unsafe {
            let guarded = &*slf.cast::<Guarded>();
            (guarded, Bound::from_borrowed_ptr(py, guarded.function))
        };
        let text = function.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
        let shown = format!("<{text} guarded by circuit breaker '{}'>", guarded.guard.core.name());
        PyString::new(py, &shown).into_ptr()
    })
}

/// Pickled by name, as a function is.
unsafe extern "C" fn reduce(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: attached, and alive.
    unsafe { ffi::PyObject_GetAttrString(slf, c"__qualname__".as_ptr()) }
}

/// An attribute of the function that shows through: the closure is its name.
unsafe extern "C" fn get_through(slf: *mut ffi::PyObject, name: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: of this type, and alive; the name is text of the process.
    unsafe { ffi::PyObject_GetAttrString((*slf.cast::<Guarded>()).function, name.cast()) }
}

unsafe extern "C" fn get_breaker(slf: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: of this type, and alive.
    unsafe {
        let breaker = (*slf.cast::<Guarded>()).breaker;
        ffi::Py_INCREF(breaker);
        breaker
    }
}

const SHOWING_THROUGH: [&CStr; 9] = [
    c"__annotate__",
    c"__annotations__",
    c"__builtins__",
    c"__closure__",
    c"__code__",
    c"__defaults__",
    c"__globals__",
    c"__kwdefaults__",
    c"__type_params__",
];

fn make_guarded_type() -> Type {
    let getter =
        |name: &'static CStr, get, doc: Option<&'static CStr>, closure: *mut c_void| ffi::PyGetSetDef {
            name: name.as_ptr(),
            get: Some(get),
            set: None,
            doc: doc.map_or(ptr::null(), CStr::as_ptr),
            closure,
        };
    let mut getters: Vec<ffi::PyGetSetDef> = SHOWING_THROUGH
        .iter()
        .map(|name| getter(name, get_through as ffi::getter, None, name.as_ptr().cast_mut().cast()))
        .collect();
    getters.push(getter(c"breaker", get_breaker, Some(c"The breaker that guards it."), ptr::null_mut()));
    getters.push(ffi::PyGetSetDef {
        name: c"__dict__".as_ptr(),
        get: Some(ffi::PyObject_GenericGetDict),
        set: Some(ffi::PyObject_GenericSetDict),
        doc: ptr::null(),
        closure: ptr::null_mut(),
    });
    // SAFETY: an all-zero entry ends the list.
    getters.push(unsafe { std::mem::zeroed() });
    let members = vec![
        offset_member(c"__vectorcalloffset__", offset_of!(Guarded, vectorcall)),
        offset_member(c"__dictoffset__", offset_of!(Guarded, dict)),
        offset_member(c"__weaklistoffset__", offset_of!(Guarded, weak)),
        no_member(),
    ];
    let mut methods = vec![method(
        c"__reduce__",
        ffi::PyMethodDefPointer { PyCFunction: reduce },
        ffi::METH_NOARGS,
        c"By name.",
    )];
    // SAFETY: as above.
    methods.push(unsafe { std::mem::zeroed() });
    let slots = vec![
        slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *const ()),
        slot(ffi::Py_tp_dealloc, dealloc as *const ()),
        slot(ffi::Py_tp_traverse, traverse as *const ()),
        slot(ffi::Py_tp_clear, tp_clear as *const ()),
        slot(ffi::Py_tp_descr_get, descr_get as *const ()),
        slot(ffi::Py_tp_repr, repr as *const ()),
        slot(ffi::Py_tp_members, members.leak().as_ptr() as *const ()),
        slot(ffi::Py_tp_getset, getters.leak().as_ptr() as *const ()),
        slot(ffi::Py_tp_methods, methods.leak().as_ptr() as *const ()),
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_GC
        | ffi::Py_TPFLAGS_HAVE_VECTORCALL
        | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR;
    // SAFETY: attached: modules are made by attached threads; the slots fit `Guarded`.
    Type(unsafe { make_type(c"fusewire.GuardedFunction", size_of::<Guarded>(), flags, slots) })
}

/// The type, made when it is first asked for; null and an error when it could not be made.
pub(super) fn guarded_type(py: Python<'_>) -> *mut ffi::PyTypeObject {
    TYPE.get_or_init(py, make_guarded_type).0
}

/// Puts the type into its place.
pub(super) fn add_type(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    let class = guarded_type(py);
    // SAFETY: while the module is made, before anything can be called.
    unsafe { CLASS = class };
    // SAFETY: attached.
    m.add("GuardedFunction", unsafe { Bound::from_borrowed_ptr_or_err(py, class.cast())? })
}
