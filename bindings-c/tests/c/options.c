// Breakers from the options struct.

#include "common.h"

#include <math.h>

static void a_breaker_without_options_has_all_defaults(void **state) {
    (void)state;
    fusewire_breaker *one = NULL, *other = NULL;
    is_ok(fusewire_breaker_new("test", NULL, &one, NULL));
    is_ok(fusewire_breaker_from_json("test", "{}", &other, NULL));
    char *first, *second;
    is_ok(fusewire_breaker_document(one, &first, NULL));
    is_ok(fusewire_breaker_document(other, &second, NULL));
    assert_string_equal(first, second);
    fusewire_string_free(first);
    fusewire_string_free(second);
    fusewire_breaker_free(one);
    fusewire_breaker_free(other);
}

// Options and the document that says the same.
static void same(fusewire_options options, const char *document) {
    fusewire_breaker *by_options, *by_document;
    fusewire_error *error = NULL;
    if (fusewire_breaker_new("test", &options, &by_options, &error) != FUSEWIRE_OK) {
        fail_msg("%s: %s", document, fusewire_error_message(error));
    }
    is_ok(fusewire_breaker_from_json("test", document, &by_document, NULL));
    char *first, *second;
    is_ok(fusewire_breaker_document(by_options, &first, NULL));
    is_ok(fusewire_breaker_document(by_document, &second, NULL));
    assert_string_equal(first, second);
    fusewire_string_free(first);
    fusewire_string_free(second);
    fusewire_breaker_free(by_options);
    fusewire_breaker_free(by_document);
}

#define SIZED .size = sizeof(fusewire_options)

static void each_option_is_the_key_it_stands_for(void **state) {
    (void)state;
    same((fusewire_options){SIZED}, "{}");
    same((fusewire_options){SIZED, .failure_threshold = 7}, "{\"failure_threshold\": 7}");
    same((fusewire_options){SIZED, .half_open_max_calls = 64}, "{\"half_open_max_calls\": 64}");
    same((fusewire_options){SIZED, .success_threshold = 2}, "{\"success_threshold\": 2}");
    same((fusewire_options){SIZED, .recovery_timeout_ns = 1500 * MS}, "{\"recovery_timeout\": \"1.5s\"}");
    same((fusewire_options){SIZED, .recovery_timeout_ns = 168 * HOUR}, "{\"recovery_timeout\": \"168h\"}");
    same((fusewire_options){SIZED, .slow_call_duration_ns = 1 * MS}, "{\"slow_call_duration\": \"1ms\"}");
    same((fusewire_options){SIZED, .mode = FUSEWIRE_MODE_AUTO}, "{\"mode\": \"auto\"}");
    same((fusewire_options){SIZED, .mode = FUSEWIRE_MODE_SHADOW}, "{\"mode\": \"shadow\"}");
    same((fusewire_options){SIZED, .mode = FUSEWIRE_MODE_FORCED_OPEN}, "{\"mode\": \"forced_open\"}");
    same((fusewire_options){SIZED, .mode = FUSEWIRE_MODE_FORCED_CLOSED}, "{\"mode\": \"forced_closed\"}");
}

static void a_window_by_options_is_the_one_in_the_document(void **state) {
    (void)state;
    same((fusewire_options){SIZED, .window = FUSEWIRE_WINDOW_COUNT}, "{\"window\": {\"kind\": \"count\"}}");
    same((fusewire_options){SIZED, .window = FUSEWIRE_WINDOW_TIME}, "{\"window\": {\"kind\": \"time\"}}");
    same((fusewire_options){SIZED, .window = FUSEWIRE_WINDOW_ADAPTIVE}, "{\"window\": {\"kind\": \"adaptive\"}}");
    same((fusewire_options){SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_size = 50, .window_min_calls = 10,
                            .window_failure_rate = 0.25},
         "{\"window\": {\"kind\": \"count\", \"size\": 50, \"min_calls\": 10, \"failure_rate\": 0.25}}");
    same((fusewire_options){SIZED, .window = FUSEWIRE_WINDOW_TIME, .window_period_ns = 30 * SECOND,
                            .slow_call_duration_ns = 2 * SECOND, .window_slow_call_rate = 0.9},
         "{\"slow_call_duration\": 2, \"window\": {\"kind\": \"time\", \"period\": 30, \"slow_call_rate\": 0.9}}");
}

static void options_replace_the_keys_of_their_document_and_leave_the_others(void **state) {
    (void)state;
    same((fusewire_options){SIZED, .document = "{\"failure_threshold\": 9, \"success_threshold\": 1}",
                            .failure_threshold = 2},
         "{\"failure_threshold\": 2, \"success_threshold\": 1}");
    same((fusewire_options){SIZED, .document = "{\"ramp\": {}}"}, "{\"ramp\": {}}");
}

