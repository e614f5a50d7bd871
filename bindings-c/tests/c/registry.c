// Registries: names and their breakers.

#include "common.h"

static fusewire_breaker *get(fusewire_registry *registry, const char *name, const char *document) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.document = document;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_registry_get_or_create(registry, name, &options, &breaker, NULL));
    return breaker;
}

static void a_name_has_one_breaker(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *one = get(registry, "payments", NULL), *again = get(registry, "payments", "{}"),
                     *other = get(registry, "mail", NULL), *found = NULL;
    is_ok(fusewire_registry_get(registry, "payments", &found));
    assert_true(fusewire_breaker_is_same(one, again));
    assert_true(fusewire_breaker_is_same(one, found));
    assert_false(fusewire_breaker_is_same(one, other));
    assert_int_equal(fusewire_registry_count(registry), 2);
    fusewire_breaker_free(one);
    fusewire_breaker_free(again);
    fusewire_breaker_free(other);
    fusewire_breaker_free(found);
    fusewire_registry_free(registry);
}

static void another_configuration_is_a_conflict_that_tells_both(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *breaker = get(registry, "payments", "{\"failure_threshold\": 7}"), *none = NULL;
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.failure_threshold = 9;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFLICT, fusewire_registry_get_or_create(registry, "payments", &options, &none, &error));
    assert_null(none);
    contains(fusewire_error_value(error), "\"failure_threshold\":9");
    contains(fusewire_error_allowed(error), "\"failure_threshold\":7");
    contains(fusewire_error_message(error), "'payments'");
    contains(fusewire_error_message(error), fusewire_error_value(error));
    contains(fusewire_error_message(error), fusewire_error_allowed(error));
    is_error(error, FUSEWIRE_ERROR_CONFLICT, NULL, "reconfigure");
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void a_name_that_nobody_has_is_unknown(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *none = NULL;
    answers(FUSEWIRE_ERROR_UNKNOWN_BREAKER, fusewire_registry_get(registry, "payments", &none));
    answers(FUSEWIRE_ERROR_UNKNOWN_BREAKER, fusewire_registry_get(registry, "", &none));
    assert_null(none);
    answers(FUSEWIRE_ERROR_UNKNOWN_BREAKER, fusewire_registry_remove(registry, "payments"));
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_UNKNOWN_BREAKER,
            fusewire_registry_reconfigure(registry, "payments", "{}", NULL, NULL, &error));
    assert_string_equal(fusewire_error_value(error), "payments");
    is_error(error, FUSEWIRE_ERROR_UNKNOWN_BREAKER, "name", "'payments'");
    fusewire_registry_free(registry);
}

