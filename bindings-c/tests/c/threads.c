// Many threads on one breaker: at rest every count is exact. FUSEWIRE_ROUNDS says how many calls a thread makes.
//
// Checks of cmocka jump, which only the thread of a test may do: other threads note what went wrong.

#include "common.h"

#include <pthread.h>
#include <stdlib.h>

#define MOST_THREADS 200
#define MOST_TURNS 100

static int rounds_from(const char *text) { return text ? atoi(text) : 0; }

static int rounds(void) {
    int wanted = rounds_from(getenv("FUSEWIRE_ROUNDS"));
    return wanted > 0 ? wanted : 20000;
}

// What a thread was answered.
typedef struct tally {
    uint64_t settled[3];
    uint64_t late;
    uint64_t rejected[FUSEWIRE_REASON_CAPACITY];
    uint64_t wrong;
} tally;

typedef struct worker {
    fusewire_breaker *breaker;
    // Moved by each call, or NULL.
    fusewire_manual_clock *clock;
    pthread_barrier_t *start;
    unsigned number;
    int rounds;
    tally tally;
} worker;

static void settle(worker *mine, fusewire_permit *permit, unsigned draw) {
    fusewire_outcome outcome = draw % 3;
    fusewire_status status = outcome == FUSEWIRE_OUTCOME_SUCCESS ? fusewire_permit_success(permit)
                             : outcome == FUSEWIRE_OUTCOME_FAILURE
                                 ? fusewire_permit_failure(permit, draw % 2 ? "io" : NULL)
                                 : fusewire_permit_ignore(permit);
    if (status == FUSEWIRE_LATE) mine->tally.late++;
    else if (status != FUSEWIRE_OK) mine->tally.wrong++;
    mine->tally.settled[outcome]++;
    if (fusewire_permit_success(permit) != FUSEWIRE_ERROR_ALREADY_SETTLED) mine->tally.wrong++;
}

static void *work(void *argument) {
    worker *mine = argument;
    pthread_barrier_wait(mine->start);
    unsigned draw = mine->number * 2654435761u;
    for (int i = 0; i < mine->rounds; i++) {
        draw = draw * 1664525u + 1013904223u;
        fusewire_permit permit;
        fusewire_rejection rejection;
        fusewire_status status = fusewire_breaker_acquire(mine->breaker, &permit, &rejection);
        if (status == FUSEWIRE_OK) settle(mine, &permit, draw >> 16);
        else if (status == FUSEWIRE_REJECTED && rejection.reason < FUSEWIRE_REASON_CAPACITY)
            mine->tally.rejected[rejection.reason]++;
        else mine->tally.wrong++;
        if (mine->clock && fusewire_manual_clock_advance(mine->clock, 1 * MS) != FUSEWIRE_OK) mine->tally.wrong++;
    }
    return NULL;
}

static void add(tally *sum, const tally *one) {
    for (size_t i = 0; i < COUNT(sum->settled); i++) sum->settled[i] += one->settled[i];
    for (size_t i = 0; i < COUNT(sum->rejected); i++) sum->rejected[i] += one->rejected[i];
    sum->late += one->late;
    sum->wrong += one->wrong;
}

// Lets threads work, and answers what all of them were told.
static tally hammer(fusewire_breaker *breaker, fusewire_manual_clock *clock, size_t threads, int each) {
    static worker workers[MOST_THREADS];
    static pthread_t ids[MOST_THREADS];
    assert_in_range(threads, 1, MOST_THREADS);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (size_t i = 0; i < threads; i++) {
        workers[i] =
            (worker){.breaker = breaker, .clock = clock, .start = &start, .number = (unsigned)i + 1, .rounds = each};
        assert_int_equal(pthread_create(&ids[i], NULL, work, &workers[i]), 0);
    }
    tally sum = {0};
    for (size_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        add(&sum, &workers[i].tally);
    }
    pthread_barrier_destroy(&start);
    return sum;
}

static uint64_t accounted_for(const tally *t) {
    uint64_t all = t->settled[0] + t->settled[1] + t->settled[2];
    for (size_t i = 0; i < COUNT(t->rejected); i++) all += t->rejected[i];
    return all;
}

static void are_the_totals_of(const tally *t, fusewire_breaker *breaker) {
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(t->wrong, 0);
    assert_int_equal(s.success, t->settled[FUSEWIRE_OUTCOME_SUCCESS]);
    assert_int_equal(s.failure, t->settled[FUSEWIRE_OUTCOME_FAILURE]);
    assert_int_equal(s.ignored, t->settled[FUSEWIRE_OUTCOME_IGNORED]);
    assert_int_equal(s.late, t->late);
    for (size_t i = 0; i < FUSEWIRE_REASON_CAPACITY; i++) assert_int_equal(s.rejected[i], t->rejected[i]);
}

static void stays_exact(const char *document, size_t threads) {
    fusewire_breaker *breaker = breaker_on(NULL, document);
    int each = rounds() * 64 / (int)threads;
    tally t = hammer(breaker, NULL, threads, each);
    assert_int_equal(accounted_for(&t), (uint64_t)each * threads);
    assert_int_equal(t.late, 0);
    are_the_totals_of(&t, breaker);
    fusewire_breaker_free(breaker);
}

