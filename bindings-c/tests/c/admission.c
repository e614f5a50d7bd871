// Requests, priorities, permits of calls that pass gates, what is changed by hand and the events that tell of it.

#include "common.h"

#include <math.h>
#include <stdlib.h>

#define BUCKET "{\"rate_limit\": {\"rate\": 10, \"burst\": 5}}"
#define LEAKY "{\"rate_limit\": {\"algorithm\": \"leaky_bucket\", \"rate\": 100, \"max_wait\": \"1s\"}}"
#define SLOTS "{\"bulkhead\": {\"max_concurrent\": 2}, \"priority\": {\"min\": \"low\"}, \"rate_limit\": {}}"

static void a_call_that_says_nothing_is_normal_and_costs_one(void **state) {
    (void)state;
    const fusewire_request request = FUSEWIRE_REQUEST_INIT;
    assert_int_equal(request.size, sizeof request);
    assert_int_equal(request.priority, FUSEWIRE_PRIORITY_NORMAL);
    assert_int_equal(request.cost, 1);
    assert_true(request.deadline_ns == FUSEWIRE_NONE);
    fusewire_breaker *breaker = breaker_on(NULL, "{\"priority\": {}}");
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 2);
    fusewire_permit permit;
    is_ok(fusewire_breaker_acquire_with(breaker, NULL, &permit, NULL, NULL));
    is_ok(fusewire_permit_success(&permit));
    is_ok(fusewire_breaker_acquire_with(breaker, &request, &permit, NULL, NULL));
    is_ok(fusewire_permit_success(&permit));
    assert_int_equal(snapshot_of(breaker).admitted_by_priority[FUSEWIRE_PRIORITY_NORMAL], 4);
    fusewire_breaker_free(breaker);
}

static void a_request_that_cannot_be_names_the_field_and_what_is_allowed(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, BUCKET);
    const struct {
        fusewire_priority priority;
        uint32_t cost;
        const char *key, *value;
    } wrong[] = {{FUSEWIRE_PRIORITY_NORMAL, 0, "cost", "0"},
                 {FUSEWIRE_PRIORITY_NORMAL, 6, "cost", "6"},
                 {FUSEWIRE_PRIORITY_CRITICAL + 1, 1, "priority", "5"},
                 {FUSEWIRE_INVALID, 1, "priority", "4294967295"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_request request = FUSEWIRE_REQUEST_INIT;
        request.priority = wrong[i].priority, request.cost = wrong[i].cost;
        fusewire_permit permit;
        fusewire_rejection rejection;
        fusewire_waiting *waiting = NULL;
        paint(&rejection, sizeof rejection);
        for (int way = 0; way < 3; way++) {
            fusewire_error *error = NULL;
            answers(FUSEWIRE_ERROR_INVALID_VALUE,
                    way == 0   ? fusewire_breaker_acquire_with(breaker, &request, &permit, &rejection, &error)
                    : way == 1 ? fusewire_breaker_acquire_wait(breaker, &request, 0, &permit, &rejection, &error)
                               : fusewire_breaker_enter(breaker, &request, &permit, &waiting, &rejection, &error));
            assert_string_equal(fusewire_error_value(error), wrong[i].value);
            assert_string_not_equal(fusewire_error_allowed(error), "");
            is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, wrong[i].key, "allowed");
            answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
        }
        is_still_painted(&rejection, sizeof rejection);
        assert_null(waiting);
    }
    assert_int_equal(snapshot_of(breaker).rate_available, 5);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_request_of_another_size_is_refused_unless_what_is_new_is_0(void **state) {
    (void)state;
    struct {
        fusewire_request request;
        uint64_t later;
    } larger = {FUSEWIRE_REQUEST_INIT, 0};
    fusewire_breaker *breaker = a_breaker();
    fusewire_permit permit;
    fusewire_error *error = NULL;
    larger.request.size = sizeof larger;
    is_ok(fusewire_breaker_acquire_with(breaker, &larger.request, &permit, NULL, NULL));
    is_ok(fusewire_permit_success(&permit));
    larger.later = 1;
    answers(FUSEWIRE_ERROR_INVALID_SIZE,
            fusewire_breaker_acquire_with(breaker, &larger.request, &permit, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_SIZE, "request.size", "FUSEWIRE_REQUEST_INIT");
    const size_t wrong[] = {0, sizeof larger.request - 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        larger.request.size = wrong[i];
        answers(FUSEWIRE_ERROR_INVALID_SIZE,
                fusewire_breaker_acquire_with(breaker, &larger.request, &permit, NULL, NULL));
    }
    fusewire_slots slots = FUSEWIRE_SLOTS_INIT;
    slots.size = 8;
    answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_breaker_set_slots(breaker, &slots, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_SIZE, "slots.size", "FUSEWIRE_SLOTS_INIT");
    fusewire_breaker_free(breaker);
}

static void a_priority_is_read_by_its_name_and_by_a_number(void **state) {
    (void)state;
    const struct {
        const char *text;
        fusewire_priority priority;
    } right[] = {{"critical", FUSEWIRE_PRIORITY_CRITICAL}, {"bulk", FUSEWIRE_PRIORITY_BULK},
                 {"0", FUSEWIRE_PRIORITY_BULK},            {"74", FUSEWIRE_PRIORITY_NORMAL},
                 {"75", FUSEWIRE_PRIORITY_HIGH},           {"100", FUSEWIRE_PRIORITY_CRITICAL}};
    for (size_t i = 0; i < COUNT(right); i++) {
        fusewire_priority priority = FUSEWIRE_INVALID;
        is_ok(fusewire_priority_parse(right[i].text, &priority, NULL));
        assert_int_equal(priority, right[i].priority);
    }
    const char *const wrong[] = {"", "urgent", "Critical", "101", "-1", "50.5", " high"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_priority priority = FUSEWIRE_INVALID;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_priority_parse(wrong[i], &priority, &error));
        contains(fusewire_error_allowed(error), "critical");
        is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "priority", wrong[i]);
        assert_int_equal(priority, FUSEWIRE_INVALID);
    }
    const double numbers[] = {-1, 0.5, 100.5, 1e300, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        fusewire_priority priority = FUSEWIRE_INVALID;
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_priority_of_number(numbers[i], &priority, NULL));
        assert_int_equal(priority, FUSEWIRE_INVALID);
    }
    fusewire_priority priority;
    is_ok(fusewire_priority_of_number(99, &priority, NULL));
    assert_int_equal(priority, FUSEWIRE_PRIORITY_HIGH);
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++)
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_priority_parse(NOT_UTF8[i], &priority, NULL));
}

