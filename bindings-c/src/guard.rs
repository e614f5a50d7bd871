//! What every export runs in: a panic, which is a defect, becomes a status, and a failure becomes an error's detail.

use crate::error::fusewire_error;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use fusewire::{ConfigError, Error};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a function did not do what it should.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) status: fusewire_status,
    pub(crate) message: String,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) allowed: String,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { status: code as fusewire_status, message: message.into(), ..Failure::default() }
    }

    pub(crate) fn null(argument: &str) -> Self {
        Failure {
            key: argument.to_owned(),
            ..Failure::new(Code::FUSEWIRE_ERROR_NULL_ARGUMENT, format!("`{argument}` is NULL"))
        }
    }

    /// An argument that is not what it may be, told like a key of a document.
    pub(crate) fn invalid(code: Code, argument: &str, value: impl ToString, allowed: &str) -> Self {
        let value = value.to_string();
        Failure {
            status: code as fusewire_status,
            message: format!("`{argument}` is {value}; allowed: {allowed}"),
            key: argument.to_owned(),
            value,
            allowed: allowed.to_owned(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Self {
        Failure {
            status: Code::FUSEWIRE_ERROR_CONFIG as fusewire_status,
            message: e.to_string(),
            key: e.key().to_owned(),
            value: e.value().to_owned(),
            allowed: e.allowed().to_owned(),
        }
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let message = e.to_string();
        match e {
            Error::Config(e) => e.into(),
            Error::Name { name } => Failure {
                value: name,
                key: "name".to_owned(),
                ..Failure::new(Code::FUSEWIRE_ERROR_NAME, message)
            },
            Error::Conflict { existing, requested, .. } => Failure {
                value: requested,
                allowed: existing,
                ..Failure::new(Code::FUSEWIRE_ERROR_CONFLICT, message)
            },
            Error::Unknown { name } => Failure {
                value: name,
                key: "name".to_owned(),
                ..Failure::new(Code::FUSEWIRE_ERROR_UNKNOWN_BREAKER, message)
            },
            _ => Failure::new(Code::FUSEWIRE_ERROR_CONFIG, message),
        }
    }
}

fn caught<T>(run: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        // What a panic carries may panic when it is dropped.
        std::mem::forget(panic);
        Err(Failure::new(Code::FUSEWIRE_ERROR_PANIC, "fusewire panicked; please report it"))
    })
}

/// Runs what answers a status.
pub(crate) fn guard(run: impl FnOnce() -> Outcome<fusewire_status>) -> fusewire_status {
    caught(run).unwrap_or_else(|failure| failure.status)
}

/// As `guard`; a failure's detail goes to `error`, unless that is NULL.
///
/// # Safety
/// `error` is NULL or may be written.
pub(crate) unsafe fn guard_with(
    error: *mut *mut fusewire_error,
    run: impl FnOnce() -> Outcome<fusewire_status>,
) -> fusewire_status {
    caught(run).unwrap_or_else(|failure| {
        let status = failure.status;
        if !error.is_null() {
            // SAFETY: the caller's promise.
            unsafe { error.write(fusewire_error::of(failure)) };
        }
        status
    })
}

/// Runs what answers a value, and answers `otherwise` when it fails.
pub(crate) fn guard_or<T>(otherwise: T, run: impl FnOnce() -> Outcome<T>) -> T {
    caught(run).unwrap_or(otherwise)
}

/// Runs what frees something.
pub(crate) fn guard_free(run: impl FnOnce()) {
    guard_or((), || {
        run();
        Ok(())
    });
}

pub(crate) const OK: fusewire_status = Code::FUSEWIRE_OK as fusewire_status;
