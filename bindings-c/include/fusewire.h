// fusewire.h: circuit breakers.
//
// A breaker guards one dependency. Ask it before each call; it turns calls away while the dependency is down, and
// finds out with a few probes whether it is back:
//
//     fusewire_breaker *breaker;
//     fusewire_error *error;
//     if (fusewire_breaker_from_json("payments", "{\"failure_threshold\": 3}", &breaker, &error) != FUSEWIRE_OK) {
//         fprintf(stderr, "%s\n", fusewire_error_message(error));
//         fusewire_error_free(error);
//         return 1;
//     }
//
//     fusewire_permit permit;
//     if (fusewire_breaker_acquire(breaker, &permit, NULL) == FUSEWIRE_OK) {
//         if (pay() == 0) fusewire_permit_success(&permit);
//         else fusewire_permit_failure(&permit, "io");
//     }
//
//     fusewire_breaker_free(breaker);
//
// With `rate_limit`, `priority`, `bulkhead` or `concurrency_limit` in its document a breaker also says how much may be
// called at once, and by whom: `fusewire_breaker_acquire_with` tells how much a call matters,
// `fusewire_breaker_acquire_wait` waits for a slot, and `fusewire_breaker_enter` does so for an event loop.
//
// With `retry`, `fallback`, `cache` or `hedge` a call may be made more than once, or be answered by something else. Such a
// call is made step by step: `fusewire_breaker_begin` begins it, `fusewire_attempts_next` says what is to be done, and the
// program does it and tells how it came out. The rules are the library's; the calls, the waits and the values are yours.
//
// CONVENTIONS
//
// Names. `fusewire_TYPE_VERB(object, arguments..., results..., error)`. What a `const` pointer leads to is not
// changed.
//
// Results. Most functions return a `fusewire_status`. Below 100 they have done or decided what they were asked for;
// from 100 on they have failed: nothing was changed, and nothing was written but the detail to `error`. (What gives a
// permit also marks it as not given, what begins attempts marks them as not begun.) `FUSEWIRE_IS_ERROR` tells the two
// apart, `fusewire_status_text` puts a status into words. Functions that return a value say which one stands for
// failure.
//
// Errors. Where a function takes a `fusewire_error **error`, NULL there says that no detail is wanted; otherwise a
// failure writes an error there, to be freed with `fusewire_error_free`. Success leaves it alone.
//
// Ownership. A `_new`, `_from_json`, `_clone`, `_get...`, `_subscribe...` or `_enter` gives a handle; who got it frees
// it with the `_free` of its type. The order does not matter: what needs another object keeps it alive by itself.
// Permits and attempts do not: settle those of a handle before you free it, those that a place in a queue has given,
// too, and end these or give them up. `_free` of NULL does nothing. A handle that is freed twice ends the process with
// a message on stderr (SIGABRT); for one that is used after it was freed a function returns
// `FUSEWIRE_ERROR_INVALID_HANDLE`. Both are noticed for the last 1,024 handles of each type that were freed; beyond
// that such a mistake is undefined. Plain structs (options, requests, slots, permits, attempts, steps, endings,
// rejections, snapshots, events) are yours, need no freeing, and may lie wherever their type may.
//
// NULL. Every pointer is checked. For one that must not be NULL a function returns `FUSEWIRE_ERROR_NULL_ARGUMENT`;
// where NULL means something, the function says so.
//
// Strings. What goes in ends at its first NUL and is UTF-8; it is copied and needs to stay only for the call. What
// comes out as `char **` is yours, ends in a NUL, and is freed with `fusewire_string_free`; its length can be had,
// too. A `const char *` that comes out belongs to the library: it is static, or lives as long as the object it was
// asked of.
//
// Numbers. Small numbers such as states are `uint32_t` with a named enum beside them; one that is none of its values
// is an error, never undefined. Durations and instants are nanoseconds in `uint64_t`; instants are those of the
// breaker's clock, which is monotonic and has nothing to do with the time of day. `FUSEWIRE_NONE` stands for a value
// that is absent.
//
// Structs that grow begin with their `size`. Begin with `FUSEWIRE_OPTIONS_INIT`, `FUSEWIRE_SNAPSHOT_INIT`,
// `FUSEWIRE_REQUEST_INIT`, `FUSEWIRE_ENDING_INIT` or `FUSEWIRE_SLOTS_INIT` (where there are no macros: see the
// struct), and a program goes on to work with later libraries. A struct that is larger than a library knows is refused
// unless what that library does not know is 0. `FUSEWIRE_IS_SERVED()` tells whether the library serves this header.
//
// Threads. Every function may be called from any thread, and every handle may be shared, except that nobody may use a
// handle while another thread frees it. A permit may be settled by another thread than it was given to, but not by two
// at once; so it is with attempts. In steady state acquiring and settling take no lock and allocate nothing; a
// thread's first call of a breaker does, and so do a transition, the first failure of an error type, and whatever
// happens while calls wait for a slot. More than 64 threads on one breaker share some counters by turns.
//
// Signals. No function may be called from a signal handler.
//
// Callbacks. The library calls into the program in `fusewire_breaker_call`, on the thread that called it, and when a wait
// has ended for which `fusewire_waiting_notify` has set a callback, on the thread that has ended it.
//
// Panics. A defect of the library does not unwind into the program: the function returns `FUSEWIRE_ERROR_PANIC`, or
// what stands for failure, or the process ends (SIGABRT). So it does when memory runs out. The library sets no signal
// handler and no atexit function and leaves the locale alone; errno may change. It writes to stderr only before it
// ends the process, or when it panicked.
//
// Fork. A child may go on to use every handle, and make new ones: a fork waits until no thread is in the midst of what
// it could break (pthread_atfork), so no lock is inherited. The child has its own copy of every breaker, which knows
// nothing of the parent's calls from then on; its slots are all free, and nobody waits for one. Permits of calls that
// other threads were making are not settled there, and threads that waited are gone.


#ifndef FUSEWIRE_H
#define FUSEWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of this header, as `fusewire_version` has that of the library.
#define FUSEWIRE_VERSION "0.1.0"

// Whether the library that is loaded serves programs built with this header.
#define FUSEWIRE_IS_SERVED() \
    (fusewire_abi_version() >= FUSEWIRE_ABI_VERSION && fusewire_abi_version_minimum() <= FUSEWIRE_ABI_VERSION)

// Whether a status is an error: nothing was done then.
#define FUSEWIRE_IS_ERROR(status) ((status) >= 100)

// What structs with a size begin with.
#ifdef __cplusplus
#define FUSEWIRE_OPTIONS_INIT fusewire_options_init_()
#define FUSEWIRE_SNAPSHOT_INIT fusewire_snapshot_init_()
#define FUSEWIRE_REQUEST_INIT fusewire_request_init_()
#define FUSEWIRE_SLOTS_INIT fusewire_slots_init_()
#define FUSEWIRE_ENDING_INIT fusewire_ending_init_()
#else
#define FUSEWIRE_OPTIONS_INIT {.size = sizeof(fusewire_options)}
#define FUSEWIRE_SNAPSHOT_INIT {.size = sizeof(fusewire_snapshot)}
#define FUSEWIRE_REQUEST_INIT \
    {.size = sizeof(fusewire_request), .priority = FUSEWIRE_PRIORITY_NORMAL, .cost = 1, .deadline_ns = FUSEWIRE_NONE}
#define FUSEWIRE_ENDING_INIT \
    {.size = sizeof(fusewire_ending), .retry_after_ns = FUSEWIRE_NONE, .duration_ns = FUSEWIRE_NONE}
#define FUSEWIRE_SLOTS_INIT {.size = sizeof(fusewire_slots), .max_concurrent = FUSEWIRE_NONE}
#endif

// On functions whose result must be looked at.
#if defined(__GNUC__)
#define FUSEWIRE_MUST_USE __attribute__((warn_unused_result))
#else
#define FUSEWIRE_MUST_USE
#endif

// A permit that was not given yet.
#define FUSEWIRE_PERMIT_INIT {{0}}

// Attempts that were not begun yet.
#define FUSEWIRE_ATTEMPTS_INIT {{0}}


// The ABI that this header describes. It grows with each release that adds something; what an older header describes
// stays, down to `fusewire_abi_version_minimum`.
#define FUSEWIRE_ABI_VERSION 1

// What is absent, where a `uint64_t` stands.
#define FUSEWIRE_NONE UINT64_MAX

// What is none of its type's values, where a small number stands.
#define FUSEWIRE_INVALID UINT32_MAX

// How many priorities there are, for arrays by priority.
#define FUSEWIRE_PRIORITY_COUNT 5

// Room for the longest rung, `breaker:` and a name of 255 bytes, and its NUL.
#define FUSEWIRE_RUNG_SIZE 264

// How many reasons the arrays of a snapshot have room for; index by `fusewire_reason`.
#define FUSEWIRE_REASON_CAPACITY 32

// Room for the longest error type, 64 bytes, and its NUL.
#define FUSEWIRE_ERROR_TYPE_SIZE 72

// Room for the longest name, 255 bytes, and its NUL.
#define FUSEWIRE_NAME_SIZE 256

// Room for the longest actor, 64 bytes, and its NUL.
#define FUSEWIRE_ACTOR_SIZE 72

// Room for the longest reason that an actor gave, 256 bytes, and its NUL.
#define FUSEWIRE_REASON_TEXT_SIZE 264

// Room for the longest name of a feature, 64 bytes, and its NUL.
#define FUSEWIRE_FEATURE_SIZE 72

// The values of `fusewire_status`.
typedef enum fusewire_status_enum {
    // Done.
    FUSEWIRE_OK = 0,
    // Settled after its generation was over or its lease had ended: the outcome counts in the totals only.
    FUSEWIRE_LATE = 1,
    // The rules are what they were: nothing was changed.
    FUSEWIRE_UNCHANGED = 2,
    // The time is over, and what was waited for has not come.
    FUSEWIRE_TIMED_OUT = 3,
    // The subscription was closed, and all its events were taken.
    FUSEWIRE_SUBSCRIPTION_CLOSED = 4,
    // The function of `fusewire_breaker_call` has returned no outcome: the call counts as ignored.
    FUSEWIRE_NO_OUTCOME = 5,
    // The call waits in the queue for a slot: there is no permit yet.
    FUSEWIRE_QUEUED = 6,
    // There is none of what was asked for.
    FUSEWIRE_ABSENT = 7,
    // The breaker turns the call away. Nothing has run, and there is nothing to settle.
    FUSEWIRE_REJECTED = 10,
    // A pointer is NULL that must not be.
    FUSEWIRE_ERROR_NULL_ARGUMENT = 100,
    // A text is not UTF-8.
    FUSEWIRE_ERROR_NOT_UTF8 = 101,
    // A number is not among the values of its type, or out of range.
    FUSEWIRE_ERROR_INVALID_VALUE = 102,
    // The `size` of a struct is none that this library knows; use the `_INIT` macros.
    FUSEWIRE_ERROR_INVALID_SIZE = 103,
    // The handle was freed, or never was one of that type.
    FUSEWIRE_ERROR_INVALID_HANDLE = 104,
    // The permit was not given by an `acquire` that answered `FUSEWIRE_OK`.
    FUSEWIRE_ERROR_INVALID_PERMIT = 105,
    // The permit was settled before; nothing was counted.
    FUSEWIRE_ERROR_ALREADY_SETTLED = 106,
    // How the wait ended was told before.
    FUSEWIRE_ERROR_ALREADY_TOLD = 107,
    // The attempts were not begun, or were given up.
    FUSEWIRE_ERROR_NOT_BEGUN = 108,
    // That is not what is to be told now: see the step that the attempts are at. Nothing was counted.
    FUSEWIRE_ERROR_WRONG_STEP = 109,
    // The configuration is wrong; the error names the key, the value and what is allowed.
    FUSEWIRE_ERROR_CONFIG = 110,
    // The name is wrong: 1 to 255 bytes of UTF-8 without control characters.
    FUSEWIRE_ERROR_NAME = 111,
    // The name is taken by a breaker with another configuration; the error tells both.
    FUSEWIRE_ERROR_CONFLICT = 112,
    // The registry has no breaker of that name.
    FUSEWIRE_ERROR_UNKNOWN_BREAKER = 113,
    // A defect of this library: something in it panicked. Please report it.
    FUSEWIRE_ERROR_PANIC = 199,
} fusewire_status_enum;