static void a_paced_permit_says_how_long_to_wait_and_is_settled_like_any_other(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, LEAKY);
    fusewire_permit permits[4];
    for (uint64_t i = 0; i < COUNT(permits); i++) {
        permits[i] = permit_of(breaker);
        assert_int_equal(fusewire_permit_wait_ns(&permits[i]), i * 10 * MS);
    }
    is_ok(fusewire_permit_success(&permits[1]));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_success(&permits[1]));
    assert_int_equal(fusewire_permit_wait_ns(&permits[1]), 0);
    is_ok(fusewire_permit_failure(&permits[2], "io"));
    is_ok(fusewire_permit_abandon(&permits[3]));
    is_ok(fusewire_permit_ignore(&permits[0]));
    fusewire_snapshot snapshot = snapshot_of(breaker);
    assert_int_equal(snapshot.success, 1);
    assert_int_equal(snapshot.failure, 1);
    assert_int_equal(snapshot.ignored, 2);
    assert_true(snapshot.rate >= 100 && snapshot.rate <= 100 && snapshot.rate_available == FUSEWIRE_NONE);
    fusewire_permit never = FUSEWIRE_PERMIT_INIT;
    assert_int_equal(fusewire_permit_wait_ns(&never), 0);
    assert_int_equal(fusewire_permit_wait_ns(NULL), 0);
    assert_false(fusewire_permit_is_bypassed(NULL));
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static fusewire_outcome succeed(void *userdata, const char **error_type) {
    (void)userdata, (void)error_type;
    return FUSEWIRE_OUTCOME_SUCCESS;
}

static void a_call_by_function_sleeps_until_its_turn(void **state) {
    (void)state;
    // A thousand a second on the system's clock: eleven of them take ten milliseconds at least.
    fusewire_breaker *breaker = breaker_on(
        NULL, "{\"rate_limit\": {\"algorithm\": \"leaky_bucket\", \"rate\": 1000, \"max_wait\": \"1s\"}}");
    fusewire_permit permit;
    for (int i = 0; i < 5; i++) {
        is_ok(fusewire_breaker_call(breaker, succeed, NULL, NULL, NULL));
        is_ok(fusewire_breaker_acquire_turn(breaker, &permit, NULL));
        is_ok(fusewire_permit_success(&permit));
    }
    // Nobody was turned away, and none of them was told to wait by then.
    fusewire_snapshot snapshot = snapshot_of(breaker);
    assert_int_equal(snapshot.success, 10);
    assert_int_equal(snapshot.rejected[FUSEWIRE_REASON_RATE_LIMITED], 0);
    fusewire_breaker_free(breaker);
}

