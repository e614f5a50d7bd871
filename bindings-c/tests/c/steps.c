// Mistakes with calls that are made step by step: each is answered, nothing is counted, and nothing is written.

#include "common.h"

static fusewire_breaker *a_retrying_breaker(void) { return breaker_on(NULL, "{\"retry\": {}, \"fallback\": [\"none\"]}"); }

static fusewire_attempts attempts_of(fusewire_breaker *breaker) {
    fusewire_attempts attempts;
    is_ok(fusewire_breaker_begin(breaker, NULL, &attempts, NULL));
    return attempts;
}

static uint64_t settled(fusewire_breaker *breaker) {
    const fusewire_snapshot now = snapshot_of(breaker);
    return now.success + now.failure + now.ignored;
}

// Each function answers so of these attempts.
static void all_answer(fusewire_status expected, fusewire_attempts *attempts) {
    fusewire_step step;
    fusewire_permit permit;
    fusewire_waiting *waiting;
    fusewire_error *error = NULL;
    const fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    paint(&step, sizeof step), paint(&waiting, sizeof waiting);
    answers(expected, fusewire_attempts_next(attempts, &step));
    answers(expected, fusewire_attempts_next_wait(attempts, 0, &step));
    answers(expected, fusewire_attempts_enter(attempts, &step, &waiting));
    answers(expected, fusewire_attempts_resume(attempts, NULL, &step));
    answers(expected, fusewire_attempts_settle(attempts, &ending, &error));
    is_error(error, expected, NULL, "");
    answers(expected, fusewire_attempts_success(attempts));
    answers(expected, fusewire_attempts_failure(attempts, NULL));
    answers(expected, fusewire_attempts_answered(attempts, true));
    answers(expected, fusewire_attempts_abandon(attempts));
    assert_int_equal(fusewire_attempts_hedge_after_ns(attempts), FUSEWIRE_NONE);
    answers(expected, fusewire_attempts_hedge(attempts, &permit));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    answers(expected, fusewire_attempts_hedge_won(attempts, &permit));
    is_still_painted(&step, sizeof step), is_still_painted(&waiting, sizeof waiting);
}

static void attempts_that_were_not_begun_are_found_out(void **state) {
    (void)state;
    fusewire_attempts none = FUSEWIRE_ATTEMPTS_INIT, memory;
    paint(&memory, sizeof memory);
    all_answer(FUSEWIRE_ERROR_NULL_ARGUMENT, NULL);
    all_answer(FUSEWIRE_ERROR_NOT_BEGUN, &none);
    all_answer(FUSEWIRE_ERROR_NOT_BEGUN, &memory);
}

static void attempts_that_were_given_up_are_over(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    is_ok(fusewire_attempts_abandon(&attempts));
    all_answer(FUSEWIRE_ERROR_NOT_BEGUN, &attempts);
    fusewire_breaker_free(breaker);
}

static void a_breaker_that_was_freed_is_found_out(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_breaker_free(breaker);
    all_answer(FUSEWIRE_ERROR_INVALID_HANDLE, &attempts);
}

static void an_attempt_is_settled_once(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_step step;
    fusewire_error *error = NULL;
    const fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_success(&attempts));
    is_ok(fusewire_attempts_next(&attempts, &step));
    is_ok(fusewire_attempts_failure(&attempts, "invalid_request"));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_success(&attempts));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_failure(&attempts, "timeout"));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_settle(&attempts, &ending, &error));
    is_error(error, FUSEWIRE_ERROR_WRONG_STEP, NULL, "no attempt is under way");
    assert_int_equal(settled(breaker), 1);
    is_ok(fusewire_attempts_next(&attempts, &step));
    assert_int_equal(step.kind, FUSEWIRE_STEP_USE);
    is_ok(fusewire_attempts_answered(&attempts, false));
    is_ok(fusewire_attempts_next(&attempts, &step));
    assert_string_equal(step.error_type, "invalid_request");
    fusewire_breaker_free(breaker);
}

static void only_a_rung_that_was_asked_answers(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_step step;
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_answered(&attempts, true));
    is_ok(fusewire_attempts_next(&attempts, &step));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_answered(&attempts, true));
    is_ok(fusewire_attempts_success(&attempts));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_answered(&attempts, true));
    is_ok(fusewire_attempts_next(&attempts, &step));
    assert_int_equal(step.kind, FUSEWIRE_STEP_DONE);
    fusewire_breaker_free(breaker);
}

