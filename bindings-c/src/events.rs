//! Events: one for each transition.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, Outcome, guard, guard_free, guard_or};
use crate::handle::{self, kind, take};
use crate::names::{FUSEWIRE_NONE, fusewire_cause, fusewire_mode, fusewire_state};
use crate::sized;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text;
use fusewire::{Event, Events, Waited};
use std::ffi::c_char;
use std::time::Duration;

/// Room for the longest name, 255 bytes, and its NUL.
pub const FUSEWIRE_NAME_SIZE: usize = 256;

/// Room for the longest actor, 64 bytes, and its NUL.
pub const FUSEWIRE_ACTOR_SIZE: usize = 72;

/// Room for the longest reason that an actor gave, 256 bytes, and its NUL.
pub const FUSEWIRE_REASON_TEXT_SIZE: usize = 264;

/// What an event tells of: one of `fusewire_event_kind_enum`. Later versions add kinds.
pub type fusewire_event_kind = u32;

/// The values of `fusewire_event_kind`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_event_kind_enum {
    /// A transition of the breaker.
    FUSEWIRE_EVENT_TRANSITION = 0,
}

/// An event.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_event {
    /// The generation that began; 1 is a breaker's first transition.
    pub generation: u64,
    /// When, in nanoseconds on the breaker's clock.
    pub at_ns: u64,
    /// How many events this subscription missed since the one before.
    pub missed: u64,
    /// Of the counts that led to it: consecutive failures, or outcomes of the window or the probes.
    pub total: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow: u64,
    /// The state before.
    pub from: fusewire_state,
    /// The state after.
    pub to: fusewire_state,
    /// What led to it.
    pub cause: fusewire_cause,
    /// The mode after; with cause `FUSEWIRE_CAUSE_MODE` the one that was set.
    pub mode: fusewire_mode,
    /// What this tells of; a program passes over kinds that it does not know.
    pub kind: fusewire_event_kind,
    /// Always 0.
    pub reserved: u32,
    /// The breaker's name.
    pub breaker: [c_char; FUSEWIRE_NAME_SIZE],
    /// Who did it, if it was done by hand; else empty.
    pub actor: [c_char; FUSEWIRE_ACTOR_SIZE],
    /// Why, if it was done by hand; else empty.
    pub reason: [c_char; FUSEWIRE_REASON_TEXT_SIZE],
}

impl fusewire_event {
    fn of(event: &Event) -> Self {
        fusewire_event {
            generation: event.generation,
            at_ns: event.at,
            missed: event.missed,
            total: event.counts.total,
            failures: event.counts.failures,
            slow: event.counts.slow,
            from: event.from as fusewire_state,
            to: event.to as fusewire_state,
            cause: event.cause as fusewire_cause,
            mode: event.mode as fusewire_mode,
            kind: fusewire_event_kind_enum::FUSEWIRE_EVENT_TRANSITION as fusewire_event_kind,
            reserved: 0,
            breaker: text::copy(&event.breaker),
            actor: text::copy(event.actor.as_deref().unwrap_or_default()),
            reason: text::copy(event.reason.as_deref().unwrap_or_default()),
        }
    }
}

/// The transitions of one breaker from the subscription on, kept until they are taken. It does not keep its breaker
/// alive: when that is gone, it is closed. Threads may share it.
pub struct fusewire_subscription {
    _opaque: [u8; 0],
}

kind!(Events, b"fw subsc", "fusewire_subscription");

/// The largest capacity of a subscription.
const CAPACITY: std::ops::RangeInclusive<usize> = 1..=1_000_000;

pub(crate) fn check_capacity(capacity: usize) -> Outcome<()> {
    let allowed = || format!("{} to {}", CAPACITY.start(), CAPACITY.end());
    let refuse = || Failure::invalid(Code::FUSEWIRE_ERROR_INVALID_VALUE, "capacity", capacity, &allowed());
    if CAPACITY.contains(&capacity) { Ok(()) } else { Err(refuse()) }
}

/// Keeps the transitions of a breaker from now on, at most `capacity` of them (1 to 1,000,000), until they are taken;
/// what comes beyond is counted. Nothing is allocated ahead. Writes a handle to `subscription`, to be freed with
/// `fusewire_subscription_free`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_subscribe(
    breaker: *mut fusewire_breaker,
    capacity: usize,
    subscription: *mut *mut fusewire_subscription,
) -> fusewire_status {
    guard(|| {
        if subscription.is_null() {
            return Err(Failure::null("subscription"));
        }
        check_capacity(capacity)?;
        // SAFETY: the caller's promises.
        unsafe {
            let breaker: &Breaker = take("breaker", breaker)?;
            subscription.write(handle::give(breaker.core.events(capacity)));
        }
        Ok(OK)
    })
}

