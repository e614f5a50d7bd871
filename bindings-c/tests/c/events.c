// Events: drained, counted when missed, waited for.

#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

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

static void waiting_for_nothing_ends_when_the_time_is_over(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    answers(FUSEWIRE_TIMED_OUT, fusewire_subscription_wait(subscription, 0));
    answers(FUSEWIRE_TIMED_OUT, fusewire_subscription_wait(subscription, 1));
    answers(FUSEWIRE_TIMED_OUT, fusewire_subscription_wait(subscription, 2 * MS));
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, 0));
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, FUSEWIRE_NONE));
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, FUSEWIRE_NONE - 1));
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void a_closed_subscription_says_so_when_all_is_taken(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    is_ok(fusewire_subscription_close(subscription));
    answers(FUSEWIRE_OK, fusewire_subscription_wait(subscription, FUSEWIRE_NONE));
    fusewire_event event;
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
    assert_int_equal(count, 1);
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, fusewire_subscription_wait(subscription, FUSEWIRE_NONE));
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, fusewire_subscription_wait(subscription, 0));
    is_ok(fusewire_subscription_close(subscription));
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

// A thread that waits on a subscription.
typedef struct waiter {
    fusewire_subscription *subscription;
    uint64_t timeout;
    atomic_long id;
    fusewire_status answer;
} waiter;

static void *wait_for_an_event(void *argument) {
    waiter *mine = argument;
    atomic_store(&mine->id, syscall(SYS_gettid));
    mine->answer = fusewire_subscription_wait(mine->subscription, mine->timeout);
    return NULL;
}

// Whether the system says of a thread that it sleeps.
static bool sleeps(long id) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", id);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const char *read = fgets(text, sizeof text, file);
    fclose(file);
    const char *name_end = read ? strrchr(text, ')') : NULL;
    return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

static void start(pthread_t *thread, waiter *one) {
    assert_int_equal(pthread_create(thread, NULL, wait_for_an_event, one), 0);
    while (!sleeps(atomic_load(&one->id))) sched_yield();
}

static void a_waiting_thread_is_woken_by_another_threads_trip(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    const uint64_t timeouts[] = {FUSEWIRE_NONE, FUSEWIRE_NONE - 1, HOUR};
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        waiter one = {.subscription = subscription, .timeout = timeouts[i]};
        pthread_t thread;
        start(&thread, &one);
        is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
        pthread_join(thread, NULL);
        answers(FUSEWIRE_OK, one.answer);
        fusewire_event event;
        size_t count = 0;
        is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
        assert_int_equal(count, 1);
    }
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void waiting_threads_are_woken_when_the_subscription_is_closed(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    waiter waiters[4];
    pthread_t threads[COUNT(waiters)];
    for (size_t i = 0; i < COUNT(waiters); i++) {
        waiters[i] = (waiter){.subscription = subscription, .timeout = FUSEWIRE_NONE};
        start(&threads[i], &waiters[i]);
    }
    is_ok(fusewire_subscription_close(subscription));
    for (size_t i = 0; i < COUNT(waiters); i++) {
        pthread_join(threads[i], NULL);
        answers(FUSEWIRE_SUBSCRIPTION_CLOSED, waiters[i].answer);
    }
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void a_subscription_outlives_its_breaker_and_keeps_what_it_has(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    fusewire_breaker_free(breaker);
    fusewire_event event;
    size_t count = 0;
    is_ok(fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count));
    assert_int_equal(count, 1);
    // Nobody can make another one.
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, fusewire_subscription_wait(subscription, FUSEWIRE_NONE));
    fusewire_subscription_free(subscription);
}

static void a_waiting_thread_is_woken_when_its_breaker_is_gone(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 8);
    waiter one = {.subscription = subscription, .timeout = FUSEWIRE_NONE};
    pthread_t thread;
    start(&thread, &one);
    fusewire_breaker_free(breaker);
    pthread_join(thread, NULL);
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, one.answer);
    fusewire_subscription_free(subscription);
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
        cmocka_unit_test(waiting_for_nothing_ends_when_the_time_is_over),
        cmocka_unit_test(a_closed_subscription_says_so_when_all_is_taken),
        cmocka_unit_test(a_waiting_thread_is_woken_by_another_threads_trip),
        cmocka_unit_test(waiting_threads_are_woken_when_the_subscription_is_closed),
        cmocka_unit_test(a_subscription_outlives_its_breaker_and_keeps_what_it_has),
        cmocka_unit_test(a_waiting_thread_is_woken_when_its_breaker_is_gone),
        cmocka_unit_test(an_event_tells_the_mode_that_was_set),
    };
    return RUN(tests);
}
