// Events: drained, and counted when missed.

#include "common.h"

static void a_transition_makes_an_event_with_what_led_to_it(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"failure_threshold\": 2}");
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 2);
    fusewire_event event;
    paint(&event, sizeof event);
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(event.generation, 1);
    assert_int_equal(event.at_ns, SECOND);
    assert_int_equal(event.missed, 0);
    assert_int_equal(event.total, 2);
    assert_int_equal(event.failures, 2);
    assert_int_equal(event.slow, 0);
    assert_int_equal(event.from, FUSEWIRE_STATE_CLOSED);
    assert_int_equal(event.to, FUSEWIRE_STATE_OPEN);
    assert_int_equal(event.cause, FUSEWIRE_CAUSE_FAILURE_THRESHOLD);
    assert_int_equal(event.mode, FUSEWIRE_MODE_AUTO);
    assert_int_equal(event.kind, FUSEWIRE_EVENT_TRANSITION);
    assert_int_equal(event.reserved, 0);
    assert_string_equal(event.breaker, "test");
    assert_string_equal(event.actor, "");
    assert_string_equal(event.reason, "");
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void events_are_drained_in_order_a_few_at_a_time(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 100);
    for (int i = 0; i < 10; i++) is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_event events[4];
    uint64_t generation = 0;
    for (size_t expected = 4; expected > 0; expected = generation == 10 ? 0 : (generation == 8 ? 2 : 4)) {
        size_t count = 99;
        paint(events, sizeof events);
        is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, COUNT(events), &count));
        assert_int_equal(count, expected);
        for (size_t i = 0; i < count; i++) assert_int_equal(events[i].generation, ++generation);
        is_still_painted(events + count, (COUNT(events) - count) * sizeof *events);
    }
    size_t count = 99;
    is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, COUNT(events), &count));
    assert_int_equal(count, 0);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void a_drain_without_room_takes_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    size_t count = 99;
    is_ok(fusewire_subscription_drain(subscription, NULL, sizeof(fusewire_event), 0, &count));
    assert_int_equal(count, 0);
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, 0));
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void events_that_found_no_room_are_counted(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 2);
    assert_int_equal(fusewire_subscription_missed(subscription), 0);
    for (int i = 0; i < 5; i++) is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    assert_int_equal(fusewire_subscription_missed(subscription), 3);
    fusewire_event events[4];
    size_t count = 0;
    // A capacity without bounds takes what is there.
    is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, SIZE_MAX, &count));
    assert_int_equal(count, 2);
    assert_int_equal(events[0].missed + events[1].missed, 0);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    assert_int_equal(fusewire_subscription_missed(subscription), 0);
    is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, COUNT(events), &count));
    assert_int_equal(count, 1);
    assert_int_equal(events[0].generation, 6);
    assert_int_equal(events[0].missed, 3);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void each_subscription_gets_every_event_from_its_beginning_on(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *first = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_subscription *second = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_event events[4];
    size_t count = 0;
    is_ok(fusewire_subscription_drain(first, events, sizeof *events, COUNT(events), &count));
    assert_int_equal(count, 2);
    is_ok(fusewire_subscription_drain(second, events, sizeof *events, COUNT(events), &count));
    assert_int_equal(count, 1);
    assert_int_equal(events[0].generation, 2);
    fusewire_subscription_free(first);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    answers(FUSEWIRE_OK, fusewire_subscription_wait(second, 0));
    fusewire_subscription_free(second);
    fusewire_breaker_free(breaker);
}

static void a_capacity_out_of_range_gives_no_subscription(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = NULL;
    const size_t wrong[] = {0, 1000001, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_subscribe(breaker, wrong[i], &subscription));
        assert_null(subscription);
    }
    const size_t right[] = {1, 1000000};
    for (size_t i = 0; i < COUNT(right); i++) {
        is_ok(fusewire_breaker_subscribe(breaker, right[i], &subscription));
        fusewire_subscription_free(subscription);
    }
    fusewire_breaker_free(breaker);
}

static void an_event_of_a_size_that_no_version_has_takes_nothing(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_event event;
    paint(&event, sizeof event);
    const size_t wrong[] = {0, 1, sizeof event - 8, sizeof event + 4, 64 * 1024 + 8, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        size_t count = 99;
        answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_subscription_drain(subscription, &event, wrong[i], 1, &count));
        assert_int_equal(count, 99);
    }
    is_still_painted(&event, sizeof event);
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, 0));
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void later_events_are_filled_as_far_as_they_are_known_and_0_beyond(void **state) {
    (void)state;
    struct {
        fusewire_event known;
        unsigned char unknown[16];
    } later[3];
    paint(later, sizeof later);
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    for (int i = 0; i < 3; i++) is_ok(fusewire_breaker_reset(breaker, "someone", NULL));
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, &later[0].known, sizeof later[0], COUNT(later), &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(later[i].known.generation, i + 1);
        assert_string_equal(later[i].known.actor, "someone");
        for (size_t j = 0; j < COUNT(later[i].unknown); j++) assert_int_equal(later[i].unknown[j], 0);
    }
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void an_event_tells_the_mode_that_was_set(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_FORCED_OPEN, NULL, NULL));
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_SHADOW, NULL, NULL));
    fusewire_event events[2];
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, COUNT(events), &count));
    assert_int_equal(count, 2);
    assert_int_equal(events[0].mode, FUSEWIRE_MODE_FORCED_OPEN);
    assert_int_equal(events[1].mode, FUSEWIRE_MODE_SHADOW);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transition_makes_an_event_with_what_led_to_it),
        cmocka_unit_test(events_are_drained_in_order_a_few_at_a_time),
        cmocka_unit_test(a_drain_without_room_takes_nothing),
        cmocka_unit_test(events_that_found_no_room_are_counted),
        cmocka_unit_test(each_subscription_gets_every_event_from_its_beginning_on),
        cmocka_unit_test(a_capacity_out_of_range_gives_no_subscription),
        cmocka_unit_test(an_event_of_a_size_that_no_version_has_takes_nothing),
        cmocka_unit_test(later_events_are_filled_as_far_as_they_are_known_and_0_beyond),
        cmocka_unit_test(an_event_tells_the_mode_that_was_set),
    };
    return RUN(tests);
}
