//! Reading a breaker. Reading never changes anything.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::call::fusewire_rejection;
use crate::guard::{Failure, OK, Outcome, guard, guard_or};
use crate::handle::take;
use crate::names::{
    FUSEWIRE_INVALID, FUSEWIRE_NONE, FUSEWIRE_PRIORITY_COUNT, fusewire_cause, fusewire_mode,
    fusewire_priority, fusewire_state,
};
use crate::sized::LARGEST;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text;
use fusewire::{CircuitBreaker, Snapshot};
use std::ffi::c_char;
use std::mem::offset_of;

/// How many reasons the arrays of a snapshot have room for; index by `fusewire_reason`.
pub const FUSEWIRE_REASON_CAPACITY: usize = 32;
const _: () = assert!(fusewire::Reason::ALL.len() <= FUSEWIRE_REASON_CAPACITY);

/// Room for the longest error type, 64 bytes, and its NUL.
pub const FUSEWIRE_ERROR_TYPE_SIZE: usize = 72;

/// A breaker at one instant. Begin with `fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;`. What belongs to the
/// machine is of one instant; each total is exact but may be read a moment later. What is absent is `FUSEWIRE_NONE`,
/// and NAN where a share stands. Histograms, error types,
/// features, and counts of retries, fallbacks, caches and hedges are in the JSON and the metrics text.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_snapshot {
    /// `sizeof(fusewire_snapshot)`. Later versions add fields at the end.
    pub size: usize,
    /// The effective state: open past its deadline reads half-open.
    pub state: fusewire_state,
    /// The state as it is stored.
    pub stored_state: fusewire_state,
    /// The mode.
    pub mode: fusewire_mode,
    /// What led to the last transition; `FUSEWIRE_CAUSE_NONE` before the first.
    pub last_cause: fusewire_cause,
    /// The state before the last transition; `FUSEWIRE_INVALID` before the first.
    pub last_from: fusewire_state,
    /// The state after the last transition; `FUSEWIRE_INVALID` before the first.
    pub last_to: fusewire_state,
    /// When the last transition was, on the breaker's clock; absent before the first.
    pub last_at_ns: u64,
    /// Transitions so far.
    pub generation: u64,
    /// Openings so far.
    pub opened: u64,
    /// Openings in a row: k of the backoff.
    pub openings_in_a_row: u64,
    /// When to come again, in nanoseconds; absent in closed and half-open and in a forced mode, 0 in open past its
    /// deadline.
    pub retry_after_ns: u64,
    /// Absent with a window.
    pub consecutive_failures: u64,
    /// Outcomes in the window; absent without one, as the next three. While open: as it was when the breaker opened.
    pub window_total: u64,
    /// How many of them failed.
    pub window_failures: u64,
    /// How many of them were slow.
    pub window_slow: u64,
    /// Share of failures; absent until `min_calls` are there.
    pub window_failure_rate: f64,
    /// Share of slow calls; absent until `min_calls` are there, and when no slow-call rate is configured.
    pub window_slow_call_rate: f64,
    /// Of an adaptive window: the learned share of failures.
    pub window_baseline: f64,
    /// Of an adaptive window: the share that opens; absent until `min_calls` are there.
    pub window_threshold: f64,
    /// Probes admitted and not settled.
    pub half_open_in_flight: u32,
    /// Probes that succeeded.
    pub half_open_successes: u32,
    /// Probes that failed or expired.
    pub half_open_failures: u32,
    /// The step of the ramp, from 1; 0 outside a ramp.
    pub ramp_step: u32,
    /// The share of the calls that the ramp admits; absent outside a ramp.
    pub ramp_share: f64,
    /// Calls settled in this step.
    pub ramp_settled: u32,
    /// How many of them failed.
    pub ramp_failures: u32,
    /// Calls settled as success.
    pub success: u64,
    /// Calls settled as failure.
    pub failure: u64,
    /// Calls settled as ignored, or given up.
    pub ignored: u64,
    /// Successes and failures that took at least `slow_call_duration`.
    pub slow: u64,
    /// Settled after their generation was over.
    pub late: u64,
    /// Probes whose lease ended before they were settled.
    pub expired: u64,
    /// Rejections, by `fusewire_reason`.
    pub rejected: [u64; FUSEWIRE_REASON_CAPACITY],
    /// What shadow mode admitted and would have rejected, by `fusewire_reason`.
    pub would_reject: [u64; FUSEWIRE_REASON_CAPACITY],
    /// When the last failure was settled, on the breaker's clock; absent before the first.
    pub last_failure_at_ns: u64,
    /// The error type of the last failure; empty when it has none.
    pub last_failure_type: [c_char; FUSEWIRE_ERROR_TYPE_SIZE],
    /// Calls that passed a breaker that would have turned them away, by `open_bypass`; counted at admission.
    pub bypassed: u64,
    /// The rate in force, in calls a second, or the limit of a window; absent without `rate_limit`, as the next two.
    pub rate: f64,
    /// Whole tokens that a critical call finds, or what is left of a window's limit; absent for a leaky bucket.
    pub rate_available: u64,
    /// How long a critical call of cost 1 would be turned away, in nanoseconds; absent when it would not.
    pub rate_retry_after_ns: u64,
    /// Slots in all, of a bulkhead or a concurrency limit; absent without either, and the next three are 0 then.
    pub slots: u64,
    /// Calls that have a slot, by `fusewire_priority`.
    pub slots_taken: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// Calls that wait for one, by `fusewire_priority`.
    pub queued: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// Slots that are kept for a priority, by `fusewire_priority`.
    pub slots_reserved: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// Calls that were admitted, by `fusewire_priority`; 0 without gates, as the next.
    pub admitted_by_priority: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// Calls that were turned away, by `fusewire_priority`; those by a breaker that is closed for good are in
    /// `rejected` alone.
    pub refused_by_priority: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// The lowest priority that is let in; `FUSEWIRE_INVALID` without gates.
    pub min_priority: fusewire_priority,
    /// Always 0.
    pub reserved: u32,
    /// How long a call without a deadline of its own may take; absent without `timeout`.
    pub timeout_ns: u64,
    /// How many retries and hedges may begin now; absent without `retry`, and with `budget: false`.
    pub retry_budget: u64,
    /// How well `exponential`, `fibonacci` and `decorrelated_jitter` have done, 0 to 1: of `retry.backoff` of the kind
    /// `adaptive`, which chooses from them; absent with other kinds.
    pub retry_scores: [f64; 3],
}

