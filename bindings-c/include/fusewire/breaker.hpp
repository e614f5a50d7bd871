// The breaker. Include <fusewire.hpp>.
#ifndef FUSEWIRE_BREAKER_HPP
#define FUSEWIRE_BREAKER_HPP

#include "options.hpp"
#include "permit.hpp"
#include "read.hpp"
#include "result.hpp"
#include "rules.hpp"
#include "subscription.hpp"

namespace fusewire {

/// Who does something by hand, and why: for the event, cut at 64 and 256 bytes; what is empty is left out.
struct by {
    std::string_view actor = {};   ///< Who.
    std::string_view reason = {};  ///< Why.
};

/// A circuit breaker, which guards one dependency. A copy is another handle of the same breaker, which lives as long as
/// one of them, its registry or a call in it; that a handle is `const` says nothing of the breaker. Threads may share one. What was moved from may be assigned to and destroyed;
/// anything else answers `status::null_argument`.
///
/// The `try_` functions never throw on their own and are there without exceptions, too; the others throw
/// `fusewire::rejected` and `fusewire::error`.
class breaker {
public:
    /// A breaker that no registry knows. `name`: 1 to 255 bytes of UTF-8 without control characters, for people and metrics.
    /// Errors: `name`, `config` (which names the key), `not_utf8`, `invalid_value`.
    static result<breaker> try_create(std::string_view name, const options& how = {}) {
        const detail::c_text c_name(name);
        const detail::c_options c_how(how);
        if (!c_name.is_whole() || !c_how.is_whole()) return error(status::invalid_value);
        fusewire_breaker* made = nullptr;
        fusewire_error* detail = nullptr;
        const fusewire_status answer = fusewire_breaker_new(c_name.get(), c_how.get(), &made, &detail);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), detail);
        return breaker(made);
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_create`; throws its error.
    explicit breaker(std::string_view name, const options& how = {}) : breaker(try_create(name, how).value()) {}
#endif
    /// Takes over a handle of the C interface.
    explicit breaker(fusewire_breaker* handle) noexcept : handle_(handle) {}
    /// Another handle of the same breaker.
    breaker(const breaker& other) noexcept : handle_(fusewire_breaker_clone(other.get())) {}
    /// Takes over the other one's handle.
    breaker(breaker&& other) noexcept = default;
    /// Another handle of that breaker in place of this one.
    breaker& operator=(const breaker& other) noexcept {
        if (this != &other) handle_.reset(fusewire_breaker_clone(other.get()));
        return *this;
    }
    /// The other one's handle in place of this one.
    breaker& operator=(breaker&& other) noexcept = default;
    ~breaker() = default;

    /// Calls `function()` under the breaker. Gives its answer; an exception is a failure under the name of its type, and
    /// reaches the caller as it is; what else unwinds, such as a thread's cancellation, gives the call up. `rules`:
    /// `on_result` and `on_exception`. A call that is turned away has not run, and is the `rejection()` of the result.
    template <class Function, class... Rules, bool Throws = detail::has_exceptions>
    auto try_call(Function&& function, const Rules&... rules) const ->
        typename detail::in_result<std::invoke_result_t<Function>>::type {
        fusewire_permit permit;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire(get(), &permit, &why);
        if (answer != FUSEWIRE_OK) {
            return refused<typename detail::in_result<std::invoke_result_t<Function>>::type>(answer, why);
        }
        if constexpr (std::is_void_v<std::invoke_result_t<Function>>) {
            detail::guarded<Throws>(permit, std::forward<Function>(function), rules...);
            return {};
        } else {
            return detail::guarded<Throws>(permit, std::forward<Function>(function), rules...);
        }
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_call`; gives the answer itself, and throws `fusewire::rejected` when the call is turned away.
    template <class Function, class... Rules>
    auto call(Function&& function, const Rules&... rules) const -> std::invoke_result_t<Function> {
        fusewire_permit permit;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire(get(), &permit, &why);
        if (answer != FUSEWIRE_OK) raise(answer, why);
        return detail::guarded<true>(permit, std::forward<Function>(function), rules...);
    }
#endif

