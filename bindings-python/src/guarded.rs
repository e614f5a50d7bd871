//! A decorated function: an object that receives vectorcall and passes it on.
//!
//! PyO3 offers no vectorcall slot, and packing the arguments into a tuple and a dict costs three times what the whole
//! call costs here. So this type is made by hand. The function's own `__code__`, `__defaults__` and so on show through,
//! which is what `inspect` asks a function for.

use crate::breaker::Breaker;
use crate::coroutine;
use crate::guard::{Guard, catch};
use crate::object::{attached, clear, make_type, method, no_member, offset_member, slot, visit};
use crate::permit::Permit;
use crate::rejection::raise_refused;
use crate::rules::Rules;
use fusewire::Outcome;
use fusewire::binding::Refused;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

/// A decorated function.
#[repr(C)]
pub(crate) struct Guarded {
    base: ffi::PyObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    function: *mut ffi::PyObject,
    /// A `Breaker`.
    breaker: *mut ffi::PyObject,
    dict: *mut ffi::PyObject,
    weak: *mut ffi::PyObject,
    pub(crate) guard: Guard,
}

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

/// The same, for the call path.
static mut CLASS: *mut ffi::PyTypeObject = ptr::null_mut();

/// The breaker of an object that has a guard: a decorated function's, or the object itself.
pub(crate) fn breaker_of(owner: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the owner is alive; the class was written while the module was made.
    unsafe { if ffi::Py_TYPE(owner) == CLASS { (*owner.cast::<Guarded>()).breaker } else { owner } }
}

/// The guard of a decorated function; `None` for anything else.
pub(crate) fn guard_of(function: &Py<PyAny>) -> Option<&Guard> {
    // SAFETY: the reference keeps it alive.
    let class = unsafe { ffi::Py_TYPE(function.as_ptr()) };
    // SAFETY: written while the module was made.
    if class == unsafe { CLASS } {
        // SAFETY: of this type.
        Some(unsafe { &(*function.as_ptr().cast::<Guarded>()).guard })
    } else {
        None
    }
}

/// Calls what stands in for a call that is turned away, or raises why it is. A new reference, or null.
///
/// # Safety
/// Attached; the arguments are those of a vectorcall.
#[cold]
unsafe fn refuse(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    refused: &Refused,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise; the rules keep the fallback.
    unsafe {
        let fallback = match &guard.rules {
            Some(rules) => attached(|py| rules.fallback(py).map_or(ptr::null_mut(), |f| f.as_ptr())),
            None => ptr::null_mut(),
        };
        if !fallback.is_null() {
            return ffi::PyObject_Vectorcall(fallback, args, count, names);
        }
        raise_refused(Python::assume_attached(), breaker_of(owner), refused);
        ptr::null_mut()
    }
}

/// Calls a function under a guard. A new reference, or null. Where a result is wanted a coroutine is none: nothing ran.
///
/// # Safety
/// As [`refuse`]; the function is alive.
#[inline(always)]
unsafe fn call_guarded<const WANTS_RESULT: bool>(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let slip = match guard.acquire() {
        Ok(slip) => slip,
        // SAFETY: the caller's promise.
        Err(refused) => return unsafe { refuse(owner, guard, &refused, args, count, names) },
    };
    // SAFETY: the caller's promise.
    let result = unsafe { ffi::PyObject_Vectorcall(function, args, count, names) };
    // SAFETY: attached; a new reference.
    if WANTS_RESULT && !result.is_null() && unsafe { ffi::PyCoro_CheckExact(result) } != 0 {
        guard.core.settle_slip(&slip, Outcome::Ignored, None, None);
        // SAFETY: as above.
        return unsafe { awaitable_of_a_sync_call(result) };
    }
    if !result.is_null() && guard.is_plain {
        guard.succeed(&slip);
    } else if result.is_null() {
        // SAFETY: attached; a call without a result has raised.
        unsafe { guard.settle_raised(&slip) };
    } else {
        attached(|py| {
            // SAFETY: alive: it is ours.
            let result = unsafe { Bound::from_borrowed_ptr(py, result) };
            guard.settle_result(&slip, &result);
        });
    }
    result
}

unsafe extern "C" fn call_sync(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        let guarded = unsafe { &*callable.cast::<Guarded>() };
        // SAFETY: as above.
        unsafe { call_guarded::<false>(callable, &guarded.guard, guarded.function, args, count, names) }
    })
}

unsafe extern "C" fn call_async(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        let guarded = unsafe { &*callable.cast::<Guarded>() };
        // SAFETY: as above.
        unsafe { coroutine::begin(callable, &guarded.guard, guarded.function, args, count, names) }
    })
}

/// `Breaker.call(function, *args, **kwargs)`.
unsafe extern "C" fn breaker_call(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as the interpreter calls a method; `by_breaker` hands on what it got.
    unsafe { by_breaker(slf, args, count, names, false) }
}

/// `Breaker.call_async(function, *args, **kwargs)`.
unsafe extern "C" fn breaker_call_async(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { by_breaker(slf, args, count, names, true) }
}

unsafe fn by_breaker(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
    is_async: bool,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        if count == 0 {
            // SAFETY: attached.
            unsafe {
                ffi::PyErr_SetString(
                    ffi::PyExc_TypeError,
                    c"what to call? breaker.call(function, *args)".as_ptr(),
                )
            };
            return ptr::null_mut();
        }
        // SAFETY: attached; a method of `Breaker`, with at least one argument.
        unsafe {
            let breaker = Python::assume_attached();
            let bound = Bound::from_borrowed_ptr(breaker, slf);
            let guard = &bound.cast_unchecked::<Breaker>().get().guard;
            let (function, args) = (*args, args.add(1));
            let count = (count as usize - 1) | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            if is_async {
                return coroutine::begin(slf, guard, function, args, count, names);
            }
            call_guarded::<true>(slf, guard, function, args, count, names)
        }
    })
}

