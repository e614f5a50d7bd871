// Handles that are none: NULL, freed, of another type, or memory of the program's. Each function answers, and nothing
// is written.

#include "things.h"

static void no_breaker_to_govern(fusewire_breaker *none, fusewire_status expected) {
    const fusewire_slots slots = FUSEWIRE_SLOTS_INIT;
    fusewire_policy_subscription *policies = NULL;
    fusewire_error *error = NULL;
    answers(expected, fusewire_breaker_set_min_priority(none, FUSEWIRE_PRIORITY_LOW, NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_set_slots(none, &slots, NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_set_slots_json(none, "{}", NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_set_rate(none, 1, NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_set_limit(none, 1, NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_close_for_good(none, NULL, NULL));
    answers(expected, fusewire_breaker_subscribe_policies(none, 4, &policies));
    assert_null(policies);
}

static void no_breaker_to_recover(fusewire_breaker *none, fusewire_status expected) {
    fusewire_attempts attempts;
    fusewire_step step;
    fusewire_place place;
    fusewire_flight flight;
    fusewire_feature_state stand;
    uint64_t *tickets;
    size_t count;
    fusewire_error *error = NULL;
    paint(&place, sizeof place), paint(&flight, sizeof flight), paint(&stand, sizeof stand);
    paint(&tickets, sizeof tickets), paint(&count, sizeof count);
    answers(expected, fusewire_breaker_begin(none, NULL, &attempts, &error));
    is_error(error, expected, "breaker", NULL);
    answers(FUSEWIRE_ERROR_NOT_BEGUN, fusewire_attempts_next(&attempts, &step));
    answers(expected, fusewire_breaker_cache_fresh(none, "a", &place));
    answers(expected, fusewire_breaker_cache_any(none, "a", &place));
    answers(expected, fusewire_breaker_cache_store(none, "a", &place));
    answers(expected, fusewire_breaker_flight_join(none, "a", FUSEWIRE_PRIORITY_NORMAL, &flight));
    answers(expected, fusewire_breaker_flight_land(none, 1, &tickets, &count));
    answers(expected, fusewire_breaker_flight_leave(none, 1, &tickets, &count));
    answers(expected, fusewire_breaker_feature(none, "a", &stand, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_set_utilisation(none, 0.5, &error));
    is_error(error, expected, "breaker", NULL);
    is_still_painted(&place, sizeof place), is_still_painted(&flight, sizeof flight);
    is_still_painted(&stand, sizeof stand), is_still_painted(&tickets, sizeof tickets);
    is_still_painted(&count, sizeof count);
}

static void no_breaker(fusewire_breaker *none, fusewire_status expected) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    fusewire_rejection rejection;
    fusewire_outcome outcome;
    fusewire_snapshot snapshot;
    fusewire_failure failure;
    fusewire_subscription *subscription;
    char *text;
    size_t length;
    fusewire_error *error = NULL;
    paint(&rejection, sizeof rejection), paint(&outcome, sizeof outcome), paint(&snapshot, sizeof snapshot);
    paint(&failure, sizeof failure), paint(&subscription, sizeof subscription), paint(&text, sizeof text),
        paint(&length, sizeof length);

    assert_null(fusewire_breaker_clone(none));
    assert_null(fusewire_breaker_name(none));
    assert_int_equal(fusewire_breaker_state(none), FUSEWIRE_INVALID);
    assert_int_equal(fusewire_breaker_mode(none), FUSEWIRE_INVALID);
    answers(expected, fusewire_breaker_acquire(none, &permit, &rejection));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    answers(expected, fusewire_breaker_acquire_turn(none, &permit, &rejection));
    answers(expected, fusewire_breaker_acquire_with(none, NULL, &permit, &rejection, &error));
    is_error(error, expected, "breaker", NULL);
    answers(expected, fusewire_breaker_acquire_wait(none, NULL, 0, &permit, &rejection, &error));
    is_error(error, expected, "breaker", NULL);
    fusewire_waiting *waiting = NULL;
    answers(expected, fusewire_breaker_enter(none, NULL, &permit, &waiting, &rejection, &error));
    is_error(error, expected, "breaker", NULL);
    assert_null(waiting);
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    no_breaker_to_govern(none, expected);
    no_breaker_to_recover(none, expected);
    answers(expected, fusewire_breaker_record(none, FUSEWIRE_OUTCOME_SUCCESS, NULL));
    answers(expected, fusewire_breaker_trip(none, FUSEWIRE_NONE, NULL, NULL, &error));
    is_error(error, expected, "breaker", "breaker");
    answers(expected, fusewire_breaker_half_open(none, NULL, NULL));
    answers(expected, fusewire_breaker_reset(none, NULL, NULL));
    answers(expected, fusewire_breaker_set_mode(none, FUSEWIRE_MODE_SHADOW, NULL, NULL));
    answers(expected, fusewire_breaker_poll(none));
    answers(expected, fusewire_breaker_reconfigure(none, "{}", NULL, NULL, &error));
    is_error(error, expected, "breaker", NULL);
    fusewire_snapshot sized = FUSEWIRE_SNAPSHOT_INIT;
    snapshot.size = sized.size;
    answers(expected, fusewire_breaker_snapshot(none, &snapshot));
    answers(expected, fusewire_breaker_snapshot_json(none, &text, &length));
    answers(expected, fusewire_breaker_document(none, &text, &length));
    const fusewire_rejection told = {.reason = FUSEWIRE_REASON_OPEN};
    answers(expected, fusewire_breaker_rejection_message(none, &told, &text, &length));
    answers(expected, fusewire_breaker_last_failure(none, 1, &failure));
    answers(expected, fusewire_breaker_subscribe(none, 4, &subscription));

    is_still_painted(&rejection, sizeof rejection), is_still_painted(&outcome, sizeof outcome);
    is_still_painted((char *)&snapshot + sizeof(size_t), sizeof snapshot - sizeof(size_t)),
        is_still_painted(&failure, sizeof failure);
    is_still_painted(&subscription, sizeof subscription), is_still_painted(&text, sizeof text),
        is_still_painted(&length, sizeof length);
}

static fusewire_outcome must_not_run(void *userdata, const char **error_type) {
    (void)userdata, (void)error_type;
    fail_msg("the function ran");
    return FUSEWIRE_OUTCOME_SUCCESS;
}

static void no_breaker_to_call(fusewire_breaker *none, fusewire_status expected) {
    fusewire_outcome outcome;
    fusewire_rejection rejection;
    paint(&outcome, sizeof outcome), paint(&rejection, sizeof rejection);
    answers(expected, fusewire_breaker_call(none, must_not_run, NULL, &outcome, &rejection));
    is_still_painted(&outcome, sizeof outcome), is_still_painted(&rejection, sizeof rejection);
}

static void no_registry(fusewire_registry *none, fusewire_status expected) {
    fusewire_breaker *breaker, *breakers[2];
    char *text;
    size_t length;
    fusewire_error *error = NULL;
    paint(&breaker, sizeof breaker), paint(breakers, sizeof breakers), paint(&text, sizeof text),
        paint(&length, sizeof length);
    answers(expected, fusewire_registry_get_or_create(none, "x", NULL, &breaker, &error));
    is_error(error, expected, "registry", NULL);
    answers(expected, fusewire_registry_get(none, "x", &breaker));
    answers(expected, fusewire_registry_reconfigure(none, "x", "{}", NULL, NULL, &error));
    is_error(error, expected, "registry", NULL);
    answers(expected, fusewire_registry_remove(none, "x"));
    assert_int_equal(fusewire_registry_count(none), 0);
    answers(expected, fusewire_registry_breakers(none, breakers, 2, &length));
    answers(expected, fusewire_registry_metrics(none, &text, &length));
    answers(expected, fusewire_registry_snapshots_json(none, &text, &length));
    is_still_painted(&breaker, sizeof breaker), is_still_painted(breakers, sizeof breakers);
    is_still_painted(&text, sizeof text), is_still_painted(&length, sizeof length);
}

static void no_subscription(fusewire_subscription *none, fusewire_status expected) {
    fusewire_event event;
    size_t count;
    paint(&event, sizeof event), paint(&count, sizeof count);
    answers(expected, fusewire_subscription_wait(none, FUSEWIRE_NONE));
    answers(expected, fusewire_subscription_drain(none, &event, sizeof event, 1, &count));
    assert_true(fusewire_subscription_missed(none) == FUSEWIRE_NONE);
    answers(expected, fusewire_subscription_close(none));
    is_still_painted(&event, sizeof event), is_still_painted(&count, sizeof count);
}

static void must_not_be_called(void *userdata) {
    (void)userdata;
    fail_msg("the callback was called");
}

static void no_waiting(fusewire_waiting *none, fusewire_status expected) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    fusewire_rejection rejection;
    paint(&rejection, sizeof rejection);
    answers(expected, fusewire_waiting_try_end(none, &permit, &rejection));
    answers(expected, fusewire_waiting_wait(none, FUSEWIRE_NONE, &permit, &rejection));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    answers(expected, fusewire_waiting_notify(none, must_not_be_called, NULL));
    answers(expected, fusewire_waiting_expire(none));
    answers(expected, fusewire_waiting_raise(none, FUSEWIRE_PRIORITY_HIGH));
    assert_true(fusewire_waiting_left_ns(none) == FUSEWIRE_NONE);
    is_still_painted(&rejection, sizeof rejection);
}

static void no_policies(fusewire_policy_subscription *none, fusewire_status expected) {
    fusewire_policy_event event;
    size_t count;
    paint(&event, sizeof event), paint(&count, sizeof count);
    answers(expected, fusewire_policy_subscription_wait(none, 0));
    answers(expected, fusewire_policy_subscription_close(none));
    answers(expected, fusewire_policy_subscription_drain(none, &event, sizeof event, 1, &count));
    assert_true(fusewire_policy_subscription_missed(none) == FUSEWIRE_NONE);
    is_still_painted(&event, sizeof event), is_still_painted(&count, sizeof count);
}

static void no_clock(fusewire_manual_clock *none, fusewire_status expected) {
    answers(expected, fusewire_manual_clock_advance(none, 1));
    answers(expected, fusewire_manual_clock_set(none, 1));
    assert_true(fusewire_manual_clock_now(none) == FUSEWIRE_NONE);
}

static void no_error(const fusewire_error *none, fusewire_status expected) {
    answers(expected, fusewire_error_status(none));
    assert_null(fusewire_error_message(none));
    assert_null(fusewire_error_key(none));
    assert_null(fusewire_error_value(none));
    assert_null(fusewire_error_allowed(none));
}

// A clock that is none, where NULL would mean the system's.
static void no_clock_to_build_on(fusewire_manual_clock *none) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.clock = none;
    fusewire_breaker *breaker = NULL;
    fusewire_registry *registry = NULL;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_breaker_new("test", &options, &breaker, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_HANDLE, "options.clock", NULL);
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_registry_new(none, NULL, 0, &registry, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_HANDLE, "clock", NULL);
    assert_null(breaker);
    assert_null(registry);
}

static void null_is_no_handle_of_any_type(void **state) {
    things *t = *state;
    no_breaker(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_breaker_to_call(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_registry(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_subscription(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_clock(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_error(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_waiting(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    no_policies(NULL, FUSEWIRE_ERROR_NULL_ARGUMENT);
    assert_false(fusewire_breaker_is_same(NULL, NULL));
    assert_false(fusewire_breaker_is_same(t->breaker, NULL));
    assert_false(fusewire_breaker_is_same(NULL, t->breaker));
}

static void a_handle_of_one_type_is_none_of_another(void **state) {
    things *t = *state;
    void *const handles[] = {t->clock,        t->breaker, t->registry, t->subscription,
                             t->error,        t->waiting, t->policies};
    for (size_t i = 0; i < COUNT(handles); i++) {
        if (handles[i] != t->clock)
            no_clock(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE), no_clock_to_build_on(handles[i]);
        if (handles[i] != t->breaker)
            no_breaker(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE),
                no_breaker_to_call(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
        if (handles[i] != t->registry) no_registry(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
        if (handles[i] != t->subscription) no_subscription(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
        if (handles[i] != t->error) no_error(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
        if (handles[i] != t->waiting) no_waiting(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
        if (handles[i] != t->policies) no_policies(handles[i], FUSEWIRE_ERROR_INVALID_HANDLE);
    }
}

static void a_freed_handle_is_found_out_for_the_next_thousand_of_its_type(void **state) {
    const things t = *(things *)*state;
    unmake(state);
    for (int i = 0; i < 1000; i++) {
        if (i % 250 == 0) {
            no_breaker(t.breaker, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_breaker_to_call(t.breaker, FUSEWIRE_ERROR_INVALID_HANDLE);
            assert_false(fusewire_breaker_is_same(t.breaker, t.breaker));
            no_registry(t.registry, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_subscription(t.subscription, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_clock(t.clock, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_clock_to_build_on(t.clock);
            no_error(t.error, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_waiting(t.waiting, FUSEWIRE_ERROR_INVALID_HANDLE);
            no_policies(t.policies, FUSEWIRE_ERROR_INVALID_HANDLE);
        }
        fusewire_manual_clock_free(fusewire_manual_clock_new());
        fusewire_breaker_free(a_breaker());
        fusewire_registry_free(a_registry(NULL));
    }
    no_breaker(t.breaker, FUSEWIRE_ERROR_INVALID_HANDLE);
    no_registry(t.registry, FUSEWIRE_ERROR_INVALID_HANDLE);
    no_clock(t.clock, FUSEWIRE_ERROR_INVALID_HANDLE);
    make(state);
}

static void memory_of_the_programs_is_no_handle(void **state) {
    (void)state;
    union {
        uint64_t words[16];
        char bytes[128];
    } memory = {{0}};
    for (int round = 0; round < 2; round++) {
        no_breaker((void *)&memory, FUSEWIRE_ERROR_INVALID_HANDLE);
        no_registry((void *)&memory, FUSEWIRE_ERROR_INVALID_HANDLE);
        no_subscription((void *)&memory, FUSEWIRE_ERROR_INVALID_HANDLE);
        no_clock((void *)&memory, FUSEWIRE_ERROR_INVALID_HANDLE);
        no_error((void *)&memory, FUSEWIRE_ERROR_INVALID_HANDLE);
        // Not where any handle would lie.
        no_breaker((void *)(memory.bytes + 1), FUSEWIRE_ERROR_INVALID_HANDLE);
        no_clock((void *)(memory.bytes + 4), FUSEWIRE_ERROR_INVALID_HANDLE);
        paint(&memory, sizeof memory);
    }
}

#define with_things(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_things(null_is_no_handle_of_any_type),
        with_things(a_handle_of_one_type_is_none_of_another),
        with_things(a_freed_handle_is_found_out_for_the_next_thousand_of_its_type),
        cmocka_unit_test(memory_of_the_programs_is_no_handle),
    };
    return RUN(tests);
}
