//! Opaque handles. What C holds is a pointer to a `Shell` whose first word says of what type it is, and whether it still
//! is one. A shell that was freed is kept a while as a husk, so that a handle that is freed twice, or used afterwards,
//! is found out in place of memory that may belong to somebody else by then.

use crate::guard::{Failure, Outcome};
use crate::status::fusewire_status_enum as Code;
use fusewire::binding::ForkMutex;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many husks are kept, of each type. Debug builds keep more.
pub(crate) const HUSKS: usize = if cfg!(debug_assertions) { 1 << 20 } else { 1_024 };

/// The first word of a shell that was freed.
const FREED: u64 = 0x6465_6572_6620_7766;

/// A type of which C has handles.
pub(crate) trait Kind: Sized + Send + Sync + 'static {
    /// The first word of its shells: eight letters, which a debugger shows.
    const MARK: u64;
    /// What the header calls it.
    const NAME: &'static str;

    fn husks() -> &'static ForkMutex<VecDeque<Husk<Self>>>;
}

/// What a handle points to.
#[repr(C)]
pub(crate) struct Shell<T> {
    mark: AtomicU64,
    /// Tells it from any other that was at the same place.
    serial: u64,
    value: ManuallyDrop<T>,
}

/// A shell whose value is gone. No box: who still has the handle may look at the mark.
pub(crate) struct Husk<T>(NonNull<Shell<T>>);

// SAFETY: nobody looks at more of a husk than its mark.
unsafe impl<T> Send for Husk<T> {}

impl<T> Drop for Husk<T> {
    fn drop(&mut self) {
        // SAFETY: made by `give`, and in one husk alone; its value is not dropped again.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// A number that no other shell has.
fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A new handle.
pub(crate) fn give<T: Kind, H>(value: T) -> *mut H {
    let shell = Shell { mark: AtomicU64::new(T::MARK), serial: serial(), value: ManuallyDrop::new(value) };
    Box::into_raw(Box::new(shell)).cast()
}

/// What the handle stands for, with the number that tells it from what was at the same place before; `None` when it is
/// none of that type.
///
/// # Safety
/// `handle` is NULL, or a handle that was given and not freed meanwhile by another thread; one that was freed is found
/// out as long as its husk is kept.
#[inline(always)]
pub(crate) unsafe fn live_numbered<'a, T: Kind, H>(handle: *const H) -> Option<(&'a T, u64)> {
    let shell = handle.cast::<Shell<T>>();
    if shell.is_null() || !shell.is_aligned() {
        return None;
    }
    // SAFETY: the caller's promise; a husk has its mark, too.
    let mark = unsafe { &(*shell).mark };
    let is_live = mark.load(Ordering::Relaxed) == T::MARK;
    // SAFETY: as above; a shell with the mark of its type has its value.
    is_live.then(|| unsafe { (&*(*shell).value, (*shell).serial) })
}

/// The same without the number, for who tells what is wrong.
///
/// # Safety
/// As there.
pub(crate) unsafe fn take<'a, T: Kind, H>(argument: &str, handle: *const H) -> Outcome<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { take_numbered(argument, handle) }.map(|(value, _)| value)
}

/// As `take`, with the handle's number.
///
/// # Safety
/// As there.
pub(crate) unsafe fn take_numbered<'a, T: Kind, H>(
    argument: &str,
    handle: *const H,
) -> Outcome<(&'a T, u64)> {
    if handle.is_null() {
        return Err(Failure::null(argument));
    }
    // SAFETY: the caller's promise.
    unsafe { live_numbered(handle) }.ok_or_else(|| {
        let what = format!("`{argument}` is no {}, or one that was freed", T::NAME);
        Failure::argument(Code::FUSEWIRE_ERROR_INVALID_HANDLE, argument, what)
    })
}

/// Frees a handle; NULL does nothing. One that is none, or was freed before, ends the process with a message: going on
/// would corrupt memory.
///
/// # Safety
/// As for `live_numbered`; nobody else uses the handle.
pub(crate) unsafe fn free<T: Kind, H>(function: &str, handle: *mut H) {
    let shell = handle.cast::<Shell<T>>();
    if shell.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let was_live = shell.is_aligned()
        && unsafe { &(*shell).mark }
            .compare_exchange(T::MARK, FREED, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
    if !was_live {
        crate::guard::end(&format!("fusewire: {function}: this is no {}, or it was freed before\n", T::NAME));
    }
    // SAFETY: it was live, and only who has changed the mark comes here; nobody takes the value of a husk.
    let husk = unsafe {
        ManuallyDrop::drop(&mut (*shell).value);
        Husk(NonNull::new_unchecked(shell))
    };
    let mut husks = T::husks().lock();
    husks.push_back(husk);
    let oldest = if husks.len() > HUSKS { husks.pop_front() } else { None };
    drop(husks);
    drop(oldest);
}

/// Says what a type's handles look like.
macro_rules! kind {
    ($type:ty, $mark:literal, $name:literal) => {
        impl $crate::handle::Kind for $type {
            const MARK: u64 = u64::from_le_bytes(*$mark);
            const NAME: &'static str = $name;

            fn husks()
            -> &'static fusewire::binding::ForkMutex<std::collections::VecDeque<$crate::handle::Husk<Self>>>
            {
                static HUSKS: fusewire::binding::ForkMutex<
                    std::collections::VecDeque<$crate::handle::Husk<$type>>,
                > = fusewire::binding::ForkMutex::new(std::collections::VecDeque::new());
                &HUSKS
            }
        }
    };
}
pub(crate) use kind;
