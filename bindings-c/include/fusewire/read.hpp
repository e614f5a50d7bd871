// What can be read of a breaker: snapshots, failures, transitions. Include <fusewire.hpp>.
#ifndef FUSEWIRE_READ_HPP
#define FUSEWIRE_READ_HPP

#include "detail.hpp"
#include "names.hpp"

#include <cmath>

namespace fusewire {

/// A failure.
struct failure {
    /// When it was settled, on the breaker's clock.
    std::chrono::nanoseconds at;
    /// Its error type; empty when it has none, `other` when the type came after the first twenty.
    std::string error_type;
};

/// A transition.
struct transition {
    state from;                   ///< The state before.
    state to;                     ///< The state after.
    fusewire::cause cause;        ///< What led to it.
    std::chrono::nanoseconds at;  ///< When, on the breaker's clock.
};

/// A breaker at one instant. What belongs to the machine is of one instant; each total is exact but may be read a moment
/// later. `raw()` has every number as the C interface tells it, described there; histograms and error types are in the
/// JSON and the metrics.
class snapshot {
public:
    /// What the library wrote.
    explicit snapshot(const fusewire_snapshot& raw) noexcept : raw_(raw) {}

    /// The effective state: open past its deadline reads half-open.
    fusewire::state state() const noexcept { return static_cast<fusewire::state>(raw_.state); }
    /// The state as it is stored.
    fusewire::state stored_state() const noexcept { return static_cast<fusewire::state>(raw_.stored_state); }
    /// The mode.
    fusewire::mode mode() const noexcept { return static_cast<fusewire::mode>(raw_.mode); }
    /// Transitions so far.
    std::uint64_t generation() const noexcept { return raw_.generation; }
    /// Openings so far.
    std::uint64_t opened() const noexcept { return raw_.opened; }
    /// Openings in a row: k of the backoff.
    std::uint64_t openings_in_a_row() const noexcept { return raw_.openings_in_a_row; }
    /// When to come again: nothing in closed and half-open and in a forced mode, 0 in open past its deadline.
    std::optional<std::chrono::nanoseconds> retry_after() const noexcept {
        return detail::nanoseconds_if_there(raw_.retry_after_ns);
    }
    /// Nothing with a window.
    std::optional<std::uint64_t> consecutive_failures() const noexcept {
        return detail::if_there(raw_.consecutive_failures);
    }
    /// Outcomes in the window; nothing without one. While open: as it was when the breaker opened.
    std::optional<std::uint64_t> window_total() const noexcept { return detail::if_there(raw_.window_total); }
    /// How many of them failed; nothing without a window.
    std::optional<std::uint64_t> window_failures() const noexcept { return detail::if_there(raw_.window_failures); }
    /// How many of them were slow; nothing without a window.
    std::optional<std::uint64_t> window_slow() const noexcept { return detail::if_there(raw_.window_slow); }
    /// Share of failures in the window; nothing until `min_calls` are there.
    std::optional<double> window_failure_rate() const noexcept { return share(raw_.window_failure_rate); }
    /// Share of slow calls in the window; nothing until `min_calls` are there, and when no slow-call rate is configured.
    std::optional<double> window_slow_call_rate() const noexcept { return share(raw_.window_slow_call_rate); }
    /// Of an adaptive window: the learned share of failures.
    std::optional<double> window_baseline() const noexcept { return share(raw_.window_baseline); }
    /// Of an adaptive window: the share that opens; nothing until `min_calls` are there.
    std::optional<double> window_threshold() const noexcept { return share(raw_.window_threshold); }
    /// Probes admitted and not settled.
    std::uint32_t half_open_in_flight() const noexcept { return raw_.half_open_in_flight; }
    /// Probes that succeeded.
    std::uint32_t half_open_successes() const noexcept { return raw_.half_open_successes; }
    /// Probes that failed or expired.
    std::uint32_t half_open_failures() const noexcept { return raw_.half_open_failures; }
    /// The share of the calls that the ramp admits; nothing outside a ramp.
    std::optional<double> ramp_share() const noexcept { return share(raw_.ramp_share); }
    /// The last transition; nothing before the first.
    std::optional<transition> last() const noexcept {
        if (raw_.last_from == FUSEWIRE_INVALID) return std::nullopt;
        return transition{static_cast<fusewire::state>(raw_.last_from), static_cast<fusewire::state>(raw_.last_to),
                          static_cast<cause>(raw_.last_cause), detail::nanoseconds(raw_.last_at_ns)};
    }
    /// The last failure; nothing before the first.
    std::optional<failure> last_failure() const {
        if (raw_.last_failure_at_ns == FUSEWIRE_NONE) return std::nullopt;
        return failure{detail::nanoseconds(raw_.last_failure_at_ns), raw_.last_failure_type};
    }
    /// Calls settled as success.
    std::uint64_t success() const noexcept { return raw_.success; }
    /// Calls settled as failure.
    std::uint64_t failures() const noexcept { return raw_.failure; }
    /// Calls settled as ignored, or given up.
    std::uint64_t ignored() const noexcept { return raw_.ignored; }
    /// Successes and failures that took at least `slow_call_duration`.
    std::uint64_t slow() const noexcept { return raw_.slow; }
    /// Settled after their generation was over.
    std::uint64_t late() const noexcept { return raw_.late; }
    /// Probes whose lease ended before they were settled.
    std::uint64_t expired() const noexcept { return raw_.expired; }
    /// Rejections for this reason.
    std::uint64_t rejected(reason why) const noexcept { return of(raw_.rejected, why); }
    /// Rejections for any reason.
    std::uint64_t rejected() const noexcept { return sum(raw_.rejected); }
    /// What shadow mode admitted and would have rejected for this reason.
    std::uint64_t would_reject(reason why) const noexcept { return of(raw_.would_reject, why); }
    /// What shadow mode admitted and would have rejected for any reason.
    std::uint64_t would_reject() const noexcept { return sum(raw_.would_reject); }
    /// Calls that passed a breaker that would have turned them away, by `open_bypass`.
    std::uint64_t bypassed() const noexcept { return raw_.bypassed; }
    /// The rate in force, in calls a second, or the limit of a window; nothing without `rate_limit`.
    std::optional<double> rate() const noexcept { return share(raw_.rate); }
    /// Whole tokens that a critical call finds, or what is left of a window's limit; nothing for a leaky bucket.
    std::optional<std::uint64_t> rate_available() const noexcept { return detail::if_there(raw_.rate_available); }
    /// Slots in all, of a bulkhead or a concurrency limit; nothing without either.
    std::optional<std::uint64_t> slots() const noexcept { return detail::if_there(raw_.slots); }
    /// Calls of that priority that have a slot.
    std::uint64_t slots_taken(priority level) const noexcept { return at(raw_.slots_taken, level); }
    /// Calls of that priority that wait for a slot.
    std::uint64_t queued(priority level) const noexcept { return at(raw_.queued, level); }
    /// Slots that are kept for that priority.
    std::uint64_t slots_reserved(priority level) const noexcept { return at(raw_.slots_reserved, level); }
    /// Calls of that priority that were admitted; 0 without gates.
    std::uint64_t admitted(priority level) const noexcept { return at(raw_.admitted_by_priority, level); }
    /// Calls of that priority that were turned away; 0 without gates.
    std::uint64_t refused(priority level) const noexcept { return at(raw_.refused_by_priority, level); }
    /// The lowest priority that is let in; nothing without gates.
    std::optional<priority> min_priority() const noexcept {
        if (raw_.min_priority == FUSEWIRE_INVALID) return std::nullopt;
        return static_cast<priority>(raw_.min_priority);
    }
    /// How long a call without a deadline of its own may take; nothing without `timeout`.
    std::optional<std::chrono::nanoseconds> timeout() const noexcept {
        return detail::nanoseconds_if_there(raw_.timeout_ns);
    }
    /// How many retries and hedges may begin now; nothing without `retry`, and with `budget: false`.
    std::optional<std::uint64_t> retry_budget() const noexcept { return detail::if_there(raw_.retry_budget); }
    /// The struct of the C interface.
    const fusewire_snapshot& raw() const noexcept { return raw_; }

private:
    using by_reason = std::uint64_t[FUSEWIRE_REASON_CAPACITY];

    static std::optional<double> share(double value) noexcept {
        if (std::isnan(value)) return std::nullopt;
        return value;
    }

    static std::uint64_t at(const std::uint64_t (&counts)[FUSEWIRE_PRIORITY_COUNT], priority level) noexcept {
        return detail::number(level) < FUSEWIRE_PRIORITY_COUNT ? counts[detail::number(level)] : 0;
    }

    static std::uint64_t of(const by_reason& counts, reason why) noexcept {
        return detail::number(why) < FUSEWIRE_REASON_CAPACITY ? counts[detail::number(why)] : 0;
    }

    static std::uint64_t sum(const by_reason& counts) noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t count : counts) all += count;
        return all;
    }

    fusewire_snapshot raw_;
};

}  // namespace fusewire

#endif