static void an_option_that_is_out_of_range_is_told_by_its_key(void **state) {
    (void)state;
    const struct {
        fusewire_options options;
        const char *key;
    } wrong[] = {
        {{SIZED, .failure_threshold = 1000001}, "failure_threshold"},
        {{SIZED, .failure_threshold = UINT32_MAX}, "failure_threshold"},
        {{SIZED, .half_open_max_calls = 65}, "half_open_max_calls"},
        {{SIZED, .success_threshold = 4}, "success_threshold"},
        {{SIZED, .recovery_timeout_ns = 1}, "recovery_timeout"},
        {{SIZED, .recovery_timeout_ns = UINT64_MAX}, "recovery_timeout"},
        {{SIZED, .slow_call_duration_ns = 168 * HOUR + 1}, "slow_call_duration"},
        {{SIZED, .window_size = 10}, "window.kind"},
        {{SIZED, .window = FUSEWIRE_WINDOW_TIME, .window_size = 10}, "window.size"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_size = 65536}, "window.size"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_period_ns = SECOND}, "window.period"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_size = 5, .window_min_calls = 6}, "window.min_calls"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_failure_rate = 1.5}, "window.failure_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_failure_rate = -0.5}, "window.failure_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_failure_rate = (double)NAN}, "window.failure_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_failure_rate = (double)INFINITY}, "window.failure_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_failure_rate = 5e-324}, "window.failure_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .window_slow_call_rate = 0.5}, "window.slow_call_rate"},
        {{SIZED, .window = FUSEWIRE_WINDOW_COUNT, .failure_threshold = 5}, "window"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_new("test", &wrong[i].options, &breaker, &error));
        assert_null(breaker);
        is_error(error, FUSEWIRE_ERROR_CONFIG, wrong[i].key, "allowed: ");
    }
}

static void options_with_numbers_that_are_none_are_invalid_values(void **state) {
    (void)state;
    const struct {
        fusewire_options options;
        const char *key;
    } wrong[] = {
        {{SIZED, .mode = 4}, "mode"},
        {{SIZED, .mode = UINT32_MAX}, "mode"},
        {{SIZED, .window = 4}, "options.window"},
        {{SIZED, .window = UINT32_MAX}, "options.window"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_new("test", &wrong[i].options, &breaker, &error));
        assert_null(breaker);
        is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, wrong[i].key, NULL);
    }
}

static void options_of_a_size_that_no_version_has_are_refused(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, sizeof(size_t), sizeof(fusewire_options) - 1, 64 * 1024 + 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        fusewire_options options = FUSEWIRE_OPTIONS_INIT;
        options.size = sizes[i];
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_breaker_new("test", &options, &breaker, &error));
        assert_null(breaker);
        is_error(error, FUSEWIRE_ERROR_INVALID_SIZE, "options.size", "FUSEWIRE_OPTIONS_INIT");
    }
}

// The struct as a later version may have it.
typedef struct later_options {
    fusewire_options known;
    uint64_t unknown;
} later_options;

static void a_later_struct_is_taken_when_what_is_new_is_left_out(void **state) {
    (void)state;
    later_options later = {.known = {.size = sizeof later, .failure_threshold = 2}};
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_breaker_new("test", &later.known, &breaker, NULL));
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 2);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
}

static void a_later_struct_that_sets_what_is_new_is_refused(void **state) {
    (void)state;
    later_options later = {.known = {.size = sizeof later}, .unknown = UINT64_C(1) << 56};
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_breaker_new("test", &later.known, &breaker, &error));
    assert_null(breaker);
    is_error(error, FUSEWIRE_ERROR_INVALID_SIZE, "options.size", NULL);
}

static void what_is_reserved_in_options_must_be_0(void **state) {
    (void)state;
    const fusewire_options options = {SIZED, .reserved = 1};
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_new("test", &options, &breaker, &error));
    assert_null(breaker);
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "options.reserved", NULL);
}

static void options_replace_keys_of_the_documents_window_one_by_one(void **state) {
    (void)state;
    same((fusewire_options){SIZED, .document = "{\"window\": {\"kind\": \"count\", \"size\": 50, \"min_calls\": 5}}",
                            .window_failure_rate = 0.3},
         "{\"window\": {\"kind\": \"count\", \"size\": 50, \"min_calls\": 5, \"failure_rate\": 0.3}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_without_options_has_all_defaults),
        cmocka_unit_test(each_option_is_the_key_it_stands_for),
        cmocka_unit_test(a_window_by_options_is_the_one_in_the_document),
        cmocka_unit_test(options_replace_the_keys_of_their_document_and_leave_the_others),
        cmocka_unit_test(an_option_that_is_out_of_range_is_told_by_its_key),
        cmocka_unit_test(options_with_numbers_that_are_none_are_invalid_values),
        cmocka_unit_test(options_of_a_size_that_no_version_has_are_refused),
        cmocka_unit_test(a_later_struct_is_taken_when_what_is_new_is_left_out),
        cmocka_unit_test(a_later_struct_that_sets_what_is_new_is_refused),
        cmocka_unit_test(what_is_reserved_in_options_must_be_0),
        cmocka_unit_test(options_replace_keys_of_the_documents_window_one_by_one),
    };
    return RUN(tests);
}
