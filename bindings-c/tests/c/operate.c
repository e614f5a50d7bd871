// What an operator does: trip, half-open, reset, modes, poll, reconfigure.

#include "common.h"

// The only event there is.
static fusewire_event event_of(fusewire_subscription *subscription) {
    fusewire_event event;
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
    assert_int_equal(count, 1);
    return event;
}

static void a_trip_opens_for_as_long_as_it_says(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"recovery_timeout\": \"30s\"}");
    is_ok(fusewire_breaker_trip(breaker, 5 * SECOND, "on call", "maintenance", NULL));
    assert_int_equal(snapshot_of(breaker).retry_after_ns, 5 * SECOND);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).retry_after_ns, 30 * SECOND);
    is_ok(fusewire_breaker_trip(breaker, 1 * MS, NULL, NULL, NULL));
    is_ok(fusewire_breaker_trip(breaker, 168 * HOUR, NULL, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).opened, 4);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_trip_of_a_duration_out_of_range_changes_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    const uint64_t wrong[] = {0, 1, 1 * MS - 1, 168 * HOUR + 1, FUSEWIRE_NONE - 1};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_trip(breaker, wrong[i], "me", "why", &error));
        is_error(error, FUSEWIRE_ERROR_CONFIG, "duration", "1ms..=168h");
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_trip(breaker, wrong[i], NULL, NULL, NULL));
    }
    assert_int_equal(snapshot_of(breaker).generation, 0);
    fusewire_breaker_free(breaker);
}

static void who_and_why_are_in_the_event(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 10);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, "on call", "maintenance", NULL));
    fusewire_event event = event_of(subscription);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_MANUAL);
    assert_int_equal(event.to, FUSEWIRE_STATE_OPEN);
    assert_string_equal(event.actor, "on call");
    assert_string_equal(event.reason, "maintenance");
    is_ok(fusewire_breaker_half_open(breaker, "on call", NULL));
    event = event_of(subscription);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_MANUAL);
    assert_int_equal(event.to, FUSEWIRE_STATE_HALF_OPEN);
    assert_string_equal(event.actor, "on call");
    assert_string_equal(event.reason, "");
    is_ok(fusewire_breaker_reset(breaker, NULL, "all is well"));
    event = event_of(subscription);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_RESET);
    assert_string_equal(event.actor, "");
    assert_string_equal(event.reason, "all is well");
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_FORCED_OPEN, "drill", "tuesday"));
    event = event_of(subscription);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_MODE);
    assert_string_equal(event.actor, "drill");
    assert_string_equal(event.reason, "tuesday");
    is_ok(fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 2}", "deploy", "v2", NULL));
    event = event_of(subscription);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_RECONFIGURED);
    assert_string_equal(event.actor, "deploy");
    assert_string_equal(event.reason, "v2");
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void who_and_why_are_cut_at_a_character(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 10);
    char actor[101], reason[401];
    // A byte and then characters of three.
    actor[0] = reason[0] = 'a';
    for (size_t i = 0; i + 1 < sizeof actor; i++) actor[i] = i == 0 ? 'a' : "\xe2\x82\xac"[(i - 1) % 3];
    for (size_t i = 0; i + 1 < sizeof reason; i++) reason[i] = i == 0 ? 'a' : "\xe2\x82\xac"[(i - 1) % 3];
    actor[100] = reason[400] = 0;
    is_ok(fusewire_breaker_reset(breaker, actor, reason));
    fusewire_event event = event_of(subscription);
    assert_int_equal(strlen(event.actor), 64);
    assert_memory_equal(event.actor, actor, 64);
    assert_int_equal(strlen(event.reason), 256);
    assert_memory_equal(event.reason, reason, 256);
    actor[1] = 'b', actor[2] = 'c', actor[3] = 'd', actor[4] = 'e';
    memmove(actor + 5, reason + 1, 60);
    actor[65] = 0;
    is_ok(fusewire_breaker_reset(breaker, actor, NULL));
    event = event_of(subscription);
    assert_int_equal(strlen(event.actor), 62);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void who_or_why_that_is_not_utf8_changes_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        const char *bad = NOT_UTF8[i];
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_trip(breaker, SECOND, bad, NULL, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "actor", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_trip(breaker, SECOND, NULL, bad, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "reason", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_half_open(breaker, bad, NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_half_open(breaker, NULL, bad));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_reset(breaker, bad, NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_reset(breaker, NULL, bad));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_SHADOW, bad, NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_SHADOW, NULL, bad));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_reconfigure(breaker, bad, NULL, NULL, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "document", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 2}", bad, NULL, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "actor", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 2}", NULL, bad, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "reason", NULL);
    }
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.generation, 0);
    assert_int_equal(s.mode, FUSEWIRE_MODE_AUTO);
    fusewire_breaker_free(breaker);
}

