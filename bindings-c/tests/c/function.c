// fusewire_breaker_call: a function under a breaker.

#include "common.h"

// What the function is to do, and what it saw.
typedef struct job {
    fusewire_outcome outcome;
    const char *error_type;
    int runs;
    bool found_an_error_type;
} job;

static fusewire_outcome work(void *userdata, const char **error_type) {
    job *mine = userdata;
    mine->runs++;
    if (*error_type) mine->found_an_error_type = true;
    if (mine->error_type) *error_type = mine->error_type;
    return mine->outcome;
}

static void each_outcome_of_the_function_is_counted_and_handed_on(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    for (fusewire_outcome outcome = 0; outcome <= FUSEWIRE_OUTCOME_IGNORED; outcome++) {
        job mine = {.outcome = outcome};
        fusewire_outcome told = FUSEWIRE_INVALID;
        is_ok(fusewire_breaker_call(breaker, work, &mine, &told, NULL));
        assert_int_equal(told, outcome);
        assert_int_equal(mine.runs, 1);
        assert_false(mine.found_an_error_type);
    }
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.success, 1);
    assert_int_equal(s.failure, 1);
    assert_int_equal(s.ignored, 1);
    fusewire_breaker_free(breaker);
}

static void the_functions_error_type_is_that_of_the_failure(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    job mine = {.outcome = FUSEWIRE_OUTCOME_FAILURE, .error_type = "reset by peer"};
    is_ok(fusewire_breaker_call(breaker, work, &mine, NULL, NULL));
    assert_string_equal(snapshot_of(breaker).last_failure_type, "reset by peer");
    mine = (job){.outcome = FUSEWIRE_OUTCOME_SUCCESS, .error_type = "of no account"};
    is_ok(fusewire_breaker_call(breaker, work, &mine, NULL, NULL));
    assert_string_equal(snapshot_of(breaker).last_failure_type, "reset by peer");
    fusewire_breaker_free(breaker);
}

static void a_rejected_function_does_not_run(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"mode\": \"forced_open\"}");
    job mine = {.outcome = FUSEWIRE_OUTCOME_SUCCESS};
    fusewire_outcome told;
    paint(&told, sizeof told);
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_call(breaker, work, &mine, &told, &rejection));
    assert_int_equal(mine.runs, 0);
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_FORCED_OPEN);
    is_still_painted(&told, sizeof told);
    answers(FUSEWIRE_REJECTED, fusewire_breaker_call(breaker, work, &mine, NULL, NULL));
    fusewire_breaker_free(breaker);
}

static void an_answer_that_is_no_outcome_counts_as_ignored_and_is_told(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    const fusewire_outcome wrong[] = {3, 100, UINT32_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        job mine = {.outcome = wrong[i]};
        fusewire_outcome told = 0;
        answers(FUSEWIRE_NO_OUTCOME, fusewire_breaker_call(breaker, work, &mine, &told, NULL));
        assert_int_equal(told, wrong[i]);
        assert_int_equal(mine.runs, 1);
    }
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.ignored, COUNT(wrong));
    assert_int_equal(s.success + s.failure, 0);
    fusewire_breaker_free(breaker);
}

static void what_is_not_utf8_in_an_error_type_is_replaced(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"failure_threshold\": 100}");
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        job mine = {.outcome = FUSEWIRE_OUTCOME_FAILURE, .error_type = NOT_UTF8[i]};
        is_ok(fusewire_breaker_call(breaker, work, &mine, NULL, NULL));
        contains(snapshot_of(breaker).last_failure_type, "\xef\xbf\xbd");
    }
    assert_int_equal(snapshot_of(breaker).failure, COUNT(NOT_UTF8));
    fusewire_breaker_free(breaker);
}

static fusewire_outcome resets(void *userdata, const char **error_type) {
    (void)error_type;
    is_ok(fusewire_breaker_reset(userdata, NULL, NULL));
    return FUSEWIRE_OUTCOME_SUCCESS;
}

static void a_function_that_is_over_too_late_is_told_so(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    answers(FUSEWIRE_LATE, fusewire_breaker_call(breaker, resets, breaker, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).late, 1);
    fusewire_breaker_free(breaker);
}

static fusewire_outcome nested(void *userdata, const char **error_type) {
    (void)error_type;
    job inner = {.outcome = FUSEWIRE_OUTCOME_FAILURE, .error_type = "inner"};
    is_ok(fusewire_breaker_call(userdata, work, &inner, NULL, NULL));
    return FUSEWIRE_OUTCOME_SUCCESS;
}

static void a_function_may_call_the_breaker_again(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    is_ok(fusewire_breaker_call(breaker, nested, breaker, NULL, NULL));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.success, 1);
    assert_int_equal(s.failure, 1);
    fusewire_breaker_free(breaker);
}

static fusewire_outcome frees_the_breaker(void *userdata, const char **error_type) {
    (void)error_type;
    fusewire_breaker_free(userdata);
    return FUSEWIRE_OUTCOME_SUCCESS;
}

static void a_function_that_frees_the_breaker_is_told_so(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker(), *other = fusewire_breaker_clone(breaker);
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_breaker_call(breaker, frees_the_breaker, breaker, NULL, NULL));
    assert_int_equal(snapshot_of(other).success, 0);
    fusewire_breaker_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_of_the_function_is_counted_and_handed_on),
        cmocka_unit_test(the_functions_error_type_is_that_of_the_failure),
        cmocka_unit_test(a_rejected_function_does_not_run),
        cmocka_unit_test(an_answer_that_is_no_outcome_counts_as_ignored_and_is_told),
        cmocka_unit_test(what_is_not_utf8_in_an_error_type_is_replaced),
        cmocka_unit_test(a_function_that_is_over_too_late_is_told_so),
        cmocka_unit_test(a_function_may_call_the_breaker_again),
        cmocka_unit_test(a_function_that_frees_the_breaker_is_told_so),
    };
    return RUN(tests);
}
