//! The core's steps as objects, what an error says of itself, and what came of an attempt.

use crate::clock::seconds;
use crate::error::invalid;
use crate::events;
use crate::guard::Guard;
use crate::rules::{self, ErrorType, Verdict};
use fusewire::binding::Course;
use fusewire::{Ending, Finished, Outcome, Settled, Step};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};
use std::time::Duration;

/// Make the call, then settle the attempt.
#[pyclass(frozen, get_all, eq, module = "fusewire")]
#[derive(PartialEq)]
pub(crate) struct Call {
    /// Its number, from 1: how often the breaker was asked.
    attempt: u32,
    /// Seconds that it may take; `None` when there is no limit. End it then, and settle it as `failure("timeout")`.
    timeout: Option<f64>,
}

/// Wait so long, then ask again.
#[pyclass(frozen, get_all, eq, module = "fusewire")]
#[derive(PartialEq)]
pub(crate) struct Wait {
    /// How long.
    seconds: f64,
}

/// Answer from a rung, then tell whether it has `answered`.
#[pyclass(frozen, get_all, eq, module = "fusewire")]
#[derive(PartialEq)]
pub(crate) struct Use {
    /// `"cache"`, `"breaker:<name>"`, or the name of a function or constant.
    rung: String,
}

/// It is over.
#[pyclass(frozen, get_all, eq, module = "fusewire")]
#[derive(PartialEq)]
pub(crate) struct Done {
    /// Of the last attempt that ran, `"success"` when a rung has answered, `"rejected"` when nothing ran.
    outcome: &'static str,
    /// The rung that has answered: the answer is degraded.
    rung: Option<String>,
    /// How often the breaker was asked.
    attempts: u32,
    /// Why the last attempt was turned away, if it was.
    rejected: Option<&'static str>,
    /// Seconds until that answer can differ, if that is known.
    retry_after: Option<f64>,
    /// Of the last attempt that failed.
    error_type: Option<String>,
}

macro_rules! as_values {
    ($class:ident: $($field:ident),+) => {
        #[pymethods]
        impl $class {
            #[classattr]
            fn __match_args__() -> Vec<&'static str> {
                vec![$(stringify!($field)),+]
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                let fields: &[&str] = &[$(stringify!($field)),+];
                let shown: PyResult<Vec<String>> =
                    fields.iter().map(|field| Ok(format!("{field}={}", slf.getattr(*field)?.repr()?))).collect();
                Ok(format!("{}({})", stringify!($class), shown?.join(", ")))
            }
        }
    };
}

as_values!(Call: attempt, timeout);
as_values!(Wait: seconds);
as_values!(Use: rung);
as_values!(Done: outcome, rung, attempts, rejected, retry_after, error_type);

/// Puts the classes into their place.
pub(crate) fn add_types(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Call>()?;
    m.add_class::<Wait>()?;
    m.add_class::<Use>()?;
    m.add_class::<Done>()
}

/// A step as an object; `None` for none.
pub(crate) fn object_of<'py>(py: Python<'py>, step: Option<&Step>) -> PyResult<Bound<'py, PyAny>> {
    let Some(step) = step else { return Ok(py.None().into_bound(py)) };
    Ok(match step {
        Step::Call { attempt, timeout } => {
            let timeout = timeout.as_ref().map(in_seconds);
            Bound::new(py, Call { attempt: *attempt, timeout })?.into_any()
        }
        Step::Wait(wait) => Bound::new(py, Wait { seconds: in_seconds(wait) })?.into_any(),
        Step::Use(rung) => Bound::new(py, Use { rung: rung.to_string() })?.into_any(),
        Step::Done(done) => Bound::new(py, done_of(done))?.into_any(),
        _ => {
            let text = "fusewire: a step that this package does not know";
            return Err(pyo3::exceptions::PyRuntimeError::new_err(text));
        }
    })
}

fn done_of(done: &Finished) -> Done {
    let rejected = done.rejected.as_ref();
    Done {
        outcome: done.outcome.map_or("rejected", Outcome::name),
        rung: done.rung.as_ref().map(ToString::to_string),
        attempts: done.attempts,
        rejected: rejected.map(|rejected| rejected.reason().name()),
        retry_after: rejected.and_then(|rejected| rejected.retry_after()).as_ref().map(in_seconds),
        error_type: done.error_type.clone(),
    }
}

/// What an error, or a result that counts as one, says of itself.
#[derive(Default)]
pub(crate) struct Kind {
    /// In the core's words.
    pub(crate) name: Option<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl Kind {
    pub(crate) fn tell<'e>(&self, mut ending: Ending<'e>) -> Ending<'e> {
        if let Some(status) = self.status {
            ending = ending.status(status);
        }
        if let Some(wait) = self.retry_after {
            ending = ending.retry_after(wait);
        }
        ending
    }
}

