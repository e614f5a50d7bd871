//! Events of the policies: what operators change around the machine, and what changes by itself there.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::events::{
    FUSEWIRE_ACTOR_SIZE, FUSEWIRE_NAME_SIZE, FUSEWIRE_REASON_TEXT_SIZE, check_capacity, check_event_size,
    drain_into, wait,
};
use crate::features::{FUSEWIRE_FEATURE_SIZE, fusewire_feature_cause};
use crate::guard::{Failure, OK, guard, guard_free, guard_or};
use crate::handle::{self, kind, take};
use crate::names::{FUSEWIRE_NONE, FUSEWIRE_PRIORITY_COUNT, UNKNOWN, with_nul};
use crate::status::fusewire_status;
use crate::text;
use fusewire::{PolicyChange, PolicyEvent, PolicyEvents, Priority, SlotTable};
use std::ffi::c_char;

/// What changed around the machine: one of `fusewire_policy_enum`. Later versions add kinds.
pub type fusewire_policy = u32;

/// The values of `fusewire_policy`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_policy_enum {
    /// The lowest priority that is let in.
    FUSEWIRE_POLICY_MIN_PRIORITY = 0,
    /// The slots of a bulkhead.
    FUSEWIRE_POLICY_SLOTS = 1,
    /// The concurrency limit, by hand; what it finds by itself is no event.
    FUSEWIRE_POLICY_LIMIT = 2,
    /// The rate, or the limit of a window: by hand, or by itself.
    FUSEWIRE_POLICY_RATE = 3,
    /// The breaker was closed for good.
    FUSEWIRE_POLICY_CLOSE = 4,
    /// The state of a feature.
    FUSEWIRE_POLICY_FEATURE = 5,
}

/// A change around the machine. What does not belong to its kind is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_policy_event {
    /// 1 for the breaker's first, and one more for each.
    pub sequence: u64,
    /// The generation it happened in.
    pub generation: u64,
    /// When, in nanoseconds on the breaker's clock.
    pub at_ns: u64,
    /// How many events this subscription missed since the one before.
    pub missed: u64,
    /// What changed, a `fusewire_policy`; a program passes over kinds that it does not know.
    pub kind: fusewire_policy,
    /// Always 0.
    pub reserved: u32,
    /// The rate (in calls a second), the limit, the `fusewire_priority`, the `fusewire_feature_state`, or of slots how many
    /// there were in all.
    pub from: f64,
    /// The same, after.
    pub to: f64,
    /// Of slots: how many were kept for each priority.
    pub from_reserved: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// The same, after.
    pub to_reserved: [u64; FUSEWIRE_PRIORITY_COUNT],
    /// The breaker's name.
    pub breaker: [c_char; FUSEWIRE_NAME_SIZE],
    /// Who did it; empty when it happened by itself, or nobody was told.
    pub actor: [c_char; FUSEWIRE_ACTOR_SIZE],
    /// Why, if it was done by hand; else empty.
    pub reason: [c_char; FUSEWIRE_REASON_TEXT_SIZE],
    /// Of a feature: its name.
    pub feature: [c_char; FUSEWIRE_FEATURE_SIZE],
    /// Of a feature: the share of successes in the state before, of the last 50 outcomes at most; NAN without any.
    pub health: f64,
    /// Of a feature: what changed it, a `fusewire_feature_cause`.
    pub feature_cause: fusewire_feature_cause,
    /// Always 0.
    pub reserved_too: u32,
}

/// The size of the first version of the struct.
const FIRST_SIZE: usize = 728;
const _: () = assert!(size_of::<fusewire_policy_event>() >= FIRST_SIZE);

/// A change in numbers: its kind, what was before and what is after, and likewise of reserved slots.
type Told = (fusewire_policy_enum, [f64; 2], [[u64; FUSEWIRE_PRIORITY_COUNT]; 2]);

fn told(change: &PolicyChange) -> Option<Told> {
    use fusewire_policy_enum as Kind;
    let none = [[0; FUSEWIRE_PRIORITY_COUNT]; 2];
    Some(match *change {
        PolicyChange::MinPriority { from, to } => {
            (Kind::FUSEWIRE_POLICY_MIN_PRIORITY, [f64::from(from as u8), f64::from(to as u8)], none)
        }
        PolicyChange::Slots { from, to } => {
            let all = |table: SlotTable| table.max_concurrent as f64;
            (Kind::FUSEWIRE_POLICY_SLOTS, [all(from), all(to)], [from.reserved, to.reserved])
        }
        PolicyChange::Limit { from, to } => (Kind::FUSEWIRE_POLICY_LIMIT, [from as f64, to as f64], none),
        PolicyChange::Rate { from, to } => (Kind::FUSEWIRE_POLICY_RATE, [from, to], none),
        PolicyChange::Close => (Kind::FUSEWIRE_POLICY_CLOSE, [0.0; 2], none),
        PolicyChange::Feature { from, to, .. } => {
            (Kind::FUSEWIRE_POLICY_FEATURE, [f64::from(from as u8), f64::from(to as u8)], none)
        }
        _ => return None,
    })
}

impl fusewire_policy_event {
    /// `None` for a kind that has no number here.
    fn of(event: &PolicyEvent) -> Option<Self> {
        let (kind, [from, to], [from_reserved, to_reserved]) = told(&event.change)?;
        let (feature, cause, health) = match &event.change {
            PolicyChange::Feature { feature, cause, health, .. } => {
                (&**feature, *cause as fusewire_feature_cause, health.unwrap_or(f64::NAN))
            }
            _ => ("", 0, 0.0),
        };
        Some(fusewire_policy_event {
            sequence: event.sequence,
            generation: event.generation,
            at_ns: event.at,
            missed: event.missed,
            kind: kind as fusewire_policy,
            reserved: 0,
            from,
            to,
            from_reserved,
            to_reserved,
            breaker: text::copy(&event.breaker),
            actor: text::copy(event.actor.as_deref().unwrap_or_default()),
            reason: text::copy(event.reason.as_deref().unwrap_or_default()),
            feature: text::copy(feature),
            health,
            feature_cause: cause,
            reserved_too: 0,
        })
    }
}

