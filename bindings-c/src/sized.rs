//! Structs of the caller's that begin with their size, so that they can grow.

use crate::guard::{Failure, Outcome};
use crate::status::fusewire_status_enum as Code;
use std::mem::MaybeUninit;

/// A struct that a program fills in.
///
/// # Safety
/// It is `repr(C)`, its first field is a `usize`, and whatever bytes it has are a value of it.
pub(crate) unsafe trait Sized: Copy {
    /// The size of the first version.
    const FIRST: usize;
    /// What to begin it with.
    const INIT: &'static str;
}

/// No version will be so large: who passes this has forgotten to set it.
pub(crate) const LARGEST: usize = 64 * 1024;

/// The caller's struct as this version knows it, whichever the caller's is: what an older one lacks is 0, and what a
/// newer one has beyond this must be 0.
///
/// # Safety
/// `from` has as many bytes as its size says.
pub(crate) unsafe fn read<T: Sized>(argument: &str, from: *const T) -> Outcome<T> {
    // SAFETY: the caller's promise; the size comes first in every version.
    let size = unsafe { from.cast::<usize>().read_unaligned() };
    let known = size_of::<T>();
    let refuse = || {
        let allowed = format!("{} to {known}: begin with {}", T::FIRST, T::INIT);
        let key = format!("{argument}.size");
        Failure::invalid(Code::FUSEWIRE_ERROR_INVALID_SIZE, &key, size, &allowed)
    };
    // The size of a struct of any version; by another a pointer might be read in part.
    if !(T::FIRST..=LARGEST).contains(&size) || !size.is_multiple_of(align_of::<T>()) {
        return Err(refuse());
    }
    let mut ours = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller's promise; zeroed, every field has a value.
    let (ours, rest) = unsafe {
        let bytes = from.cast::<u8>();
        bytes.copy_to_nonoverlapping(ours.as_mut_ptr().cast(), size.min(known));
        (
            ours.assume_init(),
            std::slice::from_raw_parts(bytes.add(size.min(known)), size.saturating_sub(known)),
        )
    };
    if rest.iter().any(|byte| *byte != 0) { Err(refuse()) } else { Ok(ours) }
}
