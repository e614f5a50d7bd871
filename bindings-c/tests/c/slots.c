// Threads that share the slots of a bulkhead: never more in flight than there are, each waiter is woken, and all slots are
// back at rest. FUSEWIRE_ROUNDS says how many calls a test makes (40,000).
//
// Checks of cmocka jump, which only the thread of a test may do: other threads note what went wrong.

#include "child.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>

#define THREADS 16
#define MOST 3

static uint64_t rounds(void) {
    const char *wanted = getenv("FUSEWIRE_ROUNDS");
    return wanted ? strtoull(wanted, NULL, 10) : 40000;
}

typedef struct crowd {
    fusewire_breaker *breaker;
    uint64_t calls;
    atomic_int in_flight;
    atomic_ullong admitted, turned_away, gave_up, wrong;
} crowd;

typedef struct member {
    crowd *all;
    unsigned number;
} member;

// What a call does while it has its slot.
static void be_in_flight(crowd *all, fusewire_permit *permit) {
    if (atomic_fetch_add(&all->in_flight, 1) >= MOST) atomic_fetch_add(&all->wrong, 1);
    sched_yield();
    atomic_fetch_sub(&all->in_flight, 1);
    if (fusewire_permit_success(permit) != FUSEWIRE_OK) atomic_fetch_add(&all->wrong, 1);
    atomic_fetch_add(&all->admitted, 1);
}

static void count(crowd *all, fusewire_status status, fusewire_permit *permit) {
    switch (status) {
    case FUSEWIRE_OK: be_in_flight(all, permit); break;
    case FUSEWIRE_REJECTED: atomic_fetch_add(&all->turned_away, 1); break;
    case FUSEWIRE_TIMED_OUT: atomic_fetch_add(&all->gave_up, 1); break;
    default: atomic_fetch_add(&all->wrong, 1);
    }
}

