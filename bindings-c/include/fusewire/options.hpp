// How a breaker is built, and the clock that tests give it. Include <fusewire.hpp>.
#ifndef FUSEWIRE_OPTIONS_HPP
#define FUSEWIRE_OPTIONS_HPP

#include "detail.hpp"
#include "names.hpp"
#include "result.hpp"

namespace fusewire {

/// A clock that moves only when it is told to: give it to breakers by `options::clock` or to a registry, and test what
/// they do over time without waiting. It begins at 0. Threads may share it. Copies are not to be had: pass it by
/// reference. Breakers keep what they need of it, so it may go before them.
class manual_clock {
public:
    /// A clock at 0.
    manual_clock() : clock_(fusewire_manual_clock_new()) {}

    /// Moves the clock forward; what is negative does nothing.
    void advance(std::chrono::nanoseconds by) noexcept { fusewire_manual_clock_advance(get(), detail::count(by)); }
    /// Sets the clock, since its beginning; an earlier time than the present one changes nothing.
    void set(std::chrono::nanoseconds to) noexcept { fusewire_manual_clock_set(get(), detail::count(to)); }
    /// The time since its beginning.
    std::chrono::nanoseconds now() const noexcept { return detail::nanoseconds(fusewire_manual_clock_now(get())); }
    /// The handle of the C interface, which stays this object's.
    fusewire_manual_clock* get() const noexcept { return clock_.get(); }

private:
    detail::handle<fusewire_manual_clock, fusewire_manual_clock_free> clock_;
};

/// Judges by rates over the recent past; what is left out takes its default. Ranges are checked when the breaker is built.
struct window {
    /// What a window counts.
    enum class kind : std::uint32_t {
        count = FUSEWIRE_WINDOW_COUNT,        ///< The last `size` outcomes.
        time = FUSEWIRE_WINDOW_TIME,          ///< The outcomes of the last `period`.
        adaptive = FUSEWIRE_WINDOW_ADAPTIVE,  ///< Like `time`, with a threshold that follows the service's history.
    };

    /// What it counts; nothing leaves it to the document, which must say it then.
    std::optional<kind> counts = std::nullopt;
    /// How many outcomes a window that counts holds: 1 to 65,535, default 100.
    std::optional<std::uint32_t> size = std::nullopt;
    /// How far back the other windows look: 1 s to 24 h, default 60 s.
    std::optional<std::chrono::nanoseconds> period = std::nullopt;
    /// Outcomes below which no rate is judged: 1 to 1,000,000, default 20; at most `size`.
    std::optional<std::uint32_t> min_calls = std::nullopt;
    /// Share of failures that opens: above 0 and at most 1, default 0.5.
    std::optional<double> failure_rate = std::nullopt;
    /// Share of slow calls that opens: above 0 and at most 1, default: none does. Needs `slow_call_duration`.
    std::optional<double> slow_call_rate = std::nullopt;
};

/// How a breaker is built: set what you want, the rest takes its default. What is not here is a key of `document`.
/// Ranges are checked when the breaker is built; the error names the key.
struct options {
    /// The configuration document: JSON text, which must stay until the breaker is built. Fields below that are set replace
    /// its keys one by one, those of its window, too.
    std::string_view document = {};
    /// The clock; NULL for the registry's, without one the system's monotonic clock.
    const manual_clock* clock = nullptr;
    /// Consecutive failures that open the breaker: 1 to 1,000,000, default 5. Not beside a window.
    std::optional<std::uint32_t> failure_threshold = std::nullopt;
    /// How many probes decide in half-open: 1 to 64, default 3.
    std::optional<std::uint32_t> half_open_max_calls = std::nullopt;
    /// Successful probes that close the breaker: 1 to `half_open_max_calls`, which is the default.
    std::optional<std::uint32_t> success_threshold = std::nullopt;
    /// How long open lasts: 1 ms to 168 h, default 60 s.
    std::optional<std::chrono::nanoseconds> recovery_timeout = std::nullopt;
    /// A call that took at least this long is slow: 1 ms to 168 h, default: none is.
    std::optional<std::chrono::nanoseconds> slow_call_duration = std::nullopt;
    /// Judge by rates over a window; default: by consecutive failures.
    std::optional<fusewire::window> window = std::nullopt;
    /// The initial mode; `mode::automatic` leaves it to the document. Default: automatic.
    fusewire::mode mode = fusewire::mode::automatic;
};

namespace detail {

/// `options` as the C interface has them.
class c_options {
public:
    explicit c_options(const options& from) : document_(from.document) {
        raw_.clock = from.clock == nullptr ? nullptr : from.clock->get();
        raw_.mode = number(from.mode);
        take(raw_.failure_threshold, from.failure_threshold, "failure_threshold");
        take(raw_.half_open_max_calls, from.half_open_max_calls, "half_open_max_calls");
        take(raw_.success_threshold, from.success_threshold, "success_threshold");
        take(raw_.recovery_timeout_ns, from.recovery_timeout, "recovery_timeout");
        take(raw_.slow_call_duration_ns, from.slow_call_duration, "slow_call_duration");
        if (from.window) take(*from.window);
        raw_.document = refused_.empty() ? document_.get_if_any() : refused_.c_str();
    }

    c_options(const c_options&) = delete;
    c_options& operator=(const c_options&) = delete;

    const fusewire_options* get() const noexcept { return &raw_; }
    bool is_whole() const noexcept { return document_.is_whole(); }

private:
    void take(const fusewire::window& from) {
        if (from.counts) raw_.window = number(*from.counts);
        is_in_window_ = true;
        take(raw_.window_size, from.size, "size");
        take(raw_.window_period_ns, from.period, "period");
        take(raw_.window_min_calls, from.min_calls, "min_calls");
        take(raw_.window_failure_rate, from.failure_rate, "failure_rate");
        take(raw_.window_slow_call_rate, from.slow_call_rate, "slow_call_rate");
    }

    void take(std::uint32_t& to, std::optional<std::uint32_t> from, const char* key) {
        if (from && *from == 0) refuse(key, "0");
        to = from.value_or(0);
    }

    void take(double& to, std::optional<double> from, const char* key) {
        if (from && !(*from < 0) && !(*from > 0) && *from == *from) refuse(key, "0");
        to = from.value_or(0);
    }

    void take(std::uint64_t& to, std::optional<std::chrono::nanoseconds> from, const char* key) {
        if (from && from->count() <= 0) refuse(key, '"' + std::to_string(from->count()) + "ns\"");
        to = from ? detail::count(*from) : 0;
    }

    // The C interface takes 0 as left out, and has nothing below. Here it was written: the library is given a document
    // with this key alone, so that it is refused in its words.
    void refuse(const char* key, const std::string& value) {
        if (!refused_.empty()) return;
        refused_ = "{\"" + std::string(key) + "\":" + value + '}';
        if (is_in_window_) refused_ = "{\"window\":" + refused_ + '}';
    }

    fusewire_options raw_ = FUSEWIRE_OPTIONS_INIT;
    c_text document_;
    std::string refused_;
    bool is_in_window_ = false;
};

}  // namespace detail

}  // namespace fusewire

#endif