/// Waits until there is an event, blocking the thread, for at most `timeout_ns` nanoseconds of the system's time,
/// whatever the breaker's clock; 0 only looks, `FUSEWIRE_NONE` waits without end. Several threads may wait.
///
/// Returns `FUSEWIRE_OK` when there is one, `FUSEWIRE_TIMED_OUT` when there is none by then, and
/// `FUSEWIRE_SUBSCRIPTION_CLOSED` when the subscription was closed and all were taken. Fails with
/// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_subscription_wait(
    subscription: *const fusewire_subscription,
    timeout_ns: u64,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let events: &Events = unsafe { take("subscription", subscription) }?;
        Ok(wait(timeout_ns, |timeout| events.wait(timeout)))
    })
}

/// Waits for an event, and tells how that ended.
pub(crate) fn wait(timeout_ns: u64, wait: impl FnOnce(Duration) -> Waited) -> fusewire_status {
    let timeout = if timeout_ns == FUSEWIRE_NONE { Duration::MAX } else { Duration::from_nanos(timeout_ns) };
    match wait(timeout) {
        Waited::Ready => OK,
        Waited::Closed => Code::FUSEWIRE_SUBSCRIPTION_CLOSED as fusewire_status,
        Waited::TimedOut => Code::FUSEWIRE_TIMED_OUT as fusewire_status,
    }
}

/// Takes events, the oldest first, at most `capacity` of them. `event_size`: `sizeof(fusewire_event)`; a later version
/// of the struct is filled as far as this library knows it, the rest with 0. Writes to `count` how many were taken; 0
/// says that there is none. Never waits.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`; nothing
/// was taken then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_subscription_drain(
    subscription: *mut fusewire_subscription,
    events: *mut fusewire_event,
    event_size: usize,
    capacity: usize,
    count: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if count.is_null() || events.is_null() && capacity > 0 {
            return Err(Failure::null(if count.is_null() { "count" } else { "events" }));
        }
        check_event_size::<fusewire_event>(event_size, FIRST_SIZE, "sizeof(fusewire_event)")?;
        let kept: &Events = take("subscription", subscription)?;
        let next = || kept.try_next().map(|event| fusewire_event::of(&event));
        count.write(drain_into(events, event_size, capacity, next));
        Ok(OK)
    })
}

/// Writes events one after the other, as far as the caller's struct goes; answers how many there were.
///
/// # Safety
/// `events` has room for `capacity` structs of `event_size` bytes.
pub(crate) unsafe fn drain_into<E>(
    events: *mut E,
    event_size: usize,
    capacity: usize,
    mut next: impl FnMut() -> Option<E>,
) -> usize {
    let (mut taken, mut place) = (0, events.cast::<u8>());
    while taken < capacity
        && let Some(ours) = next()
    {
        let filled = event_size.min(size_of::<E>());
        // SAFETY: the caller's promise.
        unsafe {
            (&raw const ours).cast::<u8>().copy_to_nonoverlapping(place, filled);
            place.add(filled).write_bytes(0, event_size - filled);
            place = place.add(event_size);
        }
        taken += 1;
    }
    taken
}

/// The size of the first version of the struct.
const FIRST_SIZE: usize = 664;
const _: () = assert!(size_of::<fusewire_event>() >= FIRST_SIZE);

/// Whether a caller's struct of that size can be filled.
pub(crate) fn check_event_size<E>(size: usize, first: usize, allowed: &str) -> Outcome<()> {
    if (first..=sized::LARGEST).contains(&size) && size.is_multiple_of(align_of::<E>()) {
        return Ok(());
    }
    Err(Failure::invalid(Code::FUSEWIRE_ERROR_INVALID_SIZE, "event_size", size, allowed))
}

/// Events missed since the last one that was kept, because the subscription was full; those before an event are told by
/// its `missed`. `FUSEWIRE_NONE` when `subscription` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_subscription_missed(subscription: *const fusewire_subscription) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let events: &Events = unsafe { take("subscription", subscription) }?;
        Ok(events.missed())
    })
}

/// Ends it: no more events come, and threads that wait, and those that come later, return once all have been taken.
/// Call it, and join those threads, before the subscription is freed.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_subscription_close(
    subscription: *mut fusewire_subscription,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let events: &Events = unsafe { take("subscription", subscription) }?;
        events.close();
        Ok(OK)
    })
}

/// Ends and frees a subscription; no thread may be waiting on it. NULL does nothing; freeing twice ends the process
/// with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_subscription_free(subscription: *mut fusewire_subscription) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<Events, _>("fusewire_subscription_free", subscription) })
}