static void run_crowd(crowd *all, void *(*run)(void *)) {
    pthread_t ids[THREADS];
    member members[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (member){all, i};
        assert_int_equal(pthread_create(&ids[i], NULL, run, &members[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(ids[i], NULL);
    assert_int_equal(atomic_load(&all->wrong), 0);
    fusewire_snapshot s = snapshot_of(all->breaker);
    for (size_t i = 0; i < FUSEWIRE_PRIORITY_COUNT; i++) assert_int_equal(s.slots_taken[i] + s.queued[i], 0);
    assert_int_equal(s.success, atomic_load(&all->admitted));
    uint64_t rejected = 0;
    for (size_t i = 0; i < FUSEWIRE_REASON_CAPACITY; i++) rejected += s.rejected[i];
    assert_int_equal(rejected, atomic_load(&all->turned_away));
}

static void *ask_and_go(void *argument) {
    member *my = argument;
    fusewire_permit permit;
    for (uint64_t i = 0; i < my->all->calls; i++) {
        fusewire_request request = request_at((fusewire_priority)((my->number + i) % FUSEWIRE_PRIORITY_COUNT));
        count(my->all, fusewire_breaker_acquire_with(my->all->breaker, &request, &permit, NULL, NULL), &permit);
    }
    return NULL;
}

static void no_more_calls_are_in_flight_than_there_are_slots(void **state) {
    (void)state;
    const char *const documents[] = {
        "{\"bulkhead\": {\"max_concurrent\": 3}}",
        "{\"bulkhead\": {\"max_concurrent\": 3, \"reserved\": {\"critical\": 1, \"high\": 1}}}",
        "{\"concurrency_limit\": {\"initial\": 3, \"max\": 3}}"};
    for (size_t i = 0; i < COUNT(documents); i++) {
        crowd all = {.breaker = breaker_on(NULL, documents[i]), .calls = rounds() / THREADS};
        run_crowd(&all, ask_and_go);
        assert_int_equal(atomic_load(&all.admitted) + atomic_load(&all.turned_away), all.calls * THREADS);
        fusewire_breaker_free(all.breaker);
    }
}

#define QUEUE \
    "{\"bulkhead\": {\"max_concurrent\": 3, \"max_queue\": 1000, \"queue_timeout\": \"1h\", \"reserved\": {\"high\": 1}}}"

static void *wait_for_a_slot(void *argument) {
    member *my = argument;
    fusewire_permit permit;
    for (uint64_t i = 0; i < my->all->calls; i++) {
        fusewire_request request = request_at((fusewire_priority)((my->number + i) % FUSEWIRE_PRIORITY_COUNT));
        count(my->all,
              fusewire_breaker_acquire_wait(my->all->breaker, &request, FUSEWIRE_NONE, &permit, NULL, NULL), &permit);
    }
    return NULL;
}

static void every_thread_that_waits_gets_its_slot(void **state) {
    (void)state;
    crowd all = {.breaker = breaker_on(NULL, QUEUE), .calls = rounds() / 4 / THREADS};
    run_crowd(&all, wait_for_a_slot);
    assert_int_equal(atomic_load(&all.admitted), all.calls * THREADS);
    fusewire_breaker_free(all.breaker);
}

// Each in another way: blocking with too little time, with a place that is freed, with one that is waited for.
static void *wait_and_give_up(void *argument) {
    member *my = argument;
    fusewire_breaker *breaker = my->all->breaker;
    for (uint64_t i = 0; i < my->all->calls; i++) {
        fusewire_permit permit;
        fusewire_waiting *waiting = NULL;
        if ((my->number + i) % 3 == 0) {
            count(my->all, fusewire_breaker_acquire_wait(breaker, NULL, i % 7 * 1000, &permit, NULL, NULL), &permit);
            continue;
        }
        fusewire_status status = fusewire_breaker_enter(breaker, NULL, &permit, &waiting, NULL, NULL);
        if (status != FUSEWIRE_QUEUED) {
            count(my->all, status, &permit);
            continue;
        }
        uint64_t patience = (my->number + i) % 3 == 1 ? 0 : FUSEWIRE_NONE;
        count(my->all, fusewire_waiting_wait(waiting, patience, &permit, NULL), &permit);
        fusewire_waiting_free(waiting);
    }
    return NULL;
}

static void threads_that_give_up_lose_no_slot(void **state) {
    (void)state;
    crowd all = {.breaker = breaker_on(NULL, QUEUE), .calls = rounds() / 8 / THREADS};
    run_crowd(&all, wait_and_give_up);
    assert_int_equal(atomic_load(&all.admitted) + atomic_load(&all.gave_up), all.calls * THREADS);
    fusewire_breaker_free(all.breaker);
}

// A place whose callback another thread may be about to call, freed with what the callback is given.
static void called(void *userdata) { atomic_fetch_add((atomic_int *)userdata, 1); }

static void *free_what_is_about_to_be_called(void *argument) {
    member *my = argument;
    for (uint64_t i = 0; i < my->all->calls; i++) {
        fusewire_permit permit;
        fusewire_waiting *waiting = NULL;
        fusewire_status status = fusewire_breaker_enter(my->all->breaker, NULL, &permit, &waiting, NULL, NULL);
        if (status != FUSEWIRE_QUEUED) {
            count(my->all, status, &permit);
            continue;
        }
        atomic_int *times = malloc(sizeof *times);
        atomic_init(times, 0);
        (void)fusewire_waiting_notify(waiting, called, times);
        if (i % 2 == 0) sched_yield();
        if (i % 5 == 0) {
            // What ends the wait calls first, and tells then.
            count(my->all, fusewire_waiting_wait(waiting, FUSEWIRE_NONE, &permit, NULL), &permit);
        }
        fusewire_waiting_free(waiting);
        if (atomic_load(times) > 1) atomic_fetch_add(&my->all->wrong, 1);
        free(times);
    }
    return NULL;
}

static void a_callback_is_not_called_after_its_place_was_freed(void **state) {
    (void)state;
    crowd all = {.breaker = breaker_on(NULL, QUEUE), .calls = rounds() / 8 / THREADS};
    pthread_t ids[THREADS];
    member members[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (member){&all, i};
        assert_int_equal(pthread_create(&ids[i], NULL, free_what_is_about_to_be_called, &members[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(ids[i], NULL);
    assert_int_equal(atomic_load(&all.wrong), 0);
    fusewire_snapshot s = snapshot_of(all.breaker);
    for (size_t i = 0; i < FUSEWIRE_PRIORITY_COUNT; i++) assert_int_equal(s.slots_taken[i] + s.queued[i], 0);
    fusewire_breaker_free(all.breaker);
}

typedef struct waiter {
    fusewire_waiting *waiting;
    fusewire_permit permit;
    fusewire_status status;
} waiter;

static void *wait_without_end(void *argument) {
    waiter *my = argument;
    my->status = fusewire_waiting_wait(my->waiting, FUSEWIRE_NONE, &my->permit, NULL);
    return NULL;
}

static void a_place_that_a_thread_waits_for_may_be_raised_and_one_of_two_threads_is_told(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 4, "
                                                 "\"queue_timeout\": \"1h\"}}");
    fusewire_permit taken = permit_of(breaker);
    fusewire_waiting *high = waiting_at(breaker, FUSEWIRE_PRIORITY_HIGH);
    fusewire_waiting *raised = waiting_at(breaker, FUSEWIRE_PRIORITY_BULK);
    waiter both[2] = {{.waiting = raised}, {.waiting = raised}};
    pthread_t ids[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&ids[i], NULL, wait_without_end, &both[i]), 0);
    is_ok(fusewire_waiting_raise(raised, FUSEWIRE_PRIORITY_CRITICAL));
    is_ok(fusewire_permit_success(&taken));
    for (int i = 0; i < 2; i++) pthread_join(ids[i], NULL);
    const int first = both[0].status == FUSEWIRE_OK ? 0 : 1;
    is_ok(both[first].status);
    answers(FUSEWIRE_ERROR_ALREADY_TOLD, both[1 - first].status);
    is_ok(fusewire_permit_success(&both[first].permit));
    is_ok(fusewire_waiting_try_end(high, &taken, NULL));
    is_ok(fusewire_permit_success(&taken));
    fusewire_waiting_free(high), fusewire_waiting_free(raised);
    fusewire_breaker_free(breaker);
}

typedef struct inherited {
    fusewire_breaker *breaker;
    fusewire_waiting *waiting;
    fusewire_permit permit;
} inherited;

// A child has all slots to itself: what the parent's calls have, and who waits there, is the parent's.
static void use_what_was_inherited(void *argument) {
    inherited *from = argument;
    fusewire_permit permits[MOST], more;
    fusewire_waiting *waiting;
    for (int i = 0; i < MOST; i++)
        if (fusewire_breaker_acquire(from->breaker, &permits[i], NULL) != FUSEWIRE_OK) return;
    if (fusewire_breaker_enter(from->breaker, NULL, &more, &waiting, NULL, NULL) != FUSEWIRE_QUEUED) return;
    // That of the parent's call frees no slot here.
    (void)fusewire_permit_success(&from->permit);
    if (fusewire_waiting_try_end(waiting, &more, NULL) != FUSEWIRE_QUEUED) return;
    // Whose wait it was it is no more, and nobody hangs for it.
    if (fusewire_waiting_wait(from->waiting, FUSEWIRE_NONE, &more, NULL) != FUSEWIRE_REJECTED) return;
    fusewire_waiting_free(from->waiting);
    if (fusewire_permit_success(&permits[0]) != FUSEWIRE_OK) return;
    if (fusewire_waiting_wait(waiting, FUSEWIRE_NONE, &more, NULL) != FUSEWIRE_OK) return;
    fusewire_waiting_free(waiting);
    if (fusewire_permit_success(&more) != FUSEWIRE_OK) return;
    for (int i = 1; i < MOST; i++)
        if (fusewire_permit_success(&permits[i]) != FUSEWIRE_OK) return;
    fusewire_breaker_free(from->breaker);
    // Not by an exit code: that is valgrind's, for whom the child leaks what its parent's threads have.
    (void)!write(STDERR_FILENO, "whole", 5);
}

static void a_forked_child_begins_with_all_slots_free_and_nobody_waiting(void **state) {
    (void)state;
    inherited kept = {.breaker = breaker_on(NULL, "{\"bulkhead\": {\"max_concurrent\": 3, \"max_queue\": 8, "
                                                  "\"queue_timeout\": \"1h\"}}")};
    fusewire_permit others[MOST - 1];
    kept.permit = permit_of(kept.breaker);
    for (int i = 0; i < MOST - 1; i++) others[i] = permit_of(kept.breaker);
    kept.waiting = waiting_at(kept.breaker, FUSEWIRE_PRIORITY_NORMAL);
    waiter blocked = {.waiting = waiting_at(kept.breaker, FUSEWIRE_PRIORITY_LOW)};
    pthread_t id;
    assert_int_equal(pthread_create(&id, NULL, wait_without_end, &blocked), 0);
    for (int i = 0; i < 20; i++) {
        ending end = in_a_child(use_what_was_inherited, &kept);
        if (strcmp(end.said, "whole") != 0) fail_msg("ended with status %#x: %s", (unsigned)end.status, end.said);
    }
    is_ok(fusewire_permit_success(&kept.permit));
    is_ok(fusewire_waiting_try_end(kept.waiting, &kept.permit, NULL));
    for (int i = 0; i < MOST - 1; i++) is_ok(fusewire_permit_success(&others[i]));
    pthread_join(id, NULL);
    is_ok(blocked.status);
    is_ok(fusewire_permit_success(&blocked.permit));
    is_ok(fusewire_permit_success(&kept.permit));
    fusewire_waiting_free(kept.waiting), fusewire_waiting_free(blocked.waiting);
    fusewire_breaker_free(kept.breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_calls_are_in_flight_than_there_are_slots),
        cmocka_unit_test(every_thread_that_waits_gets_its_slot),
        cmocka_unit_test(threads_that_give_up_lose_no_slot),
        cmocka_unit_test(a_callback_is_not_called_after_its_place_was_freed),
        cmocka_unit_test(a_place_that_a_thread_waits_for_may_be_raised_and_one_of_two_threads_is_told),
        cmocka_unit_test(a_forked_child_begins_with_all_slots_free_and_nobody_waiting),
    };
    return RUN(tests);
}
