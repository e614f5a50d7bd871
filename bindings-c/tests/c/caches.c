// What a cache may answer, calls of one key that are made as one, features, and how much there is to do.

#include "common.h"

#include <math.h>

typedef struct bench {
    fusewire_manual_clock *clock;
    fusewire_breaker *breaker;
} bench;

static bench with(const char *document) {
    bench b = {.clock = fusewire_manual_clock_new()};
    b.breaker = breaker_on(b.clock, document);
    return b;
}

static void end(bench b) {
    fusewire_breaker_free(b.breaker);
    fusewire_manual_clock_free(b.clock);
}

static void an_answer_is_fresh_then_stale_then_gone(void **state) {
    (void)state;
    bench b = with("{\"cache\": {\"mode\": \"read_through\", \"ttl\": \"10s\", \"stale_ttl\": \"20s\"}}");
    fusewire_place kept, found;
    paint(&found, sizeof found);
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_fresh(b.breaker, "a", &found));
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_any(b.breaker, "a", &found));
    is_still_painted(&found, sizeof found);
    is_ok(fusewire_breaker_cache_store(b.breaker, "a", &kept));
    assert_int_equal(kept.at, 0);
    assert_int_equal(kept.replaces, 0);
    is_ok(fusewire_breaker_cache_fresh(b.breaker, "a", &found));
    assert_memory_equal(&found, &kept, sizeof kept);
    is_ok(fusewire_manual_clock_advance(b.clock, 10 * SECOND));
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_fresh(b.breaker, "a", &found));
    is_ok(fusewire_breaker_cache_any(b.breaker, "a", &found));
    assert_int_equal(found.version, kept.version);
    is_ok(fusewire_manual_clock_advance(b.clock, 20 * SECOND));
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_any(b.breaker, "a", &found));
    end(b);
}

static void a_store_takes_the_place_of_what_goes(void **state) {
    (void)state;
    bench b = with("{\"cache\": {\"max_entries\": 1}}");
    fusewire_place first, second;
    is_ok(fusewire_breaker_cache_store(b.breaker, "a", &first));
    is_ok(fusewire_breaker_cache_store(b.breaker, "b", &second));
    assert_int_equal(second.at, first.at);
    assert_int_equal(second.replaces, 1);
    assert_true(second.version > first.version);
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_any(b.breaker, "a", &first));
    // Nothing answers before the call in this mode.
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_fresh(b.breaker, "b", &first));
    end(b);
}

static void what_other_rules_have_no_room_for_is_vacant(void **state) {
    (void)state;
    bench b = with("{\"cache\": {}}");
    fusewire_place place;
    uint64_t *places = NULL;
    size_t count = 7;
    uint32_t end = 7;
    is_ok(fusewire_breaker_cache_store(b.breaker, "a", &place));
    is_ok(fusewire_breaker_cache_store(b.breaker, "b", &place));
    is_ok(fusewire_breaker_cache_store(b.breaker, "c", &place));
    is_ok(fusewire_breaker_cache_vacant(b.breaker, &places, &count, &end));
    assert_null(places);
    assert_int_equal(count, 0);
    assert_int_equal(end, 3);
    is_ok(fusewire_breaker_reconfigure(b.breaker, "{\"cache\": {\"max_entries\": 1}}", NULL, NULL, NULL));
    is_ok(fusewire_breaker_cache_vacant(b.breaker, &places, &count, &end));
    assert_int_equal(count, 2);
    assert_true(places[0] < 2 && places[1] < 2 && places[0] != places[1]);
    assert_int_equal(end, 3);
    fusewire_tickets_free(places);
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_cache_vacant(b.breaker, &places, &count, NULL));
    is_ok(fusewire_breaker_reconfigure(b.breaker, "{}", NULL, NULL, NULL));
    is_ok(fusewire_breaker_cache_vacant(b.breaker, &places, &count, &end));
    assert_null(places);
    assert_int_equal(end, 0);
    fusewire_breaker_free(b.breaker);
    fusewire_manual_clock_free(b.clock);
}

static void without_a_cache_nothing_is_kept(void **state) {
    (void)state;
    bench b = with("{}");
    fusewire_place place;
    fusewire_flight flight;
    uint64_t *tickets = NULL;
    size_t count = 7;
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_store(b.breaker, "a", &place));
    answers(FUSEWIRE_ABSENT, fusewire_breaker_cache_any(b.breaker, "a", &place));
    answers(FUSEWIRE_ABSENT, fusewire_breaker_flight_join(b.breaker, "a", FUSEWIRE_PRIORITY_NORMAL, &flight));
    is_ok(fusewire_breaker_flight_land(b.breaker, 1, &tickets, &count));
    assert_null(tickets);
    assert_int_equal(count, 0);
    end(b);
}