static void each_mode_can_be_set_and_read(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    for (fusewire_mode mode = 0; mode <= FUSEWIRE_MODE_FORCED_CLOSED; mode++) {
        is_ok(fusewire_breaker_set_mode(breaker, mode, NULL, NULL));
        is_ok(fusewire_breaker_set_mode(breaker, mode, NULL, NULL));
        assert_int_equal(fusewire_breaker_mode(breaker), mode);
        assert_int_equal(snapshot_of(breaker).mode, mode);
    }
    uint64_t generation = snapshot_of(breaker).generation;
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_set_mode(breaker, 4, NULL, NULL));
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_set_mode(breaker, UINT32_MAX, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).generation, generation);
    assert_int_equal(fusewire_breaker_mode(breaker), FUSEWIRE_MODE_FORCED_CLOSED);
    fusewire_breaker_free(breaker);
}

static void polling_carries_out_what_is_due(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, NULL);
    is_ok(fusewire_breaker_trip(breaker, SECOND, NULL, NULL, NULL));
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_HALF_OPEN);
    assert_int_equal(snapshot_of(breaker).stored_state, FUSEWIRE_STATE_OPEN);
    assert_int_equal(snapshot_of(breaker).retry_after_ns, 0);
    is_ok(fusewire_breaker_poll(breaker));
    assert_int_equal(snapshot_of(breaker).stored_state, FUSEWIRE_STATE_HALF_OPEN);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void other_rules_take_the_place_of_the_old_ones(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    is_ok(fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 1}", NULL, NULL, NULL));
    answers(FUSEWIRE_UNCHANGED,
            fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 1.0}", NULL, NULL, NULL));
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 1);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG,
            fusewire_breaker_reconfigure(breaker, "{\"failure_threshold\": 0}", NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "failure_threshold", NULL);
    char *document;
    is_ok(fusewire_breaker_document(breaker, &document, NULL));
    contains(document, "\"failure_threshold\":1,");
    fusewire_string_free(document);
    fusewire_breaker_free(breaker);
}

static void a_manual_clock_stays_when_the_rules_change(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, NULL);
    is_ok(fusewire_breaker_reconfigure(breaker, "{\"recovery_timeout\": \"2s\"}", NULL, NULL, NULL));
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    is_ok(fusewire_manual_clock_advance(clock, 2 * SECOND));
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_HALF_OPEN);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trip_opens_for_as_long_as_it_says),
        cmocka_unit_test(a_trip_of_a_duration_out_of_range_changes_nothing),
        cmocka_unit_test(who_and_why_are_in_the_event),
        cmocka_unit_test(who_and_why_are_cut_at_a_character),
        cmocka_unit_test(who_or_why_that_is_not_utf8_changes_nothing),
        cmocka_unit_test(each_mode_can_be_set_and_read),
        cmocka_unit_test(polling_carries_out_what_is_due),
        cmocka_unit_test(other_rules_take_the_place_of_the_old_ones),
        cmocka_unit_test(a_manual_clock_stays_when_the_rules_change),
    };
    return RUN(tests);
}
