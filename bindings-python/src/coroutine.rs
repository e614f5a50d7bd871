//! The awaitable of a guarded call: a coroutine over the function's own, which asks for a permit at its first step and
//! settles it at its last.
//!
//! The interpreter resumes an awaitable through `am_send` (asyncio's tasks; `await` up to 3.11) or through `tp_iternext`
//! (`await` from 3.12 on). Both lead to [`step`]. A result leaves `tp_iternext` as a `StopIteration`, which is made here
//! with as little as it needs.

use crate::guard::{Guard, catch};
use pyo3::prelude::*;
use std::ptr;

#[cfg(not(Py_3_10))]
pub(crate) use before_3_10::*;
#[cfg(Py_3_10)]
pub(crate) use from_3_10::*;

/// Python 3.9 has no `am_send`: the package wraps coroutine functions in Python there.
#[cfg(not(Py_3_10))]
mod before_3_10 {
    use super::*;
    use pyo3::ffi;

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
        catch(ptr::null_mut(), || {
            // SAFETY: attached.
            unsafe {
                ffi::PyErr_SetString(ffi::PyExc_RuntimeError, c"fusewire: needs Python 3.10".as_ptr());
            }
            ptr::null_mut()
        })
    }

    pub(crate) fn add_types(_m: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(())
    }
}

#[cfg(Py_3_10)]
mod from_3_10 {
    use super::*;
    use crate::guarded::refuse;
    use crate::object::{attached, clear, make_type, method, no_member, offset_member, slot, visit};
    use fusewire::binding::Slip;
    use pyo3::ffi;
    use pyo3::sync::PyOnceLock;
    use std::ffi::{CStr, c_int, c_void};
    use std::mem::offset_of;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Not awaited yet.
    const NEW: u8 = 0;
    /// Has a permit.
    const ADMITTED: u8 = 1;
    /// Has none: it is over, or what runs is a fallback.
    const FREE: u8 = 2;

    #[repr(C)]
    struct Coroutine {
        base: ffi::PyObject,
        /// The function's coroutine, or the iterator of another awaitable.
        inner: *mut ffi::PyObject,
        /// Who has the guard, kept alive.
        owner: *mut ffi::PyObject,
        guard: *const Guard,
        weak: *mut ffi::PyObject,
        /// The arguments, where a fallback will want them: a tuple and a dict or null.
        args: *mut ffi::PyObject,
        kwargs: *mut ffi::PyObject,
        slip: Slip,
        phase: AtomicU8,
    }

    struct Type(*mut ffi::PyTypeObject);

    // SAFETY: a type lives as long as the process, and is used by attached threads.
    unsafe impl Send for Type {}
    // SAFETY: as above.
    unsafe impl Sync for Type {}

    static TYPE: PyOnceLock<Type> = PyOnceLock::new();

    /// The same, for the call path.
    static mut CLASS: *mut ffi::PyTypeObject = ptr::null_mut();

    /// Calls a coroutine function and wraps what it returns. A new reference, or null.
    ///
    /// # Safety
    /// Attached; the arguments are those of a vectorcall, and `guard` lives as long as `owner`.
    #[inline]
    pub(crate) unsafe fn begin(
        owner: *mut ffi::PyObject,
        guard: &Guard,
        function: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        count: usize,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: the caller's promise; the fields of the fresh, zeroed object are written before anybody sees it.
        unsafe {
            let mut inner = ffi::PyObject_Vectorcall(function, args, count, names);
            if inner.is_null() {
                return inner;
            }
            if ffi::PyCoro_CheckExact(inner) == 0 {
                inner = iterator_of(inner);
                if inner.is_null() {
                    return inner;
                }
            }
            let object = ffi::PyType_GenericAlloc(CLASS, 0);
            if object.is_null() {
                ffi::Py_DECREF(inner);
                return object;
            }
            ffi::Py_INCREF(owner);
            let fields = object.cast::<Coroutine>();
            (*fields).inner = inner;
            (*fields).owner = owner;
            (*fields).guard = guard;
            if guard.rules.is_some() && !keep_arguments(fields, guard, args, count, names) {
                ffi::Py_DECREF(object);
                return ptr::null_mut();
            }
            object
        }
    }

