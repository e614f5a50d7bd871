// Transitions as events. Include <fusewire.hpp>.
#ifndef FUSEWIRE_SUBSCRIPTION_HPP
#define FUSEWIRE_SUBSCRIPTION_HPP

#include "read.hpp"
#include "result.hpp"

namespace fusewire {

/// A transition, as it was told.
struct event : transition {
    fusewire::mode mode;                ///< The mode after; with `cause::mode` the one that was set.
    std::uint64_t generation;           ///< The generation that began; 1 is a breaker's first transition.
    std::uint64_t missed;               ///< How many events this subscription missed since the one before.
    std::uint64_t total;                ///< Consecutive failures, or outcomes of the window or the probes, that led to it.
    std::uint64_t failures;             ///< How many of them failed.
    std::uint64_t slow;                 ///< How many of them were slow.
    std::string breaker;                ///< The breaker's name.
    std::optional<std::string> actor;   ///< Who did it, if it was done by hand and told.
    std::optional<std::string> reason;  ///< Why, if it was done by hand and told.
};

/// The transitions of one breaker from the subscription on, kept until they are taken. It does not keep its breaker
/// alive: when that is gone, it is closed. Threads may share it, and wait in it, but not while it is destroyed: `close` it and join
/// them before.
class subscription {
public:
    /// Takes over a handle of the C interface.
    explicit subscription(fusewire_subscription* handle) noexcept : handle_(handle) {}

    /// The oldest event that was not taken; nothing when there is none. Does not wait.
    std::optional<event> next() const {
        fusewire_event raw;
        std::size_t count = 0;
        while (fusewire_subscription_drain(get(), &raw, sizeof raw, 1, &count) == FUSEWIRE_OK && count == 1) {
            // Later versions have other kinds.
            if (raw.kind == FUSEWIRE_EVENT_TRANSITION) return read(raw);
        }
        return std::nullopt;
    }
    /// Waits until there is an event, for at most `timeout` of the system's time, whatever the breaker's clock. Answers
    /// `ok`, `timed_out`, or `subscription_closed` when it was closed and all were taken.
    fusewire::status wait_for(std::chrono::nanoseconds timeout) const noexcept {
        return static_cast<fusewire::status>(fusewire_subscription_wait(get(), detail::count(timeout)));
    }
    /// Waits without end. Answers as `wait_for` does.
    fusewire::status wait() const noexcept {
        return static_cast<fusewire::status>(fusewire_subscription_wait(get(), FUSEWIRE_NONE));
    }
    /// Events missed since the last one that was kept, because the subscription was full; those before an event are told
    /// by its `missed`.
    std::uint64_t missed() const noexcept { return fusewire_subscription_missed(get()); }
    /// Ends it: no more events come, and threads that wait, and those that come later, return once all were taken.
    void close() const noexcept { fusewire_subscription_close(get()); }
    /// The handle of the C interface, which stays this object's; NULL when it was moved from.
    fusewire_subscription* get() const noexcept { return handle_.get(); }

private:
    static std::optional<std::string> if_any(const char* text) {
        if (*text == '\0') return std::nullopt;
        return text;
    }

    static event read(const fusewire_event& raw) {
        event read{};
        read.mode = static_cast<fusewire::mode>(raw.mode);
        read.from = static_cast<state>(raw.from);
        read.to = static_cast<state>(raw.to);
        read.cause = static_cast<fusewire::cause>(raw.cause);
        read.at = detail::nanoseconds(raw.at_ns);
        read.generation = raw.generation;
        read.missed = raw.missed;
        read.total = raw.total;
        read.failures = raw.failures;
        read.slow = raw.slow;
        read.breaker = raw.breaker;
        read.actor = if_any(raw.actor);
        read.reason = if_any(raw.reason);
        return read;
    }

    detail::handle<fusewire_subscription, fusewire_subscription_free> handle_;
};

}  // namespace fusewire

#endif
