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

// A thread that waits on a subscription, to transitions or to policies.
typedef struct waiter {
    fusewire_subscription *subscription;
    fusewire_policy_subscription *policies;
    uint64_t timeout;
    atomic_long id;
    fusewire_status answer;
} waiter;

static void *wait_for_an_event(void *argument) {
    waiter *mine = argument;
    atomic_store(&mine->id, syscall(SYS_gettid));
    mine->answer = mine->policies ? fusewire_policy_subscription_wait(mine->policies, mine->timeout)
                                  : fusewire_subscription_wait(mine->subscription, mine->timeout);
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

static fusewire_breaker *gated(fusewire_policy_subscription **policies) {
    fusewire_breaker *breaker = breaker_on(NULL, "{\"priority\": {}}");
    is_ok(fusewire_breaker_subscribe_policies(breaker, 8, policies));
    return breaker;
}

static fusewire_policy take_change(fusewire_policy_subscription *policies) {
    fusewire_policy_event change;
    size_t count = 0;
    is_ok(fusewire_policy_subscription_drain(policies, &change, sizeof change, 1, &count));
    assert_int_equal(count, 1);
    return change.kind;
}

static void waiting_for_a_change_that_does_not_come_ends_when_the_time_is_over(void **state) {
    (void)state;
    fusewire_policy_subscription *policies = NULL;
    fusewire_breaker *breaker = gated(&policies);
    answers(FUSEWIRE_TIMED_OUT, fusewire_policy_subscription_wait(policies, 0));
    answers(FUSEWIRE_TIMED_OUT, fusewire_policy_subscription_wait(policies, 2 * MS));
    // Transitions have a subscription of their own.
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    answers(FUSEWIRE_TIMED_OUT, fusewire_policy_subscription_wait(policies, 0));
    is_ok(fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_HIGH, NULL, NULL, NULL));
    answers(FUSEWIRE_OK, fusewire_policy_subscription_wait(policies, 0));
    answers(FUSEWIRE_OK, fusewire_policy_subscription_wait(policies, FUSEWIRE_NONE));
    fusewire_policy_subscription_free(policies);
    fusewire_breaker_free(breaker);
}

static void a_waiting_thread_is_woken_by_another_threads_change(void **state) {
    (void)state;
    fusewire_policy_subscription *policies = NULL;
    fusewire_breaker *breaker = gated(&policies);
    waiter one = {.policies = policies, .timeout = FUSEWIRE_NONE};
    pthread_t thread;
    start(&thread, &one);
    is_ok(fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_HIGH, NULL, NULL, NULL));
    pthread_join(thread, NULL);
    answers(FUSEWIRE_OK, one.answer);
    assert_int_equal(take_change(policies), FUSEWIRE_POLICY_MIN_PRIORITY);
    fusewire_policy_subscription_free(policies);
    fusewire_breaker_free(breaker);
}

static void who_waits_for_changes_is_woken_when_that_is_closed_and_takes_what_is_there_first(void **state) {
    (void)state;
    fusewire_policy_subscription *policies = NULL;
    fusewire_breaker *breaker = gated(&policies);
    waiter one = {.policies = policies, .timeout = FUSEWIRE_NONE};
    pthread_t thread;
    start(&thread, &one);
    is_ok(fusewire_policy_subscription_close(policies));
    pthread_join(thread, NULL);
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, one.answer);
    is_ok(fusewire_policy_subscription_close(policies));
    fusewire_policy_subscription_free(policies);

    is_ok(fusewire_breaker_subscribe_policies(breaker, 8, &policies));
    is_ok(fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_HIGH, NULL, NULL, NULL));
    is_ok(fusewire_policy_subscription_close(policies));
    is_ok(fusewire_breaker_set_min_priority(breaker, FUSEWIRE_PRIORITY_LOW, NULL, NULL, NULL));
    answers(FUSEWIRE_OK, fusewire_policy_subscription_wait(policies, FUSEWIRE_NONE));
    assert_int_equal(take_change(policies), FUSEWIRE_POLICY_MIN_PRIORITY);
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, fusewire_policy_subscription_wait(policies, FUSEWIRE_NONE));
    fusewire_policy_subscription_free(policies);
    fusewire_breaker_free(breaker);
}

static void the_end_of_a_breakers_life_is_a_change_and_the_wait_ends_when_it_is_gone(void **state) {
    (void)state;
    fusewire_policy_subscription *policies = NULL;
    fusewire_breaker *breaker = gated(&policies);
    is_ok(fusewire_breaker_close_for_good(breaker, NULL, NULL));
    answers(FUSEWIRE_OK, fusewire_policy_subscription_wait(policies, FUSEWIRE_NONE));
    assert_int_equal(take_change(policies), FUSEWIRE_POLICY_CLOSE);
    waiter one = {.policies = policies, .timeout = FUSEWIRE_NONE};
    pthread_t thread;
    start(&thread, &one);
    fusewire_breaker_free(breaker);
    pthread_join(thread, NULL);
    answers(FUSEWIRE_SUBSCRIPTION_CLOSED, one.answer);
    fusewire_policy_subscription_free(policies);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_for_nothing_ends_when_the_time_is_over),
        cmocka_unit_test(a_closed_subscription_says_so_when_all_is_taken),
        cmocka_unit_test(a_waiting_thread_is_woken_by_another_threads_trip),
        cmocka_unit_test(waiting_threads_are_woken_when_the_subscription_is_closed),
        cmocka_unit_test(a_subscription_outlives_its_breaker_and_keeps_what_it_has),
        cmocka_unit_test(a_waiting_thread_is_woken_when_its_breaker_is_gone),
        cmocka_unit_test(waiting_for_a_change_that_does_not_come_ends_when_the_time_is_over),
        cmocka_unit_test(a_waiting_thread_is_woken_by_another_threads_change),
        cmocka_unit_test(who_waits_for_changes_is_woken_when_that_is_closed_and_takes_what_is_there_first),
        cmocka_unit_test(the_end_of_a_breakers_life_is_a_change_and_the_wait_ends_when_it_is_gone),
    };
    return RUN(tests);
}
