// The detail of a failure, statuses in words, and versions.

#include "common.h"

static void a_failure_writes_its_detail_and_success_none(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    fusewire_error *error;
    paint(&error, sizeof error);
    is_ok(fusewire_breaker_from_json("test", "{}", &breaker, &error));
    is_still_painted(&error, sizeof error);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, &error));
    is_ok(fusewire_breaker_reconfigure(breaker, "{\"ramp\": {}}", NULL, NULL, &error));
    answers(FUSEWIRE_UNCHANGED, fusewire_breaker_reconfigure(breaker, "{\"ramp\": {}}", NULL, NULL, &error));
    is_still_painted(&error, sizeof error);
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_trip(breaker, 0, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "duration", NULL);
    fusewire_breaker_free(breaker);
}

static void every_failure_goes_without_a_detail_that_is_not_wanted(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_from_json("test", "{", &breaker, NULL));
    answers(FUSEWIRE_ERROR_NAME, fusewire_breaker_from_json("", "{}", &breaker, NULL));
    answers(FUSEWIRE_ERROR_NAME, fusewire_breaker_new("", NULL, &breaker, NULL));
    assert_null(breaker);
    fusewire_registry *registry = NULL;
    const uint64_t bounds[] = {2, 1};
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_registry_new(NULL, bounds, 2, &registry, NULL));
    assert_null(registry);
    registry = a_registry(NULL);
    answers(FUSEWIRE_ERROR_NAME, fusewire_registry_get_or_create(registry, "", NULL, &breaker, NULL));
    answers(FUSEWIRE_ERROR_UNKNOWN_BREAKER, fusewire_registry_reconfigure(registry, "x", "{}", NULL, NULL, NULL));
    fusewire_registry_free(registry);
}

static void an_errors_texts_live_as_long_as_it_does(void **state) {
    (void)state;
    fusewire_error *error = an_error();
    assert_ptr_equal(fusewire_error_message(error), fusewire_error_message(error));
    contains(fusewire_error_message(error), "mode");
    assert_string_equal(fusewire_error_key(error), "mode");
    assert_string_equal(fusewire_error_value(error), "\"on\"");
    contains(fusewire_error_allowed(error), "forced_open");
    fusewire_error_free(error);
}

static void an_error_about_no_value_has_empty_texts(void **state) {
    (void)state;
    fusewire_error *error = NULL;
    fusewire_breaker *breaker = NULL;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_from_json("test", NULL, &breaker, &error));
    assert_string_equal(fusewire_error_value(error), "");
    assert_string_equal(fusewire_error_allowed(error), "");
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "document", "NULL");
}

static void a_value_is_told_as_it_was_given_whatever_it_holds(void **state) {
    (void)state;
    fusewire_error *error = NULL;
    fusewire_breaker *breaker = NULL;
    answers(FUSEWIRE_ERROR_CONFIG,
            fusewire_breaker_from_json("test", "{\"mode\": \"a\\u0000b %s %n\"}", &breaker, &error));
    contains(fusewire_error_value(error), "%s %n");
    is_error(error, FUSEWIRE_ERROR_CONFIG, "mode", "b %s %n");
}

static const fusewire_status STATUSES[] = {
    FUSEWIRE_OK,
    FUSEWIRE_LATE,
    FUSEWIRE_UNCHANGED,
    FUSEWIRE_TIMED_OUT,
    FUSEWIRE_SUBSCRIPTION_CLOSED,
    FUSEWIRE_NO_OUTCOME,
    FUSEWIRE_QUEUED,
    FUSEWIRE_ABSENT,
    FUSEWIRE_REJECTED,
    FUSEWIRE_ERROR_NULL_ARGUMENT,
    FUSEWIRE_ERROR_NOT_UTF8,
    FUSEWIRE_ERROR_INVALID_VALUE,
    FUSEWIRE_ERROR_INVALID_SIZE,
    FUSEWIRE_ERROR_INVALID_HANDLE,
    FUSEWIRE_ERROR_INVALID_PERMIT,
    FUSEWIRE_ERROR_ALREADY_SETTLED,
    FUSEWIRE_ERROR_ALREADY_TOLD,
    FUSEWIRE_ERROR_NOT_BEGUN,
    FUSEWIRE_ERROR_WRONG_STEP,
    FUSEWIRE_ERROR_CONFIG,
    FUSEWIRE_ERROR_NAME,
    FUSEWIRE_ERROR_CONFLICT,
    FUSEWIRE_ERROR_UNKNOWN_BREAKER,
    FUSEWIRE_ERROR_PANIC,
};

static bool is_a_status(fusewire_status status) {
    for (size_t i = 0; i < COUNT(STATUSES); i++)
        if (STATUSES[i] == status) return true;
    return false;
}

static void every_status_has_a_text_of_its_own_and_no_other_number_one(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(STATUSES); i++) {
        const char *text = fusewire_status_text(STATUSES[i]);
        assert_string_not_equal(text, "unknown status");
        assert_string_not_equal(text, "");
        for (size_t j = 0; j < i; j++) assert_string_not_equal(text, fusewire_status_text(STATUSES[j]));
    }
    for (fusewire_status status = 0; status < 1000; status++) {
        if (!is_a_status(status)) assert_string_equal(fusewire_status_text(status), "unknown status");
    }
    assert_string_equal(fusewire_status_text(UINT32_MAX), "unknown status");
}

static void statuses_from_100_on_are_errors(void **state) {
    (void)state;
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_OK));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_LATE));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_UNCHANGED));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_TIMED_OUT));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_SUBSCRIPTION_CLOSED));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_NO_OUTCOME));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_QUEUED));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_ABSENT));
    assert_false(FUSEWIRE_IS_ERROR(FUSEWIRE_REJECTED));
    for (size_t i = 9; i < COUNT(STATUSES); i++) assert_true(FUSEWIRE_IS_ERROR(STATUSES[i]));
}

static void the_library_is_the_one_the_header_describes(void **state) {
    (void)state;
    assert_string_equal(fusewire_version(), FUSEWIRE_VERSION);
    assert_int_equal(fusewire_abi_version(), FUSEWIRE_ABI_VERSION);
    assert_in_range(fusewire_abi_version_minimum(), 1, FUSEWIRE_ABI_VERSION);
    assert_true(FUSEWIRE_IS_SERVED());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_writes_its_detail_and_success_none),
        cmocka_unit_test(every_failure_goes_without_a_detail_that_is_not_wanted),
        cmocka_unit_test(an_errors_texts_live_as_long_as_it_does),
        cmocka_unit_test(an_error_about_no_value_has_empty_texts),
        cmocka_unit_test(a_value_is_told_as_it_was_given_whatever_it_holds),
        cmocka_unit_test(every_status_has_a_text_of_its_own_and_no_other_number_one),
        cmocka_unit_test(statuses_from_100_on_are_errors),
        cmocka_unit_test(the_library_is_the_one_the_header_describes),
    };
    return RUN(tests);
}