static void a_call_that_bypasses_an_open_breaker_is_marked(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"priority\": {\"open_bypass\": \"critical\"}}");
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    fusewire_request request = request_at(FUSEWIRE_PRIORITY_CRITICAL);
    fusewire_permit permit;
    is_ok(fusewire_breaker_acquire_with(breaker, &request, &permit, NULL, NULL));
    assert_true(fusewire_permit_is_bypassed(&permit));
    is_ok(fusewire_permit_failure(&permit, NULL));
    assert_false(fusewire_permit_is_bypassed(&permit));
    fusewire_rejection rejection;
    request = request_at(FUSEWIRE_PRIORITY_HIGH);
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire_with(breaker, &request, &permit, &rejection, NULL));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_OPEN);
    assert_int_equal(snapshot_of(breaker).bypassed, 1);
    fusewire_breaker_free(breaker);
}

static void a_breaker_without_gates_says_so_in_its_snapshot(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_snapshot s = snapshot_of(breaker);
    assert_true(isnan(s.rate) && s.rate_available == FUSEWIRE_NONE && s.rate_retry_after_ns == FUSEWIRE_NONE);
    assert_true(s.slots == FUSEWIRE_NONE && s.min_priority == FUSEWIRE_INVALID && s.bypassed == 0);
    for (size_t i = 0; i < FUSEWIRE_PRIORITY_COUNT; i++)
        assert_true(s.slots_taken[i] + s.queued[i] + s.slots_reserved[i] + s.admitted_by_priority[i] +
                        s.refused_by_priority[i] ==
                    0);
    // A program that was built before there was any of this.
    paint(&s, sizeof s);
    s.size = offsetof(fusewire_snapshot, bypassed);
    is_ok(fusewire_breaker_snapshot(breaker, &s));
    is_still_painted(&s.bypassed, sizeof s - offsetof(fusewire_snapshot, bypassed));
    fusewire_breaker_free(breaker);
}

static void what_is_changed_by_hand_is_told_with_who_and_why(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, SLOTS);
    fusewire_policy_subscription *policies = NULL;
    is_ok(fusewire_breaker_subscribe_policies(breaker, 4, &policies));
    fusewire_slots slots = FUSEWIRE_SLOTS_INIT;
    slots.reserved[FUSEWIRE_PRIORITY_CRITICAL] = 1;
    is_ok(fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_HIGH, "ann", "load", NULL));
    answers(FUSEWIRE_UNCHANGED, fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_HIGH, NULL, NULL, NULL));
    is_ok(fusewire_breaker_set_slots(breaker, &slots, "ben", NULL, NULL));
    answers(FUSEWIRE_UNCHANGED, fusewire_breaker_set_slots(breaker, &slots, "ben", NULL, NULL));
    is_ok(fusewire_breaker_set_rate(breaker, 50, NULL, NULL, NULL));
    answers(FUSEWIRE_UNCHANGED, fusewire_breaker_set_rate(breaker, 50, NULL, NULL, NULL));

    fusewire_policy_event events[8];
    size_t count = 0;
    is_ok(fusewire_policy_subscription_drain(policies, events, sizeof *events, 2, &count));
    assert_int_equal(count, 2);
    is_ok(fusewire_policy_subscription_drain(policies, events + 2, sizeof *events, 6, &count));
    assert_int_equal(count, 1);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(events[i].sequence, i + 1);
        assert_string_equal(events[i].breaker, "test");
        assert_int_equal(events[i].missed, 0);
    }
    assert_int_equal(events[0].kind, FUSEWIRE_POLICY_MIN_PRIORITY);
    assert_int_equal((int)events[0].from, FUSEWIRE_PRIORITY_LOW);
    assert_int_equal((int)events[0].to, FUSEWIRE_PRIORITY_HIGH);
    assert_string_equal(events[0].actor, "ann");
    assert_string_equal(events[0].reason, "load");
    assert_int_equal(events[1].kind, FUSEWIRE_POLICY_SLOTS);
    assert_int_equal((int)events[1].to, 2);
    assert_int_equal(events[1].from_reserved[FUSEWIRE_PRIORITY_CRITICAL], 0);
    assert_int_equal(events[1].to_reserved[FUSEWIRE_PRIORITY_CRITICAL], 1);
    assert_int_equal(events[2].kind, FUSEWIRE_POLICY_RATE);
    assert_int_equal((int)events[2].from, 100);
    assert_int_equal((int)events[2].to, 50);
    assert_string_equal(events[2].actor, "");

    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.min_priority, FUSEWIRE_PRIORITY_HIGH);
    assert_int_equal(s.slots, 2);
    assert_int_equal(s.slots_reserved[FUSEWIRE_PRIORITY_CRITICAL], 1);
    fusewire_policy_subscription_free(policies);
    fusewire_breaker_free(breaker);
}

