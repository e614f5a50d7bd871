// A process whose threads call, trip, reset, take and wait for events, create and remove breakers, free handles, and
// start and end: the parent in fork.c.

#ifndef FUSEWIRE_TESTS_BUSY_H
#define FUSEWIRE_TESTS_BUSY_H

#include <fusewire.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

static void refuse(const char *what, const char *file, int line) {
    char text[256];
    int length = snprintf(text, sizeof text, "%s:%d: in process %ld: %s\n", file, line, (long)getpid(), what);
    if (write(STDERR_FILENO, text, (size_t)length) < 0) abort();
    _exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : refuse(#condition, __FILE__, __LINE__))

// ---- what all threads and processes share ----

static fusewire_manual_clock *my_clock;
static fusewire_registry *registry;
// Called, tripped and reset by everybody.
static fusewire_breaker *busy;
// Tripped by one thread alone, so that none of its events is missed.
static fusewire_breaker *told;
// Of `told`: a thread drains it all the time.
static fusewire_subscription *drained;
// Of `busy`: a thread waits on it.
static fusewire_subscription *waited_for;
static atomic_bool is_over;

static fusewire_snapshot snapshot_of(fusewire_breaker *breaker) {
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    CHECK(fusewire_breaker_snapshot(breaker, &snapshot) == FUSEWIRE_OK);
    return snapshot;
}

// Takes all events that are there; they follow on `*generation` without a gap. Is that 0, the first one may be any.
static void follow(fusewire_subscription *subscription, uint64_t *generation) {
    static _Thread_local fusewire_event events[32];
    for (size_t count = 1; count > 0;) {
        CHECK(fusewire_subscription_drain(subscription, events, sizeof *events, 32, &count) == FUSEWIRE_OK);
        for (size_t i = 0; i < count; i++) {
            CHECK(events[i].missed == 0);
            CHECK(*generation == 0 || events[i].generation == *generation + 1);
            *generation = events[i].generation;
        }
    }
    CHECK(fusewire_subscription_missed(subscription) == 0);
}

// ---- the threads of the parent ----

static atomic_ullong acquired, rejected, settled_late;

static void call(fusewire_breaker *breaker, unsigned draw) {
    fusewire_permit permit;
    fusewire_status status = fusewire_breaker_acquire(breaker, &permit, NULL);
    if (status == FUSEWIRE_REJECTED) {
        atomic_fetch_add(&rejected, 1);
        return;
    }
    CHECK(status == FUSEWIRE_OK);
    atomic_fetch_add(&acquired, 1);
    status = draw % 3 == 0   ? fusewire_permit_failure(&permit, draw % 2 ? "io" : "timeout")
             : draw % 3 == 1 ? fusewire_permit_ignore(&permit)
                             : fusewire_permit_success(&permit);
    if (status == FUSEWIRE_LATE) atomic_fetch_add(&settled_late, 1);
    else CHECK(status == FUSEWIRE_OK);
}

static void *calls(void *unused) {
    (void)unused;
    for (unsigned i = 0; !atomic_load(&is_over); i++) call(busy, i);
    return NULL;
}

static const char *const RULES[] = {"{\"failure_threshold\": 3}", "{\"window\": {\"kind\": \"time\"}}"};

static void *operates(void *unused) {
    (void)unused;
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        const fusewire_status done[] = {
            fusewire_breaker_trip(busy, MS, "fork.c", "because", NULL),
            fusewire_manual_clock_advance(my_clock, MS),
            fusewire_breaker_poll(busy),
            fusewire_breaker_reset(busy, "fork.c", NULL),
            // Rarely: a breaker keeps the cell of each detector that it ever had.
            i % 4096 ? FUSEWIRE_OK : fusewire_breaker_reconfigure(busy, RULES[i / 4096 % 2], NULL, NULL, NULL),
        };
        for (size_t d = 0; d < sizeof done / sizeof *done; d++) CHECK(!FUSEWIRE_IS_ERROR(done[d]));
    }
    return NULL;
}

static atomic_ullong told_by_hand;

static void *tells(void *unused) {
    (void)unused;
    while (!atomic_load(&is_over)) {
        CHECK(fusewire_breaker_trip(told, MS, NULL, NULL, NULL) == FUSEWIRE_OK);
        CHECK(fusewire_breaker_reset(told, NULL, NULL) == FUSEWIRE_OK);
        atomic_fetch_add(&told_by_hand, 2);
    }
    return NULL;
}

static uint64_t drained_up_to;

static void *drains(void *unused) {
    (void)unused;
    while (!atomic_load(&is_over)) {
        CHECK(fusewire_subscription_wait(drained, MS) != FUSEWIRE_ERROR_PANIC);
        follow(drained, &drained_up_to);
    }
    return NULL;
}

static void *waits(void *unused) {
    (void)unused;
    static fusewire_event event;
    for (size_t count; fusewire_subscription_wait(waited_for, FUSEWIRE_NONE) != FUSEWIRE_SUBSCRIPTION_CLOSED;) {
        CHECK(fusewire_subscription_drain(waited_for, &event, sizeof event, 1, &count) == FUSEWIRE_OK);
    }
    return NULL;
}

static void *registers(void *unused) {
    (void)unused;
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        char name[32];
        snprintf(name, sizeof name, "passing %u", i % 50);
        fusewire_breaker *breaker;
        CHECK(fusewire_registry_get_or_create(registry, name, NULL, &breaker, NULL) == FUSEWIRE_OK);
        CHECK(fusewire_breaker_record(breaker, FUSEWIRE_OUTCOME_SUCCESS, NULL) == FUSEWIRE_OK);
        fusewire_breaker_free(breaker);
        if (i % 3 == 0) CHECK(fusewire_registry_remove(registry, name) == FUSEWIRE_OK);
    }
    return NULL;
}

static void *frees(void *unused) {
    (void)unused;
    while (!atomic_load(&is_over)) {
        fusewire_breaker *breaker = NULL;
        fusewire_error *error = NULL;
        CHECK(fusewire_breaker_from_json("", "{}", &breaker, &error) == FUSEWIRE_ERROR_NAME);
        fusewire_error_free(error);
        CHECK(fusewire_breaker_from_json("own", "{\"half_open_max_calls\": 2}", &breaker, NULL) == FUSEWIRE_OK);
        fusewire_subscription *subscription;
        CHECK(fusewire_breaker_subscribe(breaker, 4, &subscription) == FUSEWIRE_OK);
        CHECK(fusewire_breaker_reset(breaker, NULL, NULL) == FUSEWIRE_OK);
        fusewire_subscription_free(subscription);
        fusewire_breaker_free(breaker);
        fusewire_manual_clock_free(fusewire_manual_clock_new());
    }
    return NULL;
}

static void *reads(void *unused) {
    (void)unused;
    while (!atomic_load(&is_over)) {
        char *text;
        CHECK(fusewire_registry_metrics(registry, &text, NULL) == FUSEWIRE_OK);
        fusewire_string_free(text);
        CHECK(fusewire_breaker_snapshot_json(busy, &text, NULL) == FUSEWIRE_OK);
        fusewire_string_free(text);
    }
    return NULL;
}

static void *calls_once(void *unused) {
    (void)unused;
    call(busy, 2);
    return NULL;
}

static void *starts_threads(void *unused) {
    (void)unused;
    while (!atomic_load(&is_over)) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, calls_once, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

#endif
