// Permits: acquired, settled once, rejected, late.

#include "common.h"

static void a_permit_is_given_and_settled_once(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_success(&permit));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_success(&permit));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_failure(&permit, "io"));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_ignore(&permit));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_abandon(&permit));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_settle(&permit, FUSEWIRE_OUTCOME_FAILURE, 0, NULL));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.success, 1);
    assert_int_equal(s.failure + s.ignored, 0);
    fusewire_breaker_free(breaker);
}

static void each_way_to_settle_counts_what_it_says(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_success(&permit));
    permit = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, "io"));
    permit = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, NULL));
    permit = permit_of(breaker);
    is_ok(fusewire_permit_ignore(&permit));
    permit = permit_of(breaker);
    is_ok(fusewire_permit_abandon(&permit));
    for (fusewire_outcome outcome = FUSEWIRE_OUTCOME_SUCCESS; outcome <= FUSEWIRE_OUTCOME_IGNORED; outcome++) {
        permit = permit_of(breaker);
        is_ok(fusewire_permit_settle(&permit, outcome, 5 * MS, "settled"));
    }
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.success, 2);
    assert_int_equal(s.failure, 3);
    assert_int_equal(s.ignored, 3);
    fusewire_breaker_free(breaker);
}

static void a_permit_moves_with_the_memory_it_lies_in(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_permit first = permit_of(breaker), moved = first;
    memset(&first, 0, sizeof first);
    is_ok(fusewire_permit_success(&moved));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&first));
    fusewire_breaker_free(breaker);
}

static void an_open_breaker_rejects_and_says_why_and_for_how_long(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"failure_threshold\": 1, \"recovery_timeout\": \"10s\"}");
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, "io"));
    is_ok(fusewire_manual_clock_advance(clock, 4 * SECOND));
    fusewire_rejection rejection;
    paint(&rejection, sizeof rejection);
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_OPEN);
    assert_int_equal(rejection.retry_after_ns, 6 * SECOND);
    for (size_t i = 0; i < COUNT(rejection.reserved); i++) assert_int_equal(rejection.reserved[i], 0);
    fusewire_failure failure;
    is_ok(fusewire_breaker_last_failure(breaker, rejection.last_failure, &failure));
    assert_string_equal(failure.error_type, "io");
    assert_int_equal(failure.at_ns, 0);
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, NULL));
    assert_int_equal(snapshot_of(breaker).rejected[FUSEWIRE_REASON_OPEN], 2);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void each_reason_to_reject_is_told(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker =
        breaker_on(clock, "{\"half_open_max_calls\": 1, \"half_open_timeout\": \"30s\", \"ramp\": {\"initial\": 0.5}}");
    fusewire_rejection rejection;
    is_ok(fusewire_breaker_half_open(breaker, NULL, NULL));
    fusewire_permit probe = permit_of(breaker), none = FUSEWIRE_PERMIT_INIT;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &none, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_HALF_OPEN_FULL);
    assert_int_equal(rejection.retry_after_ns, 30 * SECOND);
    assert_int_equal(rejection.last_failure, 0);
    is_ok(fusewire_permit_success(&probe));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &none, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_RAMP);
    assert_int_equal(rejection.retry_after_ns, FUSEWIRE_NONE);
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_FORCED_OPEN, NULL, NULL));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &none, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_FORCED_OPEN);
    assert_int_equal(rejection.retry_after_ns, FUSEWIRE_NONE);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void an_admitted_call_writes_no_rejection(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_rejection rejection;
    paint(&rejection, sizeof rejection);
    fusewire_permit permit;
    is_ok(fusewire_breaker_acquire(breaker, &permit, &rejection));
    is_still_painted(&rejection, sizeof rejection);
    is_ok(fusewire_permit_success(&permit));
    fusewire_breaker_free(breaker);
}

static void a_permit_of_an_earlier_generation_is_late(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    for (fusewire_outcome outcome = 0; outcome <= FUSEWIRE_OUTCOME_IGNORED; outcome++) {
        fusewire_permit permit = permit_of(breaker);
        is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
        answers(FUSEWIRE_LATE, fusewire_permit_settle(&permit, outcome, FUSEWIRE_NONE, NULL));
        answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_success(&permit));
    }
    fusewire_permit success = permit_of(breaker), failure = permit_of(breaker), ignored = permit_of(breaker),
                    given_up = permit_of(breaker);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    answers(FUSEWIRE_LATE, fusewire_permit_success(&success));
    answers(FUSEWIRE_LATE, fusewire_permit_failure(&failure, NULL));
    answers(FUSEWIRE_LATE, fusewire_permit_ignore(&ignored));
    answers(FUSEWIRE_LATE, fusewire_permit_abandon(&given_up));
    assert_int_equal(snapshot_of(breaker).late, 7);
    fusewire_breaker_free(breaker);
}

static void a_probe_that_is_never_settled_expires(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"half_open_timeout\": \"1s\"}");
    is_ok(fusewire_breaker_half_open(breaker, NULL, NULL));
    fusewire_permit probe = permit_of(breaker);
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    is_ok(fusewire_breaker_poll(breaker));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.expired, 1);
    assert_int_equal(s.last_cause, FUSEWIRE_CAUSE_PROBE_EXPIRED);
    answers(FUSEWIRE_LATE, fusewire_permit_success(&probe));
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_permit_outlives_another_handle_of_its_breaker(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker(), *other = fusewire_breaker_clone(breaker);
    fusewire_permit permit = permit_of(breaker);
    fusewire_breaker_free(other);
    is_ok(fusewire_permit_success(&permit));
    fusewire_breaker_free(breaker);
}

static void a_rejection_says_itself_in_a_sentence(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    const fusewire_rejection rejections[] = {
        {.retry_after_ns = 1500 * MS, .reason = FUSEWIRE_REASON_OPEN},
        {.retry_after_ns = FUSEWIRE_NONE, .reason = FUSEWIRE_REASON_FORCED_OPEN},
    };
    char *message;
    size_t length;
    is_ok(fusewire_breaker_rejection_message(breaker, &rejections[0], &message, &length));
    assert_string_equal(message, "circuit breaker 'test' is open; retry in 1.5s");
    assert_int_equal(length, strlen(message));
    fusewire_string_free(message);
    is_ok(fusewire_breaker_rejection_message(breaker, &rejections[1], &message, NULL));
    contains(message, "circuit breaker 'test'");
    fusewire_string_free(message);
    for (fusewire_reason reason = 0; reason <= FUSEWIRE_REASON_FORCED_OPEN; reason++) {
        fusewire_rejection rejection = {.retry_after_ns = 0, .reason = reason};
        is_ok(fusewire_breaker_rejection_message(breaker, &rejection, &message, NULL));
        fusewire_string_free(message);
    }
    fusewire_breaker_free(breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_permit_is_given_and_settled_once),
        cmocka_unit_test(each_way_to_settle_counts_what_it_says),
        cmocka_unit_test(a_permit_moves_with_the_memory_it_lies_in),
        cmocka_unit_test(an_open_breaker_rejects_and_says_why_and_for_how_long),
        cmocka_unit_test(each_reason_to_reject_is_told),
        cmocka_unit_test(an_admitted_call_writes_no_rejection),
        cmocka_unit_test(a_permit_of_an_earlier_generation_is_late),
        cmocka_unit_test(a_probe_that_is_never_settled_expires),
        cmocka_unit_test(a_permit_outlives_another_handle_of_its_breaker),
        cmocka_unit_test(a_rejection_says_itself_in_a_sentence),
    };
    return RUN(tests);
}
