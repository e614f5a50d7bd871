// What can be had in place of an answer: errors, rejections, and a result that holds one of them. Include <fusewire.hpp>.
#ifndef FUSEWIRE_RESULT_HPP
#define FUSEWIRE_RESULT_HPP

#include "detail.hpp"
#include "names.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace fusewire {

/// What went wrong, and what to write instead. Thrown, or found in a `result`.
class error : public std::runtime_error {
public:
    /// An error that has no more to say than its status.
    explicit error(fusewire::status status)
        : runtime_error(std::string(to_string(status))), parts_(std::make_shared<parts>()) {
        parts_->status = status;
    }

    /// Takes over what the library told of a failure; `detail` may be NULL.
    error(fusewire::status status, fusewire_error* detail)
        : error(status, detail::handle<fusewire_error, fusewire_error_free>(detail)) {}

    /// What kind of error it is.
    fusewire::status status() const noexcept { return parts_->status; }
    /// All of it in a sentence or two; the same as `what()`.
    std::string_view message() const noexcept { return what(); }
    /// The key of the configuration, as a dotted path such as `window.min_calls`, or the argument; empty when it is none
    /// in particular.
    std::string_view key() const noexcept { return parts_->key; }
    /// The value as it was given; of `status::conflict` the configuration that was asked for. Empty when there is none.
    std::string_view value() const noexcept { return parts_->value; }
    /// What is allowed; of `status::conflict` the configuration that is there. Empty when there is nothing to say.
    std::string_view allowed() const noexcept { return parts_->allowed; }

private:
    struct parts {
        fusewire::status status = fusewire::status::ok;
        std::string key, value, allowed;
    };

    error(fusewire::status status, detail::handle<fusewire_error, fusewire_error_free> detail)
        : runtime_error(detail ? std::string(detail::text_or_empty(fusewire_error_message(detail.get())))
                               : std::string(to_string(status))),
          parts_(std::make_shared<parts>()) {
        parts_->status = status;
        if (!detail) return;
        parts_->key = detail::text_or_empty(fusewire_error_key(detail.get()));
        parts_->value = detail::text_or_empty(fusewire_error_value(detail.get()));
        parts_->allowed = detail::text_or_empty(fusewire_error_allowed(detail.get()));
    }

    // Shared, since to copy what is thrown must not throw.
    std::shared_ptr<parts> parts_;
};

/// Why a call was turned away. Nothing has run, and there is nothing to settle.
class rejection {
public:
    /// What the library wrote of it.
    explicit rejection(const fusewire_rejection& raw) noexcept : raw_(raw) {}

    /// Why.
    fusewire::reason reason() const noexcept { return static_cast<fusewire::reason>(raw_.reason); }
    /// The earliest time from now at which the answer can differ; nothing when it is unknown.
    std::optional<std::chrono::nanoseconds> retry_after() const noexcept {
        return detail::nanoseconds_if_there(raw_.retry_after_ns);
    }
    /// The struct of the C interface.
    const fusewire_rejection& raw() const noexcept { return raw_; }

private:
    fusewire_rejection raw_;
};

/// Thrown where a call is turned away. Keeps what it needs, so that it may outlive the breaker.
class rejected : public std::runtime_error {
public:
    /// Names the breaker, and what it says of the rejection.
    rejected(const fusewire::rejection& why, std::string_view breaker, const std::string& message)
        : runtime_error(message), why_(why), breaker_(std::make_shared<const std::string>(breaker)) {}

    /// Why.
    fusewire::reason reason() const noexcept { return why_.reason(); }
    /// The earliest time from when it was thrown at which the answer can differ; nothing when it is unknown.
    std::optional<std::chrono::nanoseconds> retry_after() const noexcept { return why_.retry_after(); }
    /// The name of the breaker.
    std::string_view breaker() const noexcept { return *breaker_; }
    /// The same as a value.
    const fusewire::rejection& rejection() const noexcept { return why_; }

private:
    fusewire::rejection why_;
    std::shared_ptr<const std::string> breaker_;
};

