//! Which earlier answers may answer, and which calls are made as one. The values, and the waiting, are the program's.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, Outcome, guard};
use crate::handle::take;
use crate::names::{fusewire_priority, priority_of};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::{give_numbers, required};
use fusewire::CircuitBreaker;
use fusewire::binding::{Place, Role};
use std::ffi::c_char;

/// Where the program keeps an answer: in an array of its own, beside the version. What has another version there is not
/// what was asked for, and stands for nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct fusewire_place {
    /// No two stores of a breaker share one.
    pub version: u64,
    /// From 0, and below the most entries there ever were.
    pub at: u32,
    /// Of a store: 1 when another answer was there, which goes; else 0.
    pub replaces: u32,
}

impl fusewire_place {
    fn of(place: Place, replaces: bool) -> Self {
        fusewire_place { version: place.version, at: place.at, replaces: replaces.into() }
    }
}

/// Writes where `find` says; `FUSEWIRE_ABSENT` when it says nowhere.
///
/// # Safety
/// As for `fusewire_breaker_cache_fresh`.
unsafe fn place_by(
    breaker: *mut fusewire_breaker,
    key: *const c_char,
    place: *mut fusewire_place,
    find: impl FnOnce(&CircuitBreaker, &str) -> Option<fusewire_place>,
) -> Outcome<fusewire_status> {
    if place.is_null() {
        return Err(Failure::null("place"));
    }
    // SAFETY: the caller's promises.
    unsafe {
        let breaker: &Breaker = take("breaker", breaker)?;
        let Some(found) = find(&breaker.core, required("key", key)?) else {
            return Ok(Code::FUSEWIRE_ABSENT as fusewire_status);
        };
        place.write(found);
    }
    Ok(OK)
}

/// Asks before a call whether an earlier answer of that key answers in its place, by the document's `cache` of the mode
/// `read_through`: writes where it lies to `place`, or returns `FUSEWIRE_ABSENT` when there is none, and always without
/// such a cache.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_cache_fresh(
    breaker: *mut fusewire_breaker,
    key: *const c_char,
    place: *mut fusewire_place,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        place_by(breaker, key, place, |core, key| Some(fusewire_place::of(core.cache_fresh(key)?, false)))
    })
}

/// Asks for the rung `FUSEWIRE_RUNG_CACHE`, where a stale answer will do: in any mode of the cache. Writes, returns and
/// fails as `fusewire_breaker_cache_fresh` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_cache_any(
    breaker: *mut fusewire_breaker,
    key: *const c_char,
    place: *mut fusewire_place,
) -> fusewire_status {
    // SAFETY: the caller's promises. It fails as the one before.
    guard(|| unsafe {
        place_by(breaker, key, place, |core, key| Some(fusewire_place::of(core.cache_any(key)?, false)))
    })
}

/// Tells that a call of that key has succeeded: writes to `place` where the program is to keep the answer, with the
/// version, in place of what lies there; or returns `FUSEWIRE_ABSENT` when it is not kept. Hold a lock of your own around
/// this and the keeping, or another thread may find the place before the answer lies there. Fails as
/// `fusewire_breaker_cache_fresh` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_cache_store(
    breaker: *mut fusewire_breaker,
    key: *const c_char,
    place: *mut fusewire_place,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let store = |core: &CircuitBreaker, key: &str| {
            let stored = core.cache_store(key)?;
            Some(fusewire_place::of(stored.place, stored.replaces))
        };
        place_by(breaker, key, place, store)
    })
}

/// Tells at which places nothing lies that is of use any more, so that the program can let go of what it has there: ask
/// after the breaker was reconfigured with fewer `max_entries`, or without its cache. Writes to `places` those below
/// `end`, as a list that `fusewire_tickets_free` frees (NULL when there are none), their number to `count`, and to `end`
/// the place from which on all are; without a cache that is 0. Hold the lock of the stores around this and the clearing.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_cache_vacant(
    breaker: *mut fusewire_breaker,
    places: *mut *mut u64,
    count: *mut usize,
    end: *mut u32,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let missing = [("places", places.is_null()), ("count", count.is_null()), ("end", end.is_null())];
        if let Some((argument, _)) = missing.into_iter().find(|(_, is_null)| *is_null) {
            return Err(Failure::null(argument));
        }
        let breaker: &Breaker = take("breaker", breaker)?;
        let (found, from) = match breaker.core.cache_vacant() {
            Some(vacant) => (vacant.places.into_iter().map(u64::from).collect(), vacant.end),
            None => (Vec::new(), 0),
        };
        places.write(give_numbers(&found));
        count.write(found.len());
        end.write(from);
        Ok(OK)
    })
}

