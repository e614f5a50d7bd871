// Waiting for events.

#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_for_nothing_ends_when_the_time_is_over),
        cmocka_unit_test(a_closed_subscription_says_so_when_all_is_taken),
        cmocka_unit_test(a_waiting_thread_is_woken_by_another_threads_trip),
        cmocka_unit_test(waiting_threads_are_woken_when_the_subscription_is_closed),
        cmocka_unit_test(a_subscription_outlives_its_breaker_and_keeps_what_it_has),
        cmocka_unit_test(a_waiting_thread_is_woken_when_its_breaker_is_gone),
    };
    return RUN(tests);
}
