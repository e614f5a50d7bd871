//! A registry: names and their breakers, and their metrics.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::clock::fusewire_manual_clock;
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, guard, guard_free, guard_or, guard_with};
use crate::handle::{self, kind, take};
use crate::names::with_nul;
use crate::operate::{by, changed};
use crate::options::{self, fusewire_options};
use crate::status::fusewire_status;
use crate::text::{self, required};
use fusewire::{Builder, Error, ManualClock, Registry};
use std::ffi::c_char;

/// Maps a name to its breaker. A breaker lives on when its registry is freed, as long as there is a handle of it.
/// Threads may share a registry.
pub struct fusewire_registry {
    _opaque: [u8; 0],
}

kind!(Registry, b"fw regis", "fusewire_registry");

/// An empty registry. `clock`: the clock of its breakers, or NULL for the system's monotonic one.
/// `duration_bounds_ns`: upper bounds of the histograms of call durations, in nanoseconds, ascending, 1 to 64 of them;
/// NULL for the usual ones. Writes a handle to `registry`, to be freed with `fusewire_registry_free`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_CONFIG` when the
/// bounds are wrong; the detail goes to `error`, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_new(
    clock: *const fusewire_manual_clock,
    duration_bounds_ns: *const u64,
    duration_bounds_count: usize,
    registry: *mut *mut fusewire_registry,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if registry.is_null() {
                return Err(Failure::null("registry"));
            }
            let clock: Option<&ManualClock> =
                if clock.is_null() { None } else { Some(take("clock", clock)?) };
            let bounds = match duration_bounds_ns.is_null() {
                true => None,
                // More than are allowed are not looked at.
                false => Some(std::slice::from_raw_parts(duration_bounds_ns, duration_bounds_count.min(65))),
            };
            let new = Registry::with_clock_and_bounds(clock.cloned(), bounds)?;
            registry.write(handle::give(new));
            Ok(OK)
        })
    }
}

/// The breaker of that name, built if there is none: every thread gets the same one. `name` and `options`: as for
/// `fusewire_breaker_new`. Writes a handle to `breaker`, to be freed by itself.
///
/// Fails as `fusewire_breaker_new` does, also with `FUSEWIRE_ERROR_CONFLICT` when the breaker is there with another
/// configuration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_get_or_create(
    registry: *mut fusewire_registry,
    name: *const c_char,
    options: *const fusewire_options,
    breaker: *mut *mut fusewire_breaker,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if breaker.is_null() {
                return Err(Failure::null("breaker"));
            }
            let registry: &Registry = take("registry", registry)?;
            let found = registry.get_or_create(required("name", name)?, options::builder(options)?)?;
            breaker.write(Breaker::give(found));
            Ok(OK)
        })
    }
}

/// The breaker of that name. Writes a handle to `breaker`, to be freed by itself.
///
/// Fails with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`, `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or
/// `FUSEWIRE_ERROR_NOT_UTF8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_get(
    registry: *const fusewire_registry,
    name: *const c_char,
    breaker: *mut *mut fusewire_breaker,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    guard(|| unsafe {
        if breaker.is_null() {
            return Err(Failure::null("breaker"));
        }
        let registry: &Registry = take("registry", registry)?;
        let name = required("name", name)?;
        let found = registry.get(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
        breaker.write(Breaker::give(found));
        Ok(OK)
    })
}

/// Swaps the rules of the breaker of that name; otherwise as `fusewire_breaker_reconfigure`.
///
/// Fails also with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_reconfigure(
    registry: *mut fusewire_registry,
    name: *const c_char,
    document: *const c_char,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let registry: &Registry = take("registry", registry)?;
            let document = Builder::from_json(required("document", document)?)?;
            Ok(changed(registry.reconfigure(required("name", name)?, document, by(actor, reason)?)?))
        })
    }
}

/// Takes the breaker of that name out of the registry, and out of its metrics. Its handles stay, and calls in flight
/// settle harmlessly.
///
/// Fails with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`, `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or
/// `FUSEWIRE_ERROR_NOT_UTF8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_remove(
    registry: *mut fusewire_registry,
    name: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    guard(|| unsafe {
        let registry: &Registry = take("registry", registry)?;
        let name = required("name", name)?;
        registry.remove(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
        Ok(OK)
    })
}

/// How many breakers there are; 0 when `registry` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_count(registry: *const fusewire_registry) -> usize {
    guard_or(0, || {
        // SAFETY: the caller's promise.
        let registry: &Registry = unsafe { take("registry", registry) }?;
        Ok(registry.len())
    })
}

/// Handles of the breakers that are there, sorted by name, at most `capacity` of them, each to be freed by itself.
/// Writes to `count` how many were written; `breakers` may be NULL when `capacity` is 0. More may have come since
/// `fusewire_registry_count`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_breakers(
    registry: *const fusewire_registry,
    breakers: *mut *mut fusewire_breaker,
    capacity: usize,
    count: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    guard(|| unsafe {
        if count.is_null() || breakers.is_null() && capacity > 0 {
            return Err(Failure::null(if count.is_null() { "count" } else { "breakers" }));
        }
        let registry: &Registry = take("registry", registry)?;
        let mut found = registry.breakers();
        found.sort_by(|one, other| one.name().as_bytes().cmp(other.name().as_bytes()));
        found.truncate(capacity);
        count.write(found.len());
        for (place, core) in found.into_iter().enumerate() {
            breakers.add(place).write(Breaker::give(core));
        }
        Ok(OK)
    })
}

/// The metrics of all breakers as OpenMetrics 1.0 text. Writes a text that `fusewire_string_free` frees, and its length
/// without the NUL to `length`, unless that is NULL. Serve it as `fusewire_metrics_content_type`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_metrics(
    registry: *const fusewire_registry,
    metrics: *mut *mut c_char,
    length: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    guard(|| unsafe {
        if metrics.is_null() {
            return Err(Failure::null("metrics"));
        }
        let registry: &Registry = take("registry", registry)?;
        text::give(registry.metrics(), metrics, length);
        Ok(OK)
    })
}

/// Snapshots of all breakers, sorted by name, as a JSON array of what `fusewire_breaker_snapshot_json` writes. Writes
/// and fails as `fusewire_registry_metrics` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_snapshots_json(
    registry: *const fusewire_registry,
    json: *mut *mut c_char,
    length: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    guard(|| unsafe {
        if json.is_null() {
            return Err(Failure::null("json"));
        }
        let registry: &Registry = take("registry", registry)?;
        let all: Vec<String> = registry.snapshots().iter().map(|s| fusewire::json(s).to_string()).collect();
        text::give(format!("[{}]", all.join(",")), json, length);
        Ok(OK)
    })
}

/// The content type under which metrics are served. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_metrics_content_type() -> *const c_char {
    static TEXT: [u8; fusewire::CONTENT_TYPE.len() + 1] = with_nul(fusewire::CONTENT_TYPE);
    TEXT.as_ptr().cast()
}

/// Frees a registry. NULL does nothing; freeing twice ends the process with a message. Breakers live on in their
/// handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_registry_free(registry: *mut fusewire_registry) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<Registry, _>("fusewire_registry_free", registry) })
}