static fusewire_flight joined(bench b, const char *key, fusewire_priority priority, fusewire_role role) {
    fusewire_flight flight;
    is_ok(fusewire_breaker_flight_join(b.breaker, key, priority, &flight));
    assert_int_equal(flight.role, role);
    return flight;
}

static void calls_of_a_key_follow_the_first_and_are_handed_its_answer(void **state) {
    (void)state;
    bench b = with("{\"cache\": {\"coalesce\": true}}");
    const fusewire_flight leader = joined(b, "a", FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_ROLE_LEAD);
    const fusewire_flight one = joined(b, "a", FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_ROLE_FOLLOW);
    const fusewire_flight other = joined(b, "a", FUSEWIRE_PRIORITY_BULK, FUSEWIRE_ROLE_FOLLOW);
    (void)joined(b, "a", FUSEWIRE_PRIORITY_HIGH, FUSEWIRE_ROLE_LEAD);
    (void)joined(b, "b", FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_ROLE_LEAD);
    uint64_t *tickets = NULL;
    size_t count = 0;
    is_ok(fusewire_breaker_flight_land(b.breaker, leader.ticket, &tickets, &count));
    assert_int_equal(count, 2);
    assert_int_equal(tickets[0], one.ticket);
    assert_int_equal(tickets[1], other.ticket);
    fusewire_tickets_free(tickets);
    end(b);
}

static void when_the_leader_leaves_its_first_follower_leads(void **state) {
    (void)state;
    bench b = with("{\"cache\": {\"coalesce\": true}}");
    const fusewire_flight leader = joined(b, "a", FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_ROLE_LEAD);
    const fusewire_flight one = joined(b, "a", FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_ROLE_FOLLOW);
    uint64_t *tickets = NULL;
    size_t count = 0;
    is_ok(fusewire_breaker_flight_leave(b.breaker, leader.ticket, &tickets, &count));
    assert_int_equal(count, 1);
    assert_int_equal(tickets[0], one.ticket);
    fusewire_tickets_free(tickets);
    is_ok(fusewire_breaker_flight_leave(b.breaker, leader.ticket, &tickets, &count));
    assert_int_equal(count, 0);
    assert_null(tickets);
    end(b);
}

static void wrong_arguments_are_told(void **state) {
    (void)state;
    bench b = with("{\"cache\": {\"mode\": \"read_through\", \"coalesce\": true}}");
    fusewire_place place;
    fusewire_flight flight;
    uint64_t *tickets;
    size_t count;
    fusewire_status (*const looks[])(fusewire_breaker *, const char *, fusewire_place *) = {
        fusewire_breaker_cache_fresh, fusewire_breaker_cache_any, fusewire_breaker_cache_store};
    for (size_t i = 0; i < COUNT(looks); i++) {
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, looks[i](NULL, "a", &place));
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, looks[i](b.breaker, NULL, &place));
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, looks[i](b.breaker, "a", NULL));
        answers(FUSEWIRE_ERROR_NOT_UTF8, looks[i](b.breaker, NOT_UTF8[0], &place));
    }
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_flight_join(NULL, "a", 0, &flight));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_flight_join(b.breaker, NULL, 0, &flight));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_flight_join(b.breaker, "a", 0, NULL));
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_flight_join(b.breaker, "a", 5, &flight));
    fusewire_status (*const ends[])(fusewire_breaker *, uint64_t, uint64_t **, size_t *) = {fusewire_breaker_flight_land,
                                                                                           fusewire_breaker_flight_leave};
    for (size_t i = 0; i < COUNT(ends); i++) {
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, ends[i](NULL, 1, &tickets, &count));
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, ends[i](b.breaker, 1, NULL, &count));
        answers(FUSEWIRE_ERROR_NULL_ARGUMENT, ends[i](b.breaker, 1, &tickets, NULL));
    }
    end(b);
}

// ---- features ----

#define FEATURES                                                                                                       \
    "{\"failure_threshold\": 50, \"features\": {\"search\": {\"min_calls\": 2}, \"cart\": {\"requires\": [\"search\"]}}}"

static fusewire_feature_state state_of(bench b, const char *name, double *health) {
    fusewire_feature_state state = FUSEWIRE_INVALID;
    is_ok(fusewire_breaker_feature(b.breaker, name, &state, health, NULL));
    return state;
}

