//! How the public structs lie in memory and what the enums' values are, in numbers: here, and by the same list, which is
//! `c/layout.def`, in C. What moves fails to compile on both sides.

#![cfg(target_pointer_width = "64")]

use fusewire_c::*;
use std::fmt::Write;
use std::mem::offset_of;
use std::path::Path;

const fn size_of_field<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// `structs`: a struct's size and alignment, each field's offset and size. Every field and every value must be here.
macro_rules! layout {
    (
        structs { $($struct:ident: $size:literal, $align:literal { $($field:ident: $offset:literal, $bytes:literal;)* })* }
        values { $($enum:ident { $($value:ident: $number:literal;)* })* }
        constants { $($constant:ident: $is:literal;)* }
    ) => {
        $(const _: () = {
            assert!(size_of::<$struct>() == $size && align_of::<$struct>() == $align);
            $(assert!(offset_of!($struct, $field) == $offset, stringify!($field));)*
            $(assert!(size_of_field(|s: &$struct| &s.$field) == $bytes, stringify!($field));)*
            #[expect(dead_code, reason = "compiles only with every field")]
            fn every_field($struct { $($field: _),* }: $struct) {}
        };)*

        $(const _: () = {
            $(assert!($enum::$value as u32 == $number, stringify!($value));)*
            #[expect(dead_code, reason = "compiles only with every value")]
            fn every_value(value: $enum) {
                match value { $($enum::$value => {})* }
            }
        };)*

        $(const _: () = assert!($constant as u64 == $is, stringify!($constant));)*

        /// The same as calls of macros, for C.
        fn list() -> String {
            let mut list = String::from("// Made by bindings-c/tests/layout.rs.\n");
            $(
                let _ = writeln!(list, "STRUCT({}, {}, {})", stringify!($struct), $size, $align);
                $(let _ = writeln!(list, "FIELD({}, {}, {}, {})", stringify!($struct), stringify!($field), $offset, $bytes);)*
            )*
            $($(let _ = writeln!(list, "VALUE({}, {})", stringify!($value), $number);)*)*
            $(let _ = writeln!(list, "VALUE({}, {})", stringify!($constant), $is);)*
            list
        }
    };
}

