// Calls that are made step by step. Include <fusewire.hpp>.
#ifndef FUSEWIRE_ATTEMPTS_HPP
#define FUSEWIRE_ATTEMPTS_HPP

#include "detail.hpp"
#include "names.hpp"
#include "permit.hpp"
#include "result.hpp"

#include <vector>

namespace fusewire {

/// What is to be done in a call that is made step by step.
enum class step_kind : std::uint32_t {
    call = FUSEWIRE_STEP_CALL,  ///< Make the call, then settle the attempt.
    wait = FUSEWIRE_STEP_WAIT,  ///< Wait for `step::wait`, then ask again.
    use = FUSEWIRE_STEP_USE,    ///< Answer from the rung, then tell whether it has.
    done = FUSEWIRE_STEP_DONE,  ///< It is over.
};

/// What a rung answers from.
enum class rung_kind : std::uint32_t {
    none = FUSEWIRE_RUNG_NONE,        ///< There is no rung.
    cache = FUSEWIRE_RUNG_CACHE,      ///< The answer of an earlier call of the same key: see `breaker::cache_any`.
    breaker = FUSEWIRE_RUNG_BREAKER,  ///< A call through another breaker, whose name stands behind `breaker:`.
    named = FUSEWIRE_RUNG_NAMED,      ///< What the program has under that name.
};

/// Where the program keeps an answer, beside its version: what has another version there stands for nothing.
struct place {
    std::uint32_t at;       ///< From 0, and below the most entries there ever were.
    std::uint64_t version;  ///< No two stores of a breaker share one.
    bool replaces;          ///< Of a store: another answer was there, which goes.
};

/// Where nothing lies that is of use any more.
struct vacant {
    std::vector<std::uint64_t> places = {};  ///< Below `end`.
    std::uint32_t end = 0;                   ///< From here on all are.
};

/// A call among those of its key.
struct flight {
    std::uint64_t ticket;  ///< Its name, which no other of the breaker has.
    bool leads;            ///< It makes the attempts, and lands or leaves; else it waits for the leader's answer.
};

/// What a feature is at.
struct feature {
    feature_state state;           ///< Whether its calls are let in.
    std::optional<double> health;  ///< The share of successes in this state; nothing without outcomes.
};

/// How an attempt ended: `ending{outcome::failure, "timeout"}`.
struct ending {
    /// How. An ignored attempt is not tried once more, and nothing answers in its place.
    outcome how = outcome::success;
    /// What kind of error it was: the names that `retry.on` is about, `http_503` for a status, or any other; empty for none.
    std::string_view error_type = {};
    /// The HTTP status of the answer, 100 to 999: it tells the category where the error type does not; 0 for none.
    std::uint32_t http_status = 0;
    /// How long the dependency asks to wait: a retry waits at least as long. What is negative is 0.
    std::optional<std::chrono::nanoseconds> retry_after = {};
    /// How long the attempt took; nothing leaves that to the clock. What is negative is 0.
    std::optional<std::chrono::nanoseconds> duration = {};
    /// The failure stands: no rung answers in its place.
    bool without_fallback = false;
};

/// What is to be done now. What does not belong to its kind is absent.
class step {
public:
    /// What the library wrote.
    explicit step(const fusewire_step& raw) noexcept : raw_(raw) {}

    /// What is to be done.
    step_kind kind() const noexcept { return static_cast<step_kind>(raw_.kind); }
    /// Of a call its number, from 1; at the end how many there were.
    std::uint32_t attempt() const noexcept { return raw_.attempt; }
    /// Of a call: how long it may take; nothing when nothing sets a timeout.
    std::optional<std::chrono::nanoseconds> timeout() const noexcept {
        return detail::nanoseconds_if_there(raw_.timeout_ns);
    }
    /// Of a wait: how long; else 0.
    std::chrono::nanoseconds wait() const noexcept { return detail::nanoseconds(raw_.wait_ns); }
    /// At the end: of the last attempt that ran, or success when a rung has answered; nothing when neither was.
    std::optional<fusewire::outcome> outcome() const noexcept {
        if (raw_.outcome == FUSEWIRE_INVALID) return std::nullopt;
        return static_cast<fusewire::outcome>(raw_.outcome);
    }
    /// At the end: why the last attempt was turned away; nothing when it was not.
    std::optional<fusewire::rejection> rejection() const noexcept {
        if (raw_.rejection.reason == FUSEWIRE_INVALID) return std::nullopt;
        return fusewire::rejection(raw_.rejection);
    }
    /// The rung that is to answer, as the document writes it; at the end the one that has, when the answer is degraded. Else
    /// empty. Lives as long as this object.
    std::string_view rung() const noexcept { return raw_.rung; }
    /// What it answers from.
    fusewire::rung_kind rung_kind() const noexcept { return static_cast<fusewire::rung_kind>(raw_.rung_kind); }
    /// At the end: the error type of the last attempt that failed. Else empty. Lives as long as this object.
    std::string_view error_type() const noexcept { return raw_.error_type; }
    /// The struct of the C interface.
    const fusewire_step& raw() const noexcept { return raw_; }

private:
    fusewire_step raw_;
};

/// A call with its attempts, which says what is to be done, one step after the other. It moves and is not copied; one thread
/// at a time goes on with it. Dropped in the middle of an attempt it gives the call up, also by an exception. It must not
/// outlive the `breaker` object that began it.
class [[nodiscard]] attempts {
public:
    /// Takes over what was begun through the C interface.
    explicit attempts(const fusewire_attempts& raw) noexcept : raw_(raw) {}
    /// Takes over the other one's call.
    attempts(attempts&& other) noexcept : raw_(other.raw_) { other.raw_ = FUSEWIRE_ATTEMPTS_INIT; }
    /// Gives up the call that this one has, and takes over the other one's.
    attempts& operator=(attempts&& other) noexcept {
        if (this != &other) {
            abandon();
            raw_ = other.raw_;
            other.raw_ = FUSEWIRE_ATTEMPTS_INIT;
        }
        return *this;
    }
    attempts(const attempts&) = delete;
    attempts& operator=(const attempts&) = delete;
    /// Gives the call up, unless it is over.
    ~attempts() { abandon(); }