/// The size of the first version of the struct.
const FIRST_SIZE: usize = offset_of!(fusewire_snapshot, last_failure_type) + FUSEWIRE_ERROR_TYPE_SIZE;
#[cfg(target_pointer_width = "64")]
const _: () = assert!(FIRST_SIZE == 808 && size_of::<fusewire_snapshot>() >= FIRST_SIZE);

impl fusewire_snapshot {
    fn of(s: &Snapshot) -> Self {
        let window = s.window.as_ref();
        let share = |share: Option<f64>| share.unwrap_or(f64::NAN);
        let failure = s.last_failure.as_ref();
        let (rate, slots, gates) = (s.rate_limit, s.bulkhead.as_ref(), s.gates.as_ref());
        let none = [0; FUSEWIRE_PRIORITY_COUNT];
        let state = |state: Option<fusewire::State>| state.map_or(FUSEWIRE_INVALID, |state| state as u32);
        fusewire_snapshot {
            size: size_of::<Self>(),
            state: s.state as u32,
            stored_state: s.stored_state as u32,
            mode: s.mode as u32,
            last_cause: s.last.map_or(0, |last| last.cause as u32),
            last_from: state(s.last.map(|last| last.from)),
            last_to: state(s.last.map(|last| last.to)),
            last_at_ns: s.last.map_or(FUSEWIRE_NONE, |last| last.at),
            generation: s.generation,
            opened: s.opened,
            openings_in_a_row: s.openings_in_a_row,
            retry_after_ns: s.retry_after.unwrap_or(FUSEWIRE_NONE),
            consecutive_failures: s.consecutive_failures.map_or(FUSEWIRE_NONE, u64::from),
            window_total: window.map_or(FUSEWIRE_NONE, |w| w.total),
            window_failures: window.map_or(FUSEWIRE_NONE, |w| w.failures),
            window_slow: window.map_or(FUSEWIRE_NONE, |w| w.slow),
            window_failure_rate: share(window.and_then(|w| w.failure_rate)),
            window_slow_call_rate: share(window.and_then(|w| w.slow_call_rate)),
            window_baseline: share(window.and_then(|w| w.baseline)),
            window_threshold: share(window.and_then(|w| w.threshold)),
            half_open_in_flight: s.half_open.in_flight,
            half_open_successes: s.half_open.successes,
            half_open_failures: s.half_open.failures,
            ramp_step: s.ramp.map_or(0, |r| r.step),
            ramp_share: share(s.ramp.map(|r| r.share)),
            ramp_settled: s.ramp.map_or(0, |r| r.settled),
            ramp_failures: s.ramp.map_or(0, |r| r.failures),
            success: s.totals.success,
            failure: s.totals.failure,
            ignored: s.totals.ignored,
            slow: s.totals.slow,
            late: s.totals.late,
            expired: s.totals.expired,
            rejected: by_reason(&s.totals.rejected),
            would_reject: by_reason(&s.totals.would_reject),
            last_failure_at_ns: failure.map_or(FUSEWIRE_NONE, |f| f.at),
            last_failure_type: text::copy(failure.and_then(|f| f.error_type.as_deref()).unwrap_or_default()),
            bypassed: s.totals.bypassed,
            rate: share(rate.map(|r| r.rate)),
            rate_available: rate.and_then(|r| r.available).unwrap_or(FUSEWIRE_NONE),
            rate_retry_after_ns: rate.and_then(|r| r.retry_after).unwrap_or(FUSEWIRE_NONE),
            slots: slots.map_or(FUSEWIRE_NONE, |b| b.limit),
            slots_taken: slots.map_or(none, |b| b.by_level),
            queued: slots.map_or(none, |b| b.queued),
            slots_reserved: slots.map_or(none, |b| b.reserved),
            admitted_by_priority: gates.map_or(none, |g| g.admitted),
            refused_by_priority: gates.map_or(none, |g| by_priority(&g.refused)),
            min_priority: gates.map_or(FUSEWIRE_INVALID, |g| g.min_priority as fusewire_priority),
            reserved: 0,
            timeout_ns: s.timeout.unwrap_or(FUSEWIRE_NONE),
            retry_budget: s.retry.as_ref().and_then(|r| r.budget).unwrap_or(FUSEWIRE_NONE),
            retry_scores: s
                .retry
                .as_ref()
                .and_then(|r| r.scores)
                .map_or([f64::NAN; 3], |all| all.map(|(_, score)| score)),
        }
    }
}

