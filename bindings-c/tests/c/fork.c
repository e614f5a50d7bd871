// A process forks while its threads call, trip, reset, take and wait for events, create and remove breakers, free
// handles, and start and end: each child goes on to use all of it. FUSEWIRE_FORKS says how often (1,000).
//
// No framework here: a child checks for itself and tells by its exit code, in which line it found something wrong.

#include "busy.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

// Seconds after which a child hangs.
#ifndef PATIENCE
#define PATIENCE 30
#endif

// A thread that forks. It alone takes what it keeps of `told`, so it knows what a child must find.
typedef struct forker {
    fusewire_subscription *kept;
    uint64_t up_to;
    int times;
} forker;

static forker first, second;
// Both fork; changed while one does.
static bool are_two;

// ---- the child ----

static void *calls_in_the_child(void *breaker) {
    for (unsigned i = 0; i < 20; i++) call(breaker, i);
    CHECK(fusewire_breaker_reset(breaker, "a thread", NULL) == FUSEWIRE_OK);
    return NULL;
}

// A breaker made before: calls count, transitions happen and all its events arrive.
static void use_what_was_there(const forker *by) {
    fusewire_snapshot before = snapshot_of(busy);
    for (unsigned i = 0; i < 20; i++) call(busy, i);
    CHECK(fusewire_breaker_reset(busy, NULL, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_state(busy) == FUSEWIRE_STATE_CLOSED);
    fusewire_permit permit;
    CHECK(fusewire_breaker_acquire(busy, &permit, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_permit_success(&permit) == FUSEWIRE_OK);
    fusewire_snapshot after = snapshot_of(busy);
    CHECK(after.success > before.success && after.generation > before.generation);

    uint64_t generation = snapshot_of(told).generation, seen = by->up_to;
    CHECK(fusewire_breaker_trip(told, MS, "a child", NULL, NULL) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_reset(told, "a child", NULL) == FUSEWIRE_OK);
    CHECK(fusewire_subscription_wait(by->kept, FUSEWIRE_NONE) == FUSEWIRE_OK);
    // What the parent had not taken, and then the child's.
    follow(by->kept, &seen);
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
    fusewire_subscription_free(first.kept);
    fusewire_subscription_free(drained);
    fusewire_subscription_free(second.kept);
    fusewire_subscription_free(waited_for);
    fusewire_breaker_free(busy);
    fusewire_breaker_free(told);
    fusewire_registry_free(registry);
    fusewire_manual_clock_free(my_clock);
}

static atomic_int forked, hung, failed;

static void fork_once(forker *by) {
    follow(by->kept, &by->up_to);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(PATIENCE);
        use_what_was_there(by);
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

static void *forks(void *by) {
    // After a few failures it is known.
    for (forker *mine = by; mine->times > 0 && atomic_load(&hung) + atomic_load(&failed) < 10; mine->times--) {
        fork_once(mine);
        // What the second keeps must not fill up while the first is alone.
        if (mine == &first && !are_two) follow(second.kept, &second.up_to);
    }
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
    CHECK(fusewire_breaker_subscribe(told, 1000000, &first.kept) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_subscribe(told, 1000000, &drained) == FUSEWIRE_OK);
    CHECK(fusewire_breaker_subscribe(told, 1000000, &second.kept) == FUSEWIRE_OK);
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
    follow(first.kept, &first.up_to);
    follow(second.kept, &second.up_to);
    CHECK(first.up_to == drained_up_to && second.up_to == drained_up_to);
}

int main(void) {
    const char *wanted = getenv("FUSEWIRE_FORKS");
    int all = wanted ? atoi(wanted) : 1000, together = all / 10;
    alarm(300);
    build();
    void *(*const threads[])(void *) = {calls, calls,     operates, tells, drains,
                                        waits, registers, frees,    reads, starts_threads};
    enum { THREADS = sizeof threads / sizeof *threads };
    pthread_t ids[THREADS], other;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&ids[i], NULL, threads[i], NULL) == 0);

    first.times = all - 2 * together;
    forks(&first);
    // Then two at the same time.
    first.times = second.times = together;
    are_two = true;
    CHECK(pthread_create(&other, NULL, forks, &second) == 0);
    forks(&first);
    CHECK(pthread_join(other, NULL) == 0);

    atomic_store(&is_over, true);
    CHECK(fusewire_subscription_close(waited_for) == FUSEWIRE_OK);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(ids[i], NULL) == 0);
    check_the_totals();
    free_what_was_there();
    printf("%d forks while %llu calls were admitted and %llu rejected: %d children hung, %d failed\n",
           atomic_load(&forked), atomic_load(&acquired), atomic_load(&rejected), atomic_load(&hung),
           atomic_load(&failed));
    return atomic_load(&hung) + atomic_load(&failed) > 0;
}
