// How a guarded function's end is counted. Include <fusewire.hpp>.
#ifndef FUSEWIRE_RULES_HPP
#define FUSEWIRE_RULES_HPP

#include "detail.hpp"
#include "names.hpp"
#include "result.hpp"

#include <exception>
#include <functional>
#include <system_error>
#include <type_traits>
#include <utility>

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#include <typeinfo>
#define FUSEWIRE_HAS_CXXABI 1
#else
#define FUSEWIRE_HAS_CXXABI 0
#endif

namespace fusewire {

/// How a call is to be counted: what a rule answers. `return outcome::ignored;` is enough, or
/// `return {outcome::failure, "http_503"};`.
struct verdict {
    /// An outcome, and of a failure what kind of error it was, for the metrics.
    verdict(outcome ended, std::string type = {}) : how(ended), error_type(std::move(type)) {}

    outcome how;             ///< The outcome.
    std::string error_type;  ///< The kind of error; empty for none. As for `permit::failure`.
};

/// Whether an answer of this type says that the call failed: specialize it for types of your own that may hold an error.
/// `fusewire::result` and `std::error_code` are known; of other types every answer is a success.
template <class T, class = void>
struct returned_error {
    /// Whether `answer` is an error.
    static constexpr bool is_error(const T&) noexcept { return false; }
};

/// A result without a value is an error.
template <class T>
struct returned_error<result<T>> {
    /// Whether `answer` is an error.
    static bool is_error(const result<T>& answer) noexcept { return !answer.has_value(); }
};

/// A code other than 0 is an error.
template <>
struct returned_error<std::error_code> {
    /// Whether `answer` is an error.
    static bool is_error(const std::error_code& answer) noexcept { return static_cast<bool>(answer); }
};

namespace detail {

template <class Rule>
struct result_rule {
    Rule rule;
};

template <class Exception, class Rule>
struct exception_rule {
    Rule rule;
};

inline void settle(fusewire_permit& permit, const verdict& by) noexcept {
    if (by.how == outcome::success) {
        fusewire_permit_success(&permit);
        return;
    }
    const c_text type(by.error_type);
    const fusewire_status settled =
        fusewire_permit_settle(&permit, number(by.how), FUSEWIRE_NONE, type.get_if_any());
    // A number that is no outcome is as good as none.
    if (FUSEWIRE_IS_ERROR(settled)) fusewire_permit_ignore(&permit);
}

template <class Answer, class Rule>
void judge(std::optional<verdict>& by, const Answer& answer, const result_rule<Rule>& rule) {
    if (!by) by = std::invoke(rule.rule, answer);
}

template <class Answer, class Exception, class Rule>
void judge(std::optional<verdict>&, const Answer&, const exception_rule<Exception, Rule>&) noexcept {}

template <class Rule>
inline constexpr bool is_result_rule = false;
template <class Rule>
inline constexpr bool is_result_rule<result_rule<Rule>> = true;

/// Settles by what the function answered.
template <bool Throws, class Answer, class... Rules>
void settle_answer(fusewire_permit& permit, const Answer& answer, const Rules&... rules) noexcept {
    if constexpr ((is_result_rule<Rules> || ...)) {
        std::optional<verdict> by;
#if FUSEWIRE_HAS_EXCEPTIONS
        // A rule that throws is as good as none.
        try {
            (judge(by, answer, rules), ...);
        } catch (...) {
        }
#else
        (judge(by, answer, rules), ...);
#endif
        if (by) return settle(permit, *by);
    }
    if (returned_error<Answer>::is_error(answer)) {
        fusewire_permit_failure(&permit, nullptr);
    } else {
        fusewire_permit_success(&permit);
    }
}

#if FUSEWIRE_HAS_EXCEPTIONS

template <class Exception, class Rule>
void judge_thrown(std::optional<verdict>& by, const exception_rule<Exception, Rule>& rule) noexcept {
    if (by) return;
    try {
        throw;
    } catch (const Exception& thrown) {
        try {
            by = std::invoke(rule.rule, thrown);
        } catch (...) {
        }
    } catch (...) {
    }
}

template <class Rule>
void judge_thrown(std::optional<verdict>&, const result_rule<Rule>&) noexcept {}

/// The type of what is being handled, as it is written in a program; empty when it cannot be told.
inline std::string thrown_type() {
#if FUSEWIRE_HAS_CXXABI
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (type == nullptr) return {};
    int status = 0;
    const handle<char, std::free> plain(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status));
    return plain ? plain.get() : type->name();
#else
    return {};
#endif
}

/// Settles by what is being handled.
template <class... Rules>
FUSEWIRE_COLD void settle_thrown(fusewire_permit& permit, const Rules&... rules) noexcept {
    // What is none of C++, such as a thread's cancellation, has no type either.
    if (std::current_exception() == nullptr) {
        fusewire_permit_abandon(&permit);
        return;
    }
    std::optional<verdict> by;
    (judge_thrown(by, rules), ...);
    settle(permit, by ? *by : verdict(outcome::failure, thrown_type()));
}

/// Runs the function; settles when it throws, and lets that go on.
template <bool Throws, class Function, class... Rules>
FUSEWIRE_INLINE decltype(auto) run(fusewire_permit& permit, Function&& function, const Rules&... rules) {
    try {
        return std::invoke(std::forward<Function>(function));
    } catch (...) {
        settle_thrown(permit, rules...);
        throw;
    }
}

#else

template <bool Throws, class Function, class... Rules>
FUSEWIRE_INLINE decltype(auto) run(fusewire_permit&, Function&& function, const Rules&...) {
    return std::invoke(std::forward<Function>(function));
}

#endif

/// Runs the function under a permit and settles it. `Throws` tells units apart that were compiled with exceptions and
/// without, since their bodies differ.
template <bool Throws, class Function, class... Rules>
FUSEWIRE_INLINE auto guarded(fusewire_permit& permit, Function&& function, const Rules&... rules)
    -> std::invoke_result_t<Function> {
    using answer = std::invoke_result_t<Function>;
    if constexpr (std::is_void_v<answer>) {
        run<Throws>(permit, std::forward<Function>(function), rules...);
        fusewire_permit_success(&permit);
    } else if constexpr (std::is_reference_v<answer>) {
        answer got = run<Throws>(permit, std::forward<Function>(function), rules...);
        settle_answer<Throws, std::remove_cv_t<std::remove_reference_t<answer>>>(permit, got, rules...);
        return static_cast<answer>(got);
    } else {
        answer got = run<Throws>(permit, std::forward<Function>(function), rules...);
        settle_answer<Throws, std::remove_cv_t<answer>>(permit, got, rules...);
        return got;
    }
}

/// What `try_call` gives for a function's answer: a result stays one, a reference is wrapped.
template <class Answer>
struct in_result {
    using type = result<std::remove_cv_t<Answer>>;
};
template <class Answer>
struct in_result<Answer&> {
    using type = result<std::reference_wrapper<Answer>>;
};
template <class Answer>
struct in_result<result<Answer>> {
    using type = result<Answer>;
};

}  // namespace detail

/// A rule for what the function answers: `rule(answer)` gives a `verdict`. It stands before what is known of the answer's
/// type. One that throws is as good as none.
template <class Rule>
detail::result_rule<std::decay_t<Rule>> on_result(Rule&& rule) {
    return {std::forward<Rule>(rule)};
}

/// A rule for exceptions of type `Exception` and those derived from it: `rule(exception)` gives a `verdict`. Of several
/// rules the first that matches decides; without one it is a failure under the name of its type. The exception goes on
/// to the caller in any case. A rule that throws is as good as none.
template <class Exception, class Rule>
detail::exception_rule<Exception, std::decay_t<Rule>> on_exception(Rule&& rule) {
    return {std::forward<Rule>(rule)};
}

}  // namespace fusewire

#endif
