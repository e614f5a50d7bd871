//! What is to be done next in a call that is made step by step, and how an attempt ended.

use crate::breaker::Breaker;
use crate::call::fusewire_rejection;
use crate::guard::{Failure, Outcome};
use crate::names::{FUSEWIRE_INVALID, FUSEWIRE_NONE, fusewire_outcome, outcome_of};
use crate::read::FUSEWIRE_ERROR_TYPE_SIZE;
use crate::sized::Sized;
use crate::status::fusewire_status_enum as Code;
use crate::text;
use fusewire::binding::Refused;
use fusewire::{Ending, Finished, Rung, Step};
use std::ffi::c_char;
use std::time::Duration;

/// Room for the longest rung, `breaker:` and a name of 255 bytes, and its NUL.
pub const FUSEWIRE_RUNG_SIZE: usize = 264;

/// What is to be done: one of `fusewire_step_kind_enum`.
pub type fusewire_step_kind = u32;

/// The values of `fusewire_step_kind`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_step_kind_enum {
    /// Make the call, then tell how it ended: `fusewire_attempts_settle`, or `_success` or `_failure`.
    FUSEWIRE_STEP_CALL = 0,
    /// Wait for `wait_ns`, then ask for the next step again.
    FUSEWIRE_STEP_WAIT = 1,
    /// Answer from the rung, then tell whether it has: `fusewire_attempts_answered`.
    FUSEWIRE_STEP_USE = 2,
    /// It is over.
    FUSEWIRE_STEP_DONE = 3,
}

/// What a rung answers from: one of `fusewire_rung_enum`.
pub type fusewire_rung = u32;

/// The values of `fusewire_rung`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_rung_enum {
    /// There is no rung.
    FUSEWIRE_RUNG_NONE = 0,
    /// The answer of an earlier call of the same key: see `fusewire_breaker_cache_any`.
    FUSEWIRE_RUNG_CACHE = 1,
    /// A call through another breaker, whose name stands behind `breaker:`.
    FUSEWIRE_RUNG_BREAKER = 2,
    /// What the program has under that name: a function or a constant.
    FUSEWIRE_RUNG_NAMED = 3,
}

/// What is to be done now in a call that is made step by step. What does not belong to its kind is absent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_step {
    /// What, a `fusewire_step_kind`.
    pub kind: fusewire_step_kind,
    /// Of a call: its number, from 1. At the end: how many there were. It counts how often the breaker was asked.
    pub attempt: u32,
    /// Of a call: how long it may take, in nanoseconds from now; absent when nothing sets a timeout. End it then, and
    /// settle it as a failure of error type `timeout`.
    pub timeout_ns: u64,
    /// Of a wait: how long, in nanoseconds from now; else 0.
    pub wait_ns: u64,
    /// At the end: of the last attempt that ran, or success when a rung has answered, a `fusewire_outcome`.
    /// `FUSEWIRE_INVALID` when nothing ran and nothing has answered, and before the end. A failure after no attempts: the
    /// deadline had passed when the call began.
    pub outcome: fusewire_outcome,
    /// What `rung` answers from, a `fusewire_rung`.
    pub rung_kind: fusewire_rung,
    /// At the end: why the last attempt was turned away; its `reason` is `FUSEWIRE_INVALID` when it was not, and before
    /// the end.
    pub rejection: fusewire_rejection,
    /// The rung that is to answer, as the document writes it; at the end the one that has, when the answer is degraded.
    /// Else empty.
    pub rung: [c_char; FUSEWIRE_RUNG_SIZE],
    /// At the end: the error type of the last attempt that failed, cut at 64 bytes. Else empty.
    pub error_type: [c_char; FUSEWIRE_ERROR_TYPE_SIZE],
    /// Always 0.
    pub reserved: [u64; 4],
}

/// The error type of the last attempt.
pub(crate) type ErrorType = [c_char; FUSEWIRE_ERROR_TYPE_SIZE];

impl fusewire_step {
    fn of_kind(kind: fusewire_step_kind_enum) -> Self {
        fusewire_step {
            kind: kind as fusewire_step_kind,
            attempt: 0,
            timeout_ns: FUSEWIRE_NONE,
            wait_ns: 0,
            outcome: FUSEWIRE_INVALID,
            rung_kind: fusewire_rung_enum::FUSEWIRE_RUNG_NONE as fusewire_rung,
            rejection: fusewire_rejection::none(),
            rung: [0; FUSEWIRE_RUNG_SIZE],
            error_type: [0; FUSEWIRE_ERROR_TYPE_SIZE],
            reserved: [0; 4],
        }
    }

    pub(crate) fn of_wait(wait: Duration) -> Self {
        let wait_ns = nanos(wait);
        fusewire_step { wait_ns, ..Self::of_kind(fusewire_step_kind_enum::FUSEWIRE_STEP_WAIT) }
    }