// The values of `fusewire_state`.
typedef enum fusewire_state_enum {
    // Calls pass.
    FUSEWIRE_STATE_CLOSED = 0,
    // Calls are rejected until a deadline.
    FUSEWIRE_STATE_OPEN = 1,
    // A few probes, or a share of the calls, find out whether the dependency is back.
    FUSEWIRE_STATE_HALF_OPEN = 2,
} fusewire_state_enum;

// The values of `fusewire_mode`.
typedef enum fusewire_mode_enum {
    // The machine decides. The default.
    FUSEWIRE_MODE_AUTO = 0,
    // The machine runs, but what it would reject is admitted, marked and counted.
    FUSEWIRE_MODE_SHADOW = 1,
    // Every call is rejected; the machine stands still.
    FUSEWIRE_MODE_FORCED_OPEN = 2,
    // Every call is admitted; the machine stands still.
    FUSEWIRE_MODE_FORCED_CLOSED = 3,
} fusewire_mode_enum;

// The values of `fusewire_outcome`.
typedef enum fusewire_outcome_enum {
    // The dependency did what it should.
    FUSEWIRE_OUTCOME_SUCCESS = 0,
    // The dependency failed.
    FUSEWIRE_OUTCOME_FAILURE = 1,
    // Says nothing about the dependency: no threshold or window sees it.
    FUSEWIRE_OUTCOME_IGNORED = 2,
} fusewire_outcome_enum;

// The values of `fusewire_reason`.
typedef enum fusewire_reason_enum {
    // The breaker is open.
    FUSEWIRE_REASON_OPEN = 0,
    // All probes of the half-open state are given.
    FUSEWIRE_REASON_HALF_OPEN_FULL = 1,
    // This call is not in the share that a ramp admits.
    FUSEWIRE_REASON_RAMP = 2,
    // The breaker's mode is forced open.
    FUSEWIRE_REASON_FORCED_OPEN = 3,
    // The call's priority is below the lowest that is let in.
    FUSEWIRE_REASON_SHED = 4,
    // `rate_limit`: calls come too fast.
    FUSEWIRE_REASON_RATE_LIMITED = 5,
    // `bulkhead`: no slot for a call of this priority, and no place in the queue.
    FUSEWIRE_REASON_BULKHEAD_FULL = 6,
    // The call has waited for a slot as long as it may.
    FUSEWIRE_REASON_QUEUE_TIMEOUT = 7,
    // `concurrency_limit`: no slot for a call of this priority, and no place in the queue.
    FUSEWIRE_REASON_LIMIT_REACHED = 8,
    // The breaker was closed for good.
    FUSEWIRE_REASON_CLOSED = 9,
    // The call's feature is disabled.
    FUSEWIRE_REASON_FEATURE_DISABLED = 10,
} fusewire_reason_enum;

// The values of `fusewire_priority`.
typedef enum fusewire_priority_enum {
    // Shed first.
    FUSEWIRE_PRIORITY_BULK = 0,
    // Below the default.
    FUSEWIRE_PRIORITY_LOW = 1,
    // The default.
    FUSEWIRE_PRIORITY_NORMAL = 2,
    // Above the default.
    FUSEWIRE_PRIORITY_HIGH = 3,
    // Kept as long as anything is.
    FUSEWIRE_PRIORITY_CRITICAL = 4,
} fusewire_priority_enum;

// The values of `fusewire_cause`.
typedef enum fusewire_cause_enum {
    // There was no transition yet.
    FUSEWIRE_CAUSE_NONE = 0,
    // Consecutive failures reached `failure_threshold`.
    FUSEWIRE_CAUSE_FAILURE_THRESHOLD = 1,
    // The window's failure rate reached its threshold.
    FUSEWIRE_CAUSE_FAILURE_RATE = 2,
    // The window's slow-call rate reached its threshold.
    FUSEWIRE_CAUSE_SLOW_CALL_RATE = 3,
    // Open lasted as long as it should.
    FUSEWIRE_CAUSE_RECOVERY_TIMEOUT = 4,
    // Enough probes succeeded.
    FUSEWIRE_CAUSE_PROBES_SUCCEEDED = 5,
    // A probe failed, and enough successes can no longer be reached.
    FUSEWIRE_CAUSE_PROBE_FAILED = 6,
    // A probe's lease ended, and enough successes can no longer be reached.
    FUSEWIRE_CAUSE_PROBE_EXPIRED = 7,
    // A step of the ramp had too many failures.
    FUSEWIRE_CAUSE_RAMP_FAILED = 8,
    // The last step of the ramp is passed.
    FUSEWIRE_CAUSE_RAMP_COMPLETED = 9,
    // `trip` or `half_open` by hand.
    FUSEWIRE_CAUSE_MANUAL = 10,
    // `reset` by hand.
    FUSEWIRE_CAUSE_RESET = 11,
    // A forced mode was entered or left.
    FUSEWIRE_CAUSE_MODE = 12,
    // The configuration changed.
    FUSEWIRE_CAUSE_RECONFIGURED = 13,
    // A required feature failed its test.
    FUSEWIRE_CAUSE_FEATURE_FAILED = 14,
} fusewire_cause_enum;

// The values of `fusewire_window`.
typedef enum fusewire_window_enum {
    // No window: consecutive failures open the breaker.
    FUSEWIRE_WINDOW_NONE = 0,
    // The last `window_size` outcomes.
    FUSEWIRE_WINDOW_COUNT = 1,
    // The outcomes of the last `window_period_ns`.
    FUSEWIRE_WINDOW_TIME = 2,
    // Like that of time, with a threshold that follows the service's own history.
    FUSEWIRE_WINDOW_ADAPTIVE = 3,
} fusewire_window_enum;

// The values of `fusewire_event_kind`.
typedef enum fusewire_event_kind_enum {
    // A transition of the breaker.
    FUSEWIRE_EVENT_TRANSITION = 0,
} fusewire_event_kind_enum;

// The values of `fusewire_policy`.
typedef enum fusewire_policy_enum {
    // The lowest priority that is let in.
    FUSEWIRE_POLICY_MIN_PRIORITY = 0,
    // The slots of a bulkhead.
    FUSEWIRE_POLICY_SLOTS = 1,
    // The concurrency limit, by hand; what it finds by itself is no event.
    FUSEWIRE_POLICY_LIMIT = 2,
    // The rate, or the limit of a window: by hand, or by itself.
    FUSEWIRE_POLICY_RATE = 3,
    // The breaker was closed for good.
    FUSEWIRE_POLICY_CLOSE = 4,
    // The state of a feature.
    FUSEWIRE_POLICY_FEATURE = 5,
} fusewire_policy_enum;

// The values of `fusewire_step_kind`.
typedef enum fusewire_step_kind_enum {
    // Make the call, then tell how it ended: `fusewire_attempts_settle`, or `_success` or `_failure`.
    FUSEWIRE_STEP_CALL = 0,
    // Wait for `wait_ns`, then ask for the next step again.
    FUSEWIRE_STEP_WAIT = 1,
    // Answer from the rung, then tell whether it has: `fusewire_attempts_answered`.
    FUSEWIRE_STEP_USE = 2,
    // It is over.
    FUSEWIRE_STEP_DONE = 3,
} fusewire_step_kind_enum;

// The values of `fusewire_rung`.
typedef enum fusewire_rung_enum {
    // There is no rung.
    FUSEWIRE_RUNG_NONE = 0,
    // The answer of an earlier call of the same key: see `fusewire_breaker_cache_any`.
    FUSEWIRE_RUNG_CACHE = 1,
    // A call through another breaker, whose name stands behind `breaker:`.
    FUSEWIRE_RUNG_BREAKER = 2,
    // What the program has under that name: a function or a constant.
    FUSEWIRE_RUNG_NAMED = 3,
} fusewire_rung_enum;

// The values of `fusewire_role`.
typedef enum fusewire_role_enum {
    // It makes the attempts, and lands or leaves.
    FUSEWIRE_ROLE_LEAD = 0,
    // It waits until it is handed the leader's answer, is told to lead, or leaves.
    FUSEWIRE_ROLE_FOLLOW = 1,
} fusewire_role_enum;

// The values of `fusewire_feature_state`.
typedef enum fusewire_feature_state_enum {
    // Its calls pass; it is judged by their outcomes.
    FUSEWIRE_FEATURE_ENABLED = 0,
    // Its calls pass, for as long as they are to show whether it works.
    FUSEWIRE_FEATURE_TESTING = 1,
    // Its calls are turned away with `FUSEWIRE_REASON_FEATURE_DISABLED`.
    FUSEWIRE_FEATURE_DISABLED = 2,
} fusewire_feature_state_enum;

// The values of `fusewire_feature_cause`.
typedef enum fusewire_feature_cause_enum {
    // It is no change of a feature.
    FUSEWIRE_FEATURE_CAUSE_NONE = 0,
    // The breaker opened: every feature is disabled.
    FUSEWIRE_FEATURE_CAUSE_OPENED = 1,
    // Its turn to be tested has come.
    FUSEWIRE_FEATURE_CAUSE_RECOVERY = 2,
    // It passed its test.
    FUSEWIRE_FEATURE_CAUSE_PASSED = 3,
    // It failed its test.
    FUSEWIRE_FEATURE_CAUSE_FAILED = 4,
    // A required feature failed its test: every other one is disabled, and the breaker opens.
    FUSEWIRE_FEATURE_CAUSE_ROLLED_BACK = 5,
    // Its health fell too far.
    FUSEWIRE_FEATURE_CAUSE_UNHEALTHY = 6,
    // A feature that it requires was disabled.
    FUSEWIRE_FEATURE_CAUSE_REQUIREMENT = 7,
    // The breaker was reset: every feature is enabled.
    FUSEWIRE_FEATURE_CAUSE_RESET = 8,
    // A forced mode was left: every feature is enabled.
    FUSEWIRE_FEATURE_CAUSE_MODE = 9,
} fusewire_feature_cause_enum;

// A handle of a circuit breaker, which guards one dependency. A breaker lives as long as one of its handles, its
// registry or a call in it. Free each handle with `fusewire_breaker_free`, after the permits that were given through
// it are settled. Threads may share a handle.
typedef struct fusewire_breaker fusewire_breaker;

// What went wrong, in detail. Functions that take a `fusewire_error **error` write one there when they fail, and then
// only; NULL there says that none is wanted. Free it with `fusewire_error_free`. Its texts live as long as it does.
// Threads may share it.
typedef struct fusewire_error fusewire_error;