static void a_wrong_ending_settles_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_step step;
    fusewire_error *error = NULL;
    is_ok(fusewire_attempts_next(&attempts, &step));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_settle(&attempts, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "ending", NULL);
    const fusewire_ending right = FUSEWIRE_ENDING_INIT;
    const uint32_t statuses[] = {1, 99, 1000, 65536 + 503};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        fusewire_ending wrong = right;
        wrong.http_status = statuses[i];
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_attempts_settle(&attempts, &wrong, &error));
        is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "ending.http_status", "100 to 999");
    }
    fusewire_ending wrong = right;
    wrong.outcome = 3;
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_attempts_settle(&attempts, &wrong, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "outcome", NULL);
    const size_t sizes[] = {0, sizeof wrong - 1, sizeof wrong + 8, 1 << 20};
    struct {
        fusewire_ending ending;
        uint64_t more;
    } larger = {.ending = FUSEWIRE_ENDING_INIT, .more = 1};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        larger.ending.size = sizes[i];
        answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_attempts_settle(&attempts, &larger.ending, &error));
        is_error(error, FUSEWIRE_ERROR_INVALID_SIZE, "ending.size", "FUSEWIRE_ENDING_INIT");
    }
    assert_int_equal(settled(breaker), 0);
    is_ok(fusewire_attempts_success(&attempts));
    fusewire_breaker_free(breaker);
}

static void a_wrong_request_begins_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts;
    fusewire_step step;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_begin(breaker, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "attempts", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_begin(NULL, NULL, &attempts, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "breaker", NULL);
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.feature = "search";
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_begin(breaker, &request, &attempts, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "feature", "search");
    answers(FUSEWIRE_ERROR_NOT_BEGUN, fusewire_attempts_next(&attempts, &step));
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        const char **const texts[] = {&request.feature, &request.method, &request.key};
        const char *const keys[] = {"request.feature", "request.method", "request.key"};
        for (size_t field = 0; field < COUNT(texts); field++) {
            request = (fusewire_request)FUSEWIRE_REQUEST_INIT;
            *texts[field] = NOT_UTF8[i];
            answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_begin(breaker, &request, &attempts, &error));
            is_error(error, FUSEWIRE_ERROR_NOT_UTF8, keys[field], NULL);
        }
    }
    fusewire_breaker_free(breaker);
}

static void a_request_of_the_first_version_is_read_as_one_that_names_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    struct {
        fusewire_request request;
    } old;
    paint(&old, sizeof old);
    old.request.size = offsetof(fusewire_request, feature);
    old.request.priority = FUSEWIRE_PRIORITY_NORMAL;
    old.request.cost = 1;
    old.request.deadline_ns = FUSEWIRE_NONE;
    fusewire_attempts attempts;
    is_ok(fusewire_breaker_begin(breaker, &old.request, &attempts, NULL));
    fusewire_breaker_free(breaker);
}

static void null_for_a_step_or_a_place_is_told(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_retrying_breaker();
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_step step;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_next(&attempts, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_next_wait(&attempts, 0, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_enter(&attempts, &step, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_resume(&attempts, NULL, &step));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_hedge(&attempts, NULL));
    fusewire_breaker_free(breaker);
}

static void a_place_of_another_handle_is_not_gone_on_with(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 1}}");
    fusewire_breaker *other = fusewire_breaker_clone(breaker);
    fusewire_permit taken = permit_of(breaker);
    fusewire_attempts attempts = attempts_of(breaker);
    fusewire_waiting *waiting = waiting_at(other, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_step step;
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_attempts_resume(&attempts, waiting, &step));
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&taken));
    fusewire_breaker_free(other);
    fusewire_breaker_free(breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_that_were_not_begun_are_found_out),
        cmocka_unit_test(attempts_that_were_given_up_are_over),
        cmocka_unit_test(a_breaker_that_was_freed_is_found_out),
        cmocka_unit_test(an_attempt_is_settled_once),
        cmocka_unit_test(only_a_rung_that_was_asked_answers),
        cmocka_unit_test(a_wrong_ending_settles_nothing),
        cmocka_unit_test(a_wrong_request_begins_nothing),
        cmocka_unit_test(a_request_of_the_first_version_is_read_as_one_that_names_nothing),
        cmocka_unit_test(null_for_a_step_or_a_place_is_told),
        cmocka_unit_test(a_place_of_another_handle_is_not_gone_on_with),
    };
    return RUN(tests);
}
