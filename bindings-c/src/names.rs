//! The small numbers of the ABI: what they mean, and their names in metrics, documents and vectors. A type is a `uint32_t`
//! with a named enum beside it, so that a number that is none of them is an error and nothing worse.

use crate::guard::{Failure, Outcome};
use crate::status::fusewire_status_enum as Code;
use fusewire::{Cause, Mode, Outcome as CallOutcome, Priority, Reason, State};
use std::ffi::{CStr, c_char};

/// What is absent, where a `uint64_t` stands.
pub const FUSEWIRE_NONE: u64 = u64::MAX;

/// What is none of its type's values, where a small number stands.
pub const FUSEWIRE_INVALID: u32 = u32::MAX;

/// A state: one of `fusewire_state_enum`.
pub type fusewire_state = u32;

/// The values of `fusewire_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_state_enum {
    /// Calls pass.
    FUSEWIRE_STATE_CLOSED = 0,
    /// Calls are rejected until a deadline.
    FUSEWIRE_STATE_OPEN = 1,
    /// A few probes, or a share of the calls, find out whether the dependency is back.
    FUSEWIRE_STATE_HALF_OPEN = 2,
}

/// A mode: one of `fusewire_mode_enum`.
pub type fusewire_mode = u32;

/// The values of `fusewire_mode`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_mode_enum {
    /// The machine decides. The default.
    FUSEWIRE_MODE_AUTO = 0,
    /// The machine runs, but what it would reject is admitted, marked and counted.
    FUSEWIRE_MODE_SHADOW = 1,
    /// Every call is rejected; the machine stands still.
    FUSEWIRE_MODE_FORCED_OPEN = 2,
    /// Every call is admitted; the machine stands still.
    FUSEWIRE_MODE_FORCED_CLOSED = 3,
}

/// How a call ended: one of `fusewire_outcome_enum`.
pub type fusewire_outcome = u32;

/// The values of `fusewire_outcome`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_outcome_enum {
    /// The dependency did what it should.
    FUSEWIRE_OUTCOME_SUCCESS = 0,
    /// The dependency failed.
    FUSEWIRE_OUTCOME_FAILURE = 1,
    /// Says nothing about the dependency: no threshold or window sees it.
    FUSEWIRE_OUTCOME_IGNORED = 2,
}

/// Why a call is turned away: one of `fusewire_reason_enum`. Later versions add reasons.
pub type fusewire_reason = u32;

/// The values of `fusewire_reason`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_reason_enum {
    /// The breaker is open.
    FUSEWIRE_REASON_OPEN = 0,
    /// All probes of the half-open state are given.
    FUSEWIRE_REASON_HALF_OPEN_FULL = 1,
    /// This call is not in the share that a ramp admits.
    FUSEWIRE_REASON_RAMP = 2,
    /// The breaker's mode is forced open.
    FUSEWIRE_REASON_FORCED_OPEN = 3,
    /// The call's priority is below the lowest that is let in.
    FUSEWIRE_REASON_SHED = 4,
    /// `rate_limit`: calls come too fast.
    FUSEWIRE_REASON_RATE_LIMITED = 5,
    /// `bulkhead`: no slot for a call of this priority, and no place in the queue.
    FUSEWIRE_REASON_BULKHEAD_FULL = 6,
    /// The call has waited for a slot as long as it may.
    FUSEWIRE_REASON_QUEUE_TIMEOUT = 7,
    /// `concurrency_limit`: no slot for a call of this priority, and no place in the queue.
    FUSEWIRE_REASON_LIMIT_REACHED = 8,
    /// The breaker was closed for good.
    FUSEWIRE_REASON_CLOSED = 9,
    /// The call's feature is disabled.
    FUSEWIRE_REASON_FEATURE_DISABLED = 10,
}

/// How much a call matters: one of `fusewire_priority_enum`, and the place in arrays by priority.
pub type fusewire_priority = u32;