// A clock that moves only when it is told to: give it to breakers, by `fusewire_options` or a registry, and test what
// they do over time without waiting. It begins at 0. Breakers keep what they need of it, so it may be freed before
// them. Threads may share it.
typedef struct fusewire_manual_clock fusewire_manual_clock;

// The changes around the machine of one breaker, from the subscription on, kept until they are taken. It does not keep
// its breaker alive: when that is gone, it is closed. Threads may share it.
typedef struct fusewire_policy_subscription fusewire_policy_subscription;

// Maps a name to its breaker. A breaker lives on when its registry is freed, as long as there is a handle of it.
// Threads may share a registry.
typedef struct fusewire_registry fusewire_registry;

// The transitions of one breaker from the subscription on, kept until they are taken. It does not keep its breaker
// alive: when that is gone, it is closed. Threads may share it.
typedef struct fusewire_subscription fusewire_subscription;

// A call's place in the queue for a slot. It ends once: with a slot, or without one when its time is over or the
// breaker turns the call away. Ask it with `fusewire_waiting_try_end` or `fusewire_waiting_wait`, and free it with
// `fusewire_waiting_free`, at any time: a place whose end was not told is given up then, as if the call had never
// waited. The permit that it gives belongs to the handle of the breaker that was entered through. Threads may share
// it.
typedef struct fusewire_waiting fusewire_waiting;

// What a function returns: one of `fusewire_status_enum`. 100 and above are errors; below, what was asked for was done
// or decided. Later versions add codes: treat one that you do not know by that rule.
typedef uint32_t fusewire_status;

// A state: one of `fusewire_state_enum`.
typedef uint32_t fusewire_state;

// A mode: one of `fusewire_mode_enum`.
typedef uint32_t fusewire_mode;

// How a call ended: one of `fusewire_outcome_enum`.
typedef uint32_t fusewire_outcome;

// Why a call is turned away: one of `fusewire_reason_enum`. Later versions add reasons.
typedef uint32_t fusewire_reason;

// How much a call matters: one of `fusewire_priority_enum`, and the place in arrays by priority.
typedef uint32_t fusewire_priority;

// What led to a transition: one of `fusewire_cause_enum`. Later versions add causes.
typedef uint32_t fusewire_cause;

// What a window counts: one of `fusewire_window_enum`.
typedef uint32_t fusewire_window;

// How a breaker is built. Begin with `fusewire_options options = FUSEWIRE_OPTIONS_INIT;` and set what you want: a
// field that is 0 or NULL is left out: its key is that of `document`, or takes its default. What is not here is set by
// `document`, such as the tables `backoff`, `ramp`, `rate_limit`, `priority`, `bulkhead`, `concurrency_limit`,
// `timeout`, `retry`, `fallback`, `cache`, `hedge` and `features`.
// Ranges and defaults are those of the configuration document; see `fusewire_schema`. Without macros: make all bytes 0
// and set `size`.
typedef struct fusewire_options {
    // `sizeof(fusewire_options)`. Later versions add fields at the end.
    size_t size;
    // The configuration document, JSON text, or NULL. Fields below that are set replace its keys one by one, those of
    // its window, too.
    const char *document;
    // The clock, or NULL for the registry's, without one the system's monotonic clock. Of no account for a breaker
    // that a registry has already.
    const struct fusewire_manual_clock *clock;
    // Consecutive failures that open the breaker: 1 to 1,000,000, default 5. Not beside a window.
    uint32_t failure_threshold;
    // How many probes decide in half-open: 1 to 64, default 3.
    uint32_t half_open_max_calls;
    // Successful probes that close the breaker: 1 to `half_open_max_calls`, which is the default.
    uint32_t success_threshold;
    // The initial mode, a `fusewire_mode`. 0, which is also `FUSEWIRE_MODE_AUTO`, leaves it to `document`.
    fusewire_mode mode;
    // How long open lasts, in nanoseconds: 1 ms to 168 h, default 60 s.
    uint64_t recovery_timeout_ns;
    // A call that took at least this long, in nanoseconds, is slow: 1 ms to 168 h, default: none is.
    uint64_t slow_call_duration_ns;
    // What the window counts, a `fusewire_window`; 0 leaves it to `document`. The fields below belong to it.
    fusewire_window window;
    // Of a window that counts: how many outcomes it holds, 1 to 65,535, default 100.
    uint32_t window_size;
    // Of the other windows: how far back they look, in nanoseconds, 1 s to 24 h, default 60 s.
    uint64_t window_period_ns;
    // Outcomes below which no rate is judged: 1 to 1,000,000, default 20; at most `window_size`.
    uint32_t window_min_calls;
    // Must be 0.
    uint32_t reserved;
    // Share of failures that opens: above 0 and at most 1, default 0.5.
    double window_failure_rate;
    // Share of slow calls that opens: above 0 and at most 1, default: none does. Needs `slow_call_duration_ns`.
    double window_slow_call_rate;
} fusewire_options;

// Permission to make one call. A plain struct of the caller's: put it on the stack, move it with the call, and settle
// it once: from any thread, but not from two at once. It needs no freeing. Settle every permit: one that never is
// keeps a probe's place until `half_open_timeout` ends its lease, and a slot of a bulkhead for good. Do not settle
// copies of one.
typedef struct fusewire_permit {
    // For this library alone.
    uint64_t opaque[8];
} fusewire_permit;

// Why a call was turned away.
typedef struct fusewire_rejection {
    // The earliest time from now at which the answer can differ, in nanoseconds; `FUSEWIRE_NONE` when it is unknown.
    // On the system's clock it may be a tick (10 ms at most) too long while the breaker is open.
    uint64_t retry_after_ns;
    // The last failure before, for `fusewire_breaker_last_failure`; 0 when there was none.
    uint64_t last_failure;
    // Why, a `fusewire_reason`.
    fusewire_reason reason;
    // 0, for what later versions have to say.
    uint32_t reserved[5];
} fusewire_rejection;

// A call. `*error_type` is NULL; a failure may set it to a text that stays until `fusewire_breaker_call`
// returns, under which the failure is counted. Returns how the call ended, a `fusewire_outcome`.
typedef fusewire_outcome (*fusewire_function)(void *userdata, const char **error_type);

// What a call asks for. Begin with `fusewire_request request = FUSEWIRE_REQUEST_INIT;`, which is what a call asks for
// that says nothing, and set what is different. Without macros: set every field. What a breaker's document does not
// speak of is not looked at, but for a cost of 0, a feature that the document does not have, and a deadline.
typedef struct fusewire_request {
    // `sizeof(fusewire_request)`. Later versions add fields at the end.
    size_t size;
    // How much the call matters, a `fusewire_priority`: `FUSEWIRE_PRIORITY_NORMAL` to begin with.
    fusewire_priority priority;
    // How much of a rate limit it takes: 1 to begin with, at least 1, and at most what the limit ever has (1 for a
    // sliding window).
    uint32_t cost;
    // When the call is of no use any more, in nanoseconds of the breaker's clock: it waits no longer than that in a
    // queue, for no turn that comes later and for no attempt that would begin later, and an attempt may take no longer.
    // Attempts that are begun after it are over at once, as a failure of error type `timeout` after none.
    // `FUSEWIRE_NONE`, to begin with, for none.
    uint64_t deadline_ns;
    // The feature that the call is of, one of the document's `features`; NULL, to begin with, for none. Its text, like
    // those below, needs to stay only for the call that is given the request.
    const char *feature;
    // The method, such as `GET`, in any case: `retry.per_method` tells how often a call of it may be tried. NULL, to begin with, for
    // none.
    const char *method;
    // Under what the answer is cached, and which calls are the same. NULL, to begin with: nothing is cached.
    const char *key;
    // Not 0: the call may be made more than once, although its method alone does not say so. 0 to begin with.
    uint32_t idempotent;
    // Not 0: the call cannot be made more than once, whatever its method, as when its body cannot be sent again: it is
    // neither retried nor hedged. 0 to begin with.
    uint32_t once;
} fusewire_request;

// Calls `fusewire_waiting_notify`'s callback when the wait has ended, on the thread that has ended it: one that
// settles a call, changes the breaker by hand, or polls. It must not block, unwind or call this library: let it write
// to a pipe or an `eventfd`, and ask the place from the loop that reads that.
typedef void (*fusewire_callback)(void *userdata);

// A call with its attempts: retries with their waits and budget, timeouts, and the rungs that answer when it fails. It
// says what is to be done, one step after the other, and does none of it but asking the breaker for permits. A plain
// struct of the caller's, which needs no freeing: put it on the stack, move it with the call, and follow its steps to
// the end, or give it up with `fusewire_attempts_abandon`; one that is left in the middle of an attempt keeps what a
// permit keeps that is never settled. Any thread may go on with it, but no two at once. Do not use copies of one.
typedef struct fusewire_attempts {
    // For this library alone.
    uint64_t opaque[48];
} fusewire_attempts;

// What is to be done: one of `fusewire_step_kind_enum`.
typedef uint32_t fusewire_step_kind;

// What a rung answers from: one of `fusewire_rung_enum`.
typedef uint32_t fusewire_rung;

// What is to be done now in a call that is made step by step. What does not belong to its kind is absent.
typedef struct fusewire_step {
    // What, a `fusewire_step_kind`.
    fusewire_step_kind kind;
    // Of a call: its number, from 1. At the end: how many there were. It counts how often the breaker was asked.
    uint32_t attempt;
    // Of a call: how long it may take, in nanoseconds from now; absent when nothing sets a timeout. End it then, and
    // settle it as a failure of error type `timeout`.
    uint64_t timeout_ns;
    // Of a wait: how long, in nanoseconds from now; else 0.
    uint64_t wait_ns;
    // At the end: of the last attempt that ran, or success when a rung has answered, a `fusewire_outcome`.
    // `FUSEWIRE_INVALID` when nothing ran and nothing has answered, and before the end. A failure after no attempts: the
    // deadline had passed when the call began.
    fusewire_outcome outcome;
    // What `rung` answers from, a `fusewire_rung`.
    fusewire_rung rung_kind;
    // At the end: why the last attempt was turned away; its `reason` is `FUSEWIRE_INVALID` when it was not, and before
    // the end.
    struct fusewire_rejection rejection;
    // The rung that is to answer, as the document writes it; at the end the one that has, when the answer is degraded.
    // Else empty.
    char rung[FUSEWIRE_RUNG_SIZE];
    // At the end: the error type of the last attempt that failed, cut at 64 bytes. Else empty.
    char error_type[FUSEWIRE_ERROR_TYPE_SIZE];
    // Always 0.
    uint64_t reserved[4];
} fusewire_step;

// How an attempt ended. Begin with `fusewire_ending ending = FUSEWIRE_ENDING_INIT;`, which is a success, and set what is
// different. Without macros: all bytes 0, then `size`, and `FUSEWIRE_NONE` for both durations.
typedef struct fusewire_ending {
    // `sizeof(fusewire_ending)`. Later versions add fields at the end.
    size_t size;
    // How, a `fusewire_outcome`: `FUSEWIRE_OUTCOME_SUCCESS` to begin with. An ignored attempt says nothing about the
    // dependency; it is not tried once more, and nothing answers in its place.
    fusewire_outcome outcome;
    // The HTTP status of the answer, 100 to 999: it tells the category of a failure where the error type does not. 0,
    // to begin with, for none.
    uint32_t http_status;
    // What kind of error it was: the names that `retry.on` is about, such as `timeout` or `connection_refused`,
    // `http_503` for a status, or any other. NULL, to begin with, for none. Its text needs to stay only for the call.
    const char *error_type;
    // How long the dependency asks to wait, as by `Retry-After`, in nanoseconds: a retry waits at least as long.
    // `FUSEWIRE_NONE`, to begin with, when it does not.
    uint64_t retry_after_ns;
    // How long the attempt took, in nanoseconds; `FUSEWIRE_NONE`, to begin with, leaves that to the clock.
    uint64_t duration_ns;
    // Not 0: the failure stands, no rung answers in its place. 0 to begin with.
    uint32_t without_fallback;
    // Always 0.
    uint32_t reserved;
} fusewire_ending;

