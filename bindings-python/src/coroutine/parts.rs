//! What the object is made of, and how it comes and goes.
//!
//! Who may touch what: `phase` says it. The fields that `begin` writes stand still until the object dies. `inner` is set
//! once, and once more when something else goes on in its place; what it was is kept in `former`, because another thread may
//! be looking at it. `slip` and `first` are written by the one who has turned `NEW` into `STARTING`, and read by the one who
//! has turned `ADMITTED` into something else; `former` is written by the one of the two after whom nothing is settled here.

use crate::first::First;
use crate::guard::Guard;
use crate::object::{attached, clear, visit};
use crate::recycled::Shelf;
use fusewire::binding::Slip;
use pyo3::ffi;
use std::ffi::{c_int, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// Not awaited yet.
pub(super) const NEW: u8 = 0;
/// Somebody is asking for a permit.
pub(super) const STARTING: u8 = 1;
/// Has a permit.
pub(super) const ADMITTED: u8 = 2;
/// Has none: it is over, or what runs is a fallback.
pub(super) const FREE: u8 = 3;

/// What an admitted call is, as bits. It is one of a breaker that has gates or policies around the call: its function is called
/// with the permit in hand.
pub(super) const GATED: u8 = 1;
/// It may come to more than one attempt. `first` is there.
pub(super) const TRIES: u8 = 2;
/// It may take only so long, which is seen to when it is suspended for the first time.
pub(super) const LIMITED: u8 = 4;

/// How many positional arguments need no tuple.
pub(super) const FEW: usize = 2;

#[repr(C)]
pub(super) struct Coroutine {
    base: ffi::PyObject,
    /// The function's coroutine, or the iterator of another awaitable. Null while the function was not called.
    pub(super) inner: AtomicPtr<ffi::PyObject>,
    /// Who has the guard, kept alive.
    pub(super) owner: *mut ffi::PyObject,
    pub(super) guard: *const Guard,
    pub(super) weak: *mut ffi::PyObject,
    /// What is called when there is a permit, where that was put off.
    pub(super) function: *mut ffi::PyObject,
    /// The arguments, where the function or a fallback will want them: so many of `few`, or else a tuple or null, and a
    /// dict or null.
    pub(super) given: u8,
    pub(super) few: [*mut ffi::PyObject; FEW],
    pub(super) args: *mut ffi::PyObject,
    pub(super) kwargs: *mut ffi::PyObject,
    /// The inner one that a fallback's replaced.
    pub(super) former: *mut ffi::PyObject,
    /// The `StopIteration` that carried the result, to be used again.
    #[cfg(Py_3_12)]
    pub(super) stop: *mut ffi::PyObject,
    /// What ends it when it takes too long: a `Limit` of `fusewire._limits`. Null until it is suspended.
    pub(super) limit: AtomicPtr<ffi::PyObject>,
    pub(super) slip: Slip,
    pub(super) phase: AtomicU8,
    /// The bits above.
    pub(super) kind: AtomicU8,
    /// Of a call that tries; of any other it is no memory that means anything.
    pub(super) first: MaybeUninit<First>,
}

/// The type, for the call path; written while the module is made.
pub(super) static mut CLASS: *mut ffi::PyTypeObject = ptr::null_mut();

static SHELF: Shelf = Shelf::new();

/// A new one, all zero but for its head and `first`; null and an error when there is no memory.
///
/// # Safety
/// Attached.
#[inline(always)]
pub(super) unsafe fn fresh() -> *mut Coroutine {
    // SAFETY: what lies on the shelf is memory of this type that nobody holds and the collector does not know.
    unsafe {
        let kept = SHELF.take();
        if kept.is_null() {
            return ffi::PyType_GenericAlloc(CLASS, 0).cast();
        }
        ffi::PyObject_Init(kept, CLASS);
        let head = size_of::<ffi::PyObject>();
        ptr::write_bytes(kept.cast::<u8>().add(head), 0, offset_of!(Coroutine, first) - head);
        ffi::PyObject_GC_Track(kept.cast());
        kept.cast()
    }
}

impl Coroutine {
    /// The inner one, borrowed; null while there is none.
    #[inline(always)]
    pub(super) fn inner(&self) -> *mut ffi::PyObject {
        self.inner.load(Ordering::Acquire)
    }

    /// Whether it is any of that.
    #[inline(always)]
    pub(super) fn is(&self, kind: u8) -> bool {
        self.kind.load(Ordering::Relaxed) & kind != 0
    }

    #[inline(always)]
    pub(super) fn phase(&self) -> u8 {
        self.phase.load(Ordering::Acquire)
    }

    #[inline(always)]
    pub(super) fn set_phase(&self, phase: u8) {
        self.phase.store(phase, Ordering::Release);
    }

    /// Whether this call turned one phase into another. With the interpreter's lock nobody can come between.
    #[inline(always)]
    pub(super) fn turn(&self, from: u8, to: u8) -> bool {
        if cfg!(Py_GIL_DISABLED) {
            return self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok();
        }
        let is_so = self.phase() == from;
        if is_so {
            self.set_phase(to);
        }
        is_so
    }
}

pub(super) unsafe extern "C" fn traverse(
    slf: *mut ffi::PyObject,
    visitor: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the interpreter calls this for an object of this type.
    unsafe {
        let this = &*slf.cast::<Coroutine>();
        let class = ffi::Py_TYPE(slf).cast();
        let limit = this.limit.load(Ordering::Acquire);
        let fields =
            [class, this.inner(), this.owner, this.function, this.args, this.kwargs, this.former, limit];
        for object in fields.into_iter().chain(this.few) {
            let answer = visit(object, visitor, argument);
            if answer != 0 {
                return answer;
            }
        }
        #[cfg(Py_3_12)]
        return visit(this.stop, visitor, argument);
        #[cfg(not(Py_3_12))]
        0
    }
}

pub(super) unsafe extern "C" fn tp_clear(slf: *mut ffi::PyObject) -> c_int {
    // SAFETY: as above. The inner one breaks its own cycles, and the owner has the guard.
    unsafe {
        forget_arguments(&mut *slf.cast::<Coroutine>());
    }
    0
}

pub(super) unsafe extern "C" fn dealloc(slf: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this once, for an object of this type that nobody holds.
    unsafe {
        let class = ffi::Py_TYPE(slf);
        ffi::PyObject_GC_UnTrack(slf.cast());
        let this = &mut *slf.cast::<Coroutine>();
        let limit = *this.limit.get_mut();
        let has_more = [this.weak, this.function, this.few[0], this.args, this.kwargs, this.former, limit]
            .into_iter()
            .fold(usize::from(*this.kind.get_mut()), |all, pointer| all | pointer as usize);
        if has_more != 0 {
            let_go_of_more(this);
        }
        // First the function's own clean-up, then what the call counts as.
        clear(this.inner.get_mut());
        if *this.phase.get_mut() == ADMITTED {
            abandon(this);
        }
        clear(&mut this.owner);
        #[cfg(Py_3_12)]
        if !this.stop.is_null() {
            crate::recycled::stop_iteration::put_back(std::mem::replace(&mut this.stop, ptr::null_mut()));
        }
        if !SHELF.put(slf) {
            ffi::PyObject_GC_Del(slf.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// Lets go of what few have.
unsafe fn let_go_of_more(this: &mut Coroutine) {
    // SAFETY: attached, at the end of the object's life.
    unsafe {
        if !this.weak.is_null() {
            ffi::PyObject_ClearWeakRefs(ptr::from_mut(this).cast());
        }
        if !this.function.is_null() {
            if *this.phase.get_mut() == NEW && this.inner.get_mut().is_null() {
                never_awaited(this);
            }
            clear(&mut this.function);
        }
        forget_arguments(this);
        clear(&mut this.former);
        super::end::no_longer_limited(this);
        drop(take_first(this));
    }
}

/// What is known of the first attempt of a call that tries, once.
///
/// # Safety
/// The caller alone may settle it, or ends it.
#[inline]
pub(super) unsafe fn take_first(this: &Coroutine) -> Option<First> {
    if !this.is(TRIES) {
        return None;
    }
    this.kind.fetch_and(!TRIES, Ordering::Relaxed);
    // SAFETY: who has set the bit has written it, and it is read once.
    Some(unsafe { this.first.assume_init_read() })
}

unsafe fn forget_arguments(this: &mut Coroutine) {
    // SAFETY: attached; nobody calls anything with them any more, or with none.
    unsafe {
        this.given = 0;
        for argument in &mut this.few {
            clear(argument);
        }
        clear(&mut this.args);
        clear(&mut this.kwargs);
    }
}

/// Warns as a coroutine does.
#[cold]
unsafe fn never_awaited(this: &Coroutine) {
    // SAFETY: attached; what was raised is put back.
    unsafe {
        let raised = crate::raised::Raised::take();
        let text = c"coroutine '%S' was never awaited".as_ptr();
        let mut name = ffi::PyObject_GetAttrString(this.function, c"__qualname__".as_ptr());
        if name.is_null() {
            ffi::PyErr_Clear();
            name = ffi::PyObject_Repr(this.function);
        }
        if name.is_null() || ffi::PyErr_WarnFormat(ffi::PyExc_RuntimeWarning, 1, text, name) != 0 {
            ffi::PyErr_WriteUnraisable(this.function);
        }
        ffi::Py_XDECREF(name);
        raised.restore();
    }
}

/// Lets the permit go. Whatever is raised stays raised.
///
/// # Safety
/// Attached; it is admitted, and the caller alone may settle it.
#[cold]
pub(super) unsafe fn abandon(this: &Coroutine) {
    // SAFETY: the owner keeps the guard alive.
    let guard = unsafe { &*this.guard };
    attached(|_| guard.core.abandon_slip(&this.slip));
}