/// The values of `fusewire_priority`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_priority_enum {
    /// Shed first.
    FUSEWIRE_PRIORITY_BULK = 0,
    /// Below the default.
    FUSEWIRE_PRIORITY_LOW = 1,
    /// The default.
    FUSEWIRE_PRIORITY_NORMAL = 2,
    /// Above the default.
    FUSEWIRE_PRIORITY_HIGH = 3,
    /// Kept as long as anything is.
    FUSEWIRE_PRIORITY_CRITICAL = 4,
}

/// How many priorities there are, for arrays by priority.
pub const FUSEWIRE_PRIORITY_COUNT: usize = 5;

/// What led to a transition: one of `fusewire_cause_enum`. Later versions add causes.
pub type fusewire_cause = u32;

/// The values of `fusewire_cause`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_cause_enum {
    /// There was no transition yet.
    FUSEWIRE_CAUSE_NONE = 0,
    /// Consecutive failures reached `failure_threshold`.
    FUSEWIRE_CAUSE_FAILURE_THRESHOLD = 1,
    /// The window's failure rate reached its threshold.
    FUSEWIRE_CAUSE_FAILURE_RATE = 2,
    /// The window's slow-call rate reached its threshold.
    FUSEWIRE_CAUSE_SLOW_CALL_RATE = 3,
    /// Open lasted as long as it should.
    FUSEWIRE_CAUSE_RECOVERY_TIMEOUT = 4,
    /// Enough probes succeeded.
    FUSEWIRE_CAUSE_PROBES_SUCCEEDED = 5,
    /// A probe failed, and enough successes can no longer be reached.
    FUSEWIRE_CAUSE_PROBE_FAILED = 6,
    /// A probe's lease ended, and enough successes can no longer be reached.
    FUSEWIRE_CAUSE_PROBE_EXPIRED = 7,
    /// A step of the ramp had too many failures.
    FUSEWIRE_CAUSE_RAMP_FAILED = 8,
    /// The last step of the ramp is passed.
    FUSEWIRE_CAUSE_RAMP_COMPLETED = 9,
    /// `trip` or `half_open` by hand.
    FUSEWIRE_CAUSE_MANUAL = 10,
    /// `reset` by hand.
    FUSEWIRE_CAUSE_RESET = 11,
    /// A forced mode was entered or left.
    FUSEWIRE_CAUSE_MODE = 12,
    /// The configuration changed.
    FUSEWIRE_CAUSE_RECONFIGURED = 13,
    /// A required feature failed its test.
    FUSEWIRE_CAUSE_FEATURE_FAILED = 14,
}

/// In place of a name, so that whoever prints one prints something.
pub(crate) const UNKNOWN: &CStr = c"unknown";

/// The longest name and its NUL.
pub(crate) const LONGEST: usize = 32;

/// A text of the core's for C.
pub(crate) const fn with_nul<const N: usize>(name: &str) -> [u8; N] {
    assert!(name.len() < N);
    let (mut text, mut i) = ([0; N], 0);
    while i < name.len() {
        text[i] = name.as_bytes()[i];
        i += 1;
    }
    text
}

/// The core's name for a code, made for C when this is compiled: nothing has to be made once, and a forked child finds
/// nothing half made.
macro_rules! name_of {
    ($type:ty, $code:expr) => {{
        use $crate::names::{LONGEST, UNKNOWN, with_nul};
        const COUNT: usize = <$type>::ALL.len();
        static NAMES: [[u8; LONGEST]; COUNT] = {
            let (mut names, mut i) = ([[0; LONGEST]; COUNT], 0);
            while i < COUNT {
                names[i] = with_nul(<$type>::ALL[i].name());
                i += 1;
            }
            names
        };
        let place = <$type>::ALL.iter().position(|value| *value as u32 == $code);
        place
            .and_then(|place| NAMES.get(place))
            .map_or(UNKNOWN.as_ptr(), |name| name.as_ptr().cast::<std::ffi::c_char>())
    }};
}
pub(crate) use name_of;

/// The name of a state in metrics, events and vectors, such as `half_open`; `unknown` for a number that is none. The
/// text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_state_name(state: fusewire_state) -> *const c_char {
    name_of!(State, state)
}