static void names_are_checked_as_those_of_any_breaker(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    char longest[257];
    memset(longest, 'n', sizeof longest);
    longest[256] = 0;
    const char *const wrong[] = {"", longest, "a\nb"};
    fusewire_breaker *breaker = NULL;
    fusewire_error *error = NULL;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        answers(FUSEWIRE_ERROR_NAME, fusewire_registry_get_or_create(registry, wrong[i], NULL, &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NAME, "name", NULL);
    }
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_registry_get_or_create(registry, NOT_UTF8[i], NULL, &breaker, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "name", NULL);
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_registry_get(registry, NOT_UTF8[i], &breaker));
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_registry_remove(registry, NOT_UTF8[i]));
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_registry_reconfigure(registry, NOT_UTF8[i], "{}", NULL, NULL, &error));
        is_error(error, FUSEWIRE_ERROR_NOT_UTF8, "name", NULL);
    }
    assert_null(breaker);
    assert_int_equal(fusewire_registry_count(registry), 0);
    longest[255] = 0;
    is_ok(fusewire_registry_get_or_create(registry, longest, NULL, &breaker, NULL));
    fusewire_subscription *subscription = subscribed_to(breaker, 1);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_event event;
    size_t count;
    is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
    assert_string_equal(event.breaker, longest);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void reconfiguring_by_name_is_reconfiguring_the_breaker(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    is_ok(fusewire_registry_reconfigure(registry, "payments", "{\"failure_threshold\": 1}", "me", "why", NULL));
    answers(FUSEWIRE_UNCHANGED,
            fusewire_registry_reconfigure(registry, "payments", "{\"failure_threshold\": 1}", NULL, NULL, NULL));
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG,
            fusewire_registry_reconfigure(registry, "payments", "{\"ramp\": 1}", NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "ramp", NULL);
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++) {
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_registry_reconfigure(registry, "payments", NOT_UTF8[i], NULL, NULL, NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_registry_reconfigure(registry, "payments", "{}", NOT_UTF8[i], NULL, NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8,
                fusewire_registry_reconfigure(registry, "payments", "{}", NULL, NOT_UTF8[i], NULL));
    }
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 1);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void breakers_are_listed_by_name_as_many_as_fit(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    const char *const names[] = {"b", "a", "\xc3\xa4", "B", "ab"}, *const sorted[] = {"B", "a", "ab", "b", "\xc3\xa4"};
    for (size_t i = 0; i < COUNT(names); i++) fusewire_breaker_free(get(registry, names[i], NULL));
    fusewire_breaker *breakers[8];
    const size_t capacities[] = {0, 1, 4, 5, 8, SIZE_MAX};
    for (size_t c = 0; c < COUNT(capacities); c++) {
        paint(breakers, sizeof breakers);
        size_t count = 99, expected = capacities[c] < 5 ? capacities[c] : 5;
        is_ok(fusewire_registry_breakers(registry, capacities[c] ? breakers : NULL, capacities[c], &count));
        assert_int_equal(count, expected);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(fusewire_breaker_name(breakers[i]), sorted[i]);
            fusewire_breaker_free(breakers[i]);
        }
        is_still_painted(breakers + count, (COUNT(breakers) - count) * sizeof *breakers);
    }
    fusewire_registry_free(registry);
}

static void breakers_live_on_when_their_registry_is_freed(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    fusewire_registry_free(registry);
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 1);
    assert_string_equal(fusewire_breaker_name(breaker), "payments");
    fusewire_breaker_free(breaker);
}

static void a_breaker_lives_in_its_registry_without_a_handle(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 3);
    fusewire_breaker_free(breaker);
    is_ok(fusewire_registry_get(registry, "payments", &breaker));
    assert_int_equal(snapshot_of(breaker).success, 3);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void a_registrys_clock_is_that_of_its_breakers(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_registry *registry = a_registry(clock);
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    is_ok(fusewire_breaker_trip(breaker, SECOND, NULL, NULL, NULL));
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_HALF_OPEN);
    fusewire_manual_clock_free(clock);
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_HALF_OPEN);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void a_clock_in_the_options_goes_before_the_registrys(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new(), *own = fusewire_manual_clock_new();
    fusewire_registry *registry = a_registry(clock);
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.clock = own;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_registry_get_or_create(registry, "own", &options, &breaker, NULL));
    is_ok(fusewire_manual_clock_advance(own, 7));
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).last_at_ns, 7);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
    fusewire_manual_clock_free(clock);
    fusewire_manual_clock_free(own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_breaker),
        cmocka_unit_test(another_configuration_is_a_conflict_that_tells_both),
        cmocka_unit_test(a_name_that_nobody_has_is_unknown),
        cmocka_unit_test(names_are_checked_as_those_of_any_breaker),
        cmocka_unit_test(reconfiguring_by_name_is_reconfiguring_the_breaker),
        cmocka_unit_test(breakers_are_listed_by_name_as_many_as_fit),
        cmocka_unit_test(breakers_live_on_when_their_registry_is_freed),
        cmocka_unit_test(a_breaker_lives_in_its_registry_without_a_handle),
        cmocka_unit_test(a_registrys_clock_is_that_of_its_breakers),
        cmocka_unit_test(a_clock_in_the_options_goes_before_the_registrys),
    };
    return RUN(tests);
}