fn by_reason(counts: &[u64]) -> [u64; FUSEWIRE_REASON_CAPACITY] {
    std::array::from_fn(|reason| counts.get(reason).copied().unwrap_or(0))
}

/// For all reasons.
fn by_priority(refused: &[[u64; FUSEWIRE_PRIORITY_COUNT]]) -> [u64; FUSEWIRE_PRIORITY_COUNT] {
    std::array::from_fn(|level| refused.iter().map(|of_reason| of_reason[level]).sum())
}

/// The effective state: open past its deadline reads half-open. `FUSEWIRE_INVALID` when `breaker` is NULL or no live
/// handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_state(breaker: *const fusewire_breaker) -> fusewire_state {
    guard_or(FUSEWIRE_INVALID, || {
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        Ok(breaker.core.state() as fusewire_state)
    })
}

/// The mode. `FUSEWIRE_INVALID` when `breaker` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_mode(breaker: *const fusewire_breaker) -> fusewire_mode {
    guard_or(FUSEWIRE_INVALID, || {
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        Ok(breaker.core.mode() as fusewire_mode)
    })
}

/// Fills `snapshot`, as far as its `size` says: begin with `FUSEWIRE_SNAPSHOT_INIT`. Of a larger one than this library
/// knows the end becomes 0, and its `size` says how much was filled.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_snapshot(
    breaker: *const fusewire_breaker,
    snapshot: *mut fusewire_snapshot,
) -> fusewire_status {
    guard(|| {
        if snapshot.is_null() {
            return Err(Failure::null("snapshot"));
        }
        // SAFETY: the caller's promises, here and below: the size comes first in every version.
        unsafe {
            let breaker: &Breaker = take("breaker", breaker)?;
            let size = (&raw const (*snapshot).size).read_unaligned();
            if !(FIRST_SIZE..=LARGEST).contains(&size) {
                let allowed = "sizeof(fusewire_snapshot): begin with FUSEWIRE_SNAPSHOT_INIT";
                return Err(Failure::invalid(
                    Code::FUSEWIRE_ERROR_INVALID_SIZE,
                    "snapshot.size",
                    size,
                    allowed,
                ));
            }
            let filled = size.min(size_of::<fusewire_snapshot>());
            let mut ours = fusewire_snapshot::of(&breaker.core.snapshot());
            ours.size = filled;
            let from = (&raw const ours).cast::<u8>();
            let to = snapshot.cast::<u8>();
            from.copy_to_nonoverlapping(to, filled);
            to.add(filled).write_bytes(0, size - filled);
        }
        Ok(OK)
    })
}

