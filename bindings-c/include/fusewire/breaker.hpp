// The breaker. Include <fusewire.hpp>.
#ifndef FUSEWIRE_BREAKER_HPP
#define FUSEWIRE_BREAKER_HPP

#include "attempts.hpp"
#include "options.hpp"
#include "permit.hpp"
#include "read.hpp"
#include "request.hpp"
#include "result.hpp"
#include "rules.hpp"
#include "subscription.hpp"

#include <thread>

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

    /// Calls `function()` under the breaker, at its turn where a leaky bucket paces calls. Gives its answer; an exception is a failure under the name of its type, and
    /// reaches the caller as it is; what else unwinds, such as a thread's cancellation, gives the call up. `rules`:
    /// `on_result` and `on_exception`. A call that is turned away has not run, and is the `rejection()` of the result.
    template <class Function, class... Rules, bool Throws = detail::has_exceptions>
    auto try_call(Function&& function, const Rules&... rules) const ->
        typename detail::in_result<std::invoke_result_t<Function>>::type {
        fusewire_permit permit;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire_turn(get(), &permit, &why);
        if (answer != FUSEWIRE_OK) {
            return refused<typename detail::in_result<std::invoke_result_t<Function>>::type>(answer, why);
        }
        return run<Throws>(permit, std::forward<Function>(function), rules...);
    }
    /// As `try_call`, with a request. One that is wrong is an error, `invalid_value`, which names the field; nothing was
    /// asked then.
    template <class Function, class... Rules, bool Throws = detail::has_exceptions>
    auto try_call_with(const request& asked, Function&& function, const Rules&... rules) const ->
        typename detail::in_result<std::invoke_result_t<Function>>::type {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) return error(status::invalid_value);
        fusewire_permit permit;
        fusewire_rejection why;
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_acquire_with(get(), raw.get(), &permit, &why, &wrong);
        if (answer != FUSEWIRE_OK) {
            return refused<typename detail::in_result<std::invoke_result_t<Function>>::type>(answer, why, wrong);
        }
        await_turn(permit);
        return run<Throws>(permit, std::forward<Function>(function), rules...);
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_call`; gives the answer itself, and throws `fusewire::rejected` when the call is turned away.
    template <class Function, class... Rules>
    auto call(Function&& function, const Rules&... rules) const -> std::invoke_result_t<Function> {
        fusewire_permit permit;
        fusewire_rejection why;
        const fusewire_status answer = fusewire_breaker_acquire_turn(get(), &permit, &why);
        if (answer != FUSEWIRE_OK) raise(answer, why);
        return detail::guarded<true>(permit, std::forward<Function>(function), rules...);
    }
#endif

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_call_with`; gives the answer itself, and throws `fusewire::rejected` or `fusewire::error`.
    template <class Function, class... Rules>
    auto call_with(const request& asked, Function&& function, const Rules&... rules) const
        -> std::invoke_result_t<Function> {
        fusewire_permit permit = taken(asked);
        await_turn(permit);
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
    /// As `try_acquire`, with a request; never waits: `permit::wait` says how long to, where a leaky bucket paces calls.
    /// Errors: `invalid_value` when the request is wrong; it names the field, and nothing was asked.
    result<permit> try_acquire(const request& asked) const& {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) return error(status::invalid_value);
        fusewire_permit given;
        fusewire_rejection why;
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_acquire_with(get(), raw.get(), &given, &why, &wrong);
        if (answer != FUSEWIRE_OK) return refused<result<permit>>(answer, why, wrong);
        return permit(given);
    }
    result<permit> try_acquire(const request&) && = delete;
    /// As `try_acquire` with a request; where all slots are taken and there is room in the queue, the thread waits there: for
    /// at most `timeout` of the system's time, whatever the breaker's clock; nothing sets no limit but the
    /// configuration's. Errors: also `timed_out`, when that time is over: the call has left the queue then.
    result<permit> try_acquire_wait(const request& asked = {},
                                    std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const& {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) return error(status::invalid_value);
        fusewire_permit given;
        fusewire_rejection why;
        fusewire_error* wrong = nullptr;
        const std::uint64_t ns = timeout ? detail::count(*timeout) : FUSEWIRE_NONE;
        const fusewire_status answer = fusewire_breaker_acquire_wait(get(), raw.get(), ns, &given, &why, &wrong);
        if (answer != FUSEWIRE_OK) return refused<result<permit>>(answer, why, wrong);
        return permit(given);
    }
    result<permit> try_acquire_wait(const request& = {},
                                    std::optional<std::chrono::nanoseconds> = std::nullopt) && = delete;

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
    /// As `try_acquire`; throws `fusewire::rejected` or `fusewire::error`.
    permit acquire(const request& asked) const& { return permit(taken(asked)); }
    permit acquire(const request&) && = delete;
    /// As `try_acquire_wait`; throws `fusewire::rejected` or `fusewire::error`.
    permit acquire_wait(const request& asked = {},
                        std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const& {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) throw error(status::invalid_value);
        fusewire_permit given;
        fusewire_rejection why;
        fusewire_error* wrong = nullptr;
        const std::uint64_t ns = timeout ? detail::count(*timeout) : FUSEWIRE_NONE;
        const fusewire_status answer = fusewire_breaker_acquire_wait(get(), raw.get(), ns, &given, &why, &wrong);
        if (answer != FUSEWIRE_OK) raise(answer, why, wrong);
        return permit(given);
    }
    permit acquire_wait(const request& = {}, std::optional<std::chrono::nanoseconds> = std::nullopt) && = delete;