/// The name of a kind in vectors and logs, such as `min_priority`; `unknown` for a number that is none. The text is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_policy_name(kind: fusewire_policy) -> *const c_char {
    let name = NAMES.get(kind as usize);
    name.map_or(UNKNOWN.as_ptr(), |name| name.as_ptr().cast::<c_char>())
}

/// The core's names, in the order of the numbers.
static NAMES: [[u8; 16]; 6] = {
    const NO_SLOTS: SlotTable = SlotTable { max_concurrent: 0, reserved: [0; FUSEWIRE_PRIORITY_COUNT] };
    let min = PolicyChange::MinPriority { from: Priority::Bulk, to: Priority::Bulk };
    [
        with_nul(min.kind()),
        with_nul(PolicyChange::Slots { from: NO_SLOTS, to: NO_SLOTS }.kind()),
        with_nul(PolicyChange::Limit { from: 0, to: 0 }.kind()),
        with_nul(PolicyChange::Rate { from: 0.0, to: 0.0 }.kind()),
        with_nul(PolicyChange::Close.kind()),
        with_nul(PolicyChange::FEATURE),
    ]
};

/// The changes around the machine of one breaker, from the subscription on, kept until they are taken. It does not keep
/// its breaker alive: when that is gone, it is closed. Threads may share it.
pub struct fusewire_policy_subscription {
    _opaque: [u8; 0],
}

kind!(PolicyEvents, b"fw polic", "fusewire_policy_subscription");

/// Keeps what changes around the machine of a breaker from now on (lowest priority, slots, limit, rate, features, the
/// end of its life), at most `capacity` changes (1 to 1,000,000), until they are taken; what comes beyond is counted. Writes a
/// handle to `subscription`, to be freed with `fusewire_policy_subscription_free`. Transitions are those of
/// `fusewire_breaker_subscribe`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_subscribe_policies(
    breaker: *mut fusewire_breaker,
    capacity: usize,
    subscription: *mut *mut fusewire_policy_subscription,
) -> fusewire_status {
    guard(|| {
        if subscription.is_null() {
            return Err(Failure::null("subscription"));
        }
        check_capacity(capacity)?;
        // SAFETY: the caller's promises.
        unsafe {
            let breaker: &Breaker = take("breaker", breaker)?;
            subscription.write(handle::give(breaker.core.policy_events(capacity)));
        }
        Ok(OK)
    })
}

/// Waits until there is a change, blocking the thread, for at most `timeout_ns` nanoseconds of the system's time,
/// whatever the breaker's clock; 0 only looks, `FUSEWIRE_NONE` waits without end. Several threads may wait.
///
/// Returns `FUSEWIRE_OK` when there is one, `FUSEWIRE_TIMED_OUT` when there is none by then, and
/// `FUSEWIRE_SUBSCRIPTION_CLOSED` when the subscription was closed and all were taken. Fails with
/// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_policy_subscription_wait(
    subscription: *const fusewire_policy_subscription,
    timeout_ns: u64,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let events: &PolicyEvents = unsafe { take("subscription", subscription) }?;
        Ok(wait(timeout_ns, |timeout| events.wait(timeout)))
    })
}

/// Takes changes, the oldest first, at most `capacity` of them. `event_size`: `sizeof(fusewire_policy_event)`; a later
/// version of the struct is filled as far as this library knows it, the rest with 0. Writes to `count` how many were
/// taken; 0 says that there is none. Never waits.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`; nothing
/// was taken then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_policy_subscription_drain(
    subscription: *mut fusewire_policy_subscription,
    events: *mut fusewire_policy_event,
    event_size: usize,
    capacity: usize,
    count: *mut usize,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if count.is_null() || events.is_null() && capacity > 0 {
            return Err(Failure::null(if count.is_null() { "count" } else { "events" }));
        }
        check_event_size::<fusewire_policy_event>(event_size, FIRST_SIZE, "sizeof(fusewire_policy_event)")?;
        let kept: &PolicyEvents = take("subscription", subscription)?;
        let next =
            || std::iter::from_fn(|| kept.try_next()).find_map(|event| fusewire_policy_event::of(&event));
        count.write(drain_into(events, event_size, capacity, next));
        Ok(OK)
    })
}

/// Changes missed since the last one that was kept, because the subscription was full; those before a change are told
/// by its `missed`. `FUSEWIRE_NONE` when `subscription` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_policy_subscription_missed(
    subscription: *const fusewire_policy_subscription,
) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let events: &PolicyEvents = unsafe { take("subscription", subscription) }?;
        Ok(events.missed())
    })
}

/// Ends it: no more changes come, and threads that wait, and those that come later, return once all have been taken.
/// Call it, and join those threads, before the subscription is freed. `fusewire_breaker_close` is a change, and does
/// not end it.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_policy_subscription_close(
    subscription: *mut fusewire_policy_subscription,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let events: &PolicyEvents = unsafe { take("subscription", subscription) }?;
        events.close();
        Ok(OK)
    })
}

/// Ends and frees a subscription; no thread may be waiting on it. NULL does nothing; freeing twice ends the process
/// with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_policy_subscription_free(subscription: *mut fusewire_policy_subscription) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe {
        handle::free::<PolicyEvents, _>("fusewire_policy_subscription_free", subscription);
    })
}
