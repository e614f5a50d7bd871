// Memory that runs out: the process ends with SIGABRT and a message, wherever it happens. The allocator of this program
// can be told to fail; it takes the place of libc's for the library, too.

#include "child.h"

#include <stdatomic.h>
#include <stdio.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

// How many allocations succeed from now on; negative: all.
static atomic_long left = -1;

static bool fails(void) {
    long n = atomic_load(&left);
    if (n < 0) return false;
    if (n == 0) return true;
    atomic_store(&left, n - 1);
    return false;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *memory, size_t size) { return fails() ? NULL : __libc_realloc(memory, size); }
void *aligned_alloc(size_t alignment, size_t size) { return fails() ? NULL : __libc_memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *found = fails() ? NULL : __libc_memalign(alignment, size);
    if (!found) return ENOMEM;
    *memory = found;
    return 0;
}

static void recover(fusewire_breaker *breaker) {
    fusewire_breaker_reconfigure(breaker, "{\"retry\": {}, \"cache\": {\"coalesce\": true}}", "me", "why", NULL);
    fusewire_breaker_reset(breaker, NULL, NULL);
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.key = "a";
    fusewire_attempts attempts;
    fusewire_step step;
    fusewire_place place;
    fusewire_flight one, other;
    uint64_t *tickets = NULL;
    size_t count = 0;
    if (fusewire_breaker_begin(breaker, &request, &attempts, NULL) != FUSEWIRE_OK) return;
    if (fusewire_attempts_next(&attempts, &step) == FUSEWIRE_OK) fusewire_attempts_failure(&attempts, "invalid_request");
    if (fusewire_attempts_next(&attempts, &step) == FUSEWIRE_OK) fusewire_attempts_answered(&attempts, false);
    fusewire_attempts_abandon(&attempts);
    if (fusewire_breaker_cache_store(breaker, "a", &place) != FUSEWIRE_OK) return;
    if (fusewire_breaker_flight_join(breaker, "a", FUSEWIRE_PRIORITY_LOW, &one) != FUSEWIRE_OK) return;
    if (fusewire_breaker_flight_join(breaker, "a", FUSEWIRE_PRIORITY_LOW, &other) != FUSEWIRE_OK) return;
    fusewire_breaker_flight_land(breaker, one.ticket, &tickets, &count);
    fusewire_tickets_free(tickets);
}

// What a program does from its first call to its last.
static void a_life(fusewire_registry *registry) {
    fusewire_breaker *breaker = NULL, *wrong = NULL, *none = NULL;
    fusewire_error *error = NULL;
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.document = "{\"failure_threshold\": 2, \"backoff\": {\"kind\": \"exponential\"}}";
    fusewire_registry_get_or_create(registry, "memory", &options, &breaker, &error);
    if (fusewire_breaker_from_json("wrong", "{\"mode\": \"on\"}", &wrong, &error) != FUSEWIRE_OK)
        fusewire_error_free(error);
    fusewire_subscription *subscription = NULL;
    fusewire_breaker_subscribe(breaker, 8, &subscription);
    for (int i = 0; i < 3; i++) {
        fusewire_permit permit;
        if (fusewire_breaker_acquire(breaker, &permit, NULL) == FUSEWIRE_OK) fusewire_permit_failure(&permit, "io");
    }
    fusewire_breaker_trip(breaker, FUSEWIRE_NONE, "me", "why", NULL);
    fusewire_breaker_reconfigure(breaker, "{\"window\": {\"kind\": \"time\"}}", "me", "why", NULL);
    fusewire_event event;
    size_t count = 0;
    fusewire_subscription_drain(subscription, &event, sizeof event, 1, &count);
    char *text = NULL;
    fusewire_breaker_snapshot_json(breaker, &text, NULL), fusewire_string_free(text);
    fusewire_registry_metrics(registry, &text, NULL), fusewire_string_free(text);
    fusewire_schema(&text, NULL), fusewire_string_free(text);
    fusewire_registry_breakers(registry, &none, 1, &count);
    fusewire_breaker_free(none);
    recover(breaker);
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
    fusewire_registry_remove(registry, "memory");
}

static void life_with_failing_memory(void *how_many) {
    atomic_store(&left, *(long *)how_many);
    fusewire_registry *registry = NULL;
    fusewire_registry_new(NULL, NULL, 0, &registry, NULL);
    a_life(registry);
    fusewire_registry_free(registry);
    atomic_store(&left, -1);
}

static void every_allocation_that_fails_ends_the_process(void **state) {
    (void)state;
    long aborted = 0;
    for (long n = 0;; n++) {
        ending end = in_a_child(life_with_failing_memory, &n);
        if (has_come_back(&end)) break;
        if (!was_aborted(&end))
            fail_msg("after %ld allocations: ended with status %#x, not with SIGABRT: %s", n, (unsigned)end.status,
                     end.said);
        if (end.said[0] == 0) fail_msg("after %ld allocations: ended without a word", n);
        aborted++;
    }
    // As many as there are, and they were found: a life without allocations would be a test of nothing.
    print_message("%ld allocations failed, each in a process of its own\n", aborted);
    assert_in_range(aborted, 100, 20000);
}

static void build_breakers_without_end(void *unused) {
    (void)unused;
    const struct rlimit all = {UINT64_C(256) << 20, UINT64_C(256) << 20};
    if (setrlimit(RLIMIT_AS, &all) != 0) return;
    fusewire_registry *registry = NULL;
    fusewire_registry_new(NULL, NULL, 0, &registry, NULL);
    for (int i = 0; i < 10000000; i++) {
        char name[32];
        snprintf(name, sizeof name, "breaker %d", i);
        fusewire_breaker *breaker = NULL;
        if (fusewire_registry_get_or_create(registry, name, NULL, &breaker, NULL) != FUSEWIRE_OK) return;
    }
}

static void a_process_at_its_limit_ends_and_does_not_crash(void **state) {
    (void)state;
    ending end = in_a_child(build_breakers_without_end, NULL);
    if (!was_aborted(&end)) fail_msg("ended with status %#x, not with SIGABRT: %s", (unsigned)end.status, end.said);
    contains(end.said, "memory allocation of ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_that_fails_ends_the_process),
        cmocka_unit_test(a_process_at_its_limit_ends_and_does_not_crash),
    };
    return RUN(tests);
}
