//! What a function answers. The codes are numbered by hand, append-only; a retired one stays as a comment.

use fusewire_status_enum as Code;
use std::ffi::{CStr, c_char};

/// What a function returns: one of `fusewire_status_enum`. 100 and above are errors; below, what was asked for was done
/// or decided. Later versions add codes: treat one that you do not know by that rule.
pub type fusewire_status = u32;

/// The values of `fusewire_status`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum fusewire_status_enum {
    /// Done.
    FUSEWIRE_OK = 0,
    /// Settled after its generation was over or its lease had ended: the outcome counts in the totals only.
    FUSEWIRE_LATE = 1,
    /// The rules are what they were: nothing was changed.
    FUSEWIRE_UNCHANGED = 2,
    /// The time is over, and what was waited for has not come.
    FUSEWIRE_TIMED_OUT = 3,
    /// The subscription was closed, and all its events were taken.
    FUSEWIRE_SUBSCRIPTION_CLOSED = 4,
    /// The function of `fusewire_breaker_call` has returned no outcome: the call counts as ignored.
    FUSEWIRE_NO_OUTCOME = 5,
    /// The call waits in the queue for a slot: there is no permit yet.
    FUSEWIRE_QUEUED = 6,
    /// There is none of what was asked for.
    FUSEWIRE_ABSENT = 7,
    /// The breaker turns the call away. Nothing has run, and there is nothing to settle.
    FUSEWIRE_REJECTED = 10,
    /// A pointer is NULL that must not be.
    FUSEWIRE_ERROR_NULL_ARGUMENT = 100,
    /// A text is not UTF-8.
    FUSEWIRE_ERROR_NOT_UTF8 = 101,
    /// A number is not among the values of its type, or out of range.
    FUSEWIRE_ERROR_INVALID_VALUE = 102,
    /// The `size` of a struct is none that this library knows; use the `_INIT` macros.
    FUSEWIRE_ERROR_INVALID_SIZE = 103,
    /// The handle was freed, or never was one of that type.
    FUSEWIRE_ERROR_INVALID_HANDLE = 104,
    /// The permit was not given by an `acquire` that answered `FUSEWIRE_OK`.
    FUSEWIRE_ERROR_INVALID_PERMIT = 105,
    /// The permit was settled before; nothing was counted.
    FUSEWIRE_ERROR_ALREADY_SETTLED = 106,
    /// How the wait ended was told before.
    FUSEWIRE_ERROR_ALREADY_TOLD = 107,
    /// The attempts were not begun, or were given up.
    FUSEWIRE_ERROR_NOT_BEGUN = 108,
    /// That is not what is to be told now: see the step that the attempts are at. Nothing was counted.
    FUSEWIRE_ERROR_WRONG_STEP = 109,
    /// The configuration is wrong; the error names the key, the value and what is allowed.
    FUSEWIRE_ERROR_CONFIG = 110,
    /// The name is wrong: 1 to 255 bytes of UTF-8 without control characters.
    FUSEWIRE_ERROR_NAME = 111,
    /// The name is taken by a breaker with another configuration; the error tells both.
    FUSEWIRE_ERROR_CONFLICT = 112,
    /// The registry has no breaker of that name.
    FUSEWIRE_ERROR_UNKNOWN_BREAKER = 113,
    /// A defect of this library: something in it panicked. Please report it.
    FUSEWIRE_ERROR_PANIC = 199,
}

impl Code {
    const ALL: [(Code, &CStr); 24] = [
        (Code::FUSEWIRE_OK, c"done"),
        (Code::FUSEWIRE_LATE, c"late: the outcome counts in the totals only"),
        (Code::FUSEWIRE_UNCHANGED, c"nothing was changed: the rules are what they were"),
        (Code::FUSEWIRE_TIMED_OUT, c"the time is over, and what was waited for has not come"),
        (Code::FUSEWIRE_SUBSCRIPTION_CLOSED, c"the subscription was closed"),
        (Code::FUSEWIRE_NO_OUTCOME, c"the function returned no outcome: the call counts as ignored"),
        (Code::FUSEWIRE_QUEUED, c"the call waits in the queue for a slot"),
        (Code::FUSEWIRE_ABSENT, c"there is none of what was asked for"),
        (Code::FUSEWIRE_REJECTED, c"the circuit breaker turned the call away"),
        (Code::FUSEWIRE_ERROR_NULL_ARGUMENT, c"a pointer is NULL that must not be"),
        (Code::FUSEWIRE_ERROR_NOT_UTF8, c"a text is not UTF-8"),
        (
            Code::FUSEWIRE_ERROR_INVALID_VALUE,
            c"a number is not among the values of its type, or out of range",
        ),
        (Code::FUSEWIRE_ERROR_INVALID_SIZE, c"the size of a struct is none that this library knows"),
        (Code::FUSEWIRE_ERROR_INVALID_HANDLE, c"the handle was freed, or never was one of that type"),
        (
            Code::FUSEWIRE_ERROR_INVALID_PERMIT,
            c"the permit was not given by an acquire that answered FUSEWIRE_OK",
        ),
        (Code::FUSEWIRE_ERROR_ALREADY_SETTLED, c"the permit was settled before"),
        (Code::FUSEWIRE_ERROR_ALREADY_TOLD, c"how the wait ended was told before"),
        (Code::FUSEWIRE_ERROR_NOT_BEGUN, c"the attempts were not begun, or were given up"),
        (Code::FUSEWIRE_ERROR_WRONG_STEP, c"that is not what is to be told at this step"),
        (Code::FUSEWIRE_ERROR_CONFIG, c"the configuration is wrong"),
        (Code::FUSEWIRE_ERROR_NAME, c"the name is not 1 to 255 bytes of UTF-8 without control characters"),
        (Code::FUSEWIRE_ERROR_CONFLICT, c"the name is taken by a breaker with another configuration"),
        (Code::FUSEWIRE_ERROR_UNKNOWN_BREAKER, c"the registry has no breaker of that name"),
        (Code::FUSEWIRE_ERROR_PANIC, c"a defect of this library: it panicked; please report it"),
    ];

    fn text(status: fusewire_status) -> &'static CStr {
        let found = Code::ALL.into_iter().find(|(code, _)| *code as u32 == status);
        found.map_or(c"unknown status", |(_, text)| text)
    }
}

/// What a status says, in a sentence; `unknown status` for a number that is none. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_status_text(status: fusewire_status) -> *const c_char {
    Code::text(status).as_ptr()
}