static void sixty_four_threads_on_a_forced_closed_breaker_count_exactly(void **state) {
    (void)state;
    stays_exact("{\"mode\": \"forced_closed\"}", 64);
}

static void sixty_four_threads_on_a_closed_breaker_count_exactly(void **state) {
    (void)state;
    stays_exact("{\"failure_threshold\": 1000000}", 64);
}

static void more_than_sixty_four_threads_count_exactly(void **state) {
    (void)state;
    stays_exact("{\"failure_threshold\": 1000000}", MOST_THREADS);
}

static void a_count_window_is_exact_at_rest(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(
        NULL, "{\"window\": {\"kind\": \"count\", \"size\": 60000, \"min_calls\": 60000, \"failure_rate\": 1}}");
    tally t = hammer(breaker, NULL, 64, rounds() / 4);
    are_the_totals_of(&t, breaker);
    uint64_t counted = t.settled[FUSEWIRE_OUTCOME_SUCCESS] + t.settled[FUSEWIRE_OUTCOME_FAILURE];
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.window_total, counted < 60000 ? counted : 60000);
    if (counted < 60000) assert_int_equal(s.window_failures, t.settled[FUSEWIRE_OUTCOME_FAILURE]);
    fusewire_breaker_free(breaker);
}

static void a_time_window_on_a_clock_that_stands_still_is_exact(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker =
        breaker_on(clock, "{\"window\": {\"kind\": \"time\", \"min_calls\": 1000000, \"failure_rate\": 1}}");
    tally t = hammer(breaker, NULL, 100, rounds() / 4);
    are_the_totals_of(&t, breaker);
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.window_total, t.settled[FUSEWIRE_OUTCOME_SUCCESS] + t.settled[FUSEWIRE_OUTCOME_FAILURE]);
    assert_int_equal(s.window_failures, t.settled[FUSEWIRE_OUTCOME_FAILURE]);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

// Takes all events that are there, in order; answers the generation up to which each was kept or told as missed. While
// the thread that delivers does not run, others may make more transitions than wait for delivery at most.
static uint64_t follow(fusewire_subscription *subscription) {
    uint64_t generation = 0;
    fusewire_event events[64];
    for (size_t count = 1; count > 0;) {
        is_ok(fusewire_subscription_drain(subscription, events, sizeof *events, COUNT(events), &count));
        for (size_t i = 0; i < count; i++) {
            generation += events[i].missed + 1;
            assert_int_equal(events[i].generation, generation);
        }
    }
    return generation + fusewire_subscription_missed(subscription);
}

static void trips_and_stays_exact(const char *document, size_t threads) {
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, document);
    fusewire_subscription *subscription = subscribed_to(breaker, 1000000);
    int each = rounds() / 8 * 64 / (int)threads;
    tally t = {0};
    unsigned turns = 0;
    // Threads that a slow machine runs one after the other may settle late, or trip it seldom.
    do {
        tally turn = hammer(breaker, clock, threads, each);
        add(&t, &turn);
        turns++;
    } while (snapshot_of(breaker).opened <= 2 && turns < MOST_TURNS);
    assert_int_equal(accounted_for(&t), (uint64_t)each * threads * turns);
    are_the_totals_of(&t, breaker);
    assert_int_equal(snapshot_of(breaker).half_open_in_flight, 0);
    // What was missed is told by the next event.
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    fusewire_snapshot s = snapshot_of(breaker);
    assert_true(s.opened > 2);
    assert_int_equal(follow(subscription), s.generation);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void threads_on_a_breaker_that_trips_all_the_time_count_exactly(void **state) {
    (void)state;
    trips_and_stays_exact("{\"failure_threshold\": 3, \"recovery_timeout\": \"50ms\", \"success_threshold\": 1}", 64);
    trips_and_stays_exact("{\"failure_threshold\": 3, \"recovery_timeout\": \"50ms\", \"success_threshold\": 1}", 100);
}

static void threads_on_a_window_that_trips_all_the_time_count_exactly(void **state) {
    (void)state;
    trips_and_stays_exact("{\"window\": {\"kind\": \"time\", \"period\": \"1s\", \"min_calls\": 5}, "
                          "\"recovery_timeout\": \"50ms\", \"half_open_max_calls\": 2, \"success_threshold\": 1}",
                          64);
    trips_and_stays_exact("{\"window\": {\"kind\": \"count\", \"size\": 10, \"min_calls\": 5}, \"recovery_timeout\": "
                          "\"50ms\", \"ramp\": {\"window_calls\": 4, \"max_failure_rate\": 0.5}}",
                          64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_four_threads_on_a_forced_closed_breaker_count_exactly),
        cmocka_unit_test(sixty_four_threads_on_a_closed_breaker_count_exactly),
        cmocka_unit_test(more_than_sixty_four_threads_count_exactly),
        cmocka_unit_test(a_count_window_is_exact_at_rest),
        cmocka_unit_test(a_time_window_on_a_clock_that_stands_still_is_exact),
        cmocka_unit_test(threads_on_a_breaker_that_trips_all_the_time_count_exactly),
        cmocka_unit_test(threads_on_a_window_that_trips_all_the_time_count_exactly),
    };
    return RUN(tests);
}
