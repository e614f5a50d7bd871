//! Errors of the core as JSON, from which `lib/errors.ts` makes its classes.

use fusewire::{ConfigError, Error, RequestError};
use serde_json::{Value, json};

fn config(e: &ConfigError) -> Value {
    json!({ "kind": "config", "key": e.key(), "value": e.value(), "allowed": e.allowed(), "message": e.to_string() })
}

fn carry(what: &Value) -> napi::Error {
    napi::Error::new(napi::Status::InvalidArg, what.to_string())
}

pub(crate) fn of_config(e: ConfigError) -> napi::Error {
    carry(&config(&e))
}

pub(crate) fn of_request(e: &RequestError) -> napi::Error {
    carry(&json!({
        "kind": "request", "key": e.field(), "value": e.value(), "allowed": e.allowed(), "message": e.to_string(),
    }))
}

pub(crate) fn of(e: Error) -> napi::Error {
    carry(&match &e {
        Error::Config(e) => config(e),
        Error::Conflict { name, existing, requested } => json!({
            "kind": "conflict", "name": name, "existing": existing, "requested": requested, "message": e.to_string(),
        }),
        Error::Unknown { .. } => json!({ "kind": "missing", "message": e.to_string() }),
        _ => json!({ "kind": "unknown", "message": e.to_string() }),
    })
}

/// A slot that is not there: a defect of the package, not of its user.
pub(crate) fn no_slot() -> napi::Error {
    napi::Error::new(napi::Status::GenericFailure, "fusewire: this breaker was released")
}
