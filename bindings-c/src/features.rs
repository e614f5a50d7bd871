//! Features of a service: what they are at, and the names of it.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, guard_with};
use crate::handle::take;
use crate::names::name_of;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::required;
use fusewire::{FeatureCause, FeatureState, Request};
use std::ffi::c_char;

/// Room for the longest name of a feature, 64 bytes, and its NUL.
pub const FUSEWIRE_FEATURE_SIZE: usize = 72;

/// Whether calls of a feature are let in: one of `fusewire_feature_state_enum`.
pub type fusewire_feature_state = u32;

/// The values of `fusewire_feature_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_feature_state_enum {
    /// Its calls pass; it is judged by their outcomes.
    FUSEWIRE_FEATURE_ENABLED = 0,
    /// Its calls pass, for as long as they are to show whether it works.
    FUSEWIRE_FEATURE_TESTING = 1,
    /// Its calls are turned away with `FUSEWIRE_REASON_FEATURE_DISABLED`.
    FUSEWIRE_FEATURE_DISABLED = 2,
}

/// What changed a feature's state: one of `fusewire_feature_cause_enum`. Later versions add causes.
pub type fusewire_feature_cause = u32;

/// The values of `fusewire_feature_cause`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_feature_cause_enum {
    /// It is no change of a feature.
    FUSEWIRE_FEATURE_CAUSE_NONE = 0,
    /// The breaker opened: every feature is disabled.
    FUSEWIRE_FEATURE_CAUSE_OPENED = 1,
    /// Its turn to be tested has come.
    FUSEWIRE_FEATURE_CAUSE_RECOVERY = 2,
    /// It passed its test.
    FUSEWIRE_FEATURE_CAUSE_PASSED = 3,
    /// It failed its test.
    FUSEWIRE_FEATURE_CAUSE_FAILED = 4,
    /// A required feature failed its test: every other one is disabled, and the breaker opens.
    FUSEWIRE_FEATURE_CAUSE_ROLLED_BACK = 5,
    /// Its health fell too far.
    FUSEWIRE_FEATURE_CAUSE_UNHEALTHY = 6,
    /// A feature that it requires was disabled.
    FUSEWIRE_FEATURE_CAUSE_REQUIREMENT = 7,
    /// The breaker was reset: every feature is enabled.
    FUSEWIRE_FEATURE_CAUSE_RESET = 8,
    /// A forced mode was left: every feature is enabled.
    FUSEWIRE_FEATURE_CAUSE_MODE = 9,
}

/// What the header numbers is what the core numbers.
const _: () = {
    use fusewire_feature_cause_enum::FUSEWIRE_FEATURE_CAUSE_MODE;
    use fusewire_feature_state_enum::FUSEWIRE_FEATURE_DISABLED;
    assert!(FUSEWIRE_FEATURE_DISABLED as usize + 1 == FeatureState::ALL.len());
    assert!(FUSEWIRE_FEATURE_DISABLED as u32 == FeatureState::Disabled as u32);
    assert!(FUSEWIRE_FEATURE_CAUSE_MODE as usize == FeatureCause::ALL.len());
    assert!(FUSEWIRE_FEATURE_CAUSE_MODE as u32 == FeatureCause::Mode as u32);
};

/// The name of a feature's state in metrics and events, such as `testing`; `unknown` for a number that is none. The
/// text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_feature_state_name(state: fusewire_feature_state) -> *const c_char {
    name_of!(FeatureState, state)
}

/// The name of what changed a feature, such as `rolled_back`; `none` for `FUSEWIRE_FEATURE_CAUSE_NONE`, `unknown` for a
/// number that is none. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_feature_cause_name(cause: fusewire_feature_cause) -> *const c_char {
    if cause == fusewire_feature_cause_enum::FUSEWIRE_FEATURE_CAUSE_NONE as fusewire_feature_cause {
        return c"none".as_ptr();
    }
    name_of!(FeatureCause, cause)
}

/// What a feature of the document is at: its state to `state`, and to `health`, unless that is NULL, the share of
/// successes in this state, of the last 50 outcomes at most, NAN without any. What more there is to read of features is
/// in `fusewire_breaker_snapshot_json`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_INVALID_VALUE` when the document has no feature of that name; the detail goes to `error`, unless that
/// is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_feature(
    breaker: *const fusewire_breaker,
    name: *const c_char,
    state: *mut fusewire_feature_state,
    health: *mut f64,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if state.is_null() {
                return Err(Failure::null("state"));
            }
            let breaker: &Breaker = take("breaker", breaker)?;
            let name = required("name", name)?;
            // A call that named it would be told the same.
            breaker.core.check(&Request::new().feature(name))?;
            let all = breaker.core.snapshot().features;
            let Some(found) = all.iter().find(|feature| feature.name == name) else {
                let what = "the document was replaced meanwhile, by one without that feature";
                return Err(Failure::argument(
                    Code::FUSEWIRE_ERROR_INVALID_VALUE,
                    "feature",
                    what.to_owned(),
                ));
            };
            state.write(found.state as fusewire_feature_state);
            if !health.is_null() {
                health.write(found.health.unwrap_or(f64::NAN));
            }
            Ok(OK)
        })
    }
}
