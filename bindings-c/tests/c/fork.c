// A process forks while its threads call, trip, reset, take and wait for events, create and remove breakers, free
// handles, and start and end: each child goes on to use all of it. FUSEWIRE_FORKS says how often (1,000).
//
// No framework here: a child checks for itself and tells by its exit code, in which line it found something wrong.

#include <fusewire.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Seconds after which a child hangs.
#ifndef PATIENCE
#define PATIENCE 30
#endif

#define MS UINT64_C(1000000)

static void refuse(const char *what, int line) {
    char text[256];
    int length = snprintf(text, sizeof text, "fork.c:%d: in process %ld: %s\n", line, (long)getpid(), what);
    if (write(STDERR_FILENO, text, (size_t)length) < 0) abort();
    _exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : refuse(#condition, __LINE__))

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

// ---- the child ----

static void *calls_in_the_child(void *breaker) {
    for (unsigned i = 0; i < 20; i++) call(breaker, i);
    CHECK(fusewire_breaker_reset(breaker, "a thread", NULL) == FUSEWIRE_OK);
    return NULL;
}

// A breaker made before: calls count, transitions happen and all its events arrive.
static void use_what_was_there(void) {
    fusewire_snapshot before = snapshot_of(busy);
    for (unsigned i = 0; i < 20; i++) call(busy, i);
    CHECK(fusewire_breaker_reset(busy, NULL, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_state(busy) == FUSEWIRE_STATE_CLOSED);
    fusewire_permit permit;
    CHECK(fusewire_breaker_acquire(busy, &permit, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_permit_success(&permit) == FUSEWIRE_OK);
    fusewire_snapshot after = snapshot_of(busy);
    CHECK(after.success > before.success && after.generation > before.generation);

    uint64_t generation = snapshot_of(told).generation, seen = 0;
    CHECK(fusewire_breaker_trip(told, MS, "a child", NULL, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_reset(told, "a child", NULL) == FUSEWIRE_OK);
    CHECK(fusewire_subscription_wait(drained, FUSEWIRE_NONE) == FUSEWIRE_OK);
    // What the parent had not taken, and then the child's.
    follow(drained, &seen);
    CHECK(seen == generation + 2);
}

// New ones in the registry of the parent, and what is read of all.
static void use_the_registry(void) {
    fusewire_breaker *again, *breaker;
    CHECK(fusewire_registry_get(registry, "busy", &again) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_is_same(busy, again));
    fusewire_breaker_free(again);
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.failure_threshold = 2;
    CHECK(fusewire_registry_get_or_create(registry, "of the child", &options, &breaker, NULL) == FUSEWIRE_OK);
    fusewire_subscription *subscription;
    CHECK(fusewire_breaker_subscribe(breaker, 100, &subscription) == FUSEWIRE_OK);

    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, calls_in_the_child, breaker) == 0);
    CHECK(fusewire_subscription_wait(subscription, FUSEWIRE_NONE) == FUSEWIRE_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    uint64_t seen = 0;
    follow(subscription, &seen);
    fusewire_snapshot snapshot = snapshot_of(breaker);
    CHECK(seen == snapshot.generation);
    CHECK(snapshot.success + snapshot.failure + snapshot.ignored + snapshot.rejected[FUSEWIRE_REASON_OPEN] == 20);

    char *metrics;
    CHECK(fusewire_registry_metrics(registry, &metrics, NULL) == FUSEWIRE_OK);
    CHECK(strstr(metrics, "service=\"of the child\"") && strstr(metrics, "service=\"busy\""));
    fusewire_string_free(metrics);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
    CHECK(fusewire_registry_remove(registry, "of the child") == FUSEWIRE_OK);
}

static void free_what_was_there(void) {
    fusewire_subscription_free(drained);
    fusewire_subscription_free(waited_for);
    fusewire_breaker_free(busy);
    fusewire_breaker_free(told);
    fusewire_registry_free(registry);
    fusewire_manual_clock_free(my_clock);
}

static atomic_int forked, hung, failed;

static void fork_once(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(PATIENCE);
        use_what_was_there();
        use_the_registry();
        free_what_was_there();
        _exit(0);
    }
    atomic_fetch_add(&forked, 1);
    int status = 0;
    while (waitpid(child, &status, 0) < 0) CHECK(errno == EINTR);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) atomic_fetch_add(&hung, 1);
    else if (status != 0) atomic_fetch_add(&failed, 1);
}

static void *forks(void *times) {
    // After a few it is known.
    for (int i = 0; i < *(int *)times && atomic_load(&hung) + atomic_load(&failed) < 10; i++) fork_once();
    return NULL;
}

// ---- the parent ----

static void build(void) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.recovery_timeout_ns = MS;
    my_clock = fusewire_manual_clock_new();
    CHECK(fusewire_registry_new(my_clock, NULL, 0, &registry, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_registry_get_or_create(registry, "busy", &options, &busy, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_registry_get_or_create(registry, "told", &options, &told, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_subscribe(told, 1000000, &drained) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_subscribe(busy, 1000, &waited_for) == FUSEWIRE_OK);
}

static void check_the_totals(void) {
    fusewire_snapshot s = snapshot_of(busy);
    CHECK(s.success + s.failure + s.ignored == atomic_load(&acquired));
    uint64_t turned_away = 0;
    for (int reason = 0; reason < FUSEWIRE_REASON_CAPACITY; reason++) turned_away += s.rejected[reason];
    CHECK(turned_away == atomic_load(&rejected));
    CHECK(s.late == atomic_load(&settled_late));
    follow(drained, &drained_up_to);
    CHECK(drained_up_to == snapshot_of(told).generation);
    CHECK(drained_up_to == atomic_load(&told_by_hand));
}

int main(void) {
    const char *wanted = getenv("FUSEWIRE_FORKS");
    int all = wanted ? atoi(wanted) : 1000, alone = all - all / 5, together = all / 10;
    alarm(300);
    build();
    void *(*const threads[])(void *) = {calls, calls, operates, tells, drains, waits, registers, frees, reads, starts_threads};
    enum { THREADS = sizeof threads / sizeof *threads };
    pthread_t ids[THREADS], second;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&ids[i], NULL, threads[i], NULL) == 0);

    forks(&alone);
    CHECK(pthread_create(&second, NULL, forks, &together) == 0);
    forks(&together);
    CHECK(pthread_join(second, NULL) == 0);

    atomic_store(&is_over, true);
    CHECK(fusewire_subscription_close(waited_for) == FUSEWIRE_OK);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(ids[i], NULL) == 0);
    check_the_totals();
    free_what_was_there();
    printf("%d forks while %llu calls were admitted and %llu rejected: %d children hung, %d failed\n", atomic_load(&forked),
           atomic_load(&acquired), atomic_load(&rejected), atomic_load(&hung), atomic_load(&failed));
    return atomic_load(&hung) + atomic_load(&failed) > 0;
}