/// What a call is to do among those of its key: one of `fusewire_role_enum`.
pub type fusewire_role = u32;

/// The values of `fusewire_role`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_role_enum {
    /// It makes the attempts, and lands or leaves.
    FUSEWIRE_ROLE_LEAD = 0,
    /// It waits until it is handed the leader's answer, is told to lead, or leaves.
    FUSEWIRE_ROLE_FOLLOW = 1,
}

/// A call among those of its key.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct fusewire_flight {
    /// Its name, which no other of the breaker has; from 1 and in the order of joining.
    pub ticket: u64,
    /// What it is to do, a `fusewire_role`.
    pub role: fusewire_role,
    /// Always 0.
    pub reserved: u32,
}

/// Lets a call join those of its key that are under way, by `coalesce` of the document's `cache`: writes to `flight`
/// whether it leads or follows. One follows only a leader of its own priority or above. Returns `FUSEWIRE_ABSENT` when
/// the document does not ask for it: make the call as ever. The program keeps who waits, by ticket.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_INVALID_VALUE` when `priority` is none.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_flight_join(
    breaker: *mut fusewire_breaker,
    key: *const c_char,
    priority: fusewire_priority,
    flight: *mut fusewire_flight,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if flight.is_null() {
            return Err(Failure::null("flight"));
        }
        let breaker: &Breaker = take("breaker", breaker)?;
        let Some(joined) = breaker.core.flight_join(required("key", key)?, priority_of(priority)?) else {
            return Ok(Code::FUSEWIRE_ABSENT as fusewire_status);
        };
        let role = match joined.role {
            Role::Lead => fusewire_role_enum::FUSEWIRE_ROLE_LEAD,
            Role::Follow => fusewire_role_enum::FUSEWIRE_ROLE_FOLLOW,
        };
        flight.write(fusewire_flight { ticket: joined.ticket, role: role as fusewire_role, reserved: 0 });
        Ok(OK)
    })
}

/// Gives away what `end` answers.
///
/// # Safety
/// As for `fusewire_breaker_flight_land`.
unsafe fn tickets_by(
    breaker: *mut fusewire_breaker,
    tickets: *mut *mut u64,
    count: *mut usize,
    end: impl FnOnce(&CircuitBreaker) -> Vec<u64>,
) -> Outcome<fusewire_status> {
    if tickets.is_null() || count.is_null() {
        return Err(Failure::null(if tickets.is_null() { "tickets" } else { "count" }));
    }
    // SAFETY: the caller's promises.
    unsafe {
        let breaker: &Breaker = take("breaker", breaker)?;
        let told = end(&breaker.core);
        tickets.write(give_numbers(&told));
        count.write(told.len());
    }
    Ok(OK)
}

/// Tells that the leader with that ticket has its answer, good or bad. Writes to `tickets` whom it is to be handed to, in
/// the order of joining, as a list that `fusewire_tickets_free` frees (NULL when there is nobody), and their number to
/// `count`. Of a ticket that does not lead there is nobody.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_flight_land(
    breaker: *mut fusewire_breaker,
    ticket: u64,
    tickets: *mut *mut u64,
    count: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe { tickets_by(breaker, tickets, count, |core| core.flight_land(ticket)) })
}

/// Tells that the call with that ticket is given up. Writes to `tickets` who leads from now on, as
/// `fusewire_breaker_flight_land` does: nobody when it followed, or had no followers. Fails as that does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_flight_leave(
    breaker: *mut fusewire_breaker,
    ticket: u64,
    tickets: *mut *mut u64,
    count: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe { tickets_by(breaker, tickets, count, |core| core.flight_leave(ticket)) })
}
