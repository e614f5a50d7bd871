//! A call with its attempts as an object: the core's steps, without what waits and calls.

use crate::asking::Said;
use crate::breaker::Breaker;
use crate::clock::{nanos, seconds};
use crate::error::{already_settled, of_request};
use crate::guard::Guard;
use crate::guarded::guard_of;
use crate::object::attached;
use crate::permit::Permit;
use crate::rejection::raise_refused_of;
use crate::steps::{
    ask, failed_result, is_failure, object_of, primary_failed, settle_error, settle_result, type_of,
};
use fusewire::binding::{Course, ForkMutex, Refused, Role, TIMEOUT};
use fusewire::{CircuitBreaker, Ending, Outcome, Settled, Step};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::time::Duration;

/// A call that is made step by step; `CircuitBreaker.attempts` begins one.
#[pyclass(frozen, module = "fusewire", weakref)]
pub(crate) struct Attempts {
    breaker: Py<Breaker>,
    /// The decorated function whose rules hold, if it is one's.
    function: Option<Py<PyAny>>,
    said: Said,
    course: ForkMutex<State>,
}

/// How far it is.
enum State {
    /// It begins with its first step: a call that the cache answers is none.
    Later,
    Begun(Box<Course>),
    /// The core works on it: it may run what users wrote, and no lock is held then.
    Taken,
    /// Given up.
    Closed,
}

impl Attempts {
    /// Those of a call that asks for what was said.
    pub(crate) fn begin(
        py: Python<'_>,
        breaker: Py<Breaker>,
        function: Option<Py<PyAny>>,
        said: Said,
    ) -> PyResult<Self> {
        let core = &breaker.get().guard.core;
        if said.key().is_none() {
            let course = Course::begin(core, &said.request()).map_err(|e| of_request(py, &e, None))?;
            return Ok(Attempts::going_on(breaker, function, said, Box::new(course)));
        }
        core.check(&said.request()).map_err(|e| of_request(py, &e, None))?;
        Ok(Attempts { breaker, function, said, course: ForkMutex::new(State::Later) })
    }

    /// Those of a call that has begun.
    pub(crate) fn going_on(
        breaker: Py<Breaker>,
        function: Option<Py<PyAny>>,
        said: Said,
        course: Box<Course>,
    ) -> Self {
        let course = ForkMutex::new(State::Begun(course));
        Attempts { breaker, function, said, course }
    }

    fn core(&self) -> &CircuitBreaker {
        &self.breaker.get().guard.core
    }

    fn guard(&self) -> &Guard {
        let own = self.function.as_ref().and_then(guard_of);
        own.unwrap_or(&self.breaker.get().guard)
    }

    fn with<R>(&self, act: impl FnOnce(&mut Course) -> R) -> PyResult<R> {
        let before = {
            let mut state = self.course.lock();
            match &*state {
                State::Closed => State::Closed,
                _ => std::mem::replace(&mut *state, State::Taken),
            }
        };
        let mut course = match before {
            State::Begun(course) => course,
            State::Later => Box::new(
                Course::begin(self.core(), &self.said.request())
                    .map_err(|e| Python::attach(|py| of_request(py, &e, None)))?,
            ),
            State::Taken | State::Closed => {
                return Err(pyo3::exceptions::PyRuntimeError::new_err(format!(
                    "these attempts of '{}' were closed, or another thread is in the middle of a step of them",
                    self.core().name()
                )));
            }
        };
        let answer = act(&mut course);
        let mut state = self.course.lock();
        if matches!(*state, State::Taken) {
            *state = State::Begun(course);
        } else {
            drop(state);
            course.abandon(self.core());
        }
        Ok(answer)
    }

    /// What is to be done now; `None` when a permit is to be waited for.
    fn step(&self, may_wait: bool) -> PyResult<Option<Step>> {
        let (core, guard) = (self.core(), self.guard());
        self.with(|course| {
            loop {
                match course.next(core) {
                    None if may_wait && core.may_queue() => return None,
                    None => ask(course, guard),
                    step => return step,
                }
            }
        })
    }