// Where the program keeps an answer: in an array of its own, beside the version. What has another version there is not
// what was asked for, and stands for nothing.
typedef struct fusewire_place {
    // No two stores of a breaker share one.
    uint64_t version;
    // From 0, and below the most entries there ever were.
    uint32_t at;
    // Of a store: 1 when another answer was there, which goes; else 0.
    uint32_t replaces;
} fusewire_place;

// What a call is to do among those of its key: one of `fusewire_role_enum`.
typedef uint32_t fusewire_role;

// A call among those of its key.
typedef struct fusewire_flight {
    // Its name, which no other of the breaker has; from 1 and in the order of joining.
    uint64_t ticket;
    // What it is to do, a `fusewire_role`.
    fusewire_role role;
    // Always 0.
    uint32_t reserved;
} fusewire_flight;

// The slots of a bulkhead, for `fusewire_breaker_set_slots`. Begin with `fusewire_slots slots = FUSEWIRE_SLOTS_INIT;`.
// Without macros: all bytes 0, then `size` and `max_concurrent`.
typedef struct fusewire_slots {
    // `sizeof(fusewire_slots)`. Later versions add fields at the end.
    size_t size;
    // How many calls may be in flight, 1 to 1,000,000, where slots are reserved 1 to 4,095. `FUSEWIRE_NONE`, to begin
    // with, leaves it as it is.
    uint64_t max_concurrent;
    // How many of them are kept for calls of a priority, by `fusewire_priority`: 0 to begin with; together at most
    // `max_concurrent`.
    uint64_t reserved[FUSEWIRE_PRIORITY_COUNT];
} fusewire_slots;

// A breaker at one instant. Begin with `fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;`. What belongs to the
// machine is of one instant; each total is exact but may be read a moment later. What is absent is `FUSEWIRE_NONE`,
// and NAN where a share stands. Histograms, error types,
// features, and counts of retries, fallbacks, caches and hedges are in the JSON and the metrics text.
typedef struct fusewire_snapshot {
    // `sizeof(fusewire_snapshot)`. Later versions add fields at the end.
    size_t size;
    // The effective state: open past its deadline reads half-open.
    fusewire_state state;
    // The state as it is stored.
    fusewire_state stored_state;
    // The mode.
    fusewire_mode mode;
    // What led to the last transition; `FUSEWIRE_CAUSE_NONE` before the first.
    fusewire_cause last_cause;
    // The state before the last transition; `FUSEWIRE_INVALID` before the first.
    fusewire_state last_from;
    // The state after the last transition; `FUSEWIRE_INVALID` before the first.
    fusewire_state last_to;
    // When the last transition was, on the breaker's clock; absent before the first.
    uint64_t last_at_ns;
    // Transitions so far.
    uint64_t generation;
    // Openings so far.
    uint64_t opened;
    // Openings in a row: k of the backoff.
    uint64_t openings_in_a_row;
    // When to come again, in nanoseconds; absent in closed and half-open and in a forced mode, 0 in open past its
    // deadline.
    uint64_t retry_after_ns;
    // Absent with a window.
    uint64_t consecutive_failures;
    // Outcomes in the window; absent without one, as the next three. While open: as it was when the breaker opened.
    uint64_t window_total;
    // How many of them failed.
    uint64_t window_failures;
    // How many of them were slow.
    uint64_t window_slow;
    // Share of failures; absent until `min_calls` are there.
    double window_failure_rate;
    // Share of slow calls; absent until `min_calls` are there, and when no slow-call rate is configured.
    double window_slow_call_rate;
    // Of an adaptive window: the learned share of failures.
    double window_baseline;
    // Of an adaptive window: the share that opens; absent until `min_calls` are there.
    double window_threshold;
    // Probes admitted and not settled.
    uint32_t half_open_in_flight;
    // Probes that succeeded.
    uint32_t half_open_successes;
    // Probes that failed or expired.
    uint32_t half_open_failures;
    // The step of the ramp, from 1; 0 outside a ramp.
    uint32_t ramp_step;
    // The share of the calls that the ramp admits; absent outside a ramp.
    double ramp_share;
    // Calls settled in this step.
    uint32_t ramp_settled;
    // How many of them failed.
    uint32_t ramp_failures;
    // Calls settled as success.
    uint64_t success;
    // Calls settled as failure.
    uint64_t failure;
    // Calls settled as ignored, or given up.
    uint64_t ignored;
    // Successes and failures that took at least `slow_call_duration`.
    uint64_t slow;
    // Settled after their generation was over.
    uint64_t late;
    // Probes whose lease ended before they were settled.
    uint64_t expired;
    // Rejections, by `fusewire_reason`.
    uint64_t rejected[FUSEWIRE_REASON_CAPACITY];
    // What shadow mode admitted and would have rejected, by `fusewire_reason`.
    uint64_t would_reject[FUSEWIRE_REASON_CAPACITY];
    // When the last failure was settled, on the breaker's clock; absent before the first.
    uint64_t last_failure_at_ns;
    // The error type of the last failure; empty when it has none.
    char last_failure_type[FUSEWIRE_ERROR_TYPE_SIZE];
    // Calls that passed a breaker that would have turned them away, by `open_bypass`; counted at admission.
    uint64_t bypassed;
    // The rate in force, in calls a second, or the limit of a window; absent without `rate_limit`, as the next two.
    double rate;
    // Whole tokens that a critical call finds, or what is left of a window's limit; absent for a leaky bucket.
    uint64_t rate_available;
    // How long a critical call of cost 1 would be turned away, in nanoseconds; absent when it would not.
    uint64_t rate_retry_after_ns;
    // Slots in all, of a bulkhead or a concurrency limit; absent without either, and the next three are 0 then.
    uint64_t slots;
    // Calls that have a slot, by `fusewire_priority`.
    uint64_t slots_taken[FUSEWIRE_PRIORITY_COUNT];
    // Calls that wait for one, by `fusewire_priority`.
    uint64_t queued[FUSEWIRE_PRIORITY_COUNT];
    // Slots that are kept for a priority, by `fusewire_priority`.
    uint64_t slots_reserved[FUSEWIRE_PRIORITY_COUNT];
    // Calls that were admitted, by `fusewire_priority`; 0 without gates, as the next.
    uint64_t admitted_by_priority[FUSEWIRE_PRIORITY_COUNT];
    // Calls that were turned away, by `fusewire_priority`; those by a breaker that is closed for good are in
    // `rejected` alone.
    uint64_t refused_by_priority[FUSEWIRE_PRIORITY_COUNT];
    // The lowest priority that is let in; `FUSEWIRE_INVALID` without gates.
    fusewire_priority min_priority;
    // Always 0.
    uint32_t reserved;
    // How long a call without a deadline of its own may take; absent without `timeout`.
    uint64_t timeout_ns;
    // How many retries and hedges may begin now; absent without `retry`, and with `budget: false`.
    uint64_t retry_budget;
    // How well `exponential`, `fibonacci` and `decorrelated_jitter` have done, 0 to 1: of `retry.backoff` of the kind
    // `adaptive`, which chooses from them; absent with other kinds.
    double retry_scores[3];
} fusewire_snapshot;

// A failure.
typedef struct fusewire_failure {
    // When it was settled, on the breaker's clock.
    uint64_t at_ns;
    // Its error type; empty when it has none, `other` when the type came after the first twenty.
    char error_type[FUSEWIRE_ERROR_TYPE_SIZE];
    // Always 0, for what later versions have to say.
    uint64_t reserved[2];
} fusewire_failure;

// What an event tells of: one of `fusewire_event_kind_enum`. Later versions add kinds.
typedef uint32_t fusewire_event_kind;

// An event.
typedef struct fusewire_event {
    // The generation that began; 1 is a breaker's first transition.
    uint64_t generation;
    // When, in nanoseconds on the breaker's clock.
    uint64_t at_ns;
    // How many events this subscription missed since the one before.
    uint64_t missed;
    // Of the counts that led to it: consecutive failures, or outcomes of the window or the probes.
    uint64_t total;
    // How many of them failed.
    uint64_t failures;
    // How many of them were slow.
    uint64_t slow;
    // The state before.
    fusewire_state from;
    // The state after.
    fusewire_state to;
    // What led to it.
    fusewire_cause cause;
    // The mode after; with cause `FUSEWIRE_CAUSE_MODE` the one that was set.
    fusewire_mode mode;
    // What this tells of; a program passes over kinds that it does not know.
    fusewire_event_kind kind;
    // Always 0.
    uint32_t reserved;
    // The breaker's name.
    char breaker[FUSEWIRE_NAME_SIZE];
    // Who did it, if it was done by hand; else empty.
    char actor[FUSEWIRE_ACTOR_SIZE];
    // Why, if it was done by hand; else empty.
    char reason[FUSEWIRE_REASON_TEXT_SIZE];
} fusewire_event;

// Whether calls of a feature are let in: one of `fusewire_feature_state_enum`.
typedef uint32_t fusewire_feature_state;

// What changed a feature's state: one of `fusewire_feature_cause_enum`. Later versions add causes.
typedef uint32_t fusewire_feature_cause;

// What changed around the machine: one of `fusewire_policy_enum`. Later versions add kinds.
typedef uint32_t fusewire_policy;

// A change around the machine. What does not belong to its kind is 0.
typedef struct fusewire_policy_event {
    // 1 for the breaker's first, and one more for each.
    uint64_t sequence;
    // The generation it happened in.
    uint64_t generation;
    // When, in nanoseconds on the breaker's clock.
    uint64_t at_ns;
    // How many events this subscription missed since the one before.
    uint64_t missed;
    // What changed, a `fusewire_policy`; a program passes over kinds that it does not know.
    fusewire_policy kind;
    // Always 0.
    uint32_t reserved;
    // The rate (in calls a second), the limit, the `fusewire_priority`, the `fusewire_feature_state`, or of slots how many
    // there were in all.
    double from;
    // The same, after.
    double to;
    // Of slots: how many were kept for each priority.
    uint64_t from_reserved[FUSEWIRE_PRIORITY_COUNT];
    // The same, after.
    uint64_t to_reserved[FUSEWIRE_PRIORITY_COUNT];
    // The breaker's name.
    char breaker[FUSEWIRE_NAME_SIZE];
    // Who did it; empty when it happened by itself, or nobody was told.
    char actor[FUSEWIRE_ACTOR_SIZE];
    // Why, if it was done by hand; else empty.
    char reason[FUSEWIRE_REASON_TEXT_SIZE];
    // Of a feature: its name.
    char feature[FUSEWIRE_FEATURE_SIZE];
    // Of a feature: the share of successes in the state before, of the last 50 outcomes at most; NAN without any.
    double health;
    // Of a feature: what changed it, a `fusewire_feature_cause`.
    fusewire_feature_cause feature_cause;
    // Always 0.
    uint32_t reserved_too;
} fusewire_policy_event;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library, such as `0.1.0`. The text is static.
const char *fusewire_version(void);