    /// What is to be done now; asks the breaker for a permit when it is time to, and never waits. Errors: `not_begun` when it
    /// was moved from or given up.
    result<step> try_next() noexcept {
        fusewire_step raw;
        const fusewire_status answer = fusewire_attempts_next(&raw_, &raw);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer));
        return step(raw);
    }
    /// As `try_next`; where all slots are taken and there is room in the queue, the thread waits there: for at most `timeout`
    /// of the system's time; nothing sets no limit but the configuration's. Errors: also `timed_out`: ask again, or give up.
    result<step> try_next_wait(std::optional<std::chrono::nanoseconds> timeout = std::nullopt) noexcept {
        fusewire_step raw;
        const std::uint64_t ns = timeout ? detail::count(*timeout) : FUSEWIRE_NONE;
        const fusewire_status answer = fusewire_attempts_next_wait(&raw_, ns, &raw);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer));
        return step(raw);
    }
#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_next`; throws its error.
    step next() { return try_next().value(); }
    /// As `try_next_wait`; throws its error.
    step next_wait(std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
        return try_next_wait(timeout).value();
    }
#endif

    /// The attempt that is under way has ended. Answers `ok` or `late`; `wrong_step` when none is under way, `not_begun`,
    /// `invalid_value` when the ending is none: nothing is settled then.
    fusewire::status settle(const ending& ended) noexcept { return tell(fusewire_attempts_settle, ended); }
    /// It has succeeded. Answers as `settle` does.
    fusewire::status success() noexcept { return static_cast<fusewire::status>(fusewire_attempts_success(&raw_)); }
    /// It has failed. Answers as `settle` does.
    fusewire::status failure(std::string_view error_type = {}) noexcept {
        const detail::c_text type(error_type);
        return static_cast<fusewire::status>(fusewire_attempts_failure(&raw_, type.get_if_any()));
    }
    /// The rung has answered, or could not. Answers `ok`; `wrong_step` when none is to answer, or `not_begun`.
    fusewire::status answered(bool has_answered) noexcept {
        return static_cast<fusewire::status>(fusewire_attempts_answered(&raw_, has_answered));
    }
    /// Gives the call up. Answers `ok`, or `not_begun` when that was done before.
    fusewire::status abandon() noexcept { return static_cast<fusewire::status>(fusewire_attempts_abandon(&raw_)); }

    /// How long after the attempt, or after the hedge before, another is to be started beside it; nothing: none is.
    std::optional<std::chrono::nanoseconds> hedge_after() noexcept {
        return detail::nanoseconds_if_there(fusewire_attempts_hedge_after_ns(&raw_));
    }
    /// Begins a hedge when that time has passed; nothing when there is to be none. Settle its permit unless it answers first;
    /// who loses is dropped.
    std::optional<permit> hedge() noexcept {
        fusewire_permit given;
        if (fusewire_attempts_hedge(&raw_, &given) != FUSEWIRE_OK) return std::nullopt;
        return permit(given);
    }
    /// The attempt that is under way has failed while hedges of it go on: it counts as that failure from here on, and no hedge
    /// begins any more. Settle the same ending once more when all have failed, too. Answers as `settle` does; `invalid_value`
    /// when it is no failure.
    fusewire::status primary_failed(const ending& ended) noexcept {
        return tell(fusewire_attempts_primary_failed, ended);
    }
    /// The hedge with that permit has answered first: it is the attempt from here on. Answers `ok`, as `permit::success` does
    /// when the permit cannot be settled, or `wrong_step` when no attempt is under way.
    fusewire::status hedge_won(permit& winner) noexcept {
        return winner.told(fusewire_attempts_hedge_won(&raw_, &winner.raw_));
    }

    /// The struct of the C interface, which stays this object's.
    fusewire_attempts* get() noexcept { return &raw_; }

private:
    using teller = fusewire_status (*)(fusewire_attempts*, const fusewire_ending*, fusewire_error**);

    fusewire::status tell(teller how, const ending& ended) noexcept {
        const detail::c_text type(ended.error_type);
        fusewire_ending raw = FUSEWIRE_ENDING_INIT;
        raw.outcome = detail::number(ended.how);
        raw.error_type = type.get_if_any();
        raw.http_status = ended.http_status;
        if (ended.retry_after) raw.retry_after_ns = detail::count(*ended.retry_after);
        if (ended.duration) raw.duration_ns = detail::count(*ended.duration);
        raw.without_fallback = ended.without_fallback;
        return static_cast<fusewire::status>(how(&raw_, &raw, nullptr));
    }

    fusewire_attempts raw_;
};

}  // namespace fusewire

#endif