    /// Keeps the arguments for a fallback, if there is one.
    #[cold]
    unsafe fn keep_arguments(
        fields: *mut Coroutine,
        guard: &Guard,
        args: *const *mut ffi::PyObject,
        count: usize,
        names: *mut ffi::PyObject,
    ) -> bool {
        // SAFETY: the promises of `begin`.
        unsafe {
            if !attached(|py| guard.rules.as_ref().is_some_and(|rules| rules.fallback(py).is_some())) {
                return true;
            }
            let positional = count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            let tuple = ffi::PyTuple_New(positional as ffi::Py_ssize_t);
            if tuple.is_null() {
                return false;
            }
            for n in 0..positional {
                let argument = *args.add(n);
                ffi::Py_INCREF(argument);
                ffi::PyTuple_SetItem(tuple, n as ffi::Py_ssize_t, argument);
            }
            (*fields).args = tuple;
            if names.is_null() {
                return true;
            }
            let dict = ffi::PyDict_New();
            (*fields).kwargs = dict;
            for n in 0..ffi::PyTuple_Size(names) {
                let argument = *args.add(positional + n as usize);
                if dict.is_null() || ffi::PyDict_SetItem(dict, ffi::PyTuple_GetItem(names, n), argument) != 0
                {
                    return false;
                }
            }
            true
        }
    }

    /// The iterator of an awaitable, or null and a `TypeError`; takes the reference.
    #[cold]
    unsafe fn iterator_of(awaitable: *mut ffi::PyObject) -> *mut ffi::PyObject {
        attached(|py| {
            // SAFETY: ours.
            let awaitable = unsafe { Bound::from_owned_ptr(py, awaitable) };
            match awaitable.call_method0("__await__") {
                Ok(iterator) => iterator.into_ptr(),
                Err(_) => {
                    let class = awaitable.get_type();
                    let name = class.name().map_or_else(|_| "?".to_owned(), |n| n.to_string());
                    pyo3::exceptions::PyTypeError::new_err(format!(
                        "the function is no coroutine function, it returned {name}: write breaker.call(function, ...), \
                         without await"
                    ))
                    .restore(py);
                    ptr::null_mut()
                }
            }
        })
    }

