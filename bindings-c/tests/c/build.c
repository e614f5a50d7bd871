// Breakers from options and documents.

#include "common.h"

#include <math.h>

static void a_breaker_is_built_from_a_document(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_breaker_from_json("payments", "{\"failure_threshold\": 3}", &breaker, NULL));
    assert_string_equal(fusewire_breaker_name(breaker), "payments");
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 3);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
}

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
    same((fusewire_options){SIZED, .document = "{\"failure_threshold\": 9, \"success_threshold\": 1}", .failure_threshold = 2},
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

static void a_document_that_is_wrong_is_told_by_its_key_value_and_range(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_from_json("test", "{\"window\": {\"kind\": \"count\", \"size\": 0}}", &breaker, &error));
    assert_null(breaker);
    assert_string_equal(fusewire_error_key(error), "window.size");
    assert_string_equal(fusewire_error_value(error), "0");
    contains(fusewire_error_allowed(error), "1..=65535");
    is_error(error, FUSEWIRE_ERROR_CONFIG, "window.size", "configuration: `window.size` is 0; allowed: ");
}

static void what_is_no_json_is_a_wrong_configuration(void **state) {
    (void)state;
    const char *const wrong[] = {"", " ", "{", "[]", "null", "5", "{} {}", "{\"mode\": null}", "{\"failure_threshold\": 1, \"failure_threshold\": 2}", "{\"unknown\": 1}"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_from_json("test", wrong[i], &breaker, &error));
        assert_null(breaker);
        is_error(error, FUSEWIRE_ERROR_CONFIG, NULL, "configuration: ");
    }
}

static void json_that_is_nested_without_end_is_an_error_and_no_overflow(void **state) {
    (void)state;
    static char deep[200001];
    memset(deep, '[', sizeof deep - 1);
    fusewire_breaker *breaker = NULL;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_from_json("test", deep, &breaker, NULL));
    assert_null(breaker);
}

static void a_name_of_1_to_255_bytes_is_taken_and_no_other(void **state) {
    (void)state;
    char longest[257];
    memset(longest, 'n', sizeof longest);
    longest[256] = 0;
    const char *const wrong[] = {"", longest, "a\nb", "\t", "\x7f", "a\xc2\x85"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_NAME, fusewire_breaker_from_json(wrong[i], "{}", &breaker, &error));
        assert_null(breaker);
        // Of a name that is too long 255 bytes are told.
        const char *value = fusewire_error_value(error);
        assert_int_equal(strlen(value), strlen(wrong[i]) < 256 ? strlen(wrong[i]) : 255);
        assert_memory_equal(value, wrong[i], strlen(value));
        is_error(error, FUSEWIRE_ERROR_NAME, "name", "1 to 255 bytes");
    }
    longest[255] = 0;
    const char *const right[] = {longest, "n", "zahlungen \xe2\x82\xac", "a b"};
    for (size_t i = 0; i < COUNT(right); i++) {
        fusewire_breaker *breaker = NULL;
        is_ok(fusewire_breaker_new(right[i], NULL, &breaker, NULL));
        assert_string_equal(fusewire_breaker_name(breaker), right[i]);
        fusewire_breaker_free(breaker);
    }
}

static void texts_that_are_not_utf8_are_told_by_the_argument(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_from_json(NOT_UTF8[i], "{}", &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "name", "not UTF-8 from byte ");
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_from_json("test", NOT_UTF8[i], &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "document", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_new(NOT_UTF8[i], NULL, &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "name", NULL);
        fusewire_options options = {SIZED, .document = NOT_UTF8[i]};
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_new("test", &options, &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "options.document", NULL);
        assert_null(breaker);
    }
}

static void handles_of_one_breaker_are_the_same_and_share_what_it_does(void **state) {
    (void)state;
    fusewire_breaker *one = a_breaker(), *stranger = a_breaker();
    fusewire_breaker *other = fusewire_breaker_clone(one);
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
    assert_true(fusewire_breaker_is_same(one, other));
    assert_true(fusewire_breaker_is_same(one, one));
    assert_false(fusewire_breaker_is_same(one, stranger));
    calls(one, FUSEWIRE_OUTCOME_SUCCESS, 2);
    fusewire_breaker_free(one);
    assert_int_equal(snapshot_of(other).success, 2);
    assert_string_equal(fusewire_breaker_name(other), "test");
    fusewire_breaker_free(other);
    fusewire_breaker_free(stranger);
}

static void the_schema_names_every_key(void **state) {
    (void)state;
    char *schema = NULL;
    size_t length = 0;
    is_ok(fusewire_schema(&schema, &length));
    assert_int_equal(strlen(schema), length);
    const char *const keys[] = {"failure_threshold", "window", "slow_call_duration", "sample_durations_every", "cancelled_after", "recovery_timeout", "backoff", "half_open_max_calls", "half_open_concurrency", "success_threshold", "half_open_timeout", "ramp", "mode", "seed"};
    for (size_t i = 0; i < COUNT(keys); i++) contains(schema, keys[i]);
    fusewire_string_free(schema);
    is_ok(fusewire_schema(&schema, NULL));
    fusewire_string_free(schema);
}

static void what_is_written_into_the_programs_memory_is_not_needed_later(void **state) {
    (void)state;
    char name[] = "fleeting", document[] = "{\"failure_threshold\": 2}";
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_breaker_from_json(name, document, &breaker, NULL));
    memset(name, 'x', sizeof name - 1);
    memset(document, 'x', sizeof document - 1);
    assert_string_equal(fusewire_breaker_name(breaker), "fleeting");
    fusewire_breaker_free(breaker);
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
    same((fusewire_options){SIZED, .document = "{\"window\": {\"kind\": \"count\", \"size\": 50, \"min_calls\": 5}}", .window_failure_rate = 0.3},
         "{\"window\": {\"kind\": \"count\", \"size\": 50, \"min_calls\": 5, \"failure_rate\": 0.3}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_is_built_from_a_document),
        cmocka_unit_test(a_breaker_without_options_has_all_defaults),
        cmocka_unit_test(each_option_is_the_key_it_stands_for),
        cmocka_unit_test(a_window_by_options_is_the_one_in_the_document),
        cmocka_unit_test(options_replace_the_keys_of_their_document_and_leave_the_others),
        cmocka_unit_test(an_option_that_is_out_of_range_is_told_by_its_key),
        cmocka_unit_test(options_with_numbers_that_are_none_are_invalid_values),
        cmocka_unit_test(options_of_a_size_that_no_version_has_are_refused),
        cmocka_unit_test(a_later_struct_is_taken_when_what_is_new_is_left_out),
        cmocka_unit_test(a_later_struct_that_sets_what_is_new_is_refused),
        cmocka_unit_test(a_document_that_is_wrong_is_told_by_its_key_value_and_range),
        cmocka_unit_test(what_is_no_json_is_a_wrong_configuration),
        cmocka_unit_test(json_that_is_nested_without_end_is_an_error_and_no_overflow),
        cmocka_unit_test(a_name_of_1_to_255_bytes_is_taken_and_no_other),
        cmocka_unit_test(texts_that_are_not_utf8_are_told_by_the_argument),
        cmocka_unit_test(handles_of_one_breaker_are_the_same_and_share_what_it_does),
        cmocka_unit_test(what_is_reserved_in_options_must_be_0),
        cmocka_unit_test(options_replace_keys_of_the_documents_window_one_by_one),
        cmocka_unit_test(the_schema_names_every_key),
        cmocka_unit_test(what_is_written_into_the_programs_memory_is_not_needed_later),
    };
    return RUN(tests);
}