    pub(crate) fn of(breaker: &Breaker, step: &Step, error_type: &ErrorType) -> Outcome<Self> {
        use fusewire_step_kind_enum as Kind;
        Ok(match step {
            Step::Call { attempt, timeout } => fusewire_step {
                attempt: *attempt,
                timeout_ns: timeout.map_or(FUSEWIRE_NONE, nanos),
                ..Self::of_kind(Kind::FUSEWIRE_STEP_CALL)
            },
            Step::Wait(wait) => Self::of_wait(*wait),
            Step::Use(rung) => Self::of_kind(Kind::FUSEWIRE_STEP_USE).with_rung(rung),
            Step::Done(done) => Self::of_end(breaker, done, *error_type),
            _ => {
                let what = "the core says to do what this library does not know";
                return Err(Failure::new(Code::FUSEWIRE_ERROR_PANIC, what));
            }
        })
    }

    fn of_end(breaker: &Breaker, done: &Finished, error_type: ErrorType) -> Self {
        let rejection = done.rejected.as_ref().map_or_else(fusewire_rejection::none, |rejection| {
            let retry_after = rejection.retry_after().map(nanos);
            fusewire_rejection::of(breaker, Refused { reason: rejection.reason(), retry_after })
        });
        // Of a call that made no attempt the core alone has one.
        let error_type = match &done.error_type {
            Some(known) if done.attempts == 0 => text::copy(known),
            _ => error_type,
        };
        let step = fusewire_step {
            attempt: done.attempts,
            outcome: done.outcome.map_or(FUSEWIRE_INVALID, |outcome| outcome as fusewire_outcome),
            rejection,
            error_type,
            ..Self::of_kind(fusewire_step_kind_enum::FUSEWIRE_STEP_DONE)
        };
        done.rung.iter().fold(step, fusewire_step::with_rung)
    }

    fn with_rung(self, rung: &Rung) -> Self {
        use fusewire_rung_enum as Kind;
        let kind = match rung {
            Rung::Cache => Kind::FUSEWIRE_RUNG_CACHE,
            Rung::Breaker(_) => Kind::FUSEWIRE_RUNG_BREAKER,
            Rung::Named(_) => Kind::FUSEWIRE_RUNG_NAMED,
        };
        fusewire_step { rung_kind: kind as fusewire_rung, rung: text::copy(&rung.to_string()), ..self }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(FUSEWIRE_NONE - 1)
}

/// How an attempt ended. Begin with `fusewire_ending ending = FUSEWIRE_ENDING_INIT;`, which is a success, and set what is
/// different. Without macros: all bytes 0, then `size`, and `FUSEWIRE_NONE` for both durations.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_ending {
    /// `sizeof(fusewire_ending)`. Later versions add fields at the end.
    pub size: usize,
    /// How, a `fusewire_outcome`: `FUSEWIRE_OUTCOME_SUCCESS` to begin with. An ignored attempt says nothing about the
    /// dependency; it is not tried once more, and nothing answers in its place.
    pub outcome: fusewire_outcome,
    /// The HTTP status of the answer, 100 to 999: it tells the category of a failure where the error type does not. 0,
    /// to begin with, for none.
    pub http_status: u32,
    /// What kind of error it was: the names that `retry.on` is about, such as `timeout` or `connection_refused`,
    /// `http_503` for a status, or any other. NULL, to begin with, for none. Its text needs to stay only for the call.
    pub error_type: *const c_char,
    /// How long the dependency asks to wait, as by `Retry-After`, in nanoseconds: a retry waits at least as long.
    /// `FUSEWIRE_NONE`, to begin with, when it does not.
    pub retry_after_ns: u64,
    /// How long the attempt took, in nanoseconds; `FUSEWIRE_NONE`, to begin with, leaves that to the clock.
    pub duration_ns: u64,
    /// Not 0: the failure stands, no rung answers in its place. 0 to begin with.
    pub without_fallback: u32,
    /// Always 0.
    pub reserved: u32,
}

// SAFETY: of numbers and a pointer to be read.
unsafe impl Sized for fusewire_ending {
    const FIRST: usize = 40 + size_of::<usize>() + size_of::<*const c_char>() - 8;
    const INIT: &'static str = "FUSEWIRE_ENDING_INIT";
}

impl fusewire_ending {
    /// The same for the core.
    pub(crate) fn told<'a>(&self, error_type: Option<&'a str>) -> Outcome<Ending<'a>> {
        let mut ending = Ending::new(outcome_of(self.outcome)?, error_type);
        match self.http_status {
            0 => {}
            status @ 100..=999 => ending = ending.status(status as u16),
            other => {
                let code = Code::FUSEWIRE_ERROR_INVALID_VALUE;
                return Err(Failure::invalid(code, "ending.http_status", other, "100 to 999, or 0 for none"));
            }
        }
        if self.retry_after_ns != FUSEWIRE_NONE {
            ending = ending.retry_after(Duration::from_nanos(self.retry_after_ns));
        }
        if self.duration_ns != FUSEWIRE_NONE {
            ending = ending.lasted(Duration::from_nanos(self.duration_ns));
        }
        Ok(if self.without_fallback == 0 { ending } else { ending.without_fallback() })
    }
}