    /// The awaitable of what stands in for a call that is turned away, put in the inner one's place; false when that
    /// raised. A plain value is the result at once: it is left in `result`.
    #[cold]
    unsafe fn turn_away(
        slf: *mut Coroutine,
        refused: &fusewire::binding::Refused,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult {
        // SAFETY: the promises of `step`.
        unsafe {
            let guard = &*(*slf).guard;
            attached(|py| {
                // Closed, so that nobody is told that it was never awaited.
                let inner = Bound::from_borrowed_ptr(py, (*slf).inner);
                if let Err(error) = inner.call_method0("close")
                    && !error.is_instance_of::<pyo3::exceptions::PyAttributeError>(py)
                {
                    error.write_unraisable(py, Some(&inner));
                }
            });
            let answer = if (*slf).args.is_null() {
                refuse((*slf).owner, guard, refused, ptr::null(), 0, ptr::null_mut())
            } else {
                call_fallback(slf, guard)
            };
            if answer.is_null() {
                return ffi::PySendResult::PYGEN_ERROR;
            }
            let is_coroutine = ffi::PyCoro_CheckExact(answer) != 0;
            let is_ours = ffi::Py_TYPE(answer) == CLASS;
            if !is_coroutine && !is_ours {
                *result = answer;
                return ffi::PySendResult::PYGEN_RETURN;
            }
            let old = std::mem::replace(&mut (*slf).inner, answer);
            ffi::Py_DECREF(old);
            ffi::PyIter_Send(answer, ffi::Py_None(), result)
        }
    }

    unsafe fn call_fallback(slf: *mut Coroutine, guard: &Guard) -> *mut ffi::PyObject {
        attached(|py| {
            let Some(fallback) = guard.rules.as_ref().and_then(|rules| rules.fallback(py)) else {
                return ptr::null_mut();
            };
            // SAFETY: attached; all of them are alive.
            unsafe { ffi::PyObject_Call(fallback.as_ptr(), (*slf).args, (*slf).kwargs) }
        })
    }

    /// One step: `am_send`.
    unsafe extern "C" fn send(
        slf: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult {
        // SAFETY: the interpreter calls this for an object of this type, with its arguments alive.
        catch(ffi::PySendResult::PYGEN_ERROR, || unsafe { step(slf.cast(), value, result) })
    }

    #[inline]
    unsafe fn step(
        slf: *mut Coroutine,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult {
        // SAFETY: the promises of `send`.
        unsafe {
            let guard = &*(*slf).guard;
            let mut phase = (*slf).phase.load(Ordering::Acquire);
            if phase == NEW {
                if value != ffi::Py_None() {
                    // The inner one says what is wrong with that, and stays new.
                    return ffi::PyIter_Send((*slf).inner, value, result);
                }
                match guard.acquire() {
                    Ok(slip) => {
                        (*slf).slip = slip;
                        (*slf).phase.store(ADMITTED, Ordering::Release);
                        phase = ADMITTED;
                    }
                    Err(refused) => {
                        (*slf).phase.store(FREE, Ordering::Release);
                        return turn_away(slf, &refused, result);
                    }
                }
            }
            let answer = ffi::PyIter_Send((*slf).inner, value, result);
            if phase == ADMITTED && answer != ffi::PySendResult::PYGEN_NEXT {
                ended(slf, guard, answer, *result);
            }
            answer
        }
    }

    /// Settles by how the inner one ended.
    #[inline]
    unsafe fn ended(
        slf: *mut Coroutine,
        guard: &Guard,
        answer: ffi::PySendResult,
        result: *mut ffi::PyObject,
    ) {
        // SAFETY: the promises of `step`.
        unsafe {
            if answer == ffi::PySendResult::PYGEN_ERROR && is_running(slf) {
                // Somebody else is in the middle of it: this was the error of resuming it twice.
                return;
            }
            if (*slf).phase.swap(FREE, Ordering::AcqRel) != ADMITTED {
                return;
            }
            let slip = (*slf).slip;
            if answer == ffi::PySendResult::PYGEN_ERROR {
                guard.settle_raised(&slip);
            } else if guard.is_plain {
                guard.succeed(&slip);
            } else {
                attached(|py| guard.settle_result(&slip, &Bound::from_borrowed_ptr(py, result)));
            }
        }
    }

    /// Whether the inner coroutine is being run: by another thread, or further up this one's stack.
    #[cold]
    unsafe fn is_running(slf: *mut Coroutine) -> bool {
        attached(|py| {
            // SAFETY: attached; what was raised is put back.
            unsafe {
                let raised = crate::raised::Raised::take();
                let inner = Bound::from_borrowed_ptr(py, (*slf).inner);
                let answer = inner.getattr("cr_running").and_then(|r| r.is_truthy()).unwrap_or(false);
                raised.restore();
                answer
            }
        })
    }

    /// One step for those who iterate: `tp_iternext`.
    unsafe extern "C" fn next(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: as `send`.
        unsafe {
            let mut result = ptr::null_mut();
            match send(slf, ffi::Py_None(), &mut result) {
                ffi::PySendResult::PYGEN_NEXT => result,
                ffi::PySendResult::PYGEN_RETURN => {
                    stop(result);
                    ptr::null_mut()
                }
                ffi::PySendResult::PYGEN_ERROR => ptr::null_mut(),
            }
        }
    }

    /// Ends an iteration with a result; takes the reference. No exception at all means `None`.
    unsafe fn stop(result: *mut ffi::PyObject) {
        // SAFETY: attached, and the reference is ours.
        unsafe {
            if result == ffi::Py_None() {
                ffi::Py_DECREF(result);
                return;
            }
            #[cfg(Py_3_12)]
            {
                let class = ffi::PyExc_StopIteration.cast::<ffi::PyTypeObject>();
                let error = ffi::PyType_GenericAlloc(class, 0);
                let empty = ffi::PyTuple_New(0);
                if error.is_null() || empty.is_null() {
                    ffi::Py_XDECREF(error);
                    ffi::Py_XDECREF(empty);
                    ffi::Py_DECREF(result);
                    return;
                }
                let fields = error.cast::<ffi::PyStopIterationObject>();
                (*fields).args = empty;
                (*fields).value = result;
                ffi::PyErr_SetRaisedException(error);
            }
            #[cfg(not(Py_3_12))]
            {
                // An instance of an exception, or a tuple, would be taken for the arguments.
                let is_plain = ffi::PyTuple_Check(result) == 0 && ffi::PyExceptionInstance_Check(result) == 0;
                let value = if is_plain {
                    result
                } else {
                    ffi::PyObject_CallOneArg(ffi::PyExc_StopIteration, result)
                };
                if !value.is_null() {
                    ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value);
                }
                if value != result {
                    ffi::Py_XDECREF(value);
                }
                ffi::Py_DECREF(result);
            }
        }
    }

    /// `send(value)`.
    unsafe extern "C" fn method_send(
        slf: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: as `send`.
        unsafe {
            let mut result = ptr::null_mut();
            match send(slf, value, &mut result) {
                ffi::PySendResult::PYGEN_NEXT => result,
                ffi::PySendResult::PYGEN_RETURN => {
                    stop(result);
                    if ffi::PyErr_Occurred().is_null() {
                        ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
                    }
                    ptr::null_mut()
                }
                ffi::PySendResult::PYGEN_ERROR => ptr::null_mut(),
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
                let this = slf.cast::<Coroutine>();
                let result = call_inner(this, c"throw", args, count as usize);
                if !result.is_null() || (*this).phase.load(Ordering::Acquire) != ADMITTED {
                    return result;
                }
                finish(this);
                result
            }
        })
    }

    /// The inner one raised out of `throw` or `close`: `StopIteration` is a result.
    unsafe fn finish(this: *mut Coroutine) {
        // SAFETY: the promises of `method_throw`.
        unsafe {
            let guard = &*(*this).guard;
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_StopIteration) == 0 {
                return ended(this, guard, ffi::PySendResult::PYGEN_ERROR, ptr::null_mut());
            }
            let raised = crate::raised::Raised::take();
            let value = ffi::PyObject_GetAttrString(raised.value(), c"value".as_ptr());
            if value.is_null() {
                ffi::PyErr_Clear();
            } else {
                ended(this, guard, ffi::PySendResult::PYGEN_RETURN, value);
                ffi::Py_DECREF(value);
            }
            raised.restore();
        }
    }

