//! The first attempt of a call with policies around it: one that succeeds is its slip and no more. What there is to know of
//! all others is put together when it has come to something else.

use crate::asking::Said;
use crate::guard::Guard;
use fusewire::binding::{Course, Paced, Refused, Slip};
use fusewire::{Ending, Request, Step, Wanted};
use pyo3::prelude::*;

/// A call that has begun and was counted.
pub(crate) struct First {
    /// `None`: it asks for nothing of its own.
    pub(crate) said: Option<Said>,
    pub(crate) wanted: Wanted,
    begun: u64,
}

impl First {
    /// `tries`: it may come to more than one attempt, and is counted.
    #[inline]
    pub(crate) fn begin(py: Python<'_>, guard: &Guard, said: Option<Said>, tries: bool) -> PyResult<Self> {
        let wanted = match &said {
            None => Wanted::default(),
            Some(said) => guard.checked(py, said)?,
        };
        Ok(First { said, wanted, begun: if tries { Course::count(&guard.core) } else { 0 } })
    }

    /// Asks for a permit, for `slip`; never waits. How long its turn is away.
    #[inline]
    pub(crate) fn ask(&self, guard: &Guard, slip: &mut Slip) -> Result<u64, Refused> {
        let answer = guard.core.acquire_into(&self.wanted, slip);
        if let Err(refused) = &answer {
            guard.tell(refused);
        }
        answer
    }

    /// The call, if its deadline has passed before it could begin: no attempt is made.
    #[inline]
    pub(crate) fn lapsed(&self, guard: &Guard) -> Option<Box<Course>> {
        guard.core.is_too_late(&self.wanted).then(|| {
            let mut course = self.course(guard);
            course.lapse(&guard.core);
            course
        })
    }

    /// The call with its attempts, the first of which the breaker has answered.
    #[cold]
    pub(crate) fn told(&self, guard: &Guard, answer: Result<Paced, Refused>) -> Box<Course> {
        let mut course = self.course(guard);
        match answer {
            Ok(paced) => course.admitted(&guard.core, paced),
            Err(refused) => course.refused(&guard.core, refused),
        }
        course
    }

    /// The call with its attempts, of which none was asked for.
    #[cold]
    pub(crate) fn course(&self, guard: &Guard) -> Box<Course> {
        let request = self.said.as_ref().map_or_else(Request::new, Said::request);
        Box::new(Course::resume(&guard.core, &request, self.wanted, self.begun))
    }

    /// Settles an attempt that has succeeded, beyond doubt.
    #[inline]
    pub(crate) fn succeed(&self, guard: &Guard, slip: &Slip) {
        if guard.core.has_hedge() {
            self.told(guard, Ok((*slip, 0))).settle(&guard.core, &Ending::success());
        } else {
            guard.succeed(slip);
        }
    }
}

/// Whether what the attempt came to is what the call comes to.
pub(crate) fn is_over(course: &mut Course, guard: &Guard) -> bool {
    matches!(course.next(&guard.core), Some(Step::Done(done)) if done.rung.is_none() && done.rejected.is_none())
}
