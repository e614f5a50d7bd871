// What the tests of the C ABI share. Each program is one group of cmocka; a test's name is a sentence.

#ifndef FUSEWIRE_TESTS_COMMON_H
#define FUSEWIRE_TESTS_COMMON_H

#include <fusewire.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

// Texts that are not UTF-8: a byte that never is, a character that is cut off, one written too long, half a pair.
static const char *const NOT_UTF8[] = {"\xff", "caf\xc3", "\xc0\xaf", "a\xed\xa0\x80"};

// Runs a group; a program that hangs ends with SIGALRM.
#define RUN(tests) (alarm(300), cmocka_run_group_tests(tests, NULL, NULL))

// The call answers that status.
#define answers(expected, call) answers_(expected, call, #call, __FILE__, __LINE__)

static inline void answers_(fusewire_status expected, fusewire_status got, const char *call, const char *file,
                            int line) {
    if (got == expected) return;
    print_error("%s\n    answers %u (%s), not %u (%s)\n", call, got, fusewire_status_text(got), expected,
                fusewire_status_text(expected));
    _fail(file, line);
}

#define is_ok(call) answers(FUSEWIRE_OK, call)

#define contains(text, part) contains_(text, part, __FILE__, __LINE__)

static inline void contains_(const char *text, const char *part, const char *file, int line) {
    if (text && strstr(text, part)) return;
    print_error("\"%s\"\n    does not contain \"%s\"\n", text ? text : "(NULL)", part);
    _fail(file, line);
}

// Checks an error's parts, and frees it; a part that is NULL is not checked.
static inline void is_error(fusewire_error *error, fusewire_status status, const char *key, const char *part) {
    assert_non_null(error);
    answers(status, fusewire_error_status(error));
    if (key) assert_string_equal(fusewire_error_key(error), key);
    if (part) contains(fusewire_error_message(error), part);
    fusewire_error_free(error);
}

// A breaker on a clock, or on the system's when that is NULL.
static inline fusewire_breaker *breaker_on(fusewire_manual_clock *clock, const char *document) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.clock = clock;
    options.document = document;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_breaker_new("test", &options, &breaker, NULL));
    assert_non_null(breaker);
    return breaker;
}

static inline fusewire_breaker *a_breaker(void) { return breaker_on(NULL, NULL); }

static inline fusewire_permit permit_of(fusewire_breaker *breaker) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    is_ok(fusewire_breaker_acquire(breaker, &permit, NULL));
    return permit;
}

// Calls that are settled, one after the other.
static inline void calls(fusewire_breaker *breaker, fusewire_outcome outcome, int times) {
    for (int i = 0; i < times; i++) {
        fusewire_permit permit = permit_of(breaker);
        is_ok(fusewire_permit_settle(&permit, outcome, FUSEWIRE_NONE, NULL));
    }
}

static inline fusewire_snapshot snapshot_of(fusewire_breaker *breaker) {
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    is_ok(fusewire_breaker_snapshot(breaker, &snapshot));
    return snapshot;
}

static inline fusewire_registry *a_registry(fusewire_manual_clock *clock) {
    fusewire_registry *registry = NULL;
    is_ok(fusewire_registry_new(clock, NULL, 0, &registry, NULL));
    assert_non_null(registry);
    return registry;
}

// A subscription to a breaker.
static inline fusewire_subscription *subscribed_to(fusewire_breaker *breaker, size_t capacity) {
    fusewire_subscription *subscription = NULL;
    is_ok(fusewire_breaker_subscribe(breaker, capacity, &subscription));
    assert_non_null(subscription);
    return subscription;
}

// A request of a priority.
static inline fusewire_request request_at(fusewire_priority priority) {
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.priority = priority;
    return request;
}

// A call that waits for a slot.
static inline fusewire_waiting *waiting_at(fusewire_breaker *breaker, fusewire_priority priority) {
    fusewire_request request = request_at(priority);
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    fusewire_waiting *waiting = NULL;
    answers(FUSEWIRE_QUEUED, fusewire_breaker_enter(breaker, &request, &permit, &waiting, NULL, NULL));
    assert_non_null(waiting);
    return waiting;
}

// A detail to look at, as any failure gives one.
static inline fusewire_error *an_error(void) {
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_from_json("test", "{\"mode\": \"on\"}", &breaker, &error));
    return error;
}

// Memory that a function must not write to on failure.
static inline void paint(void *memory, size_t size) { memset(memory, 0xA5, size); }

static inline void is_still_painted(const void *memory, size_t size) {
    for (size_t i = 0; i < size; i++) assert_int_equal(((const unsigned char *)memory)[i], 0xA5);
}

#endif