    /// Asks for a permit to call, or gives the rejection. The permit must not outlive this object, so it is not to be had
    /// of one that is about to go.
    result<permit> try_acquire() const& {
        fusewire_permit given;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire(get(), &given, &why);
        if (answer != FUSEWIRE_OK) return refused<result<permit>>(answer, why);
        return permit(given);
    }
    result<permit> try_acquire() && = delete;

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_acquire`; throws `fusewire::rejected` when the call is turned away.
    permit acquire() const& {
        fusewire_permit given;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire(get(), &given, &why);
        if (answer != FUSEWIRE_OK) raise(answer, why);
        return permit(given);
    }
    permit acquire() && = delete;
#endif

    /// Counts the outcome of a call that asked for no permit: while the breaker is closed like any other, otherwise in the
    /// totals only. `error_type`: as for `permit::failure`. Answers `ok` or `late`; `invalid_value` when `how` is none.
    status record(outcome how, std::string_view error_type = {}) const noexcept {
        const detail::c_text type(error_type);
        return static_cast<status>(fusewire_breaker_record(get(), detail::number(how), type.get_if_any()));
    }

    /// Opens the breaker, from any state, for `duration` (1 ms to 168 h); nothing: for as long as an opening lasts now.
    /// Errors: `config` when the duration is out of range, `not_utf8`, `invalid_value`.
    result<void> try_trip(std::optional<std::chrono::nanoseconds> duration = std::nullopt, const by& whom = {}) const {
        const std::uint64_t ns = duration ? detail::count(*duration) : FUSEWIRE_NONE;
        return done(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_trip(get(), ns, actor, reason, detail);
        });
    }
    /// Lets the next calls probe, from any state. Errors: `not_utf8`, `invalid_value`.
    result<void> try_half_open(const by& whom = {}) const {
        return done(whom, [&](const char* actor, const char* reason, fusewire_error**) {
            return fusewire_breaker_half_open(get(), actor, reason);
        });
    }
    /// Closes the breaker, from any state, and ends the row of openings. Errors: `not_utf8`, `invalid_value`.
    result<void> try_reset(const by& whom = {}) const {
        return done(whom, [&](const char* actor, const char* reason, fusewire_error**) {
            return fusewire_breaker_reset(get(), actor, reason);
        });
    }
    /// Sets the mode; setting the one that is set does nothing. Errors: `invalid_value`, `not_utf8`.
    result<void> try_set_mode(fusewire::mode to, const by& whom = {}) const {
        return done(whom, [&](const char* actor, const char* reason, fusewire_error**) {
            return fusewire_breaker_set_mode(get(), detail::number(to), actor, reason);
        });
    }
    /// Swaps the rules atomically for those of `document`, JSON text. Gives whether they were others before. Errors:
    /// `config`, `not_utf8`, `invalid_value`; nothing has changed then.
    result<bool> try_reconfigure(std::string_view document, const by& whom = {}) const {
        const detail::c_text text(document);
        if (!text.is_whole()) return error(status::invalid_value);
        bool has_changed = false;
        const result<void> swapped = done(whom, [&](const char* actor, const char* reason, fusewire_error** error) {
            const fusewire_status answer = fusewire_breaker_reconfigure(get(), text.get(), actor, reason, error);
            has_changed = answer == FUSEWIRE_OK;
            return answer;
        });
        if (!swapped) return *swapped.error();
        return has_changed;
    }
    /// Keeps the transitions from now on, at most `capacity` of them (1 to 1,000,000), until they are taken; what comes
    /// beyond is counted. Errors: `invalid_value`.
    result<subscription> try_subscribe(std::size_t capacity = 1024) const {
        fusewire_subscription* made = nullptr;
        const fusewire_status answer = fusewire_breaker_subscribe(get(), capacity, &made);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer));
        return subscription(made);
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_trip`; throws its error.
    void trip(std::optional<std::chrono::nanoseconds> duration = std::nullopt, const by& whom = {}) const {
        try_trip(duration, whom).value();
    }
    /// As `try_half_open`; throws its error.
    void half_open(const by& whom = {}) const { try_half_open(whom).value(); }
    /// As `try_reset`; throws its error.
    void reset(const by& whom = {}) const { try_reset(whom).value(); }
    /// As `try_set_mode`; throws its error.
    void set_mode(fusewire::mode to, const by& whom = {}) const { try_set_mode(to, whom).value(); }
    /// As `try_reconfigure`; throws its error.
    bool reconfigure(std::string_view document, const by& whom = {}) const {
        return try_reconfigure(document, whom).value();
    }
    /// As `try_subscribe`; throws its error.
    subscription subscribe(std::size_t capacity = 1024) const { return try_subscribe(capacity).value(); }
#endif

