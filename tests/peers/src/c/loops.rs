//! The loops in C, as batches.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use libloading::Library;

use crate::guard::{Batch, Maker};

type Breaker = *mut c_void;
type Loop = unsafe extern "C" fn(*const c_void, u64);

/// The library with the loops.
#[derive(Clone)]
pub struct Loops(Arc<Functions>);

struct Functions {
    new: unsafe extern "C" fn(*const c_char) -> Breaker,
    free: unsafe extern "C" fn(Breaker),
    bare: Loop,
    permit: Loop,
    call: Loop,
    rejected: Loop,
    _library: Library,
}

/// A breaker of the C library.
struct Owned {
    breaker: Breaker,
    functions: Arc<Functions>,
}

// SAFETY: threads may share handles of breakers: the header says so.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and freed here alone.
        unsafe { (self.functions.free)(self.breaker) };
    }
}

impl Loops {
    /// Loads what `FUSEWIRE_LOOPS` names.
    pub fn load() -> Result<Loops, String> {
        let path = std::env::var("FUSEWIRE_LOOPS").map_err(|_| "start it by ci/bench-c.sh".to_owned())?;
        // SAFETY: what is loaded is built from c/loops.c, whose functions have these types.
        unsafe {
            let library = Library::new(&path).map_err(|e| e.to_string())?;
            let abi =
                *library.get::<unsafe extern "C" fn() -> u32>(b"loops_abi\0").map_err(|e| e.to_string())?;
            if abi() == 0 {
                return Err("the library does not serve the header".to_owned());
            }
            let looped =
                |name: &str| library.get::<Loop>(name.as_bytes()).map(|f| *f).map_err(|e| e.to_string());
            Ok(Loops(Arc::new(Functions {
                new: *library.get(b"loops_breaker\0").map_err(|e| e.to_string())?,
                free: *library.get(b"loops_breaker_free\0").map_err(|e| e.to_string())?,
                bare: looped("loops_bare")?,
                permit: looped("loops_permit")?,
                call: looped("loops_call")?,
                rejected: looped("loops_rejected")?,
                _library: library,
            })))
        }
    }

    /// The bare call.
    pub fn bare(&self) -> Maker {
        let functions = Arc::clone(&self.0);
        Box::new(move || {
            let functions = Arc::clone(&functions);
            // SAFETY: the bare loop looks at no breaker.
            Box::new(move |calls| unsafe { (functions.bare)(std::ptr::null(), calls) })
        })
    }

    /// Acquire, the call, success.
    pub fn permit(&self, document: &str) -> Maker {
        self.around(document, self.0.permit)
    }

    /// The call as a function pointer.
    pub fn call(&self, document: &str) -> Maker {
        self.around(document, self.0.call)
    }

    /// Acquire, which is turned away.
    pub fn rejected(&self, document: &str) -> Maker {
        self.around(document, self.0.rejected)
    }

    fn around(&self, document: &str, looped: Loop) -> Maker {
        let functions = Arc::clone(&self.0);
        let text = CString::new(document).expect("no NUL in it");
        Box::new(move || -> Batch {
            // SAFETY: a text with a NUL behind it.
            let breaker = unsafe { (functions.new)(text.as_ptr()) };
            let owned = Owned { breaker, functions: Arc::clone(&functions) };
            Box::new(move |calls| {
                let owned = &owned;
                // SAFETY: a breaker, alive.
                unsafe { looped(owned.breaker, calls) };
            })
        })
    }
}
