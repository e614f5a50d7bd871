// What goes from thread to thread: permits, events, and the breakers of a registry.
//
// Checks of cmocka jump, which only the thread of a test may do: other threads note what went wrong.

#include "common.h"

#include <pthread.h>
#include <stdatomic.h>

#define HANDS 8
#define PERMITS 500

typedef struct hand {
    fusewire_breaker *breaker;
    pthread_barrier_t *given;
    fusewire_permit *mine;
    fusewire_permit *next;
    uint64_t wrong;
} hand;

static void *take_and_pass_on(void *argument) {
    hand *my = argument;
    for (int i = 0; i < PERMITS; i++)
        my->wrong += fusewire_breaker_acquire(my->breaker, &my->mine[i], NULL) != FUSEWIRE_OK;
    pthread_barrier_wait(my->given);
    for (int i = 0; i < PERMITS; i++) my->wrong += fusewire_permit_success(&my->next[i]) != FUSEWIRE_OK;
    return NULL;
}

static void a_permit_is_settled_by_another_thread_than_it_was_given_to(void **state) {
    (void)state;
    const char *const documents[] = {"{}", "{\"sample_durations_every\": 1}", "{\"window\": {\"kind\": \"time\"}}"};
    static fusewire_permit permits[HANDS][PERMITS];
    for (size_t d = 0; d < COUNT(documents); d++) {
        fusewire_breaker *breaker = breaker_on(NULL, documents[d]);
        pthread_barrier_t given;
        pthread_barrier_init(&given, NULL, HANDS);
        hand hands[HANDS];
        pthread_t ids[HANDS];
        for (int i = 0; i < HANDS; i++) {
            hands[i] = (hand){breaker, &given, permits[i], permits[(i + 1) % HANDS], 0};
            assert_int_equal(pthread_create(&ids[i], NULL, take_and_pass_on, &hands[i]), 0);
        }
        for (int i = 0; i < HANDS; i++) {
            pthread_join(ids[i], NULL);
            assert_int_equal(hands[i].wrong, 0);
        }
        pthread_barrier_destroy(&given);
        assert_int_equal(snapshot_of(breaker).success, HANDS * PERMITS);
        fusewire_breaker_free(breaker);
    }
}

#define WAITERS 6
#define TRANSITIONS 500

typedef struct reader {
    fusewire_subscription *subscription;
    atomic_int *seen;
    uint64_t wrong;
} reader;

static void *read_until_closed(void *argument) {
    reader *mine = argument;
    for (;;) {
        fusewire_status status = fusewire_subscription_wait(mine->subscription, FUSEWIRE_NONE);
        if (status == FUSEWIRE_SUBSCRIPTION_CLOSED) return NULL;
        mine->wrong += status != FUSEWIRE_OK && status != FUSEWIRE_TIMED_OUT;
        fusewire_event event;
        size_t count = 0;
        mine->wrong += fusewire_subscription_drain(mine->subscription, &event, sizeof event, 1, &count) != FUSEWIRE_OK;
        if (count == 1 && event.generation >= 1 && event.generation <= TRANSITIONS)
            atomic_fetch_add(&mine->seen[event.generation - 1], 1);
        else mine->wrong += count != 0;
    }
}

static void several_threads_on_one_subscription_take_each_event_once(void **state) {
    (void)state;
    static atomic_int seen[TRANSITIONS];
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, TRANSITIONS);
    reader readers[WAITERS];
    pthread_t ids[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        readers[i] = (reader){subscription, seen, 0};
        assert_int_equal(pthread_create(&ids[i], NULL, read_until_closed, &readers[i]), 0);
    }
    for (int i = 0; i < TRANSITIONS; i++) is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    is_ok(fusewire_subscription_close(subscription));
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(readers[i].wrong, 0);
    }
    for (int i = 0; i < TRANSITIONS; i++) assert_int_equal(atomic_load(&seen[i]), 1);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

typedef struct finder {
    fusewire_registry *registry;
    pthread_barrier_t *start;
    fusewire_breaker *found[32];
    uint64_t wrong;
} finder;

static void *find_all(void *argument) {
    finder *mine = argument;
    pthread_barrier_wait(mine->start);
    for (size_t i = 0; i < COUNT(mine->found); i++) {
        char name[] = "breaker ??";
        name[8] = (char)('0' + i / 10), name[9] = (char)('0' + i % 10);
        mine->wrong +=
            fusewire_registry_get_or_create(mine->registry, name, NULL, &mine->found[i], NULL) != FUSEWIRE_OK;
        mine->wrong += fusewire_breaker_record(mine->found[i], FUSEWIRE_OUTCOME_SUCCESS, NULL) != FUSEWIRE_OK;
    }
    return NULL;
}

static void threads_that_ask_for_a_name_at_once_get_one_breaker(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    static finder finders[16];
    pthread_t ids[COUNT(finders)];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, COUNT(finders));
    for (size_t i = 0; i < COUNT(finders); i++) {
        finders[i] = (finder){.registry = registry, .start = &start};
        assert_int_equal(pthread_create(&ids[i], NULL, find_all, &finders[i]), 0);
    }
    for (size_t i = 0; i < COUNT(finders); i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(finders[i].wrong, 0);
    }
    assert_int_equal(fusewire_registry_count(registry), COUNT(finders[0].found));
    for (size_t b = 0; b < COUNT(finders[0].found); b++) {
        assert_int_equal(snapshot_of(finders[0].found[b]).success, COUNT(finders));
        for (size_t i = 0; i < COUNT(finders); i++)
            assert_true(fusewire_breaker_is_same(finders[i].found[b], finders[0].found[b]));
        for (size_t i = 0; i < COUNT(finders); i++) fusewire_breaker_free(finders[i].found[b]);
    }
    pthread_barrier_destroy(&start);
    fusewire_registry_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_permit_is_settled_by_another_thread_than_it_was_given_to),
        cmocka_unit_test(several_threads_on_one_subscription_take_each_event_once),
        cmocka_unit_test(threads_that_ask_for_a_name_at_once_get_one_breaker),
    };
    return RUN(tests);
}
