// Breakers from documents, their names, and handles of one breaker.

#include "common.h"

static void a_breaker_is_built_from_a_document(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_breaker_from_json("payments", "{\"failure_threshold\": 3}", &breaker, NULL));
    assert_string_equal(fusewire_breaker_name(breaker), "payments");
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 3);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
}

#define SIZED .size = sizeof(fusewire_options)

static void a_document_that_is_wrong_is_told_by_its_key_value_and_range(void **state) {
    (void)state;
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG,
            fusewire_breaker_from_json("test", "{\"window\": {\"kind\": \"count\", \"size\": 0}}", &breaker, &error));
    assert_null(breaker);
    assert_string_equal(fusewire_error_key(error), "window.size");
    assert_string_equal(fusewire_error_value(error), "0");
    contains(fusewire_error_allowed(error), "1..=65535");
    is_error(error, FUSEWIRE_ERROR_CONFIG, "window.size", "configuration: `window.size` is 0; allowed: ");
}

static void what_is_no_json_is_a_wrong_configuration(void **state) {
    (void)state;
    const char *const wrong[] = {"",
                                 " ",
                                 "{",
                                 "[]",
                                 "null",
                                 "5",
                                 "{} {}",
                                 "{\"mode\": null}",
                                 "{\"failure_threshold\": 1, \"failure_threshold\": 2}",
                                 "{\"unknown\": 1}"};
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
    const char *const keys[] = {"failure_threshold",
                                "window",
                                "slow_call_duration",
                                "sample_durations_every",
                                "cancelled_after",
                                "recovery_timeout",
                                "backoff",
                                "half_open_max_calls",
                                "half_open_concurrency",
                                "success_threshold",
                                "half_open_timeout",
                                "ramp",
                                "mode",
                                "seed"};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_is_built_from_a_document),
        cmocka_unit_test(a_document_that_is_wrong_is_told_by_its_key_value_and_range),
        cmocka_unit_test(what_is_no_json_is_a_wrong_configuration),
        cmocka_unit_test(json_that_is_nested_without_end_is_an_error_and_no_overflow),
        cmocka_unit_test(a_name_of_1_to_255_bytes_is_taken_and_no_other),
        cmocka_unit_test(texts_that_are_not_utf8_are_told_by_the_argument),
        cmocka_unit_test(handles_of_one_breaker_are_the_same_and_share_what_it_does),
        cmocka_unit_test(the_schema_names_every_key),
        cmocka_unit_test(what_is_written_into_the_programs_memory_is_not_needed_later),
    };
    return RUN(tests);
}
