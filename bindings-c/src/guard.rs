//! What every export runs in: a panic, which is a defect, becomes a status, and a failure becomes an error's detail.

use crate::error::fusewire_error;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use fusewire::{ConfigError, Error, RequestError};
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
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

/// Small, so that what goes well is not carried through memory.
pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

impl Failure {
    fn of(code: Code) -> Self {
        Failure { status: code as fusewire_status, ..Failure::default() }
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Box<Self> {
        Box::new(Failure { message: message.into(), ..Failure::of(code) })
    }

    /// What is wrong with an argument.
    pub(crate) fn argument(code: Code, argument: &str, message: String) -> Box<Self> {
        Box::new(Failure { message, key: argument.to_owned(), ..Failure::of(code) })
    }

    pub(crate) fn null(argument: &str) -> Box<Self> {
        Failure::argument(Code::FUSEWIRE_ERROR_NULL_ARGUMENT, argument, format!("`{argument}` is NULL"))
    }

    /// An argument that is not what it may be, told like a key of a document.
    pub(crate) fn invalid(code: Code, argument: &str, value: impl ToString, allowed: &str) -> Box<Self> {
        let value = value.to_string();
        let message = format!("`{argument}` is {value}; allowed: {allowed}");
        let allowed = allowed.to_owned();
        Box::new(Failure { message, key: argument.to_owned(), value, allowed, ..Failure::of(code) })
    }
}

impl From<ConfigError> for Box<Failure> {
    fn from(e: ConfigError) -> Self {
        Box::new(Failure {
            message: e.to_string(),
            key: e.key().to_owned(),
            value: e.value().to_owned(),
            allowed: e.allowed().to_owned(),
            ..Failure::of(Code::FUSEWIRE_ERROR_CONFIG)
        })
    }
}

impl From<RequestError> for Box<Failure> {
    fn from(e: RequestError) -> Self {
        Box::new(Failure {
            message: e.to_string(),
            key: e.field().to_owned(),
            value: e.value().to_owned(),
            allowed: e.allowed().to_owned(),
            ..Failure::of(Code::FUSEWIRE_ERROR_INVALID_VALUE)
        })
    }
}

impl From<Error> for Box<Failure> {
    fn from(e: Error) -> Self {
        let message = e.to_string();
        let of_name =
            |code: Code, name: String| Failure { value: name, key: "name".to_owned(), ..Failure::of(code) };
        let told = match e {
            Error::Config(e) => return e.into(),
            Error::Name { name } => of_name(Code::FUSEWIRE_ERROR_NAME, name),
            Error::Conflict { existing, requested, .. } => {
                Failure { value: requested, allowed: existing, ..Failure::of(Code::FUSEWIRE_ERROR_CONFLICT) }
            }
            Error::Unknown { name } => of_name(Code::FUSEWIRE_ERROR_UNKNOWN_BREAKER, name),
            _ => Failure::of(Code::FUSEWIRE_ERROR_CONFIG),
        };
        Box::new(Failure { message, ..told })
    }
}

fn caught<T>(run: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        // What a panic carries may panic when it is dropped.
        std::mem::forget(panic);
        Err(Failure::new(Code::FUSEWIRE_ERROR_PANIC, "fusewire panicked; please report it"))
    })
}

/// Runs what returns a status.
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
            unsafe { error.write(fusewire_error::of(*failure)) };
        }
        status
    })
}

/// Runs what returns a value, and returns `otherwise` when it fails.
pub(crate) fn guard_or<T>(otherwise: T, run: impl FnOnce() -> Outcome<T>) -> T {
    caught(run).unwrap_or(otherwise)
}

/// Ends the process with a message, past every lock and buffer.
pub(crate) fn end(message: &str) -> ! {
    // SAFETY: standard error, which is not closed here.
    let mut stderr = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
    let _ = stderr.write_all(message.as_bytes());
    std::process::abort()
}

/// Runs what frees something.
pub(crate) fn guard_free(run: impl FnOnce()) {
    guard_or((), || {
        run();
        Ok(())
    });
}

pub(crate) const OK: fusewire_status = Code::FUSEWIRE_OK as fusewire_status;