    fn end(&self, py: Python<'_>, ending: Ending<'_>) -> PyResult<&'static str> {
        let core = self.core();
        match self.with(|course| course.settle(core, &ending))? {
            Some(Settled::Ok) => Ok("ok"),
            Some(_) => Ok("late"),
            None => Err(already_settled(py)),
        }
    }

    fn lasted<'e>(ending: Ending<'e>, duration: Option<&Bound<'_, PyAny>>) -> PyResult<Ending<'e>> {
        Ok(match duration {
            Some(duration) => ending.lasted(Duration::from_nanos(nanos("duration", duration)?)),
            None => ending,
        })
    }
}

#[pymethods]
impl Attempts {
    /// The breaker.
    #[getter]
    fn breaker(&self, py: Python<'_>) -> Py<Breaker> {
        self.breaker.clone_ref(py)
    }

    /// Under what the call's value is cached, if it is.
    #[getter]
    fn key(&self) -> Option<&str> {
        self.said.own_key()
    }

    /// The key, and what keeps it apart from those of other functions.
    #[getter]
    #[pyo3(name = "_whole_key")]
    fn whole_key(&self) -> Option<&str> {
        self.said.key()
    }

    /// Seconds until the call's deadline; `None` when it has none.
    #[pyo3(name = "_left")]
    fn left(&self) -> Option<f64> {
        let deadline = self.said.deadline()?;
        Some(seconds(deadline.saturating_sub(self.core().now())))
    }