// The ABI of the library; at least `FUSEWIRE_ABI_VERSION` of the header that a program was built with, or it may lack
// functions that the header has.
uint32_t fusewire_abi_version(void);

// The oldest ABI that the library still serves.
uint32_t fusewire_abi_version_minimum(void);

// The JSON schema of the configuration document. Writes a text that `fusewire_string_free` frees, and its length
// without the NUL to `length`, unless that is NULL. Returns `FUSEWIRE_ERROR_NULL_ARGUMENT` when `schema` is NULL.
fusewire_status fusewire_schema(char **schema,
                                size_t *length);

// What a status says, in a sentence; `unknown status` for a number that is none. The text is static.
const char *fusewire_status_text(fusewire_status status);

// The name of a state in metrics, events and vectors, such as `half_open`; `unknown` for a number that is none. The
// text is static.
const char *fusewire_state_name(fusewire_state state);

// The name of a mode in documents and metrics, such as `forced_open`; `unknown` for a number that is none. The
// text is static.
const char *fusewire_mode_name(fusewire_mode mode);

// The name of an outcome in metrics, such as `success`; `unknown` for a number that is none. The text is static.
const char *fusewire_outcome_name(fusewire_outcome outcome);

// The name of a reason in metrics and messages, such as `half_open_full`; `unknown` for a number that is none. The
// text is static.
const char *fusewire_reason_name(fusewire_reason reason);

// The name of a priority in documents and metrics, such as `critical`; `unknown` for a number that is none. The text is
// static.
const char *fusewire_priority_name(fusewire_priority priority);

// The name of a cause in events, such as `probe_failed`; `none` for `FUSEWIRE_CAUSE_NONE`, `unknown` for a number that
// is none. The text is static.
const char *fusewire_cause_name(fusewire_cause cause);

// Its status; `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE` when `error` is NULL or no live handle.
fusewire_status fusewire_error_status(const struct fusewire_error *error);

// All of it in a sentence or two; NULL when `error` is NULL or no live handle.
const char *fusewire_error_message(const struct fusewire_error *error);

// The key of the configuration, as a dotted path such as `window.min_calls`, or the argument; empty when it is none
// in particular. NULL when `error` is NULL or no live handle.
const char *fusewire_error_key(const struct fusewire_error *error);

// The value as it was given, a name cut at 255 bytes; of `FUSEWIRE_ERROR_CONFLICT` the configuration that was asked
// for. NULL when `error` is NULL or no live handle.
const char *fusewire_error_value(const struct fusewire_error *error);

// What is allowed; of `FUSEWIRE_ERROR_CONFLICT` the configuration that is there. NULL when `error` is NULL or no live
// handle.
const char *fusewire_error_allowed(const struct fusewire_error *error);

// Frees an error. NULL does nothing; freeing twice ends the process with a message.
void fusewire_error_free(struct fusewire_error *error);

// A clock at 0. Free it with `fusewire_manual_clock_free`. NULL when the library fails.
struct fusewire_manual_clock *fusewire_manual_clock_new(void);

// Moves the clock forward by nanoseconds; it stops at the end of `uint64_t`. Returns `FUSEWIRE_ERROR_NULL_ARGUMENT` or
// `FUSEWIRE_ERROR_INVALID_HANDLE` when `clock` is NULL or no live handle.
fusewire_status fusewire_manual_clock_advance(struct fusewire_manual_clock *clock,
                                              uint64_t nanoseconds);

// Sets the clock, in nanoseconds; an earlier time than the present one changes nothing. Returns as
// `fusewire_manual_clock_advance` does.
fusewire_status fusewire_manual_clock_set(struct fusewire_manual_clock *clock,
                                          uint64_t nanoseconds);

// Nanoseconds since its beginning; `FUSEWIRE_NONE` when `clock` is NULL or no live handle.
uint64_t fusewire_manual_clock_now(const struct fusewire_manual_clock *clock);

// Frees a clock. NULL does nothing; freeing twice ends the process with a message.
void fusewire_manual_clock_free(struct fusewire_manual_clock *clock);

// A breaker that no registry knows. `name`: 1 to 255 bytes without control characters, for people and metrics.
// `options`: NULL for all defaults. Writes a handle to `breaker`; when it fails, only the detail to `error`, unless
// that is NULL.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_NAME`,
// `FUSEWIRE_ERROR_CONFIG`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_INVALID_VALUE` or
// `FUSEWIRE_ERROR_INVALID_HANDLE` (the clock).
fusewire_status fusewire_breaker_new(const char *name,
                                     const struct fusewire_options *options,
                                     struct fusewire_breaker **breaker,
                                     struct fusewire_error **error);

// As `fusewire_breaker_new`, from a configuration document: JSON text.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_NAME` or
// `FUSEWIRE_ERROR_CONFIG`.
fusewire_status fusewire_breaker_from_json(const char *name,
                                           const char *document,
                                           struct fusewire_breaker **breaker,
                                           struct fusewire_error **error);

// Another handle of the same breaker, to be freed by itself; NULL when `breaker` is NULL or no live handle.
struct fusewire_breaker *fusewire_breaker_clone(const struct fusewire_breaker *breaker);

// Whether both are handles of one breaker; `false` when one of them is none.
bool fusewire_breaker_is_same(const struct fusewire_breaker *breaker,
                              const struct fusewire_breaker *other);

// The name; NULL when `breaker` is NULL or no live handle. The text lives as long as this handle.
const char *fusewire_breaker_name(const struct fusewire_breaker *breaker);

// Frees a handle. NULL does nothing; freeing twice ends the process with a message.
void fusewire_breaker_free(struct fusewire_breaker *breaker);

// Settles a permit as a success; how long the call took is read from the clock, if the call is timed.
//
// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_PERMIT`, `FUSEWIRE_ERROR_ALREADY_SETTLED`, or `FUSEWIRE_ERROR_INVALID_HANDLE` when the
// handle that gave it was freed.
fusewire_status fusewire_permit_success(struct fusewire_permit *permit);

// Settles a permit as a failure. `error_type`: what kind of error it was, for the metrics, cut at 64 bytes; NULL for
// none. What is not UTF-8 in it is replaced. The first twenty kinds of a breaker are counted by name.
//
// Returns and fails as `fusewire_permit_success` does.
fusewire_status fusewire_permit_failure(struct fusewire_permit *permit,
                                        const char *error_type);

// Settles a permit as ignored: the call says nothing about the dependency. Returns and fails as
// `fusewire_permit_success` does.
fusewire_status fusewire_permit_ignore(struct fusewire_permit *permit);

// Settles a permit of a call that was given up, such as a cancelled one: ignored, or a failure of type `timeout` when
// it lasted at least `cancelled_after`, so that a timeout around the call does not hide a hanging service. Returns and
// fails as `fusewire_permit_success` does.
fusewire_status fusewire_permit_abandon(struct fusewire_permit *permit);

// Settles a permit with all there is to say. `duration_ns`: how long the call took, in nanoseconds, or `FUSEWIRE_NONE`
// to leave that to the clock. `error_type`: as for `fusewire_permit_failure`; ignored unless it failed.
//
// Returns and fails as `fusewire_permit_failure` does, also with `FUSEWIRE_ERROR_INVALID_VALUE` when `outcome` is none
// of its values: nothing is settled then.
fusewire_status fusewire_permit_settle(struct fusewire_permit *permit,
                                       fusewire_outcome outcome,
                                       uint64_t duration_ns,
                                       const char *error_type);

// Why the call would have been turned away, had the breaker not been in shadow mode: a `fusewire_reason`, or
// `FUSEWIRE_INVALID` when it would not have been, or `permit` is none that was given and not settled.
fusewire_reason fusewire_permit_would_reject(const struct fusewire_permit *permit);

// How long to wait before the call is made, in nanoseconds from when the permit was given: a leaky bucket paces calls.
// The permit's lease and the call's duration begin then; 0 when the call may be made at once, and when `permit` is
// none that was given and not settled. Only a breaker with a leaky bucket gives such permits.
uint64_t fusewire_permit_wait_ns(const struct fusewire_permit *permit);

// How long the call may take, in nanoseconds from its beginning, by the document's `timeout` and the request's
// deadline: end it then, and settle it as a failure of error type `timeout`. One that is settled as a success after
// that is counted as such a failure, whoever enforces it. `FUSEWIRE_NONE` when nothing sets a timeout, and when
// `permit` is none that was given and not settled.
uint64_t fusewire_permit_timeout_ns(const struct fusewire_permit *permit);

// Whether the call passes a breaker that would turn it away, because its priority is at or above `open_bypass`: it
// counts in the totals only. `false` when it does not, and when `permit` is none that was given and not settled.
bool fusewire_permit_is_bypassed(const struct fusewire_permit *permit);

// Asks for a permit to call. Returns `FUSEWIRE_OK` and writes `permit`, to be settled once; or `FUSEWIRE_REJECTED` and
// writes why to `rejection`, unless that is NULL. The call has priority `FUSEWIRE_PRIORITY_NORMAL` and costs 1;
// `fusewire_breaker_acquire_with` says otherwise. Never waits for another thread's call, and in steady state takes no
// lock and allocates nothing: a thread's first call of a breaker does, and one that makes a transition.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`. What was not given is marked as such:
// to settle it returns `FUSEWIRE_ERROR_INVALID_PERMIT`.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_acquire(struct fusewire_breaker *breaker,
                                         struct fusewire_permit *permit,
                                         struct fusewire_rejection *rejection);

// As `fusewire_breaker_acquire`; where a leaky bucket gives the call a turn that is yet to come, the thread sleeps
// until then. Of other permits `fusewire_permit_wait_ns` says how long that is.
//
// Fails as `fusewire_breaker_acquire` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_acquire_turn(struct fusewire_breaker *breaker,
                                              struct fusewire_permit *permit,
                                              struct fusewire_rejection *rejection);

// Calls `function(userdata, &error_type)` under the breaker, at its turn where a leaky bucket paces calls, and settles
// by what it returns. `outcome`: NULL, or where
// that goes. `rejection`: as for `fusewire_breaker_acquire`. A C++ exception out of the function counts as a failure
// of type `exception`, and goes on. The function must not leave by `longjmp` or `pthread_exit`, nor be cancelled.
//
// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE` when the function has run, whatever its outcome; `FUSEWIRE_NO_OUTCOME` when
// it has returned none, which counts as ignored; `FUSEWIRE_REJECTED` when it has not run. Fails with
// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE` before it has run, and with the latter after it
// when it has freed the breaker.
fusewire_status fusewire_breaker_call(struct fusewire_breaker *breaker,
                                      fusewire_function function,
                                      void *userdata,
                                      fusewire_outcome *outcome,
                                      struct fusewire_rejection *rejection);

// Counts the outcome of a call that asked for no permit: while the breaker is closed it counts like any other,
// otherwise in the totals only. `error_type`: as for `fusewire_permit_failure`.
//
// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`
// or `FUSEWIRE_ERROR_INVALID_VALUE`.
fusewire_status fusewire_breaker_record(struct fusewire_breaker *breaker,
                                        fusewire_outcome outcome,
                                        const char *error_type);