static void changes_that_found_no_room_are_counted(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, SLOTS);
    fusewire_policy_subscription *policies = NULL;
    is_ok(fusewire_breaker_subscribe_policies(breaker, 2, &policies));
    for (fusewire_priority to = FUSEWIRE_PRIORITY_NORMAL; to <= FUSEWIRE_PRIORITY_CRITICAL; to++)
        is_ok(fusewire_breaker_set_min_priority(breaker, to, NULL, NULL, NULL));
    assert_int_equal(fusewire_policy_subscription_missed(policies), 1);
    struct {
        fusewire_policy_event event;
        uint64_t later;
    } larger[2];
    size_t count = 0;
    paint(larger, sizeof larger);
    is_ok(fusewire_policy_subscription_drain(policies, &larger[0].event, sizeof *larger, 2, &count));
    assert_int_equal(count, 2);
    assert_int_equal(larger[1].event.sequence, 2);
    assert_int_equal(larger[0].later + larger[1].later, 0);
    is_ok(fusewire_breaker_set_rate(breaker, 7, NULL, NULL, NULL));
    is_ok(fusewire_policy_subscription_drain(policies, &larger[0].event, sizeof *larger, 2, &count));
    assert_int_equal(count, 1);
    assert_int_equal(larger[0].event.missed, 1);
    const size_t wrong[] = {0, offsetof(fusewire_policy_event, feature) - 8, sizeof(fusewire_policy_event) + 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++)
        answers(FUSEWIRE_ERROR_INVALID_SIZE,
                fusewire_policy_subscription_drain(policies, &larger[0].event, wrong[i], 1, &count));
    fusewire_policy_subscription_free(policies);
    const size_t capacities[] = {0, 1000001};
    for (size_t i = 0; i < COUNT(capacities); i++)
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_subscribe_policies(breaker, capacities[i], &policies));
    fusewire_breaker_free(breaker);
}

static void what_the_document_lacks_cannot_be_changed_by_hand(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_slots slots = FUSEWIRE_SLOTS_INIT;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_min_priority(breaker, 0, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "priority", NULL);
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_slots(breaker, &slots, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "bulkhead", NULL);
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_rate(breaker, 1, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "rate_limit", NULL);
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_limit(breaker, 1, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "concurrency_limit", NULL);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_set_min_priority(breaker, 5, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "priority", "fusewire_priority_enum");
    fusewire_breaker_free(breaker);
    breaker = breaker_on(NULL, SLOTS);
    for (size_t i = 0; i < COUNT(NOT_UTF8); i++)
        answers(FUSEWIRE_ERROR_NOT_UTF8, fusewire_breaker_set_rate(breaker, 1, NOT_UTF8[i], NULL, NULL));
    const double wrong[] = {NAN, INFINITY, -1, 0};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_rate(breaker, wrong[i], NULL, NULL, &error));
        is_error(error, FUSEWIRE_ERROR_CONFIG, "rate", NULL);
    }
    slots.max_concurrent = UINT64_MAX - 1;
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_slots(breaker, &slots, NULL, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_CONFIG, "max_concurrent", NULL);
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_slots_json(breaker, "[]", NULL, NULL, NULL));
    answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_slots_json(breaker, "{\"slots\": 1}", NULL, NULL, NULL));
    fusewire_breaker_free(breaker);
}

static void a_breaker_that_was_closed_for_good_turns_everyone_away_and_settles_who_is_there(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker(), *other = fusewire_breaker_clone(breaker);
    fusewire_permit permit = permit_of(breaker), next;
    is_ok(fusewire_breaker_close_for_good(breaker, "ann", "moved"));
    answers(FUSEWIRE_UNCHANGED, fusewire_breaker_close_for_good(other, NULL, NULL));
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(other, &next, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_CLOSED);
    assert_true(rejection.retry_after_ns == FUSEWIRE_NONE);
    is_ok(fusewire_permit_success(&permit));
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_call(breaker, succeed, NULL, NULL, NULL));
    fusewire_breaker_free(breaker);
    fusewire_breaker_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_says_nothing_is_normal_and_costs_one),
        cmocka_unit_test(a_request_that_cannot_be_names_the_field_and_what_is_allowed),
        cmocka_unit_test(a_request_of_another_size_is_refused_unless_what_is_new_is_0),
        cmocka_unit_test(a_priority_is_read_by_its_name_and_by_a_number),
        cmocka_unit_test(a_paced_permit_says_how_long_to_wait_and_is_settled_like_any_other),
        cmocka_unit_test(a_call_by_function_sleeps_until_its_turn),
        cmocka_unit_test(a_call_that_bypasses_an_open_breaker_is_marked),
        cmocka_unit_test(a_breaker_without_gates_says_so_in_its_snapshot),
        cmocka_unit_test(what_is_changed_by_hand_is_told_with_who_and_why),
        cmocka_unit_test(changes_that_found_no_room_are_counted),
        cmocka_unit_test(what_the_document_lacks_cannot_be_changed_by_hand),
        cmocka_unit_test(a_breaker_that_was_closed_for_good_turns_everyone_away_and_settles_who_is_there),
    };
    return RUN(tests);
}