    /// Carries out what is due (open to half-open, expired probes, a ramp step that is over) without asking for a permit.
    void poll() const noexcept { fusewire_breaker_poll(get()); }

    /// The name; lives as long as this object. Empty when it was moved from.
    std::string_view name() const noexcept { return detail::text_or_empty(fusewire_breaker_name(get())); }
    /// The effective state: open past its deadline reads half-open. None of the values when it was moved from.
    fusewire::state state() const noexcept { return static_cast<fusewire::state>(fusewire_breaker_state(get())); }
    /// The mode. None of the values when it was moved from.
    fusewire::mode mode() const noexcept { return static_cast<fusewire::mode>(fusewire_breaker_mode(get())); }
    /// The breaker at this instant. All of it is 0 when it was moved from.
    fusewire::snapshot snapshot() const noexcept {
        fusewire_snapshot raw = FUSEWIRE_SNAPSHOT_INIT;
        fusewire_breaker_snapshot(get(), &raw);
        return fusewire::snapshot(raw);
    }
    /// The breaker at this instant, as JSON. Empty when it was moved from.
    std::string snapshot_json() const {
        return detail::taken([&](char** to, std::size_t* length) {
            return fusewire_breaker_snapshot_json(get(), to, length);
        });
    }
    /// The configuration with its defaults filled in, as a JSON document. Empty when it was moved from.
    std::string document() const {
        return detail::taken([&](char** to, std::size_t* length) { return fusewire_breaker_document(get(), to, length); });
    }
    /// What a rejection by this breaker says, in a sentence for people.
    std::string message(const rejection& why) const {
        return detail::taken([&](char** to, std::size_t* length) {
            return fusewire_breaker_rejection_message(get(), &why.raw(), to, length);
        });
    }
    /// The last failure before a rejection by this breaker: why it is open. Nothing when there was none.
    std::optional<failure> last_failure(const rejection& why) const {
        fusewire_failure raw;
        if (fusewire_breaker_last_failure(get(), why.raw().last_failure, &raw) != FUSEWIRE_OK) return std::nullopt;
        return failure{detail::nanoseconds(raw.at_ns), raw.error_type};
    }
    /// The handle of the C interface, which stays this object's; NULL when it was moved from.
    fusewire_breaker* get() const noexcept { return handle_.get(); }

    /// Whether both are handles of one breaker.
    friend bool operator==(const breaker& a, const breaker& b) noexcept {
        return fusewire_breaker_is_same(a.get(), b.get());
    }
    /// Whether they are handles of two breakers.
    friend bool operator!=(const breaker& a, const breaker& b) noexcept { return !(a == b); }

private:
    template <class Act>
    static result<void> done(const by& whom, Act&& act) {
        const detail::c_text actor(whom.actor), reason(whom.reason);
        if (!actor.is_whole() || !reason.is_whole()) return error(status::invalid_value);
        fusewire_error* detail = nullptr;
        const fusewire_status answer = act(actor.get_if_any(), reason.get_if_any(), &detail);
        if (FUSEWIRE_IS_ERROR(answer)) return error(static_cast<status>(answer), detail);
        return {};
    }

    template <class Result>
    FUSEWIRE_COLD static Result refused(fusewire_status answer, const fusewire_rejection& why) {
        if (answer == FUSEWIRE_REJECTED) return rejection(why);
        return error(static_cast<status>(answer));
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    [[noreturn]] FUSEWIRE_COLD void raise(fusewire_status answer, const fusewire_rejection& raw) const {
        if (answer != FUSEWIRE_REJECTED) throw error(static_cast<status>(answer));
        const rejection why(raw);
        throw rejected(why, name(), message(why));
    }
#endif

    detail::handle<fusewire_breaker, fusewire_breaker_free> handle_;
};

}  // namespace fusewire

#endif