// Asks for a permit to call, with a request; NULL asks as `fusewire_breaker_acquire` does. Never waits: not for a
// slot, nor for the turn that a leaky bucket gives the call (see `fusewire_permit_wait_ns`).
//
// Returns and writes as `fusewire_breaker_acquire` does. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_INVALID_VALUE` when the request itself is wrong: `error`, unless it is NULL, says which field, its
// value and what is allowed. Nothing was asked then, and nothing counts.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_acquire_with(struct fusewire_breaker *breaker,
                                              const struct fusewire_request *request,
                                              struct fusewire_permit *permit,
                                              struct fusewire_rejection *rejection,
                                              struct fusewire_error **error);

// As `fusewire_breaker_acquire_with`; where all slots are taken and there is room in the queue, the thread waits there
// until it has one, the configuration's `queue_timeout` or the request's deadline has come, or the breaker turns it
// away: for at most `timeout_ns` nanoseconds of the system's time, whatever the breaker's clock; `FUSEWIRE_NONE` sets
// no limit of its own.
//
// Returns as `fusewire_breaker_acquire_with` does, also `FUSEWIRE_TIMED_OUT` when `timeout_ns` is over: the call has
// left the queue then as if it had never been there. Fails as `fusewire_breaker_acquire_with` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_acquire_wait(struct fusewire_breaker *breaker,
                                              const struct fusewire_request *request,
                                              uint64_t timeout_ns,
                                              struct fusewire_permit *permit,
                                              struct fusewire_rejection *rejection,
                                              struct fusewire_error **error);

// Reads a priority that somebody passed on, such as the header `x-request-priority`: the name of one, or a whole
// number from 0 to 100 as `fusewire_priority_of_number` takes it. Writes it to `priority`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_INVALID_VALUE` when it is
// none; the detail, with what is allowed, goes to `error`, unless that is NULL.
fusewire_status fusewire_priority_parse(const char *text,
                                        fusewire_priority *priority,
                                        struct fusewire_error **error);

// The priority of a whole number from 0 to 100: `critical` is 100, `high` 75, `normal` 50, `low` 25, `bulk` 0, and
// what is between them is the next lower one. Writes it to `priority`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, or `FUSEWIRE_ERROR_INVALID_VALUE` when there is none; the detail, with
// what is allowed, goes to `error`, unless that is NULL.
fusewire_status fusewire_priority_of_number(double number,
                                            fusewire_priority *priority,
                                            struct fusewire_error **error);

// As `fusewire_breaker_acquire_wait`, without blocking: where all slots are taken and there is room in the queue,
// returns `FUSEWIRE_QUEUED` and writes a place in it to `waiting`, to be freed with `fusewire_waiting_free`. The
// library has no timer: whoever has the place calls `fusewire_waiting_expire` when `fusewire_waiting_left_ns` have
// passed, or `fusewire_breaker_poll`, which does that for all places of a breaker.
//
// Returns else as `fusewire_breaker_acquire_with` does, and fails as that does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_enter(struct fusewire_breaker *breaker,
                                       const struct fusewire_request *request,
                                       struct fusewire_permit *permit,
                                       struct fusewire_waiting **waiting,
                                       struct fusewire_rejection *rejection,
                                       struct fusewire_error **error);

// How the wait ended, if it has: `FUSEWIRE_OK`, and `permit` is written, to be settled once; or `FUSEWIRE_REJECTED`,
// and why is written to `rejection`, unless that is NULL (`FUSEWIRE_REASON_QUEUE_TIMEOUT` when its time was over).
// Either is told once. `FUSEWIRE_QUEUED` while it goes on. Never blocks.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` (also when the handle that was entered
// through was freed), or `FUSEWIRE_ERROR_ALREADY_TOLD`.
FUSEWIRE_MUST_USE
fusewire_status fusewire_waiting_try_end(struct fusewire_waiting *waiting,
                                         struct fusewire_permit *permit,
                                         struct fusewire_rejection *rejection);

// As `fusewire_waiting_try_end`; blocks the thread until the wait has ended, and ends it at its deadline, for at most
// `timeout_ns` nanoseconds of the system's time, whatever the breaker's clock; `FUSEWIRE_NONE` sets no limit of its
// own. Returns `FUSEWIRE_TIMED_OUT` when that is over and the wait goes on.
//
// Fails as `fusewire_waiting_try_end` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_waiting_wait(struct fusewire_waiting *waiting,
                                      uint64_t timeout_ns,
                                      struct fusewire_permit *permit,
                                      struct fusewire_rejection *rejection);

// Calls `callback(userdata)` once when the wait has ended, and at once when it has; see `fusewire_callback`. It takes
// the place of one that was set before; NULL sets none. That one is not called any more when this returns, nor is any
// when `fusewire_waiting_free` has returned: both wait for one that is running.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_waiting_notify(struct fusewire_waiting *waiting,
                                        fusewire_callback callback,
                                        void *userdata);

// The time that is left until the wait ends without a slot, in nanoseconds on the breaker's clock; 0 when its time is
// over or it has ended, `FUSEWIRE_NONE` when `waiting` is NULL or no live handle.
uint64_t fusewire_waiting_left_ns(const struct fusewire_waiting *waiting);

// Ends the wait if its time is over. Returns `FUSEWIRE_OK` when it has ended, in whatever way, and `FUSEWIRE_QUEUED`
// when it goes on.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_waiting_expire(struct fusewire_waiting *waiting);

// Lets the call wait at the end of a higher priority, with the deadline that it has; one that is not higher, or a wait
// that has ended, changes nothing.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_INVALID_VALUE` when
// `to` is none.
fusewire_status fusewire_waiting_raise(struct fusewire_waiting *waiting,
                                       fusewire_priority to);

// Frees a place. A wait whose end was not told is given up: it leaves nothing behind, and a slot that it was given
// goes to the next. NULL does nothing; freeing twice ends the process with a message.
void fusewire_waiting_free(struct fusewire_waiting *waiting);

// Begins a call that is made step by step, and writes it to `attempts`; the breaker is not asked yet. `request`: what
// each attempt asks for; NULL asks for nothing in particular. The handle `breaker` must stay until the call is over or
// given up.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`,
// `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_INVALID_VALUE` when the request itself is wrong: `error`, unless it is
// NULL, says which field, its value and what is allowed. Nothing counts then, and `attempts` is marked as not begun.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_begin(struct fusewire_breaker *breaker,
                                       const struct fusewire_request *request,
                                       struct fusewire_attempts *attempts,
                                       struct fusewire_error **error);

// Writes to `step` what is to be done now, and asks the breaker for a permit when it is time to. Never waits: not for a
// slot either. Asked again before that is done it says the same, of a wait what is left of it.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, or `FUSEWIRE_ERROR_INVALID_HANDLE` when the
// handle that they were begun with was freed.
FUSEWIRE_MUST_USE
fusewire_status fusewire_attempts_next(struct fusewire_attempts *attempts,
                                       struct fusewire_step *step);

// As `fusewire_attempts_next`; where all slots are taken and there is room in the queue, the thread waits there as in
// `fusewire_breaker_acquire_wait`, for at most `timeout_ns` nanoseconds of the system's time; `FUSEWIRE_NONE` sets no
// limit of its own. It does not wait out the step `FUSEWIRE_STEP_WAIT`.
//
// Returns also `FUSEWIRE_TIMED_OUT` when `timeout_ns` is over: the attempt has left the queue then as if it had never
// been there, and nothing is written; ask again, or give the call up. Fails as `fusewire_attempts_next` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_attempts_next_wait(struct fusewire_attempts *attempts,
                                            uint64_t timeout_ns,
                                            struct fusewire_step *step);

// As `fusewire_attempts_next`, for event loops: where all slots are taken and there is room in the queue, returns
// `FUSEWIRE_QUEUED` and writes a place in it to `waiting`, as `fusewire_breaker_enter` does. When that has ended go on
// with `fusewire_attempts_resume`, and free it.
//
// Fails as `fusewire_attempts_next` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_attempts_enter(struct fusewire_attempts *attempts,
                                        struct fusewire_step *step,
                                        struct fusewire_waiting **waiting);

// Goes on with how the wait in the queue has ended that `fusewire_attempts_enter` began, and writes the next step.
// Returns `FUSEWIRE_QUEUED` while it goes on. Never blocks.
//
// Fails as `fusewire_attempts_next` does, also with `FUSEWIRE_ERROR_INVALID_HANDLE` when `waiting` is none or of another
// handle of a breaker, `FUSEWIRE_ERROR_ALREADY_TOLD` when how it ended was told before, or `FUSEWIRE_ERROR_WRONG_STEP`
// when the attempts do not ask for a permit now.
FUSEWIRE_MUST_USE
fusewire_status fusewire_attempts_resume(struct fusewire_attempts *attempts,
                                         struct fusewire_waiting *waiting,
                                         struct fusewire_step *step);

// Settles the attempt that is under way, with all there is to say. `fusewire_attempts_next` says what is to be done
// then.
//
// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`,
// `FUSEWIRE_ERROR_INVALID_HANDLE` when the handle that they were begun with was freed, `FUSEWIRE_ERROR_INVALID_SIZE`,
// `FUSEWIRE_ERROR_INVALID_VALUE`, or `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way, such as one that was
// settled before; the detail goes to `error`, unless that is NULL. Nothing is settled then.
fusewire_status fusewire_attempts_settle(struct fusewire_attempts *attempts,
                                         const struct fusewire_ending *ending,
                                         struct fusewire_error **error);

// Settles the attempt that is under way as a success; how long it took is read from the clock, if it is timed. Returns
// as `fusewire_attempts_settle` does, and fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`,
// `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_WRONG_STEP`.
fusewire_status fusewire_attempts_success(struct fusewire_attempts *attempts);

// Settles the attempt that is under way as a failure. `error_type`: as for `fusewire_ending`. Returns and fails as
// `fusewire_attempts_success` does.
fusewire_status fusewire_attempts_failure(struct fusewire_attempts *attempts,
                                          const char *error_type);

// Tells whether the rung of the step `FUSEWIRE_STEP_USE` has answered; `false` when it could not, as a cache that has
// nothing.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or
// `FUSEWIRE_ERROR_WRONG_STEP` when no rung is to answer.
fusewire_status fusewire_attempts_answered(struct fusewire_attempts *attempts,
                                           bool has_answered);

// Gives a call up, such as a cancelled one; the attempt that is under way, if there is one, is settled as
// `fusewire_permit_abandon` does. No step comes after that. A call that is over need not be given up, and may be.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, also when that was done before, or
// `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_attempts_abandon(struct fusewire_attempts *attempts);

// How long after the attempt that is under way, or after the hedge before, another is to be started beside it, in
// nanoseconds, by the document's `hedge`. Ask when a step says to call, and again after each hedge.
// `FUSEWIRE_NONE` when none is to be, and when `attempts` is NULL or was not begun.
uint64_t fusewire_attempts_hedge_after_ns(struct fusewire_attempts *attempts);

// Begins a hedge, when that time has passed: writes its `permit` and returns `FUSEWIRE_OK`, or `FUSEWIRE_ABSENT` when
// there is to be none, because the budget is spent, the breaker is not closed or turns it away. Make the call once more
// then. If it succeeds before the others, tell `fusewire_attempts_hedge_won`, and settle the attempts as a success; if
// it fails, settle its permit with `fusewire_permit_failure`; who loses is given up with `fusewire_permit_abandon`. If
// the first attempt fails while hedges go on, tell `fusewire_attempts_primary_failed`. If all fail, settle the attempts
// with the failure of the first.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or
// `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way. What was not given is marked as such.
FUSEWIRE_MUST_USE
fusewire_status fusewire_attempts_hedge(struct fusewire_attempts *attempts,
                                        struct fusewire_permit *permit);