/// Asks `fusewire._kinds`. What raises there is logged, and nothing is known then.
pub(crate) fn kind_of(breaker: &str, given: &Bound<'_, PyAny>) -> Kind {
    let py = given.py();
    let asked = || -> PyResult<(Option<String>, Option<u16>, Option<f64>)> {
        static ASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let found = || Ok::<_, PyErr>(py.import("fusewire._kinds")?.getattr("kind_of")?.unbind());
        ASK.get_or_try_init(py, found)?.bind(py).call1((given,))?.extract()
    };
    match asked() {
        Ok((name, status, wait)) => {
            Kind { name, status, retry_after: wait.and_then(|wait| Duration::try_from_secs_f64(wait).ok()) }
        }
        Err(error) => {
            events::log_error(py, "an error's kind", breaker, &error);
            Kind::default()
        }
    }
}

/// Under which name an error, its class or a text is counted and sorted, and what else it says.
pub(crate) fn type_of(breaker: &str, error: &Bound<'_, PyAny>) -> PyResult<(Option<String>, Kind)> {
    if let Ok(text) = error.cast::<PyString>() {
        return Ok((Some(text.to_string_lossy().into_owned()), Default::default()));
    }
    if let Ok(class) = error.cast::<PyType>() {
        return Ok((Some(class.name()?.to_string_lossy().into_owned()), Default::default()));
    }
    if error.is_instance_of::<pyo3::exceptions::PyBaseException>() {
        let known = kind_of(breaker, error);
        let name = known.name.clone().unwrap_or_else(|| rules::class_name(error).to_owned());
        return Ok((Some(name), known));
    }
    Err(invalid(error.py(), "error", error, "an exception, its class, or a text"))
}

/// What came of an attempt by the rules, and what the core makes of it. False: it was cancelled, and its permit is let go.
pub(crate) fn settle_error(course: &mut Course, guard: &Guard, error: &Bound<'_, PyAny>) -> bool {
    let core = &guard.core;
    let (outcome, kind) = match rules::judge(guard.rules.as_deref(), core.name(), error) {
        (Verdict::Abandoned, _) => {
            course.abandon(core);
            return false;
        }
        (Verdict::Outcome(outcome), kind) => (outcome, kind),
    };
    if outcome != Outcome::Failure {
        course.settle(core, &Ending::new(outcome, None));
        return true;
    }
    failed(guard, error, &kind, |ending| course.settle(core, ending));
    true
}

/// Settles an attempt that has raised while others beside it go on, if that is a failure by the rules; answers whether.
pub(crate) fn primary_failed(course: &mut Course, guard: &Guard, error: &Bound<'_, PyAny>) -> bool {
    let core = &guard.core;
    match rules::judge(guard.rules.as_deref(), core.name(), error) {
        (Verdict::Outcome(Outcome::Failure), kind) => {
            failed(guard, error, &kind, |ending| course.primary_failed(core, ending));
            true
        }
        _ => false,
    }
}

/// Tells of a failure all there is to say.
fn failed(
    guard: &Guard,
    error: &Bound<'_, PyAny>,
    kind: &ErrorType,
    tell: impl FnOnce(&Ending<'_>) -> Option<Settled>,
) {
    let core = &guard.core;
    let known = kind_of(core.name(), error);
    let error_type = match kind {
        ErrorType::Class => known.name.as_deref().or_else(|| kind.of(error)),
        ErrorType::Said(_) => kind.of(error),
    };
    let falls_back = guard.rules.as_ref().is_none_or(|rules| rules.falls_back(core.name(), error));
    let ending = known.tell(Ending::new(Outcome::Failure, error_type));
    tell(&if falls_back { ending } else { ending.without_fallback() });
}

/// Settles an attempt that has returned.
pub(crate) fn settle_result(course: &mut Course, guard: &Guard, result: &Bound<'_, PyAny>) {
    let core = &guard.core;
    if is_failure(guard, result) {
        failed_result(guard, result, |ending| course.settle(core, ending));
    } else {
        course.settle(core, &Ending::success());
    }
}

/// Whether a result is a failure by the rules.
pub(crate) fn is_failure(guard: &Guard, result: &Bound<'_, PyAny>) -> bool {
    guard.rules.as_ref().is_some_and(|rules| rules.of_result(guard.core.name(), result) == Outcome::Failure)
}

/// Tells of such a result all there is to say.
pub(crate) fn failed_result(
    guard: &Guard,
    result: &Bound<'_, PyAny>,
    tell: impl FnOnce(&Ending<'_>) -> Option<Settled>,
) {
    let known = kind_of(guard.core.name(), result);
    tell(&known.tell(Ending::new(Outcome::Failure, known.name.as_deref())));
}

/// Asks for a permit; never waits.
pub(crate) fn ask(course: &mut Course, guard: &Guard) {
    match guard.acquire_for(&course.wanted()) {
        Ok(paced) => course.admitted(&guard.core, paced),
        Err(refused) => course.refused(&guard.core, refused),
    }
}

/// The seconds of a wait, for steps.
pub(crate) fn in_seconds(duration: &Duration) -> f64 {
    seconds(duration.as_nanos() as u64)
}