#endif

    /// Begins a call that is made step by step: with retries, fallbacks, a cache or hedges. The breaker is not asked yet. The
    /// attempts must not outlive this object. Errors: `invalid_value` when the request is wrong; it names the field.
    result<attempts> try_begin(const request& asked = {}) const& {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) return error(status::invalid_value);
        fusewire_attempts begun;
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_begin(get(), raw.get(), &begun, &wrong);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), wrong);
        return attempts(begun);
    }
    result<attempts> try_begin(const request& = {}) && = delete;
#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_begin`; throws its error.
    attempts begin(const request& asked = {}) const& { return try_begin(asked).value(); }
    attempts begin(const request& = {}) && = delete;
#endif

    /// Asks before a call whether an earlier answer of that key answers in its place, by a cache of the mode
    /// `read_through`: where it lies, in the program's memory. Nothing when there is none.
    std::optional<place> cache_fresh(std::string_view key) const { return placed(key, fusewire_breaker_cache_fresh); }
    /// The same for the rung `cache`, in any mode, where a stale answer will do.
    std::optional<place> cache_any(std::string_view key) const { return placed(key, fusewire_breaker_cache_any); }
    /// Tells that a call of that key has succeeded: where the program is to keep the answer, with the version; nothing when
    /// it is not kept. Hold a lock of your own around this and the keeping.
    std::optional<place> cache_store(std::string_view key) const { return placed(key, fusewire_breaker_cache_store); }

    /// The places at which nothing lies that is of use any more, for the program to clear: ask after `reconfigure` with fewer
    /// `max_entries`, or without the cache. Hold the lock of the stores meanwhile.
    fusewire::vacant cache_vacant() const {
        std::uint64_t* raw = nullptr;
        std::size_t count = 0;
        fusewire::vacant found;
        if (fusewire_breaker_cache_vacant(get(), &raw, &count, &found.end) != FUSEWIRE_OK || count == 0) return found;
        const detail::handle<std::uint64_t, fusewire_tickets_free> owned(raw);
        found.places.assign(raw, raw + count);
        return found;
    }

    /// Lets a call join those of its key that are under way, by `coalesce`: whether it leads or follows. Nothing when the
    /// document does not ask for it.
    std::optional<flight> flight_join(std::string_view key, priority level = priority::normal) const {
        const detail::c_text text(key);
        fusewire_flight raw;
        if (!text.is_whole() ||
            fusewire_breaker_flight_join(get(), text.get(), detail::number(level), &raw) != FUSEWIRE_OK) {
            return std::nullopt;
        }
        return flight{raw.ticket, raw.role == FUSEWIRE_ROLE_LEAD};
    }
    /// Tells that the leader with that ticket has its answer: the tickets of those that it is to be handed to.
    std::vector<std::uint64_t> flight_land(std::uint64_t ticket) const {
        return tickets(ticket, fusewire_breaker_flight_land);
    }
    /// Tells that the call with that ticket is given up: the tickets of those that lead from now on.
    std::vector<std::uint64_t> flight_leave(std::uint64_t ticket) const {
        return tickets(ticket, fusewire_breaker_flight_leave);
    }

    /// What a feature of the document is at. Errors: `invalid_value` when there is none of that name, `not_utf8`.
    result<feature> try_feature(std::string_view name) const {
        const detail::c_text text(name);
        if (!text.is_whole()) return error(status::invalid_value);
        fusewire_feature_state state = FUSEWIRE_INVALID;
        double health = 0;
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_feature(get(), text.get(), &state, &health, &wrong);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), wrong);
        if (std::isnan(health)) return feature{static_cast<feature_state>(state), std::nullopt};
        return feature{static_cast<feature_state>(state), health};
    }
    /// Tells how much the program has to do, from 0 to 1: retries of the kind `resource_sensitive` wait longer the more it
    /// is. Errors: `config` when it is out of range.
    result<void> try_set_utilisation(double to) const {
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_set_utilisation(get(), to, &wrong);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), wrong);
        return {};
    }