// Tells that the attempt that is under way has failed while hedges of it go on: it counts as that failure from here on,
// and no hedge begins any more. Then `fusewire_attempts_hedge_won`, or, when all have failed, settle the attempts with
// the same `ending` once more, for the call. An ending that is no failure decides the attempt: settle the attempts with
// it, and give the hedges up.
//
// Returns and fails as `fusewire_attempts_settle` does, with `FUSEWIRE_ERROR_INVALID_VALUE` also when `ending` is no
// failure, and with `FUSEWIRE_ERROR_WRONG_STEP` also when this was told before.
fusewire_status fusewire_attempts_primary_failed(struct fusewire_attempts *attempts,
                                                 const struct fusewire_ending *ending,
                                                 struct fusewire_error **error);

// Tells that the hedge with that permit has answered first: it is the attempt from here on, to be settled with
// `fusewire_attempts_success`, and the permit of the one before is given up, unless it has failed
// (`fusewire_attempts_primary_failed`). The permit is settled with it.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`,
// `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way, or as to settle the permit does, also with
// `FUSEWIRE_ERROR_INVALID_PERMIT` when it is of another handle of a breaker.
fusewire_status fusewire_attempts_hedge_won(struct fusewire_attempts *attempts,
                                            struct fusewire_permit *permit);

// Asks before a call whether an earlier answer of that key answers in its place, by the document's `cache` of the mode
// `read_through`: writes where it lies to `place`, or returns `FUSEWIRE_ABSENT` when there is none, and always without
// such a cache.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_cache_fresh(struct fusewire_breaker *breaker,
                                             const char *key,
                                             struct fusewire_place *place);

// Asks for the rung `FUSEWIRE_RUNG_CACHE`, where a stale answer will do: in any mode of the cache. Writes, returns and
// fails as `fusewire_breaker_cache_fresh` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_cache_any(struct fusewire_breaker *breaker,
                                           const char *key,
                                           struct fusewire_place *place);

// Tells that a call of that key has succeeded: writes to `place` where the program is to keep the answer, with the
// version, in place of what lies there; or returns `FUSEWIRE_ABSENT` when it is not kept. Hold a lock of your own around
// this and the keeping, or another thread may find the place before the answer lies there. Fails as
// `fusewire_breaker_cache_fresh` does.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_cache_store(struct fusewire_breaker *breaker,
                                             const char *key,
                                             struct fusewire_place *place);

// Tells at which places nothing lies that is of use any more, so that the program can let go of what it has there: ask
// after the breaker was reconfigured with fewer `max_entries`, or without its cache. Writes to `places` those below
// `end`, as a list that `fusewire_tickets_free` frees (NULL when there are none), their number to `count`, and to `end`
// the place from which on all are; without a cache that is 0. Hold the lock of the stores around this and the clearing.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_breaker_cache_vacant(struct fusewire_breaker *breaker,
                                              uint64_t **places,
                                              size_t *count,
                                              uint32_t *end);

// Lets a call join those of its key that are under way, by `coalesce` of the document's `cache`: writes to `flight`
// whether it leads or follows. One follows only a leader of its own priority or above. Returns `FUSEWIRE_ABSENT` when
// the document does not ask for it: make the call as ever. The program keeps who waits, by ticket.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_INVALID_VALUE` when `priority` is none.
FUSEWIRE_MUST_USE
fusewire_status fusewire_breaker_flight_join(struct fusewire_breaker *breaker,
                                             const char *key,
                                             fusewire_priority priority,
                                             struct fusewire_flight *flight);

// Tells that the leader with that ticket has its answer, good or bad. Writes to `tickets` whom it is to be handed to, in
// the order of joining, as a list that `fusewire_tickets_free` frees (NULL when there is nobody), and their number to
// `count`. Of a ticket that does not lead there is nobody.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_breaker_flight_land(struct fusewire_breaker *breaker,
                                             uint64_t ticket,
                                             uint64_t **tickets,
                                             size_t *count);

// Tells that the call with that ticket is given up. Writes to `tickets` who leads from now on, as
// `fusewire_breaker_flight_land` does: nobody when it followed, or had no followers. Fails as that does.
fusewire_status fusewire_breaker_flight_leave(struct fusewire_breaker *breaker,
                                              uint64_t ticket,
                                              uint64_t **tickets,
                                              size_t *count);

// Opens the breaker, from any state, for `duration_ns` (1 ms to 168 h) or, when that is `FUSEWIRE_NONE`, for as long
// as an opening lasts now. `actor` and `reason`: who does it and why, for the event, cut at 64 and 256 bytes; NULL
// leaves them out.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_CONFIG` when the duration is out of range; the detail goes to `error`, unless that is NULL. Nothing
// has changed then.
fusewire_status fusewire_breaker_trip(struct fusewire_breaker *breaker,
                                      uint64_t duration_ns,
                                      const char *actor,
                                      const char *reason,
                                      struct fusewire_error **error);

// Lets the next calls probe, from any state. `actor` and `reason`: as for `fusewire_breaker_trip`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has
// changed then.
fusewire_status fusewire_breaker_half_open(struct fusewire_breaker *breaker,
                                           const char *actor,
                                           const char *reason);

// Closes the breaker, from any state, and ends the row of openings. `actor` and `reason`: as for
// `fusewire_breaker_trip`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has
// changed then.
fusewire_status fusewire_breaker_reset(struct fusewire_breaker *breaker,
                                       const char *actor,
                                       const char *reason);

// Sets the mode; setting the one that is set does nothing. `actor` and `reason`: as for `fusewire_breaker_trip`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_INVALID_VALUE` when `mode` is none. Nothing has changed then.
fusewire_status fusewire_breaker_set_mode(struct fusewire_breaker *breaker,
                                          fusewire_mode mode,
                                          const char *actor,
                                          const char *reason);

// Carries out what is due (open to half-open, expired probes, a ramp step that is over) without asking for a permit.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_breaker_poll(struct fusewire_breaker *breaker);

// Swaps the rules atomically for those of `document`, JSON text. The clock stays. `actor` and `reason`: as for
// `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when the rules are what they were. Fails with
// `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8` or
// `FUSEWIRE_ERROR_CONFIG`; the detail goes to `error`, unless that is NULL. Nothing has changed then.
fusewire_status fusewire_breaker_reconfigure(struct fusewire_breaker *breaker,
                                             const char *document,
                                             const char *actor,
                                             const char *reason,
                                             struct fusewire_error **error);

// Sets the lowest priority that is let in; calls below it are turned away with `FUSEWIRE_REASON_SHED`. It holds until
// a document says another one. `actor` and `reason`: as for `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_INVALID_VALUE` when `to` is none, or
// `FUSEWIRE_ERROR_CONFIG` when the document has no `priority`; the detail goes to `error`, unless that is NULL.
// Nothing has changed then.
fusewire_status fusewire_breaker_set_min_priority(struct fusewire_breaker *breaker,
                                                  fusewire_priority to,
                                                  const char *actor,
                                                  const char *reason,
                                                  struct fusewire_error **error);

// Replaces the bulkhead's table of slots, all of it, and grants what has become free to calls that wait; nobody in
// flight is cut off. It holds until a document says another one. `actor` and `reason`: as for `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_CONFIG` when the document has no `bulkhead` or the table is out of range; the detail goes to
// `error`, unless that is NULL. Nothing has changed then.
fusewire_status fusewire_breaker_set_slots(struct fusewire_breaker *breaker,
                                           const struct fusewire_slots *slots,
                                           const char *actor,
                                           const char *reason,
                                           struct fusewire_error **error);

// As `fusewire_breaker_set_slots`, for a table as documents have it, JSON text: `max_concurrent`, which stays when it
// is left out, and `reserved` by the names of priorities.
//
// Returns and fails as `fusewire_breaker_set_slots` does.
fusewire_status fusewire_breaker_set_slots_json(struct fusewire_breaker *breaker,
                                                const char *slots,
                                                const char *actor,
                                                const char *reason,
                                                struct fusewire_error **error);

// Sets the rate of a token or leaky bucket, in calls a second (0.001 to 1,000,000, for `adaptive` within its `min` and
// `max`), or the limit of a window, a whole number from 1 on. It holds until a document says another one. `actor` and
// `reason`: as for `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_CONFIG` when the document has no
// `rate_limit` or the rate is out of range (the limit of a sliding window is at most the document's); the detail goes
// to `error`, unless that is NULL. Nothing has changed then.
fusewire_status fusewire_breaker_set_rate(struct fusewire_breaker *breaker,
                                          double to,
                                          const char *actor,
                                          const char *reason,
                                          struct fusewire_error **error);

// Sets the concurrency limit, from which it goes on to find itself. `actor` and `reason`: as for
// `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_CONFIG` when the document has no
// `concurrency_limit` or the limit is not within its `min` and `max`; the detail goes to `error`, unless that is NULL.
// Nothing has changed then.
fusewire_status fusewire_breaker_set_limit(struct fusewire_breaker *breaker,
                                           uint64_t to,
                                           const char *actor,
                                           const char *reason,
                                           struct fusewire_error **error);

// Tells how much the program has to do, from 0 to 1: retries of the kind `resource_sensitive` wait longer the more it
// is. It holds until the next call of this. No event is made of it, and without `retry` nobody looks at it.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_CONFIG` when `to` is
// out of range; the detail goes to `error`, unless that is NULL. Nothing has changed then.
fusewire_status fusewire_breaker_set_utilisation(struct fusewire_breaker *breaker,
                                                 double to,
                                                 struct fusewire_error **error);

// Ends the breaker's life, of every handle: whoever comes, or waits for a slot, is turned away with
// `FUSEWIRE_REASON_CLOSED`, calls in flight settle, and nothing opens it again. It frees nothing, and has nothing to
// do with `FUSEWIRE_STATE_CLOSED`, in which calls pass: that is `fusewire_breaker_reset`. `actor` and `reason`: as for
// `fusewire_breaker_trip`.
//
// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when that was done before. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
// `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has changed then.
fusewire_status fusewire_breaker_close_for_good(struct fusewire_breaker *breaker,
                                                const char *actor,
                                                const char *reason);

// The effective state: open past its deadline reads half-open. `FUSEWIRE_INVALID` when `breaker` is NULL or no live
// handle.
fusewire_state fusewire_breaker_state(const struct fusewire_breaker *breaker);

// The mode. `FUSEWIRE_INVALID` when `breaker` is NULL or no live handle.
fusewire_mode fusewire_breaker_mode(const struct fusewire_breaker *breaker);

// Fills `snapshot`, as far as its `size` says: begin with `FUSEWIRE_SNAPSHOT_INIT`. Of a larger one than this library
// knows the end becomes 0, and its `size` says how much was filled.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`.
fusewire_status fusewire_breaker_snapshot(const struct fusewire_breaker *breaker,
                                          struct fusewire_snapshot *snapshot);

// A snapshot as JSON. Writes a text that `fusewire_string_free` frees, and its length without the NUL to `length`,
// unless that is NULL.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_breaker_snapshot_json(const struct fusewire_breaker *breaker,
                                               char **json,
                                               size_t *length);

// The configuration with its defaults filled in, as a JSON document. Writes and fails as
// `fusewire_breaker_snapshot_json` does.
fusewire_status fusewire_breaker_document(const struct fusewire_breaker *breaker,
                                          char **document,
                                          size_t *length);