namespace detail {

/// The end of a program that takes what is not there, where nothing can be thrown.
[[noreturn]] inline void end(const char* what) noexcept {
    std::fprintf(stderr, "fusewire: there is no value: %s\n", what);
    std::abort();
}

}  // namespace detail

/// A value, or the rejection or the error that came in its place. `T` is no reference; `result<void>` has no value.
template <class T>
class [[nodiscard]] result {
    // What holds a value of nothing.
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    template <class U>
    static constexpr bool is_value = std::is_constructible_v<stored, U&&> && !std::is_same_v<std::decay_t<U>, result> &&
                                     !std::is_same_v<std::decay_t<U>, fusewire::rejection> &&
                                     !std::is_same_v<std::decay_t<U>, fusewire::error>;

public:
    /// The type of the value.
    using value_type = T;

    /// A value.
    template <class U = stored, std::enable_if_t<is_value<U>, int> = 0>
    result(U&& value) : held_(std::in_place_index<0>, std::forward<U>(value)) {}
    /// A value of nothing.
    template <class U = T, std::enable_if_t<std::is_void_v<U>, int> = 0>
    result() : held_(std::in_place_index<0>) {}
    /// A rejection in place of a value.
    result(const fusewire::rejection& why) : held_(std::in_place_index<1>, why) {}
    /// An error in place of a value.
    result(fusewire::error error) : held_(std::in_place_index<2>, std::move(error)) {}

    /// Whether there is a value.
    bool has_value() const noexcept { return held_.index() == 0; }
    /// Whether there is a value.
    explicit operator bool() const noexcept { return has_value(); }

    /// `status::ok`, `status::rejected`, or that of the error.
    fusewire::status status() const noexcept {
        if (has_value()) return fusewire::status::ok;
        return rejection() != nullptr ? fusewire::status::rejected : error()->status();
    }
    /// Why the call was turned away; NULL unless it was. Lives as long as this result.
    const fusewire::rejection* rejection() const noexcept { return std::get_if<1>(&held_); }
    /// What went wrong; NULL when nothing did. Lives as long as this result.
    const fusewire::error* error() const noexcept { return std::get_if<2>(&held_); }

    /// The value. There must be one: see `has_value`.
    template <class U = stored>
    U& operator*() & noexcept {
        return *std::get_if<0>(&held_);
    }
    /// The value. There must be one: see `has_value`.
    template <class U = stored>
    const U& operator*() const& noexcept {
        return *std::get_if<0>(&held_);
    }
    /// The value, to be moved. There must be one: see `has_value`.
    template <class U = stored>
    U&& operator*() && noexcept {
        return std::move(*std::get_if<0>(&held_));
    }
    /// The value. There must be one: see `has_value`.
    stored* operator->() noexcept { return std::get_if<0>(&held_); }
    /// The value. There must be one: see `has_value`.
    const stored* operator->() const noexcept { return std::get_if<0>(&held_); }

    /// The value, to be moved, or `otherwise`.
    template <class U>
    T value_or(U&& otherwise) && {
        return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(otherwise));
    }
    /// The value, or `otherwise`.
    template <class U>
    T value_or(U&& otherwise) const& {
        return has_value() ? **this : static_cast<T>(std::forward<U>(otherwise));
    }

    /// The value, to be moved. Without one it throws `fusewire::error` or `fusewire::rejected`, the latter without a name;
    /// where there are no exceptions it ends the process with a message.
    template <bool Throws = detail::has_exceptions>
    T value() && {
        if (!has_value()) {
#if FUSEWIRE_HAS_EXCEPTIONS
            if (error() != nullptr) throw fusewire::error(*error());
            throw rejected(*rejection(), "", std::string(to_string(fusewire::status::rejected)));
#else
            detail::end(error() != nullptr ? error()->what() : to_string(fusewire::status::rejected).data());
#endif
        }
        if constexpr (!std::is_void_v<T>) return std::move(**this);
    }

private:
    std::variant<stored, fusewire::rejection, fusewire::error> held_;
};

}  // namespace fusewire

#endif