/// The name of a mode in documents and metrics, such as `forced_open`; `unknown` for a number that is none. The
/// text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_mode_name(mode: fusewire_mode) -> *const c_char {
    name_of!(Mode, mode)
}

/// The name of an outcome in metrics, such as `success`; `unknown` for a number that is none. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_outcome_name(outcome: fusewire_outcome) -> *const c_char {
    name_of!(CallOutcome, outcome)
}

/// The name of a reason in metrics and messages, such as `half_open_full`; `unknown` for a number that is none. The
/// text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_reason_name(reason: fusewire_reason) -> *const c_char {
    name_of!(Reason, reason)
}

/// The name of a priority in documents and metrics, such as `critical`; `unknown` for a number that is none. The text is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_priority_name(priority: fusewire_priority) -> *const c_char {
    name_of!(Priority, priority)
}

/// The name of a cause in events, such as `probe_failed`; `none` for `FUSEWIRE_CAUSE_NONE`, `unknown` for a number that
/// is none. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_cause_name(cause: fusewire_cause) -> *const c_char {
    if cause == fusewire_cause_enum::FUSEWIRE_CAUSE_NONE as fusewire_cause {
        return c"none".as_ptr();
    }
    name_of!(Cause, cause)
}

/// The mode of that number.
pub(crate) fn mode_of(code: fusewire_mode) -> Outcome<Mode> {
    let found = Mode::ALL.into_iter().find(|mode| *mode as u32 == code);
    found.ok_or_else(|| {
        Failure::invalid(Code::FUSEWIRE_ERROR_INVALID_VALUE, "mode", code, "a value of fusewire_mode_enum")
    })
}

/// The priority of that number of the enum.
pub(crate) fn priority_of(code: fusewire_priority) -> Outcome<Priority> {
    let found = Priority::ALL.into_iter().find(|priority| *priority as u32 == code);
    let allowed = "a value of fusewire_priority_enum";
    found.ok_or_else(|| Failure::invalid(Code::FUSEWIRE_ERROR_INVALID_VALUE, "priority", code, allowed))
}

/// The outcome of that number.
pub(crate) fn outcome_of(code: fusewire_outcome) -> Outcome<CallOutcome> {
    let found = CallOutcome::ALL.into_iter().find(|outcome| *outcome as u32 == code);
    let refuse = || {
        Failure::invalid(
            Code::FUSEWIRE_ERROR_INVALID_VALUE,
            "outcome",
            code,
            "a value of fusewire_outcome_enum",
        )
    };
    found.ok_or_else(refuse)
}

/// What the header numbers is what the core numbers.
const _: () = {
    use fusewire_cause_enum::FUSEWIRE_CAUSE_FEATURE_FAILED;
    use fusewire_mode_enum::FUSEWIRE_MODE_FORCED_CLOSED;
    use fusewire_outcome_enum::FUSEWIRE_OUTCOME_IGNORED;
    use fusewire_priority_enum::FUSEWIRE_PRIORITY_CRITICAL;
    use fusewire_reason_enum::FUSEWIRE_REASON_FEATURE_DISABLED;
    use fusewire_state_enum::FUSEWIRE_STATE_HALF_OPEN;
    assert!(FUSEWIRE_STATE_HALF_OPEN as usize + 1 == State::ALL.len());
    assert!(FUSEWIRE_MODE_FORCED_CLOSED as usize + 1 == Mode::ALL.len());
    assert!(FUSEWIRE_OUTCOME_IGNORED as usize + 1 == CallOutcome::ALL.len());
    assert!(FUSEWIRE_REASON_FEATURE_DISABLED as usize + 1 == Reason::ALL.len());
    assert!(FUSEWIRE_PRIORITY_CRITICAL as usize + 1 == Priority::ALL.len());
    assert!(FUSEWIRE_PRIORITY_COUNT == Priority::ALL.len());
    assert!(FUSEWIRE_CAUSE_FEATURE_FAILED as usize == Cause::ALL.len());
};