// What a rejection says, in a sentence for people. Writes and fails as `fusewire_breaker_snapshot_json` does, also
// with `FUSEWIRE_ERROR_INVALID_VALUE` when its reason is none.
fusewire_status fusewire_breaker_rejection_message(const struct fusewire_breaker *breaker,
                                                   const struct fusewire_rejection *rejection,
                                                   char **message,
                                                   size_t *length);

// The failure that `last_failure` of a rejection by this breaker stands for.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_INVALID_VALUE` when
// it stands for none.
fusewire_status fusewire_breaker_last_failure(const struct fusewire_breaker *breaker,
                                              uint64_t last_failure,
                                              struct fusewire_failure *failure);

// Keeps the transitions of a breaker from now on, at most `capacity` of them (1 to 1,000,000), until they are taken;
// what comes beyond is counted. Nothing is allocated ahead. Writes a handle to `subscription`, to be freed with
// `fusewire_subscription_free`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_VALUE`.
fusewire_status fusewire_breaker_subscribe(struct fusewire_breaker *breaker,
                                           size_t capacity,
                                           struct fusewire_subscription **subscription);

// Waits until there is an event, blocking the thread, for at most `timeout_ns` nanoseconds of the system's time,
// whatever the breaker's clock; 0 only looks, `FUSEWIRE_NONE` waits without end. Several threads may wait.
//
// Returns `FUSEWIRE_OK` when there is one, `FUSEWIRE_TIMED_OUT` when there is none by then, and
// `FUSEWIRE_SUBSCRIPTION_CLOSED` when the subscription was closed and all were taken. Fails with
// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_subscription_wait(const struct fusewire_subscription *subscription,
                                           uint64_t timeout_ns);

// Takes events, the oldest first, at most `capacity` of them. `event_size`: `sizeof(fusewire_event)`; a later version
// of the struct is filled as far as this library knows it, the rest with 0. Writes to `count` how many were taken; 0
// says that there is none. Never waits.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`; nothing
// was taken then.
fusewire_status fusewire_subscription_drain(struct fusewire_subscription *subscription,
                                            struct fusewire_event *events,
                                            size_t event_size,
                                            size_t capacity,
                                            size_t *count);

// Events missed since the last one that was kept, because the subscription was full; those before an event are told by
// its `missed`. `FUSEWIRE_NONE` when `subscription` is NULL or no live handle.
uint64_t fusewire_subscription_missed(const struct fusewire_subscription *subscription);

// Ends it: no more events come, and threads that wait, and those that come later, return once all have been taken.
// Call it, and join those threads, before the subscription is freed.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_subscription_close(struct fusewire_subscription *subscription);

// Ends and frees a subscription; no thread may be waiting on it. NULL does nothing; freeing twice ends the process
// with a message.
void fusewire_subscription_free(struct fusewire_subscription *subscription);

// The name of a feature's state in metrics and events, such as `testing`; `unknown` for a number that is none. The
// text is static.
const char *fusewire_feature_state_name(fusewire_feature_state state);

// The name of what changed a feature, such as `rolled_back`; `none` for `FUSEWIRE_FEATURE_CAUSE_NONE`, `unknown` for a
// number that is none. The text is static.
const char *fusewire_feature_cause_name(fusewire_feature_cause cause);

// What a feature of the document is at: its state to `state`, and to `health`, unless that is NULL, the share of
// successes in this state, of the last 50 outcomes at most, NAN without any. What more there is to read of features is
// in `fusewire_breaker_snapshot_json`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
// `FUSEWIRE_ERROR_INVALID_VALUE` when the document has no feature of that name; the detail goes to `error`, unless that
// is NULL.
fusewire_status fusewire_breaker_feature(const struct fusewire_breaker *breaker,
                                         const char *name,
                                         fusewire_feature_state *state,
                                         double *health,
                                         struct fusewire_error **error);

// The name of a kind in vectors and logs, such as `min_priority`; `unknown` for a number that is none. The text is
// static.
const char *fusewire_policy_name(fusewire_policy kind);

// Keeps what changes around the machine of a breaker from now on (lowest priority, slots, limit, rate, features, the
// end of its life), at most `capacity` changes (1 to 1,000,000), until they are taken; what comes beyond is counted. Writes a
// handle to `subscription`, to be freed with `fusewire_policy_subscription_free`. Transitions are those of
// `fusewire_breaker_subscribe`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_VALUE`.
fusewire_status fusewire_breaker_subscribe_policies(struct fusewire_breaker *breaker,
                                                    size_t capacity,
                                                    struct fusewire_policy_subscription **subscription);

// Waits until there is a change, blocking the thread, for at most `timeout_ns` nanoseconds of the system's time,
// whatever the breaker's clock; 0 only looks, `FUSEWIRE_NONE` waits without end. Several threads may wait.
//
// Returns `FUSEWIRE_OK` when there is one, `FUSEWIRE_TIMED_OUT` when there is none by then, and
// `FUSEWIRE_SUBSCRIPTION_CLOSED` when the subscription was closed and all were taken. Fails with
// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_policy_subscription_wait(const struct fusewire_policy_subscription *subscription,
                                                  uint64_t timeout_ns);

// Takes changes, the oldest first, at most `capacity` of them. `event_size`: `sizeof(fusewire_policy_event)`; a later
// version of the struct is filled as far as this library knows it, the rest with 0. Writes to `count` how many were
// taken; 0 says that there is none. Never waits.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_INVALID_SIZE`; nothing
// was taken then.
fusewire_status fusewire_policy_subscription_drain(struct fusewire_policy_subscription *subscription,
                                                   struct fusewire_policy_event *events,
                                                   size_t event_size,
                                                   size_t capacity,
                                                   size_t *count);

// Changes missed since the last one that was kept, because the subscription was full; those before a change are told
// by its `missed`. `FUSEWIRE_NONE` when `subscription` is NULL or no live handle.
uint64_t fusewire_policy_subscription_missed(const struct fusewire_policy_subscription *subscription);

// Ends it: no more changes come, and threads that wait, and those that come later, return once all have been taken.
// Call it, and join those threads, before the subscription is freed. `fusewire_breaker_close` is a change, and does
// not end it.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_policy_subscription_close(struct fusewire_policy_subscription *subscription);

// Ends and frees a subscription; no thread may be waiting on it. NULL does nothing; freeing twice ends the process
// with a message.
void fusewire_policy_subscription_free(struct fusewire_policy_subscription *subscription);

// An empty registry. `clock`: the clock of its breakers, or NULL for the system's monotonic one.
// `duration_bounds_ns`: upper bounds of the histograms of call durations, in nanoseconds, ascending, 1 to 64 of them;
// NULL for the usual ones. Writes a handle to `registry`, to be freed with `fusewire_registry_free`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_CONFIG` when the
// bounds are wrong; the detail goes to `error`, unless that is NULL.
fusewire_status fusewire_registry_new(const struct fusewire_manual_clock *clock,
                                      const uint64_t *duration_bounds_ns,
                                      size_t duration_bounds_count,
                                      struct fusewire_registry **registry,
                                      struct fusewire_error **error);

// The breaker of that name, built if there is none: every thread gets the same one. `name` and `options`: as for
// `fusewire_breaker_new`. Writes a handle to `breaker`, to be freed by itself.
//
// Fails as `fusewire_breaker_new` does, also with `FUSEWIRE_ERROR_CONFLICT` when the breaker is there with another
// configuration.
fusewire_status fusewire_registry_get_or_create(struct fusewire_registry *registry,
                                                const char *name,
                                                const struct fusewire_options *options,
                                                struct fusewire_breaker **breaker,
                                                struct fusewire_error **error);

// The breaker of that name. Writes a handle to `breaker`, to be freed by itself.
//
// Fails with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`, `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or
// `FUSEWIRE_ERROR_NOT_UTF8`.
fusewire_status fusewire_registry_get(const struct fusewire_registry *registry,
                                      const char *name,
                                      struct fusewire_breaker **breaker);

// Swaps the rules of the breaker of that name; otherwise as `fusewire_breaker_reconfigure`.
//
// Fails also with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`.
fusewire_status fusewire_registry_reconfigure(struct fusewire_registry *registry,
                                              const char *name,
                                              const char *document,
                                              const char *actor,
                                              const char *reason,
                                              struct fusewire_error **error);

// Takes the breaker of that name out of the registry, and out of its metrics. Its handles stay, and calls in flight
// settle harmlessly.
//
// Fails with `FUSEWIRE_ERROR_UNKNOWN_BREAKER`, `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or
// `FUSEWIRE_ERROR_NOT_UTF8`.
fusewire_status fusewire_registry_remove(struct fusewire_registry *registry,
                                         const char *name);

// How many breakers there are; 0 when `registry` is NULL or no live handle.
size_t fusewire_registry_count(const struct fusewire_registry *registry);

// Handles of the breakers that are there, sorted by name, at most `capacity` of them, each to be freed by itself.
// Writes to `count` how many were written; `breakers` may be NULL when `capacity` is 0. More may have come since
// `fusewire_registry_count`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_registry_breakers(const struct fusewire_registry *registry,
                                           struct fusewire_breaker **breakers,
                                           size_t capacity,
                                           size_t *count);

// The metrics of all breakers as OpenMetrics 1.0 text. Writes a text that `fusewire_string_free` frees, and its length
// without the NUL to `length`, unless that is NULL. Serve it as `fusewire_metrics_content_type`.
//
// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
fusewire_status fusewire_registry_metrics(const struct fusewire_registry *registry,
                                          char **metrics,
                                          size_t *length);

// Snapshots of all breakers, sorted by name, as a JSON array of what `fusewire_breaker_snapshot_json` writes. Writes
// and fails as `fusewire_registry_metrics` does.
fusewire_status fusewire_registry_snapshots_json(const struct fusewire_registry *registry,
                                                 char **json,
                                                 size_t *length);

// The content type under which metrics are served. The text is static.
const char *fusewire_metrics_content_type(void);

// Frees a registry. NULL does nothing; freeing twice ends the process with a message. Breakers live on in their
// handles.
void fusewire_registry_free(struct fusewire_registry *registry);

// Frees a text that a function of this library gave away. NULL does nothing.
void fusewire_string_free(char *text);

// Frees tickets that a function of this library gave away. NULL does nothing.
void fusewire_tickets_free(uint64_t *tickets);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FUSEWIRE_H */

#if defined(__cplusplus) && !defined(FUSEWIRE_INIT_)
#define FUSEWIRE_INIT_
// Behind the _INIT macros: C++17 has no designated initializers.
static inline fusewire_options fusewire_options_init_() {
    fusewire_options options = {};
    options.size = sizeof options;
    return options;
}

static inline fusewire_snapshot fusewire_snapshot_init_() {
    fusewire_snapshot snapshot = {};
    snapshot.size = sizeof snapshot;
    return snapshot;
}

static inline fusewire_request fusewire_request_init_() {
    fusewire_request request = {};
    request.size = sizeof request;
    request.priority = FUSEWIRE_PRIORITY_NORMAL;
    request.cost = 1;
    request.deadline_ns = FUSEWIRE_NONE;
    return request;
}

static inline fusewire_ending fusewire_ending_init_() {
    fusewire_ending ending = {};
    ending.size = sizeof ending;
    ending.retry_after_ns = FUSEWIRE_NONE;
    ending.duration_ns = FUSEWIRE_NONE;
    return ending;
}

static inline fusewire_slots fusewire_slots_init_() {
    fusewire_slots slots = {};
    slots.size = sizeof slots;
    slots.max_concurrent = FUSEWIRE_NONE;
    return slots;
}
#endif