static void a_feature_that_fails_is_disabled_alone_with_what_requires_it(void **state) {
    (void)state;
    bench b = with(FEATURES);
    fusewire_policy_subscription *events;
    is_ok(fusewire_breaker_subscribe_policies(b.breaker, 8, &events));
    double health = 0;
    assert_int_equal(state_of(b, "search", &health), FUSEWIRE_FEATURE_ENABLED);
    assert_true(isnan(health));
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.feature = "search";
    fusewire_permit permit;
    for (int i = 0; i < 2; i++) {
        is_ok(fusewire_breaker_acquire_with(b.breaker, &request, &permit, NULL, NULL));
        is_ok(fusewire_permit_failure(&permit, "io"));
    }
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire_with(b.breaker, &request, &permit, &rejection, NULL));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_FEATURE_DISABLED);
    assert_int_equal(state_of(b, "cart", NULL), FUSEWIRE_FEATURE_DISABLED);
    fusewire_policy_event told[3];
    size_t count = 0;
    is_ok(fusewire_policy_subscription_drain(events, told, sizeof *told, COUNT(told), &count));
    assert_int_equal(count, 2);
    const char *const names[] = {"search", "cart"};
    const fusewire_feature_cause causes[] = {FUSEWIRE_FEATURE_CAUSE_UNHEALTHY, FUSEWIRE_FEATURE_CAUSE_REQUIREMENT};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(told[i].kind, FUSEWIRE_POLICY_FEATURE);
        assert_string_equal(told[i].feature, names[i]);
        assert_int_equal(told[i].feature_cause, causes[i]);
        assert_int_equal((fusewire_feature_state)told[i].from, FUSEWIRE_FEATURE_ENABLED);
        assert_int_equal((fusewire_feature_state)told[i].to, FUSEWIRE_FEATURE_DISABLED);
    }
    assert_true(told[0].health < 0.001 && isnan(told[1].health));
    permit = permit_of(b.breaker);
    is_ok(fusewire_permit_success(&permit));
    fusewire_policy_subscription_free(events);
    end(b);
}

static void a_feature_that_there_is_not_is_told(void **state) {
    (void)state;
    bench b = with(FEATURES), without = with("{}");
    fusewire_feature_state stand;
    fusewire_error *error = NULL;
    paint(&stand, sizeof stand);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_feature(b.breaker, "pay", &stand, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "feature", "search");
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_feature(without.breaker, "pay", &stand, NULL, &error));
    is_error(error, FUSEWIRE_ERROR_INVALID_VALUE, "feature", "none");
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_feature(NULL, "search", &stand, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_feature(b.breaker, NULL, &stand, NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_feature(b.breaker, "search", NULL, NULL, NULL));
    is_still_painted(&stand, sizeof stand);
    end(b);
    end(without);
}

// ---- what else there is to tell ----

static void a_permit_tells_its_timeout(void **state) {
    (void)state;
    bench b = with("{\"timeout\": \"1s\"}"), without = with("{}");
    fusewire_permit permit = permit_of(b.breaker);
    assert_int_equal(fusewire_permit_timeout_ns(&permit), SECOND);
    is_ok(fusewire_manual_clock_advance(b.clock, SECOND));
    is_ok(fusewire_permit_success(&permit));
    assert_int_equal(fusewire_permit_timeout_ns(&permit), FUSEWIRE_NONE);
    assert_int_equal(fusewire_permit_timeout_ns(NULL), FUSEWIRE_NONE);
    // It came too late.
    assert_int_equal(snapshot_of(b.breaker).failure, 1);
    assert_string_equal(snapshot_of(b.breaker).last_failure_type, "timeout");
    permit = permit_of(without.breaker);
    assert_int_equal(fusewire_permit_timeout_ns(&permit), FUSEWIRE_NONE);
    is_ok(fusewire_permit_success(&permit));
    end(b);
    end(without);
}

static void utilisation_is_a_share(void **state) {
    (void)state;
    bench b = with("{\"retry\": {\"backoff\": {\"kind\": \"resource_sensitive\"}}}");
    fusewire_error *error = NULL;
    is_ok(fusewire_breaker_set_utilisation(b.breaker, 0.5, NULL));
    const double wrong[] = {-0.1, 1.1, (double)NAN};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_breaker_set_utilisation(b.breaker, wrong[i], &error));
        is_error(error, FUSEWIRE_ERROR_CONFIG, "utilisation", NULL);
    }
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_breaker_set_utilisation(NULL, 0.5, &error));
    is_error(error, FUSEWIRE_ERROR_NULL_ARGUMENT, "breaker", NULL);
    end(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_fresh_then_stale_then_gone),
        cmocka_unit_test(a_store_takes_the_place_of_what_goes),
        cmocka_unit_test(what_other_rules_have_no_room_for_is_vacant),
        cmocka_unit_test(without_a_cache_nothing_is_kept),
        cmocka_unit_test(calls_of_a_key_follow_the_first_and_are_handed_its_answer),
        cmocka_unit_test(when_the_leader_leaves_its_first_follower_leads),
        cmocka_unit_test(wrong_arguments_are_told),
        cmocka_unit_test(a_feature_that_fails_is_disabled_alone_with_what_requires_it),
        cmocka_unit_test(a_feature_that_there_is_not_is_told),
        cmocka_unit_test(a_permit_tells_its_timeout),
        cmocka_unit_test(utilisation_is_a_share),
    };
    return RUN(tests);
}
