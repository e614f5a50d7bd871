// What a call asks for, and tables of slots. Include <fusewire.hpp>.
#ifndef FUSEWIRE_REQUEST_HPP
#define FUSEWIRE_REQUEST_HPP

#include "detail.hpp"
#include "names.hpp"
#include "result.hpp"

#include <array>

namespace fusewire {

/// What a call asks for: `request{priority::critical}`. What a breaker's document does not speak of is not looked at, but
/// for a cost of 0, a feature that the document does not have, and a deadline. Texts are not copied: they stay for the
/// call that is given the request.
struct request {
    /// How much the call matters.
    fusewire::priority priority = fusewire::priority::normal;
    /// How much of a rate limit it takes: at least 1, and at most what the limit ever has (1 for a sliding window).
    std::uint32_t cost = 1;
    /// When the call is of no use any more, on the breaker's clock: it waits no longer than that in a queue, and for no
    /// turn and no attempt that comes later, and an attempt may take no longer. What is negative is 0.
    std::optional<std::chrono::nanoseconds> deadline = {};
    /// The feature that the call is of, one of the document's `features`; empty for none.
    std::string_view feature = {};
    /// The method, such as `GET`: `retry.per_method` tells how often a call of it may be tried; empty for none.
    std::string_view method = {};
    /// Under what the answer is cached, and which calls are the same; empty: nothing is cached.
    std::string_view key = {};
    /// The call may be made more than once, although its method alone does not say so.
    bool idempotent = false;
    /// The call cannot be made more than once, whatever its method: it is neither retried nor hedged.
    bool once = false;
};

/// The slots of a bulkhead, for `breaker::set_slots`.
struct slots {
    /// How many calls may be in flight; nothing leaves that as it is.
    std::optional<std::uint64_t> max_concurrent = {};
    /// How many of them are kept for calls of a priority, by its number.
    std::array<std::uint64_t, FUSEWIRE_PRIORITY_COUNT> reserved = {};

    /// Keeps slots for a priority; what is none is passed over.
    slots& reserve(priority whom, std::uint64_t count) noexcept {
        if (detail::number(whom) < reserved.size()) reserved[detail::number(whom)] = count;
        return *this;
    }
};

/// Reads a priority that somebody passed on, such as the header `x-request-priority`: the name of one, or a whole number
/// from 0 to 100, which is taken as the next lower one. Errors: `invalid_value`, which says what is allowed; `not_utf8`.
inline result<priority> try_parse_priority(std::string_view text) {
    const detail::c_text c(text);
    if (!c.is_whole()) return error(status::invalid_value);
    fusewire_priority found = FUSEWIRE_INVALID;
    fusewire_error* why = nullptr;
    const fusewire_status answer = fusewire_priority_parse(c.get(), &found, &why);
    if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), why);
    return static_cast<priority>(found);
}

#if FUSEWIRE_HAS_EXCEPTIONS
/// As `try_parse_priority`; throws its error.
inline priority parse_priority(std::string_view text) { return try_parse_priority(text).value(); }
#endif

namespace detail {

/// A request for the library, with its texts.
class c_request {
public:
    explicit c_request(const request& asked)
        : feature_(asked.feature), method_(asked.method), key_(asked.key), raw_(FUSEWIRE_REQUEST_INIT) {
        raw_.priority = number(asked.priority);
        raw_.cost = asked.cost;
        if (asked.deadline) raw_.deadline_ns = count(*asked.deadline);
        raw_.feature = feature_.get_if_any();
        raw_.method = method_.get_if_any();
        raw_.key = key_.get_if_any();
        raw_.idempotent = asked.idempotent;
        raw_.once = asked.once;
    }

    const fusewire_request* get() const noexcept { return &raw_; }
    bool is_whole() const noexcept { return feature_.is_whole() && method_.is_whole() && key_.is_whole(); }

private:
    c_text feature_, method_, key_;
    fusewire_request raw_;
};

inline fusewire_slots raw(const slots& table) noexcept {
    fusewire_slots raw = FUSEWIRE_SLOTS_INIT;
    if (table.max_concurrent) raw.max_concurrent = *table.max_concurrent;
    for (std::size_t i = 0; i < table.reserved.size(); i++) raw.reserved[i] = table.reserved[i];
    return raw;
}

}  // namespace detail

}  // namespace fusewire

#endif
