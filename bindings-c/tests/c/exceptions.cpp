// An exception out of a function under fusewire_breaker_call: it reaches who called, unchanged, and counts as a
// failure.

extern "C" {
#include "common.h"
}

#include <stdexcept>
#include <string>

namespace {

struct Outage : std::runtime_error {
    using std::runtime_error::runtime_error;
    int code = 503;
};

// Tells that the frames between are left in order.
struct Witness {
    explicit Witness(int *where) : count(where) {}
    ~Witness() { ++*count; }
    Witness(const Witness &) = delete;
    Witness &operator=(const Witness &) = delete;
    int *count;
};

fusewire_outcome throws(void *userdata, const char **error_type) {
    Witness witness(static_cast<int *>(userdata));
    *error_type = "of no account";
    throw Outage("the dependency is down");
}

fusewire_outcome throws_a_number(void *, const char **) { throw 7; }

fusewire_outcome catches_within(void *, const char **) {
    try {
        throw 7;
    } catch (int) {
        return FUSEWIRE_OUTCOME_SUCCESS;
    }
}

fusewire_outcome calls_what_throws(void *userdata, const char **) {
    int destroyed = 0;
    fusewire_breaker_call(static_cast<fusewire_breaker *>(userdata), throws, &destroyed, nullptr, nullptr);
    return FUSEWIRE_OUTCOME_SUCCESS;
}

void an_exception_reaches_who_called_and_is_a_failure(void **) {
    fusewire_breaker *breaker = a_breaker();
    int destroyed = 0;
    fusewire_outcome told = FUSEWIRE_INVALID;
    bool caught = false;
    try {
        fusewire_breaker_call(breaker, throws, &destroyed, &told, nullptr);
    } catch (const Outage &outage) {
        caught = outage.code == 503 && std::string(outage.what()) == "the dependency is down";
    }
    assert_true(caught);
    assert_int_equal(destroyed, 1);
    assert_int_equal(told, FUSEWIRE_INVALID);
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.failure, 1);
    assert_int_equal(s.success + s.ignored, 0);
    assert_string_equal(s.last_failure_type, "exception");
    fusewire_breaker_free(breaker);
}

void what_is_thrown_needs_no_type_of_the_standard(void **) {
    fusewire_breaker *breaker = a_breaker();
    int caught = 0;
    try {
        fusewire_breaker_call(breaker, throws_a_number, nullptr, nullptr, nullptr);
    } catch (int number) {
        caught = number;
    }
    assert_int_equal(caught, 7);
    assert_int_equal(snapshot_of(breaker).failure, 1);
    fusewire_breaker_free(breaker);
}

void an_exception_that_is_caught_within_is_none(void **) {
    fusewire_breaker *breaker = a_breaker();
    is_ok(fusewire_breaker_call(breaker, catches_within, nullptr, nullptr, nullptr));
    assert_int_equal(snapshot_of(breaker).success, 1);
    fusewire_breaker_free(breaker);
}

void an_exception_through_two_calls_fails_both(void **) {
    fusewire_breaker *breaker = a_breaker();
    bool caught = false;
    try {
        fusewire_breaker_call(breaker, calls_what_throws, breaker, nullptr, nullptr);
    } catch (const Outage &) {
        caught = true;
    }
    assert_true(caught);
    assert_int_equal(snapshot_of(breaker).failure, 2);
    fusewire_breaker_free(breaker);
}

void exceptions_open_the_breaker_and_then_nothing_is_thrown(void **) {
    fusewire_breaker *breaker = breaker_on(nullptr, "{\"failure_threshold\": 3}");
    int thrown = 0, destroyed = 0;
    for (int i = 0; i < 5; i++) {
        try {
            answers(FUSEWIRE_REJECTED, fusewire_breaker_call(breaker, throws, &destroyed, nullptr, nullptr));
        } catch (const Outage &) {
            thrown++;
        }
    }
    assert_int_equal(thrown, 3);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
}

void the_init_macros_say_the_sizes_in_this_language_too(void **) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    assert_int_equal(options.size, sizeof(fusewire_options));
    assert_int_equal(options.failure_threshold, 0);
    assert_int_equal(snapshot.size, sizeof(fusewire_snapshot));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    assert_true(FUSEWIRE_IS_SERVED());
}

}  // namespace

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_reaches_who_called_and_is_a_failure),
        cmocka_unit_test(what_is_thrown_needs_no_type_of_the_standard),
        cmocka_unit_test(an_exception_that_is_caught_within_is_none),
        cmocka_unit_test(an_exception_through_two_calls_fails_both),
        cmocka_unit_test(exceptions_open_the_breaker_and_then_nothing_is_thrown),
        cmocka_unit_test(the_init_macros_say_the_sizes_in_this_language_too),
    };
    return RUN(tests);
}