/// # Safety
/// As the functions below say.
unsafe fn tell(
    breaker: *const fusewire_breaker,
    argument: &str,
    text: *mut *mut c_char,
    length: *mut usize,
    read: impl FnOnce(&CircuitBreaker) -> Outcome<String>,
) -> fusewire_status {
    guard(|| {
        if text.is_null() {
            return Err(Failure::null(argument));
        }
        // SAFETY: the caller's promises.
        unsafe {
            let breaker: &Breaker = take("breaker", breaker)?;
            text::give(read(&breaker.core)?, text, length);
        }
        Ok(OK)
    })
}

/// A snapshot as JSON. Writes a text that `fusewire_string_free` frees, and its length without the NUL to `length`,
/// unless that is NULL.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_snapshot_json(
    breaker: *const fusewire_breaker,
    json: *mut *mut c_char,
    length: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    unsafe { tell(breaker, "json", json, length, |core| Ok(fusewire::json(&core.snapshot()).to_string())) }
}

/// The configuration with its defaults filled in, as a JSON document. Writes and fails as
/// `fusewire_breaker_snapshot_json` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_document(
    breaker: *const fusewire_breaker,
    document: *mut *mut c_char,
    length: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    unsafe { tell(breaker, "document", document, length, |core| Ok(core.document())) }
}

/// What a rejection says, in a sentence for people. Writes and fails as `fusewire_breaker_snapshot_json` does, also
/// with `FUSEWIRE_ERROR_INVALID_VALUE` when its reason is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_rejection_message(
    breaker: *const fusewire_breaker,
    rejection: *const fusewire_rejection,
    message: *mut *mut c_char,
    length: *mut usize,
) -> fusewire_status {
    let read = |core: &CircuitBreaker| {
        // SAFETY: the caller's promise.
        let Some(rejection) = (unsafe { rejection.as_ref() }) else { return Err(Failure::null("rejection")) };
        let found = fusewire::Reason::ALL.into_iter().find(|reason| *reason as u32 == rejection.reason);
        let allowed = "a value of fusewire_reason_enum";
        let refuse = || {
            Failure::invalid(
                Code::FUSEWIRE_ERROR_INVALID_VALUE,
                "rejection.reason",
                rejection.reason,
                allowed,
            )
        };
        let after = (rejection.retry_after_ns != FUSEWIRE_NONE).then_some(rejection.retry_after_ns);
        Ok(fusewire::binding::rejection_message(core.name(), found.ok_or_else(refuse)?.name(), after))
    };
    // SAFETY: the caller's promises.
    unsafe { tell(breaker, "message", message, length, read) }
}

/// A failure.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_failure {
    /// When it was settled, on the breaker's clock.
    pub at_ns: u64,
    /// Its error type; empty when it has none, `other` when the type came after the first twenty.
    pub error_type: [c_char; FUSEWIRE_ERROR_TYPE_SIZE],
    /// Always 0, for what later versions have to say.
    pub reserved: [u64; 2],
}

/// The failure that `last_failure` of a rejection by this breaker stands for.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_INVALID_VALUE` when
/// it stands for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_last_failure(
    breaker: *const fusewire_breaker,
    last_failure: u64,
    failure: *mut fusewire_failure,
) -> fusewire_status {
    guard(|| {
        if failure.is_null() {
            return Err(Failure::null("failure"));
        }
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        let allowed = "the last_failure of a rejection by this breaker, if there was one";
        let Some(found) = breaker.core.failure_of(last_failure) else {
            return Err(Failure::invalid(
                Code::FUSEWIRE_ERROR_INVALID_VALUE,
                "last_failure",
                last_failure,
                allowed,
            ));
        };
        let error_type = text::copy(found.error_type.as_deref().unwrap_or_default());
        // SAFETY: the caller's promise.
        unsafe { failure.write(fusewire_failure { at_ns: found.at, error_type, reserved: [0; 2] }) };
        Ok(OK)
    })
}