    unsafe fn call_inner(
        this: *mut Coroutine,
        name: &CStr,
        args: *const *mut ffi::PyObject,
        count: usize,
    ) -> *mut ffi::PyObject {
        // SAFETY: attached; all of them are alive.
        unsafe {
            let method = ffi::PyObject_GetAttrString((*this).inner, name.as_ptr());
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
                let this = slf.cast::<Coroutine>();
                let result = call_inner(this, c"close", ptr::null(), 0);
                if result.is_null() && is_running(this) {
                    return result;
                }
                let phase = (*this).phase.swap(FREE, Ordering::AcqRel);
                if phase == ADMITTED {
                    abandon(this);
                }
                result
            }
        })
    }

    /// Lets the permit go. Whatever is raised stays raised.
    unsafe fn abandon(this: *mut Coroutine) {
        // SAFETY: attached; the object is alive.
        unsafe { (*(*this).guard).core.abandon_slip(&(*this).slip) };
    }

    unsafe extern "C" fn itself(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: alive.
        unsafe { ffi::Py_INCREF(slf) };
        slf
    }

    unsafe extern "C" fn traverse(
        slf: *mut ffi::PyObject,
        visitor: ffi::visitproc,
        argument: *mut c_void,
    ) -> c_int {
        // SAFETY: the interpreter calls this for an object of this type.
        unsafe {
            let this = slf.cast::<Coroutine>();
            let class = ffi::Py_TYPE(slf).cast();
            for object in [class, (*this).inner, (*this).owner, (*this).args, (*this).kwargs] {
                let answer = visit(object, visitor, argument);
                if answer != 0 {
                    return answer;
                }
            }
        }
        0
    }

    unsafe extern "C" fn tp_clear(slf: *mut ffi::PyObject) -> c_int {
        // SAFETY: as above. The inner one breaks its own cycles, and the owner has the guard.
        unsafe {
            clear(&mut (*slf.cast::<Coroutine>()).args);
            clear(&mut (*slf.cast::<Coroutine>()).kwargs);
        }
        0
    }

    unsafe extern "C" fn dealloc(slf: *mut ffi::PyObject) {
        // SAFETY: the interpreter calls this once, for an object of this type that nobody holds.
        unsafe {
            let class = ffi::Py_TYPE(slf);
            ffi::PyObject_GC_UnTrack(slf.cast());
            let this = slf.cast::<Coroutine>();
            if !(*this).weak.is_null() {
                ffi::PyObject_ClearWeakRefs(slf);
            }
            // First the function's own clean-up, then what the call counts as.
            clear(&mut (*this).inner);
            if (*this).phase.swap(FREE, Ordering::AcqRel) == ADMITTED {
                abandon(this);
            }
            clear(&mut (*this).owner);
            clear(&mut (*this).args);
            clear(&mut (*this).kwargs);
            ffi::PyObject_GC_Del(slf.cast());
            ffi::Py_DECREF(class.cast());
        }
    }

    unsafe extern "C" fn repr(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: alive.
        unsafe {
            ffi::PyUnicode_FromFormat(c"<guarded %R at %p>".as_ptr(), (*slf.cast::<Coroutine>()).inner, slf)
        }
    }

    /// An attribute of the inner coroutine that shows through: the closure is its name.
    unsafe extern "C" fn get_through(slf: *mut ffi::PyObject, name: *mut c_void) -> *mut ffi::PyObject {
        // SAFETY: of this type, and alive; the name is text of the process.
        unsafe { ffi::PyObject_GetAttrString((*slf.cast::<Coroutine>()).inner, name.cast()) }
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
}
