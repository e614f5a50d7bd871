// What a settled call counts as: given up, slow, in shadow, without a permit, of an error type.

#include "common.h"

static void a_failure_keeps_its_error_type_cut_at_64_bytes(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    char longest[81];
    memset(longest, 'e', sizeof longest - 1);
    longest[80] = 0;
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, longest));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(strlen(s.last_failure_type), 64);
    assert_memory_equal(s.last_failure_type, longest, 64);
    permit = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, "io"));
    assert_string_equal(snapshot_of(breaker).last_failure_type, "io");
    fusewire_breaker_free(breaker);
}

static void a_call_that_was_given_up_late_is_a_timeout(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"cancelled_after\": \"2s\"}");
    fusewire_permit quick = permit_of(breaker), hanging = permit_of(breaker);
    is_ok(fusewire_manual_clock_advance(clock, 2 * SECOND - 1));
    is_ok(fusewire_permit_abandon(&quick));
    is_ok(fusewire_manual_clock_advance(clock, 1));
    is_ok(fusewire_permit_abandon(&hanging));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.ignored, 1);
    assert_int_equal(s.failure, 1);
    assert_string_equal(s.last_failure_type, "timeout");
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_duration_that_is_reported_decides_what_is_slow(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"slow_call_duration\": \"1s\"}");
    fusewire_permit reported = permit_of(breaker), longest = permit_of(breaker), measured = permit_of(breaker),
                    at_once = permit_of(breaker);
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    is_ok(fusewire_permit_settle(&reported, FUSEWIRE_OUTCOME_SUCCESS, SECOND - 1, NULL));
    is_ok(fusewire_permit_settle(&at_once, FUSEWIRE_OUTCOME_SUCCESS, 0, NULL));
    assert_int_equal(snapshot_of(breaker).slow, 0);
    is_ok(fusewire_permit_settle(&longest, FUSEWIRE_OUTCOME_SUCCESS, FUSEWIRE_NONE - 1, NULL));
    assert_int_equal(snapshot_of(breaker).slow, 1);
    is_ok(fusewire_permit_settle(&measured, FUSEWIRE_OUTCOME_FAILURE, FUSEWIRE_NONE, NULL));
    assert_int_equal(snapshot_of(breaker).slow, 2);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void shadow_admits_and_marks_what_it_would_reject(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"mode\": \"shadow\"}");
    fusewire_permit plain = permit_of(breaker);
    assert_int_equal(fusewire_permit_would_reject(&plain), FUSEWIRE_INVALID);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    fusewire_permit marked = permit_of(breaker);
    assert_int_equal(fusewire_permit_would_reject(&marked), FUSEWIRE_REASON_OPEN);
    is_ok(fusewire_permit_success(&marked));
    assert_int_equal(fusewire_permit_would_reject(&marked), FUSEWIRE_INVALID);
    answers(FUSEWIRE_LATE, fusewire_permit_success(&plain));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.would_reject[FUSEWIRE_REASON_OPEN], 1);
    assert_int_equal(s.rejected[FUSEWIRE_REASON_OPEN], 0);
    fusewire_breaker_free(breaker);
}

static void an_outcome_without_a_permit_counts_like_any_other_while_closed(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"failure_threshold\": 2}");
    is_ok(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_SUCCESS, NULL));
    is_ok(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_IGNORED, NULL));
    is_ok(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_FAILURE, "io"));
    is_ok(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_FAILURE, "io"));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.state, FUSEWIRE_STATE_OPEN);
    assert_int_equal(s.success, 1);
    assert_int_equal(s.failure, 2);
    assert_int_equal(s.ignored, 1);
    fusewire_status while_open = fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_SUCCESS, NULL);
    assert_false(FUSEWIRE_IS_ERROR(while_open));
    s = snapshot_of(breaker);
    assert_int_equal(s.success, 2);
    assert_int_equal(s.state, FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
}

static void an_outcome_that_is_none_settles_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_permit permit = permit_of(breaker);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_permit_settle(&permit, 3, FUSEWIRE_NONE, NULL));
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_permit_settle(&permit, UINT32_MAX, FUSEWIRE_NONE, NULL));
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_record(breaker, 3, NULL));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.success + s.failure + s.ignored, 0);
    is_ok(fusewire_permit_success(&permit));
    fusewire_breaker_free(breaker);
}

static void what_is_not_utf8_in_an_error_type_is_replaced(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"failure_threshold\": 1000}");
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        fusewire_permit one = permit_of(breaker), other = permit_of(breaker);
        is_ok(fusewire_permit_failure(&one, NOT_UTF8[i]));
        contains(snapshot_of(breaker).last_failure_type, "\xef\xbf\xbd");
        is_ok(fusewire_permit_settle(&other, FUSEWIRE_OUTCOME_FAILURE, 0, NOT_UTF8[i]));
        is_ok(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_FAILURE, NOT_UTF8[i]));
        contains(snapshot_of(breaker).last_failure_type, "\xef\xbf\xbd");
    }
    assert_int_equal(snapshot_of(breaker).failure, 3 * COUNT(NOT_UTF8));
    fusewire_breaker_free(breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_keeps_its_error_type_cut_at_64_bytes),
        cmocka_unit_test(a_call_that_was_given_up_late_is_a_timeout),
        cmocka_unit_test(a_duration_that_is_reported_decides_what_is_slow),
        cmocka_unit_test(shadow_admits_and_marks_what_it_would_reject),
        cmocka_unit_test(an_outcome_without_a_permit_counts_like_any_other_while_closed),
        cmocka_unit_test(an_outcome_that_is_none_settles_nothing),
        cmocka_unit_test(what_is_not_utf8_in_an_error_type_is_replaced),
    };
    return RUN(tests);
}
