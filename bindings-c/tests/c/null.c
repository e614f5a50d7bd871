// NULL for each argument of each function, and numbers that are none. It is answered, and nothing is written.

#include "things.h"

static void null_where_a_result_goes_is_told_by_the_argument(void **state) {
    things *t = *state;
    fusewire_error *error = NULL;
    fusewire_permit permit;
    const fusewire_rejection told = {.reason = FUSEWIRE_REASON_OPEN};
    size_t length = 0;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_new("x", NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "breaker", "`breaker` is NULL");
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_from_json("x", "{}", NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "breaker", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_new(NULL, NULL, 0, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "registry", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_get_or_create(t->registry, "x", NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "breaker", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_new("x", NULL, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_acquire(t->breaker, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_acquire_turn(t->breaker, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_acquire_with(t->breaker, NULL, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "permit", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_acquire_wait(t->breaker, NULL, 0, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "permit", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_enter(t->breaker, NULL, &permit, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "waiting", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_waiting_try_end(t->waiting, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_waiting_wait(t->waiting, 0, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_priority_of_number(50, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "priority", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_set_slots(t->gated, NULL, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "slots", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_subscribe_policies(t->gated, 4, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_call(t->breaker, NULL, &permit, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_snapshot(t->breaker, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_snapshot_json(t->breaker, NULL, &length));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_document(t->breaker, NULL, &length));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_rejection_message(t->breaker, &told, NULL, &length));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_last_failure(t->breaker, 1, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_subscribe(t->breaker, 4, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_get(t->registry, "test", NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_metrics(t->registry, NULL, &length));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_snapshots_json(t->registry, NULL, &length));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_schema(NULL, &length));
    assert_int_equal(length, 0);
    assert_int_equal(fusewire_registry_count(t->registry), 1);
}

static void null_for_an_array_or_its_count_takes_nothing(void **state) {
    things *t = *state;
    fusewire_event event;
    fusewire_breaker *breakers[1];
    fusewire_policy_event change;
    size_t count = 7;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT,
            fusewire_policy_subscription_drain(t->policies, &change, sizeof change, 1, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT,
            fusewire_policy_subscription_drain(t->policies, NULL, sizeof change, 1, &count));
    is_ok(fusewire_breaker_reset(t->breaker, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_subscription_drain(t->subscription, &event, sizeof event, 1, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_subscription_drain(t->subscription, NULL, sizeof event, 1, &count));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_breakers(t->registry, breakers, 1, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_breakers(t->registry, NULL, 1, &count));
    assert_int_equal(count, 7);
    is_ok(fusewire_subscription_drain(t->subscription, &event, sizeof event, 1, &count));
    assert_int_equal(count, 1);
}

static void null_for_a_text_that_must_be_there_is_told_by_the_argument(void **state) {
    things *t = *state;
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    char *message = NULL;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_new(NULL, NULL, &breaker, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "name", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_from_json(NULL, "{}", &breaker, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "name", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_from_json("x", NULL, &breaker, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "document", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_reconfigure(t->breaker, NULL, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "document", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_get_or_create(t->registry, NULL, NULL, &breaker, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "name", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_get(t->registry, NULL, &breaker));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_remove(t->registry, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_reconfigure(t->registry, NULL, "{}", NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "name", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_registry_reconfigure(t->registry, "test", NULL, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "document", NULL);
    fusewire_priority priority = FUSEWIRE_INVALID;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_priority_parse(NULL, &priority, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "text", NULL);
    assert_int_equal(priority, FUSEWIRE_INVALID);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_set_slots_json(t->gated, NULL, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "slots", NULL);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_rejection_message(t->breaker, NULL, &message, NULL));
    assert_null(message);
    assert_null(breaker);
}

static void a_rejection_of_no_reason_says_nothing(void **state) {
    things *t = *state;
    const fusewire_reason wrong[] = {FUSEWIRE_REASON_FEATURE_DISABLED + 1, FUSEWIRE_REASON_CAPACITY, FUSEWIRE_INVALID};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const fusewire_rejection rejection = {.reason = wrong[i]};
        char *message = NULL;
        size_t length = 7;
        answers(FUSEWIRE_ERROR_INVALID_VALUE,
                fusewire_breaker_rejection_message(t->breaker, &rejection, &message, &length));
        assert_null(message);
        assert_int_equal(length, 7);
    }
}

static void freeing_null_does_nothing(void **state) {
    (void)state;
    fusewire_breaker_free(NULL);
    fusewire_registry_free(NULL);
    fusewire_subscription_free(NULL);
    fusewire_manual_clock_free(NULL);
    fusewire_error_free(NULL);
    fusewire_string_free(NULL);
    fusewire_waiting_free(NULL);
    fusewire_policy_subscription_free(NULL);
    fusewire_tickets_free(NULL);
}

#define with_things(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_things(null_where_a_result_goes_is_told_by_the_argument),
        with_things(null_for_an_array_or_its_count_takes_nothing),
        with_things(null_for_a_text_that_must_be_there_is_told_by_the_argument),
        with_things(a_rejection_of_no_reason_says_nothing),
        cmocka_unit_test(freeing_null_does_nothing),
    };
    return RUN(tests);
}