    /// What is to be done now: a `Call`, a `Wait`, a `Use` or `Done`. Asks the breaker when it is time to, and never waits
    /// itself. Asked again before anything was done it answers the same; of a `Wait`, what is left of it.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let step = self.step(false)?;
        object_of(py, step.as_ref())
    }

    /// As `next`; `None` when a permit is to be waited for, with `_permit` and `_take`.
    #[pyo3(name = "_next")]
    fn next_or_wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let step = self.step(true)?;
        object_of(py, step.as_ref())
    }

    /// A permit to wait for.
    #[pyo3(name = "_permit")]
    fn permit(&self, py: Python<'_>) -> PyResult<Permit> {
        let wanted = self.with(|course| course.wanted())?;
        let function = self.function.as_ref().map(|function| function.clone_ref(py));
        Ok(Permit::later(self.breaker.clone_ref(py), function, wanted))
    }

    /// The wait for that permit has ended: it was given, or the call was turned away.
    #[pyo3(name = "_take")]
    fn take(&self, permit: &Permit) -> PyResult<()> {
        let core = self.core();
        match permit.refused() {
            Some(refused) => self.with(|course| course.refused(core, refused)),
            None => {
                let paced = permit.take_paced()?;
                self.with(|course| course.admitted(core, paced))
            }
        }
    }

    /// Before anything is called: where a fresh value lies that answers, as its place and version.
    #[pyo3(name = "_cache_fresh")]
    fn cache_fresh(&self) -> Option<(u32, u64)> {
        self.core().cache_fresh(self.said.key()?).map(|place| (place.at, place.version))
    }

    /// For the rung `cache`: where a value lies that may answer.
    #[pyo3(name = "_cache_any")]
    fn cache_any(&self) -> Option<(u32, u64)> {
        self.core().cache_any(self.said.key()?).map(|place| (place.at, place.version))
    }

    /// The call has succeeded: where its value is to be kept, its version, and the epoch of what is vacant; `None` when it is
    /// not kept.
    #[pyo3(name = "_cache_store")]
    fn cache_store(&self) -> Option<(u32, u64, u64)> {
        let stored = self.core().cache_store(self.said.key()?)?;
        Some((stored.place.at, stored.place.version, stored.epoch))
    }

    /// Joins the calls of its key: its ticket, and whether it leads; `None` where calls do not join each other.
    #[pyo3(name = "_join")]
    fn join(&self) -> Option<(u64, bool)> {
        let level = self.said.priority().unwrap_or_default();
        let joined = self.core().flight_join(self.said.key()?, level)?;
        Some((joined.ticket, joined.role == Role::Lead))
    }

    /// The leader has its answer: the tickets of those that it is handed to.
    #[pyo3(name = "_land")]
    fn land(&self, ticket: u64) -> Vec<u64> {
        self.core().flight_land(ticket)
    }

    /// The call with that ticket is given up: the tickets of those that lead from now on.
    #[pyo3(name = "_leave")]
    fn leave(&self, ticket: u64) -> Vec<u64> {
        self.core().flight_leave(ticket)
    }

    /// Seconds after which another attempt is to be started beside the one that is under way; `None`: none is.
    #[pyo3(name = "_hedge_after")]
    fn hedge_after(&self) -> PyResult<Option<f64>> {
        let core = self.core();
        Ok(self.with(|course| course.hedge_after(core))?.map(seconds))
    }

    /// A permit for that attempt, when that time has passed; `None` when there is to be none.
    #[pyo3(name = "_hedge")]
    fn hedge(&self, py: Python<'_>) -> PyResult<Option<Permit>> {
        let core = self.core();
        let function = self.function.as_ref().map(|function| function.clone_ref(py));
        let slip = self.with(|course| course.hedge(core))?;
        Ok(slip.map(|slip| Permit::new(self.breaker.clone_ref(py), function, slip)))
    }

    /// The attempt that is under way has raised while others beside it go on: settles it if that is a failure. `False`, and
    /// nothing is done, when it is none: that decides the call.
    #[pyo3(name = "_primary_failed")]
    fn primary_failed(&self, error: &Bound<'_, PyAny>) -> PyResult<bool> {
        let guard = self.guard();
        self.with(|course| primary_failed(course, guard, error))
    }

    /// The same, cut off.
    #[pyo3(name = "_primary_timed_out")]
    fn primary_timed_out(&self) -> PyResult<()> {
        let core = self.core();
        self.with(|course| _ = course.primary_failed(core, &Ending::failure(TIMEOUT)))
    }

    /// Whether a result is a failure under the rules: one that is none answers first.
    #[pyo3(name = "_is_failure")]
    fn is_failure(&self, result: &Bound<'_, PyAny>) -> bool {
        is_failure(self.guard(), result)
    }

    /// The attempt that is under way has returned such a result: settles it. `goes_on`: others beside it do, and it is told
    /// once more if they fail, too.
    #[pyo3(name = "_returned_failure")]
    fn returned_failure(&self, result: &Bound<'_, PyAny>, goes_on: bool) -> PyResult<()> {
        let core = self.core();
        self.with(|course| {
            failed_result(self.guard(), result, |ending| match goes_on {
                true => course.primary_failed(core, ending),
                false => course.settle(core, ending),
            });
        })
    }

    /// That attempt has answered first: it is the one from here on, and the one before is let go.
    #[pyo3(name = "_hedge_won")]
    fn hedge_won(&self, permit: &Permit) -> PyResult<()> {
        let (core, slip) = (self.core(), permit.take_slip()?);
        self.with(|course| course.hedge_won(core, &slip))
    }

    /// The exception of a call that was turned away; `None` when the last attempt was not.
    #[pyo3(name = "_rejection")]
    fn rejection<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let core = self.core();
        let Some(Step::Done(done)) = self.with(|course| course.next(core))? else { return Ok(None) };
        Ok(done.rejected.map(|rejected| {
            let retry_after = rejected.retry_after().map(|d| d.as_nanos() as u64);
            let refused = Refused { reason: rejected.reason(), retry_after };
            raise_refused_of(py, self.breaker.as_ptr(), &refused, self.said.feature());
            PyErr::fetch(py).into_value(py).into_bound(py).into_any()
        }))
    }

    /// The attempt did what it should. `duration` in seconds, where the caller measured it. Answers `"late"` when the breaker
    /// has moved on since, otherwise `"ok"`; raises `AlreadySettledError` when no attempt is under way.
    #[pyo3(signature = (*, duration=None))]
    fn success(&self, py: Python<'_>, duration: Option<&Bound<'_, PyAny>>) -> PyResult<&'static str> {
        self.end(py, Attempts::lasted(Ending::success(), duration)?)
    }

    /// The attempt failed. `error`: the exception, its class, or the core's name of the error; `status`: of an HTTP answer;
    /// `retry_after`: seconds that the dependency asks to wait; `fall_back=False`: no rung answers in its place.
    #[pyo3(signature = (error=None, *, status=None, retry_after=None, duration=None, fall_back=true))]
    fn failure(
        &self,
        py: Python<'_>,
        error: Option<&Bound<'_, PyAny>>,
        status: Option<u16>,
        retry_after: Option<&Bound<'_, PyAny>>,
        duration: Option<&Bound<'_, PyAny>>,
        fall_back: bool,
    ) -> PyResult<&'static str> {
        let mut told = (None, Default::default());
        if let Some(error) = error {
            told = type_of(self.core().name(), error)?;
        }
        let (name, known) = &told;
        let mut ending = known.tell(Ending::new(Outcome::Failure, name.as_deref()));
        if let Some(status) = status {
            ending = ending.status(status);
        }
        if let Some(wait) = retry_after {
            ending = ending.retry_after(Duration::from_nanos(nanos("retry_after", wait)?));
        }
        ending = Attempts::lasted(ending, duration)?;
        self.end(py, if fall_back { ending } else { ending.without_fallback() })
    }

    /// The attempt says nothing about the dependency: it is not tried once more, and nothing answers in its place. `error`:
    /// as for `failure`; it is told when the call is over.
    #[pyo3(signature = (error=None, *, duration=None))]
    fn ignore(
        &self,
        py: Python<'_>,
        error: Option<&Bound<'_, PyAny>>,
        duration: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<&'static str> {
        let name =
            error.map(|error| type_of(self.core().name(), error)).transpose()?.and_then(|(name, _)| name);
        self.end(py, Attempts::lasted(Ending::new(Outcome::Ignored, name.as_deref()), duration)?)
    }

    /// Settles the attempt as one that returned, or raised `error`, counts under the rules. `False` when it was cancelled:
    /// its permit is let go, and nothing more is to be done.
    #[pyo3(signature = (error=None))]
    fn settle(&self, error: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let guard = self.guard();
        self.with(|course| match error {
            Some(error) => settle_error(course, guard, error),
            None => {
                course.settle(&guard.core, &Ending::success());
                true
            }
        })
    }

    /// Settles the attempt as one that returned `result` counts under the rules.
    fn settle_result(&self, result: &Bound<'_, PyAny>) -> PyResult<()> {
        let guard = self.guard();
        self.with(|course| settle_result(course, guard, result))
    }

    /// Whether the rung that was to be used has answered.
    #[pyo3(signature = (has_answered=true))]
    fn answered(&self, has_answered: bool) -> PyResult<()> {
        let core = self.core();
        self.with(|course| course.answered(core, has_answered))
    }

    /// Gives it up: the permit of an attempt that is under way is let go. Nothing when it is over.
    fn close(&self) {
        let before = std::mem::replace(&mut *self.course.lock(), State::Closed);
        if let State::Begun(mut course) = before {
            course.abandon(self.core());
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// As `next`, until it is over.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let step = self.step(false)?;
        match step {
            Some(Step::Done(_)) => Ok(None),
            step => object_of(py, step.as_ref()).map(Some),
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        self.close();
        false
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.breaker)?;
        visit.call(&self.function)
    }

    fn __repr__(&self) -> String {
        format!("<Attempts of '{}'>", self.core().name())
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        attached(|_| self.close());
    }
}