/// A coroutine function was called where its result was wanted.
#[cold]
unsafe fn awaitable_of_a_sync_call(coroutine: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attached(|py| {
        // SAFETY: ours.
        let coroutine = unsafe { Bound::from_owned_ptr(py, coroutine) };
        let _ = coroutine.call_method0("close");
        pyo3::exceptions::PyTypeError::new_err(
            "the function is a coroutine function: write await breaker.call_async(function, ...)",
        )
        .restore(py);
    });
    ptr::null_mut()
}

unsafe extern "C" fn traverse(
    slf: *mut ffi::PyObject,
    visitor: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the interpreter calls this for an object of this type.
    let guarded = unsafe { &*slf.cast::<Guarded>() };
    for object in [ffi_type(slf), guarded.function, guarded.breaker, guarded.dict] {
        // SAFETY: as above.
        let answer = unsafe { visit(object, visitor, argument) };
        if answer != 0 {
            return answer;
        }
    }
    // SAFETY: as above.
    guarded.guard.rules.as_ref().map_or(0, |rules| unsafe { rules.traverse(visitor, argument) })
}

fn ffi_type(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: alive.
    unsafe { ffi::Py_TYPE(object).cast() }
}

/// Ends cycles. The function and the breaker stay: who is called in the middle of a collection still has them, and a
/// cycle always leads through the dict or the rules as well, or through the function's own.
unsafe extern "C" fn tp_clear(slf: *mut ffi::PyObject) -> c_int {
    // SAFETY: the interpreter calls this for an object of this type.
    unsafe { clear(&mut (*slf.cast::<Guarded>()).dict) };
    0
}

unsafe extern "C" fn dealloc(slf: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this once, for an object of this type that nobody holds.
    unsafe {
        let class = ffi::Py_TYPE(slf);
        ffi::PyObject_GC_UnTrack(slf.cast());
        let guarded = &mut *slf.cast::<Guarded>();
        if !guarded.weak.is_null() {
            ffi::PyObject_ClearWeakRefs(slf);
        }
        clear(&mut guarded.function);
        clear(&mut guarded.breaker);
        clear(&mut guarded.dict);
        attached(|_| ptr::drop_in_place(&mut guarded.guard));
        ffi::PyObject_GC_Del(slf.cast());
        ffi::Py_DECREF(class.cast());
    }
}

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

/// Guards `function` with `breaker`: the object to put in its place. `options` are the rules of this function alone.
#[pyfunction]
pub(crate) fn guard_function<'py>(
    breaker: &Bound<'py, Breaker>,
    function: &Bound<'py, PyAny>,
    is_async: bool,
    options: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = breaker.py();
    let own = Rules::take(options)?;
    let base = &breaker.get().guard;
    let guard = Guard::new(base.core.clone(), Rules::merged(py, base.rules.as_deref(), own));
    let class = TYPE.get_or_init(py, make_guarded_type).0;
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

/// A permit for one run of a decorated function, for those kinds of function whose run Python follows itself.
#[pyfunction]
pub(crate) fn acquire_for(function: Bound<'_, PyAny>) -> PyResult<Permit> {
    let py = function.py();
    let owner = function.as_ptr();
    let handle = function.unbind();
    let Some(guard) = guard_of(&handle) else {
        return Err(pyo3::exceptions::PyTypeError::new_err("a decorated function"));
    };
    // SAFETY: alive, as its owner is.
    let breaker = unsafe { Bound::from_borrowed_ptr(py, breaker_of(owner)) };
    match guard.acquire() {
        Ok(slip) => Ok(Permit::new(breaker.cast_into::<Breaker>()?.unbind(), Some(handle), slip)),
        Err(refused) => {
            raise_refused(py, breaker.as_ptr(), &refused);
            Err(PyErr::fetch(py))
        }
    }
}

/// The fallback that holds for a decorated function.
#[pyfunction]
pub(crate) fn fallback_of(function: Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    let py = function.py();
    let handle = function.unbind();
    let fallback = guard_of(&handle)?.rules.as_ref()?.fallback(py)?.clone();
    Some(fallback.unbind())
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

/// Puts what is made by hand into its places.
pub(crate) fn add_types(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    let class = TYPE.get_or_init(py, make_guarded_type).0;
    // SAFETY: while the module is made, before anything can be called.
    unsafe { CLASS = class };
    // SAFETY: attached.
    m.add("GuardedFunction", unsafe { Bound::from_borrowed_ptr_or_err(py, class.cast())? })?;
    let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    let methods = [
        method(
            c"call",
            ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: breaker_call },
            flags,
            c"call($self, function, /, *args, **kwargs)\n--\n\nCalls the function under the breaker.\n\nA result is a success, an exception a failure, unless the rules say otherwise. Raises CircuitOpenError when the call is turned away.",
        ),
        method(
            c"call_async",
            ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: breaker_call_async },
            flags,
            c"call_async($self, function, /, *args, **kwargs)\n--\n\nCalls the coroutine function under the breaker, when it is awaited.",
        ),
    ];
    let breaker = py.get_type::<Breaker>();
    for definition in methods {
        let definition = Box::leak(Box::new(definition));
        // SAFETY: attached; the definition lives as long as the process.
        let descriptor = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(breaker.as_type_ptr(), definition))?
        };
        let name = descriptor.getattr("__name__")?;
        breaker.setattr(name.cast_into::<PyString>()?, descriptor)?;
    }
    Ok(())
}
