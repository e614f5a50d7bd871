// Permission to make one call. Include <fusewire.hpp>.
#ifndef FUSEWIRE_PERMIT_HPP
#define FUSEWIRE_PERMIT_HPP

#include "detail.hpp"
#include "names.hpp"

namespace fusewire {

/// Permission to make one call: settle it once, from any thread but one at a time. It moves and is not copied. Dropped
/// unsettled, also by an exception, it counts as a call that was given up: see `abandon`. It must not outlive the `breaker`
/// object that gave it, wherever that is moved to; another copy of that does not count.
class [[nodiscard]] permit {
public:
    /// Takes over a permit of the C interface that was given and not settled.
    explicit permit(const fusewire_permit& raw) noexcept : raw_(raw), is_pending_(true) {}
    /// Takes over what the other one may settle.
    permit(permit&& other) noexcept : raw_(other.raw_), is_pending_(other.is_pending_) { other.leave(); }
    /// Gives up what this one has, and takes over what the other one may settle.
    permit& operator=(permit&& other) noexcept {
        if (this != &other) {
            drop();
            raw_ = other.raw_;
            is_pending_ = other.is_pending_;
            other.leave();
        }
        return *this;
    }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    /// Gives the call up, unless it was settled.
    ~permit() { drop(); }

    /// The call succeeded. Answers `ok` or `late`; `already_settled`, or `invalid_permit` when it was moved from.
    fusewire::status success() noexcept { return told(fusewire_permit_success(&raw_)); }
    /// The call failed. `error_type`: what kind of error it was, for the metrics; cut at 64 bytes and at a NUL, empty for
    /// none. What is not UTF-8 in it is replaced. Answers as `success` does.
    fusewire::status failure(std::string_view error_type = {}) noexcept {
        const detail::c_text type(error_type);
        return told(fusewire_permit_failure(&raw_, type.get_if_any()));
    }
    /// The call says nothing about the dependency. Answers as `success` does.
    fusewire::status ignore() noexcept { return told(fusewire_permit_ignore(&raw_)); }
    /// The call was given up, such as a cancelled one: ignored, or a failure of type `timeout` when it lasted at least
    /// `cancelled_after`. Answers as `success` does.
    fusewire::status abandon() noexcept { return told(fusewire_permit_abandon(&raw_)); }
    /// All there is to say. `duration`: how long the call took; nothing leaves that to the clock, what is negative is 0.
    /// Answers as `success` does, also `invalid_value` when `how` is none: nothing is settled then.
    fusewire::status settle(outcome how, std::optional<std::chrono::nanoseconds> duration,
                            std::string_view error_type = {}) noexcept {
        const detail::c_text type(error_type);
        const std::uint64_t ns = duration ? detail::count(*duration) : FUSEWIRE_NONE;
        return told(fusewire_permit_settle(&raw_, detail::number(how), ns, type.get_if_any()));
    }

    /// Why the call would have been turned away, had the breaker not been in shadow mode; nothing when it would not have
    /// been, or the permit is settled.
    std::optional<fusewire::reason> would_reject() const noexcept {
        const fusewire_reason why = fusewire_permit_would_reject(&raw_);
        if (why == FUSEWIRE_INVALID) return std::nullopt;
        return static_cast<fusewire::reason>(why);
    }
    /// How long to wait before the call is made, from when the permit was given: a leaky bucket paces calls. 0 of other
    /// permits, and when it is settled.
    std::chrono::nanoseconds wait() const noexcept { return detail::nanoseconds(fusewire_permit_wait_ns(&raw_)); }
    /// How long the call may take, from its beginning on: end it then, and settle it as a failure of error type `timeout`.
    /// Nothing when nothing sets a timeout, and when it is settled.
    std::optional<std::chrono::nanoseconds> timeout() const noexcept {
        return detail::nanoseconds_if_there(fusewire_permit_timeout_ns(&raw_));
    }
    /// Whether the call passes a breaker that would turn it away, by `open_bypass`; not when the permit is settled.
    bool is_bypassed() const noexcept { return fusewire_permit_is_bypassed(&raw_); }
    /// Whether it is still to be settled.
    bool is_pending() const noexcept { return is_pending_; }

private:
    friend class attempts;

    fusewire::status told(fusewire_status answer) noexcept {
        if (!FUSEWIRE_IS_ERROR(answer)) is_pending_ = false;
        return static_cast<fusewire::status>(answer);
    }

    void drop() noexcept {
        if (is_pending_) fusewire_permit_abandon(&raw_);
    }

    void leave() noexcept {
        raw_ = FUSEWIRE_PERMIT_INIT;
        is_pending_ = false;
    }

    fusewire_permit raw_;
    bool is_pending_;
};

}  // namespace fusewire

#endif