#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_set_utilisation`; throws its error.
    void set_utilisation(double to) const { try_set_utilisation(to).value(); }
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
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_reconfigure(get(), text.get(), actor, reason, detail);
        });
    }
    /// Sets the lowest priority that is let in. Gives whether it was another. Errors: `config` when the document has no
    /// `priority`, `not_utf8`, `invalid_value`; nothing has changed then, as for the next.
    result<bool> try_set_min_priority(priority to, const by& whom = {}) const {
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_set_min_priority(get(), detail::number(to), actor, reason, detail);
        });
    }
    /// Replaces the bulkhead's table of slots, and grants what has become free. Gives and fails likewise.
    result<bool> try_set_slots(const slots& table, const by& whom = {}) const {
        const fusewire_slots raw = detail::raw(table);
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_set_slots(get(), &raw, actor, reason, detail);
        });
    }
    /// Sets the rate of a token or leaky bucket, in calls a second, or the limit of a window. Gives and fails likewise.
    result<bool> try_set_rate(double to, const by& whom = {}) const {
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_set_rate(get(), to, actor, reason, detail);
        });
    }
    /// Sets the concurrency limit, from which it goes on to find itself. Gives and fails likewise.
    result<bool> try_set_limit(std::uint64_t to, const by& whom = {}) const {
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return fusewire_breaker_set_limit(get(), to, actor, reason, detail);
        });
    }
    /// Ends the breaker's life, of every handle: whoever comes or waits is turned away, calls in flight settle, and nothing
    /// opens it again. Gives whether it lived. Errors: `not_utf8`, `invalid_value`.
    result<bool> try_close_for_good(const by& whom = {}) const {
        return changed(whom, [&](const char* actor, const char* reason, fusewire_error**) {
            return fusewire_breaker_close_for_good(get(), actor, reason);
        });
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
    /// As `try_set_min_priority`; throws its error.
    bool set_min_priority(priority to, const by& whom = {}) const { return try_set_min_priority(to, whom).value(); }
    /// As `try_set_slots`; throws its error.
    bool set_slots(const slots& table, const by& whom = {}) const { return try_set_slots(table, whom).value(); }
    /// As `try_set_rate`; throws its error.
    bool set_rate(double to, const by& whom = {}) const { return try_set_rate(to, whom).value(); }
    /// As `try_set_limit`; throws its error.
    bool set_limit(std::uint64_t to, const by& whom = {}) const { return try_set_limit(to, whom).value(); }
    /// As `try_close_for_good`; throws its error.
    bool close_for_good(const by& whom = {}) const { return try_close_for_good(whom).value(); }
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
    template <class Find>
    std::optional<place> placed(std::string_view key, Find&& find) const {
        const detail::c_text text(key);
        fusewire_place raw;
        if (!text.is_whole() || find(get(), text.get(), &raw) != FUSEWIRE_OK) return std::nullopt;
        return place{raw.at, raw.version, raw.replaces != 0};
    }

    template <class End>
    std::vector<std::uint64_t> tickets(std::uint64_t ticket, End&& end) const {
        std::uint64_t* raw = nullptr;
        std::size_t count = 0;
        if (end(get(), ticket, &raw, &count) != FUSEWIRE_OK || count == 0) return {};
        const detail::handle<std::uint64_t, fusewire_tickets_free> owned(raw);
        return std::vector<std::uint64_t>(raw, raw + count);
    }

    template <class Act>
    static result<void> done(const by& whom, Act&& act) {
        const detail::c_text actor(whom.actor), reason(whom.reason);
        if (!actor.is_whole() || !reason.is_whole()) return error(status::invalid_value);
        fusewire_error* detail = nullptr;
        const fusewire_status answer = act(actor.get_if_any(), reason.get_if_any(), &detail);
        if (FUSEWIRE_IS_ERROR(answer)) return error(static_cast<status>(answer), detail);
        return {};
    }

    /// The same, of what answers whether anything was changed.
    template <class Act>
    static result<bool> changed(const by& whom, Act&& act) {
        fusewire_status answer = FUSEWIRE_OK;
        const result<void> ended = done(whom, [&](const char* actor, const char* reason, fusewire_error** detail) {
            return answer = act(actor, reason, detail);
        });
        if (!ended) return *ended.error();
        return answer == FUSEWIRE_OK;
    }

    template <bool Throws, class Function, class... Rules>
    FUSEWIRE_INLINE static auto run(fusewire_permit& permit, Function&& function, const Rules&... rules) ->
        typename detail::in_result<std::invoke_result_t<Function>>::type {
        if constexpr (std::is_void_v<std::invoke_result_t<Function>>) {
            detail::guarded<Throws>(permit, std::forward<Function>(function), rules...);
            return {};
        } else {
            return detail::guarded<Throws>(permit, std::forward<Function>(function), rules...);
        }
    }

    static void await_turn(const fusewire_permit& permit) {
        const std::uint64_t ns = fusewire_permit_wait_ns(&permit);
        if (ns > 0) std::this_thread::sleep_for(detail::nanoseconds(ns));
    }

    template <class Result>
    FUSEWIRE_COLD static Result refused(fusewire_status answer, const fusewire_rejection& why,
                                        fusewire_error* wrong = nullptr) {
        if (answer == FUSEWIRE_REJECTED) return rejection(why);
        return error(static_cast<status>(answer), wrong);
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    fusewire_permit taken(const request& asked) const {
        const detail::c_request raw(asked);
        if (!raw.is_whole()) throw error(status::invalid_value);
        fusewire_permit given;
        fusewire_rejection why;
        fusewire_error* wrong = nullptr;
        const fusewire_status answer = fusewire_breaker_acquire_with(get(), raw.get(), &given, &why, &wrong);
        if (answer != FUSEWIRE_OK) raise(answer, why, wrong);
        return given;
    }

    [[noreturn]] FUSEWIRE_COLD void raise(fusewire_status answer, const fusewire_rejection& raw,
                                          fusewire_error* wrong = nullptr) const {
        if (answer != FUSEWIRE_REJECTED) throw error(static_cast<status>(answer), wrong);
        const rejection why(raw);
        throw rejected(why, name(), message(why));
    }
#endif

    detail::handle<fusewire_breaker, fusewire_breaker_free> handle_;
};

}  // namespace fusewire

#endif
