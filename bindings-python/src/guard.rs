//! What guards one call: admission, and settling by what came of it.

use crate::asking::Asking;
use crate::object::attached;
use crate::raised::Raised;
use crate::rejection;
use crate::rules::{self, Rules, Verdict};
use fusewire::binding::{Refused, Slip};
use fusewire::{CircuitBreaker, Outcome, Settled};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A breaker and the rules that hold for a call.
pub(crate) struct Guard {
    pub(crate) core: CircuitBreaker,
    pub(crate) rules: Option<Box<Rules>>,
    /// What its calls ask for, if that is not what all do.
    pub(crate) asking: Option<Box<Asking>>,
    /// Whether a result decides nothing: the usual.
    pub(crate) is_plain: bool,
}

impl Guard {
    pub(crate) fn new(core: CircuitBreaker, rules: Option<Box<Rules>>) -> Self {
        let is_plain = !rules.as_ref().is_some_and(|r| r.judges_results());
        Guard { core, rules, asking: None, is_plain }
    }

    /// With what its calls ask for.
    pub(crate) fn asking(self, asking: Option<Box<Asking>>) -> Self {
        Guard { asking, ..self }
    }

    /// Asks for a permit. It never waits.
    #[inline(always)]
    pub(crate) fn acquire(&self) -> Result<Slip, Refused> {
        match self.core.acquire_quietly() {
            Some(slip) => Ok(slip),
            None => self.acquire_slowly(),
        }
    }

    pub(crate) fn acquire_slowly(&self) -> Result<Slip, Refused> {
        let answer = self.core.acquire_slip();
        if let Err(refused) = &answer {
            self.tell(refused);
        }
        answer
    }

    pub(crate) fn tell(&self, refused: &Refused) {
        rejection::tell(self.core.name(), refused);
    }

    #[inline(always)]
    pub(crate) fn succeed(&self, slip: &Slip) {
        if !self.core.succeed_quietly(slip) {
            self.core.settle_slip(slip, Outcome::Success, None, None);
        }
    }

    /// Settles by a result.
    #[cold]
    pub(crate) fn settle_result(&self, slip: &Slip, result: &Bound<'_, PyAny>) -> Settled {
        let outcome = self.rules.as_ref().map_or(Outcome::Success, |r| r.of_result(self.core.name(), result));
        self.core.settle_slip(slip, outcome, None, None)
    }

    /// Settles by an exception.
    pub(crate) fn settle_error(&self, slip: &Slip, error: &Bound<'_, PyAny>) -> Settled {
        match rules::judge(self.rules.as_deref(), self.core.name(), error) {
            (Verdict::Abandoned, _) => self.core.abandon_slip(slip),
            (Verdict::Outcome(outcome), kind) => self.core.settle_slip(slip, outcome, None, kind.of(error)),
        }
    }

    /// Records an exception of a call that asked for no permit. A cancelled one has lasted nobody knows how long.
    pub(crate) fn record_error(&self, error: &Bound<'_, PyAny>) -> Settled {
        match rules::judge(self.rules.as_deref(), self.core.name(), error) {
            (Verdict::Abandoned, _) => self.core.record(Outcome::Ignored, None),
            (Verdict::Outcome(outcome), kind) => self.core.record(outcome, kind.of(error)),
        }
    }

    /// For the collector, of a PyO3 object.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.rules.as_ref().map_or(Ok(()), |rules| rules.visit(visit))?;
        self.asking.as_ref().map_or(Ok(()), |asking| asking.visit(visit))
    }

    /// For the collector, of an object made by hand.
    ///
    /// # Safety
    /// As the interpreter calls a traverse function.
    pub(crate) unsafe fn traverse(&self, visitor: ffi::visitproc, argument: *mut c_void) -> c_int {
        // SAFETY: the caller's promise.
        let answer = self.rules.as_ref().map_or(0, |rules| unsafe { rules.traverse(visitor, argument) });
        if answer != 0 {
            return answer;
        }
        // SAFETY: as above.
        self.asking.as_ref().map_or(0, |asking| unsafe { asking.traverse(visitor, argument) })
    }

    /// Settles by the exception that is being raised, which stays raised.
    ///
    /// # Safety
    /// The thread is attached, and an exception is raised.
    #[cold]
    pub(crate) unsafe fn settle_raised(&self, slip: &Slip) {
        // SAFETY: the caller's promise.
        let raised = unsafe { Raised::take() };
        attached(|py| {
            // SAFETY: alive as long as `raised` is.
            match unsafe { Bound::from_borrowed_ptr_or_opt(py, raised.value()) } {
                Some(error) => self.settle_error(slip, &error),
                None => self.core.abandon_slip(slip),
            }
        });
        // SAFETY: the caller's promise.
        unsafe { raised.restore() };
    }
}

/// Runs what may call the core and the user's functions; a panic, which is a defect, becomes an exception.
pub(crate) fn catch<R>(otherwise: R, run: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        // SAFETY: attached: everything here is called by the interpreter.
        unsafe {
            if ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_SetString(
                    ffi::PyExc_RuntimeError,
                    c"fusewire: the core panicked; please report it".as_ptr(),
                );
            }
        }
        otherwise
    })
}