layout! {
    structs {
        fusewire_options: 96, 8 {
            size: 0, 8;
            document: 8, 8;
            clock: 16, 8;
            failure_threshold: 24, 4;
            half_open_max_calls: 28, 4;
            success_threshold: 32, 4;
            mode: 36, 4;
            recovery_timeout_ns: 40, 8;
            slow_call_duration_ns: 48, 8;
            window: 56, 4;
            window_size: 60, 4;
            window_period_ns: 64, 8;
            window_min_calls: 72, 4;
            reserved: 76, 4;
            window_failure_rate: 80, 8;
            window_slow_call_rate: 88, 8;
        }
        fusewire_permit: 64, 8 {
            opaque: 0, 64;
        }
        fusewire_rejection: 40, 8 {
            retry_after_ns: 0, 8;
            last_failure: 8, 8;
            reason: 16, 4;
            reserved: 20, 20;
        }
        fusewire_request: 56, 8 {
            size: 0, 8;
            priority: 8, 4;
            cost: 12, 4;
            deadline_ns: 16, 8;
            feature: 24, 8;
            method: 32, 8;
            key: 40, 8;
            idempotent: 48, 4;
            once: 52, 4;
        }
        fusewire_step: 440, 8 {
            kind: 0, 4;
            attempt: 4, 4;
            timeout_ns: 8, 8;
            wait_ns: 16, 8;
            outcome: 24, 4;
            rung_kind: 28, 4;
            rejection: 32, 40;
            rung: 72, 264;
            error_type: 336, 72;
            reserved: 408, 32;
        }
        fusewire_ending: 48, 8 {
            size: 0, 8;
            outcome: 8, 4;
            http_status: 12, 4;
            error_type: 16, 8;
            retry_after_ns: 24, 8;
            duration_ns: 32, 8;
            without_fallback: 40, 4;
            reserved: 44, 4;
        }
        fusewire_attempts: 384, 8 {
            opaque: 0, 384;
        }
        fusewire_place: 16, 8 {
            version: 0, 8;
            at: 8, 4;
            replaces: 12, 4;
        }
        fusewire_flight: 16, 8 {
            ticket: 0, 8;
            role: 8, 4;
            reserved: 12, 4;
        }
        fusewire_slots: 56, 8 {
            size: 0, 8;
            max_concurrent: 8, 8;
            reserved: 16, 40;
        }
        fusewire_snapshot: 1096, 8 {
            size: 0, 8;
            state: 8, 4;
            stored_state: 12, 4;
            mode: 16, 4;
            last_cause: 20, 4;
            last_from: 24, 4;
            last_to: 28, 4;
            last_at_ns: 32, 8;
            generation: 40, 8;
            opened: 48, 8;
            openings_in_a_row: 56, 8;
            retry_after_ns: 64, 8;
            consecutive_failures: 72, 8;
            window_total: 80, 8;
            window_failures: 88, 8;
            window_slow: 96, 8;
            window_failure_rate: 104, 8;
            window_slow_call_rate: 112, 8;
            window_baseline: 120, 8;
            window_threshold: 128, 8;
            half_open_in_flight: 136, 4;
            half_open_successes: 140, 4;
            half_open_failures: 144, 4;
            ramp_step: 148, 4;
            ramp_share: 152, 8;
            ramp_settled: 160, 4;
            ramp_failures: 164, 4;
            success: 168, 8;
            failure: 176, 8;
            ignored: 184, 8;
            slow: 192, 8;
            late: 200, 8;
            expired: 208, 8;
            rejected: 216, 256;
            would_reject: 472, 256;
            last_failure_at_ns: 728, 8;
            last_failure_type: 736, 72;
            bypassed: 808, 8;
            rate: 816, 8;
            rate_available: 824, 8;
            rate_retry_after_ns: 832, 8;
            slots: 840, 8;
            slots_taken: 848, 40;
            queued: 888, 40;
            slots_reserved: 928, 40;
            admitted_by_priority: 968, 40;
            refused_by_priority: 1008, 40;
            min_priority: 1048, 4;
            reserved: 1052, 4;
            timeout_ns: 1056, 8;
            retry_budget: 1064, 8;
            retry_scores: 1072, 24;
        }
        fusewire_failure: 96, 8 {
            at_ns: 0, 8;
            error_type: 8, 72;
            reserved: 80, 16;
        }
        fusewire_event: 664, 8 {
            generation: 0, 8;
            at_ns: 8, 8;
            missed: 16, 8;
            total: 24, 8;
            failures: 32, 8;
            slow: 40, 8;
            from: 48, 4;
            to: 52, 4;
            cause: 56, 4;
            mode: 60, 4;
            kind: 64, 4;
            reserved: 68, 4;
            breaker: 72, 256;
            actor: 328, 72;
            reason: 400, 264;
        }
        fusewire_policy_event: 816, 8 {
            sequence: 0, 8;
            generation: 8, 8;
            at_ns: 16, 8;
            missed: 24, 8;
            kind: 32, 4;
            reserved: 36, 4;
            from: 40, 8;
            to: 48, 8;
            from_reserved: 56, 40;
            to_reserved: 96, 40;
            breaker: 136, 256;
            actor: 392, 72;
            reason: 464, 264;
            feature: 728, 72;
            health: 800, 8;
            feature_cause: 808, 4;
            reserved_too: 812, 4;
        }
    }
    values {
        fusewire_status_enum {
            FUSEWIRE_OK: 0;
            FUSEWIRE_LATE: 1;
            FUSEWIRE_UNCHANGED: 2;
            FUSEWIRE_TIMED_OUT: 3;
            FUSEWIRE_SUBSCRIPTION_CLOSED: 4;
            FUSEWIRE_NO_OUTCOME: 5;
            FUSEWIRE_QUEUED: 6;
            FUSEWIRE_ABSENT: 7;
            FUSEWIRE_REJECTED: 10;
            FUSEWIRE_ERROR_NULL_ARGUMENT: 100;
            FUSEWIRE_ERROR_NOT_UTF8: 101;
            FUSEWIRE_ERROR_INVALID_VALUE: 102;
            FUSEWIRE_ERROR_INVALID_SIZE: 103;
            FUSEWIRE_ERROR_INVALID_HANDLE: 104;
            FUSEWIRE_ERROR_INVALID_PERMIT: 105;
            FUSEWIRE_ERROR_ALREADY_SETTLED: 106;
            FUSEWIRE_ERROR_ALREADY_TOLD: 107;
            FUSEWIRE_ERROR_NOT_BEGUN: 108;
            FUSEWIRE_ERROR_WRONG_STEP: 109;
            FUSEWIRE_ERROR_CONFIG: 110;
            FUSEWIRE_ERROR_NAME: 111;
            FUSEWIRE_ERROR_CONFLICT: 112;
            FUSEWIRE_ERROR_UNKNOWN_BREAKER: 113;
            FUSEWIRE_ERROR_PANIC: 199;
        }
        fusewire_state_enum {
            FUSEWIRE_STATE_CLOSED: 0;
            FUSEWIRE_STATE_OPEN: 1;
            FUSEWIRE_STATE_HALF_OPEN: 2;
        }
        fusewire_mode_enum {
            FUSEWIRE_MODE_AUTO: 0;
            FUSEWIRE_MODE_SHADOW: 1;
            FUSEWIRE_MODE_FORCED_OPEN: 2;
            FUSEWIRE_MODE_FORCED_CLOSED: 3;
        }
        fusewire_outcome_enum {
            FUSEWIRE_OUTCOME_SUCCESS: 0;
            FUSEWIRE_OUTCOME_FAILURE: 1;
            FUSEWIRE_OUTCOME_IGNORED: 2;
        }
        fusewire_reason_enum {
            FUSEWIRE_REASON_OPEN: 0;
            FUSEWIRE_REASON_HALF_OPEN_FULL: 1;
            FUSEWIRE_REASON_RAMP: 2;
            FUSEWIRE_REASON_FORCED_OPEN: 3;
            FUSEWIRE_REASON_SHED: 4;
            FUSEWIRE_REASON_RATE_LIMITED: 5;
            FUSEWIRE_REASON_BULKHEAD_FULL: 6;
            FUSEWIRE_REASON_QUEUE_TIMEOUT: 7;
            FUSEWIRE_REASON_LIMIT_REACHED: 8;
            FUSEWIRE_REASON_CLOSED: 9;
            FUSEWIRE_REASON_FEATURE_DISABLED: 10;
        }
        fusewire_priority_enum {
            FUSEWIRE_PRIORITY_BULK: 0;
            FUSEWIRE_PRIORITY_LOW: 1;
            FUSEWIRE_PRIORITY_NORMAL: 2;
            FUSEWIRE_PRIORITY_HIGH: 3;
            FUSEWIRE_PRIORITY_CRITICAL: 4;
        }
        fusewire_cause_enum {
            FUSEWIRE_CAUSE_NONE: 0;
            FUSEWIRE_CAUSE_FAILURE_THRESHOLD: 1;
            FUSEWIRE_CAUSE_FAILURE_RATE: 2;
            FUSEWIRE_CAUSE_SLOW_CALL_RATE: 3;
            FUSEWIRE_CAUSE_RECOVERY_TIMEOUT: 4;
            FUSEWIRE_CAUSE_PROBES_SUCCEEDED: 5;
            FUSEWIRE_CAUSE_PROBE_FAILED: 6;
            FUSEWIRE_CAUSE_PROBE_EXPIRED: 7;
            FUSEWIRE_CAUSE_RAMP_FAILED: 8;
            FUSEWIRE_CAUSE_RAMP_COMPLETED: 9;
            FUSEWIRE_CAUSE_MANUAL: 10;
            FUSEWIRE_CAUSE_RESET: 11;
            FUSEWIRE_CAUSE_MODE: 12;
            FUSEWIRE_CAUSE_RECONFIGURED: 13;
            FUSEWIRE_CAUSE_FEATURE_FAILED: 14;
        }
        fusewire_window_enum {
            FUSEWIRE_WINDOW_NONE: 0;
            FUSEWIRE_WINDOW_COUNT: 1;
            FUSEWIRE_WINDOW_TIME: 2;
            FUSEWIRE_WINDOW_ADAPTIVE: 3;
        }
        fusewire_event_kind_enum {
            FUSEWIRE_EVENT_TRANSITION: 0;
        }
        fusewire_policy_enum {
            FUSEWIRE_POLICY_MIN_PRIORITY: 0;
            FUSEWIRE_POLICY_SLOTS: 1;
            FUSEWIRE_POLICY_LIMIT: 2;
            FUSEWIRE_POLICY_RATE: 3;
            FUSEWIRE_POLICY_CLOSE: 4;
            FUSEWIRE_POLICY_FEATURE: 5;
        }
        fusewire_step_kind_enum {
            FUSEWIRE_STEP_CALL: 0;
            FUSEWIRE_STEP_WAIT: 1;
            FUSEWIRE_STEP_USE: 2;
            FUSEWIRE_STEP_DONE: 3;
        }
        fusewire_rung_enum {
            FUSEWIRE_RUNG_NONE: 0;
            FUSEWIRE_RUNG_CACHE: 1;
            FUSEWIRE_RUNG_BREAKER: 2;
            FUSEWIRE_RUNG_NAMED: 3;
        }
        fusewire_role_enum {
            FUSEWIRE_ROLE_LEAD: 0;
            FUSEWIRE_ROLE_FOLLOW: 1;
        }
        fusewire_feature_state_enum {
            FUSEWIRE_FEATURE_ENABLED: 0;
            FUSEWIRE_FEATURE_TESTING: 1;
            FUSEWIRE_FEATURE_DISABLED: 2;
        }
        fusewire_feature_cause_enum {
            FUSEWIRE_FEATURE_CAUSE_NONE: 0;
            FUSEWIRE_FEATURE_CAUSE_OPENED: 1;
            FUSEWIRE_FEATURE_CAUSE_RECOVERY: 2;
            FUSEWIRE_FEATURE_CAUSE_PASSED: 3;
            FUSEWIRE_FEATURE_CAUSE_FAILED: 4;
            FUSEWIRE_FEATURE_CAUSE_ROLLED_BACK: 5;
            FUSEWIRE_FEATURE_CAUSE_UNHEALTHY: 6;
            FUSEWIRE_FEATURE_CAUSE_REQUIREMENT: 7;
            FUSEWIRE_FEATURE_CAUSE_RESET: 8;
            FUSEWIRE_FEATURE_CAUSE_MODE: 9;
        }
    }
    constants {
        FUSEWIRE_ABI_VERSION: 1;
        FUSEWIRE_REASON_CAPACITY: 32;
        FUSEWIRE_PRIORITY_COUNT: 5;
        FUSEWIRE_ERROR_TYPE_SIZE: 72;
        FUSEWIRE_NAME_SIZE: 256;
        FUSEWIRE_ACTOR_SIZE: 72;
        FUSEWIRE_REASON_TEXT_SIZE: 264;
        FUSEWIRE_FEATURE_SIZE: 72;
        FUSEWIRE_RUNG_SIZE: 264;
    }
}

/// `FUSEWIRE_BLESS=1 cargo test -p fusewire-c --test layout` writes it.
#[test]
fn the_list_for_c_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/layout.def");
    if std::env::var_os("FUSEWIRE_BLESS").is_some() {
        std::fs::write(&path, list()).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == list(),
        "tests/c/layout.def is stale; FUSEWIRE_BLESS=1 cargo test -p fusewire-c --test layout"
    );
}
