// The small numbers of the library as enumerations, and their names. Include <fusewire.hpp>.
#ifndef FUSEWIRE_NAMES_HPP
#define FUSEWIRE_NAMES_HPP

#include <fusewire.h>

#include <cstdint>
#include <string_view>

namespace fusewire {

/// What a function answers. What is at least 100 is an error; later versions of the library add values.
enum class status : std::uint32_t {
    ok = FUSEWIRE_OK,  ///< Done.
    late = FUSEWIRE_LATE,  ///< Settled too late: counts in the totals only.
    unchanged = FUSEWIRE_UNCHANGED,  ///< The rules are what they were.
    timed_out = FUSEWIRE_TIMED_OUT,  ///< The time is over, and what was waited for has not come.
    subscription_closed = FUSEWIRE_SUBSCRIPTION_CLOSED,  ///< Closed, and all events were taken.
    no_outcome = FUSEWIRE_NO_OUTCOME,  ///< `fusewire_breaker_call` alone: see there.
    absent = FUSEWIRE_ABSENT,  ///< There is none of what was asked for.
    queued = FUSEWIRE_QUEUED,  ///< The C interface alone: the call waits in the queue for a slot.
    rejected = FUSEWIRE_REJECTED,  ///< The breaker turns the call away.
    null_argument = FUSEWIRE_ERROR_NULL_ARGUMENT,  ///< The object was moved from.
    not_utf8 = FUSEWIRE_ERROR_NOT_UTF8,  ///< A text is not UTF-8.
    invalid_value = FUSEWIRE_ERROR_INVALID_VALUE,  ///< A number out of range, or a NUL within a text.
    invalid_size = FUSEWIRE_ERROR_INVALID_SIZE,  ///< The library is older than this header.
    invalid_handle = FUSEWIRE_ERROR_INVALID_HANDLE,  ///< The breaker of a permit is gone.
    invalid_permit = FUSEWIRE_ERROR_INVALID_PERMIT,  ///< The permit was moved from.
    already_settled = FUSEWIRE_ERROR_ALREADY_SETTLED,  ///< The permit was settled before.
    already_told = FUSEWIRE_ERROR_ALREADY_TOLD,  ///< The C interface alone: how the wait ended was told before.
    not_begun = FUSEWIRE_ERROR_NOT_BEGUN,  ///< The attempts were moved from, or given up.
    wrong_step = FUSEWIRE_ERROR_WRONG_STEP,  ///< Not what is to be told at this step.
    config = FUSEWIRE_ERROR_CONFIG,  ///< The configuration is wrong.
    name = FUSEWIRE_ERROR_NAME,  ///< The name is wrong.
    conflict = FUSEWIRE_ERROR_CONFLICT,  ///< The name has another configuration.
    unknown_breaker = FUSEWIRE_ERROR_UNKNOWN_BREAKER,  ///< The registry has no breaker of that name.
    panic = FUSEWIRE_ERROR_PANIC,  ///< A defect of the library.
};

/// Where a breaker stands.
enum class state : std::uint32_t {
    closed = FUSEWIRE_STATE_CLOSED,  ///< Calls pass.
    open = FUSEWIRE_STATE_OPEN,  ///< Calls are rejected until a deadline.
    half_open = FUSEWIRE_STATE_HALF_OPEN,  ///< A few probes, or a share of the calls, find out.
};

/// Who decides.
enum class mode : std::uint32_t {
    automatic = FUSEWIRE_MODE_AUTO,  ///< The machine decides. The default.
    shadow = FUSEWIRE_MODE_SHADOW,  ///< What would be rejected is admitted, marked and counted.
    forced_open = FUSEWIRE_MODE_FORCED_OPEN,  ///< Every call is rejected.
    forced_closed = FUSEWIRE_MODE_FORCED_CLOSED,  ///< Every call is admitted.
};

/// How a call ended.
enum class outcome : std::uint32_t {
    success = FUSEWIRE_OUTCOME_SUCCESS,  ///< The dependency did what it should.
    failure = FUSEWIRE_OUTCOME_FAILURE,  ///< The dependency failed.
    ignored = FUSEWIRE_OUTCOME_IGNORED,  ///< Says nothing about the dependency.
};

/// Why a call is turned away. Later versions add reasons.
enum class reason : std::uint32_t {
    open = FUSEWIRE_REASON_OPEN,  ///< The breaker is open.
    half_open_full = FUSEWIRE_REASON_HALF_OPEN_FULL,  ///< All probes are given.
    ramp = FUSEWIRE_REASON_RAMP,  ///< Not in the share that a ramp admits.
    forced_open = FUSEWIRE_REASON_FORCED_OPEN,  ///< The mode is forced open.
    shed = FUSEWIRE_REASON_SHED,  ///< The priority is below the lowest that is let in.
    rate_limited = FUSEWIRE_REASON_RATE_LIMITED,  ///< `rate_limit`: calls come too fast.
    bulkhead_full = FUSEWIRE_REASON_BULKHEAD_FULL,  ///< `bulkhead`: no slot, and no place in the queue.
    queue_timeout = FUSEWIRE_REASON_QUEUE_TIMEOUT,  ///< The call has waited for a slot as long as it may.
    limit_reached = FUSEWIRE_REASON_LIMIT_REACHED,  ///< `concurrency_limit`: no slot, and no place in the queue.
    closed = FUSEWIRE_REASON_CLOSED,  ///< The breaker was closed for good.
    feature_disabled = FUSEWIRE_REASON_FEATURE_DISABLED,  ///< The call's feature is disabled.
};

/// How much a call matters.
enum class priority : std::uint32_t {
    bulk = FUSEWIRE_PRIORITY_BULK,  ///< Shed first.
    low = FUSEWIRE_PRIORITY_LOW,  ///< Below the default.
    normal = FUSEWIRE_PRIORITY_NORMAL,  ///< The default.
    high = FUSEWIRE_PRIORITY_HIGH,  ///< Above the default.
    critical = FUSEWIRE_PRIORITY_CRITICAL,  ///< Kept as long as anything is.
};

/// What led to a transition. Later versions add causes.
enum class cause : std::uint32_t {
    none = FUSEWIRE_CAUSE_NONE,  ///< There was no transition yet.
    failure_threshold = FUSEWIRE_CAUSE_FAILURE_THRESHOLD,  ///< Consecutive failures.
    failure_rate = FUSEWIRE_CAUSE_FAILURE_RATE,  ///< The window's share of failures.
    slow_call_rate = FUSEWIRE_CAUSE_SLOW_CALL_RATE,  ///< The window's share of slow calls.
    recovery_timeout = FUSEWIRE_CAUSE_RECOVERY_TIMEOUT,  ///< Open lasted as long as it should.
    probes_succeeded = FUSEWIRE_CAUSE_PROBES_SUCCEEDED,  ///< Enough probes succeeded.
    probe_failed = FUSEWIRE_CAUSE_PROBE_FAILED,  ///< A probe failed that mattered.
    probe_expired = FUSEWIRE_CAUSE_PROBE_EXPIRED,  ///< A probe's lease ended that mattered.
    ramp_failed = FUSEWIRE_CAUSE_RAMP_FAILED,  ///< A step of the ramp had too many failures.
    ramp_completed = FUSEWIRE_CAUSE_RAMP_COMPLETED,  ///< The last step of the ramp is passed.
    manual = FUSEWIRE_CAUSE_MANUAL,  ///< `trip` or `half_open` by hand.
    reset = FUSEWIRE_CAUSE_RESET,  ///< `reset` by hand.
    mode = FUSEWIRE_CAUSE_MODE,  ///< A forced mode was entered or left.
    reconfigured = FUSEWIRE_CAUSE_RECONFIGURED,  ///< The configuration changed.
    feature_failed = FUSEWIRE_CAUSE_FEATURE_FAILED,  ///< A required feature failed its test.
};

/// Whether calls of a feature are let in.
enum class feature_state : std::uint32_t {
    enabled = FUSEWIRE_FEATURE_ENABLED,  ///< Its calls pass.
    testing = FUSEWIRE_FEATURE_TESTING,  ///< Its calls pass, to show whether it works.
    disabled = FUSEWIRE_FEATURE_DISABLED,  ///< Its calls are turned away.
};

namespace detail {

constexpr std::string_view text_or_empty(const char* text) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

template <class Enum>
constexpr std::uint32_t number(Enum value) noexcept {
    return static_cast<std::uint32_t>(value);
}

}  // namespace detail

/// Whether a status is an error: nothing was done then.
constexpr bool is_error(status value) noexcept { return FUSEWIRE_IS_ERROR(detail::number(value)); }

/// What a status says, in a sentence; `unknown status` for one that the library does not know. Never dangles.
inline std::string_view to_string(status value) noexcept {
    return detail::text_or_empty(fusewire_status_text(detail::number(value)));
}

/// The name in metrics and documents, such as `half_open`; `unknown` for what is no state. Never dangles.
inline std::string_view to_string(state value) noexcept {
    return detail::text_or_empty(fusewire_state_name(detail::number(value)));
}

/// The name in metrics and documents, such as `forced_open`; `unknown` for what is no mode. Never dangles.
inline std::string_view to_string(mode value) noexcept {
    return detail::text_or_empty(fusewire_mode_name(detail::number(value)));
}

/// The name in metrics, such as `success`; `unknown` for what is no outcome. Never dangles.
inline std::string_view to_string(outcome value) noexcept {
    return detail::text_or_empty(fusewire_outcome_name(detail::number(value)));
}

/// The name in metrics, such as `half_open_full`; `unknown` for one that the library does not know. Never dangles.
inline std::string_view to_string(reason value) noexcept {
    return detail::text_or_empty(fusewire_reason_name(detail::number(value)));
}

/// The name in metrics and documents, such as `critical`; `unknown` for what is no priority. Never dangles.
inline std::string_view to_string(priority value) noexcept {
    return detail::text_or_empty(fusewire_priority_name(detail::number(value)));
}

/// The name in metrics and events, such as `testing`; `unknown` for what is no state of a feature. Never dangles.
inline std::string_view to_string(feature_state value) noexcept {
    return detail::text_or_empty(fusewire_feature_state_name(detail::number(value)));
}

/// The name in events, such as `probe_failed`; `none` for `cause::none`, `unknown` for one that the library does not know.
/// Never dangles.
inline std::string_view to_string(cause value) noexcept {
    return detail::text_or_empty(fusewire_cause_name(detail::number(value)));
}

}  // namespace fusewire

#endif
