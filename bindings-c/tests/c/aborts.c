// Mistakes after which going on would corrupt memory: the process ends with SIGABRT and says why.

#include "child.h"

static void aborts_and_says(void (*run)(void *), void *argument, const char *message) {
    ending end = in_a_child(run, argument);
    if (!was_aborted(&end)) fail_msg("ended with status %#x, not with SIGABRT: %s", (unsigned)end.status, end.said);
    contains(end.said, message);
}

static void free_a_breaker_twice(void *breaker) { fusewire_breaker_free(breaker), fusewire_breaker_free(breaker); }
static void free_a_registry_twice(void *registry) {
    fusewire_registry_free(registry), fusewire_registry_free(registry);
}
static void free_a_clock_twice(void *clock) { fusewire_manual_clock_free(clock), fusewire_manual_clock_free(clock); }
static void free_an_error_twice(void *error) { fusewire_error_free(error), fusewire_error_free(error); }
static void free_a_subscription_twice(void *subscription) {
    fusewire_subscription_free(subscription), fusewire_subscription_free(subscription);
}

static void free_a_place_twice(void *waiting) { fusewire_waiting_free(waiting), fusewire_waiting_free(waiting); }
static void free_policies_twice(void *policies) {
    fusewire_policy_subscription_free(policies), fusewire_policy_subscription_free(policies);
}

static void a_place_in_a_queue_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 1}}");
    fusewire_permit permit = permit_of(breaker);
    fusewire_waiting *waiting = waiting_at(breaker, FUSEWIRE_PRIORITY_NORMAL);
    aborts_and_says(free_a_place_twice, waiting,
                    "fusewire: fusewire_waiting_free: this is no fusewire_waiting, or it was freed before\n");
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&permit));
    fusewire_policy_subscription *policies = NULL;
    is_ok(fusewire_breaker_subscribe_policies(breaker, 1, &policies));
    aborts_and_says(free_policies_twice, policies, "fusewire: fusewire_policy_subscription_free: this is no ");
    fusewire_policy_subscription_free(policies);
    fusewire_breaker_free(breaker);
}

static void a_breaker_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    aborts_and_says(free_a_breaker_twice, breaker,
                    "fusewire: fusewire_breaker_free: this is no fusewire_breaker, or it was freed before\n");
    fusewire_breaker_free(breaker);
}

static void a_registry_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    aborts_and_says(free_a_registry_twice, registry,
                    "fusewire: fusewire_registry_free: this is no fusewire_registry, or it was freed before\n");
    fusewire_registry_free(registry);
}

static void a_clock_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    aborts_and_says(free_a_clock_twice, clock,
                    "fusewire: fusewire_manual_clock_free: this is no fusewire_manual_clock, or it was freed before\n");
    fusewire_manual_clock_free(clock);
}

static void an_error_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_error *error = an_error();
    aborts_and_says(free_an_error_twice, error,
                    "fusewire: fusewire_error_free: this is no fusewire_error, or it was freed before\n");
    fusewire_error_free(error);
}

static void a_subscription_that_is_freed_twice_ends_the_process(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_subscription *subscription = subscribed_to(breaker, 1);
    aborts_and_says(free_a_subscription_twice, subscription,
                    "fusewire: fusewire_subscription_free: this is no fusewire_subscription, or it was freed before\n");
    fusewire_subscription_free(subscription);
    fusewire_breaker_free(breaker);
}

static void free_as_a_breaker(void *memory) { fusewire_breaker_free(memory); }
static void free_as_a_registry(void *memory) { fusewire_registry_free(memory); }
static void free_as_a_clock(void *memory) { fusewire_manual_clock_free(memory); }
static void free_as_an_error(void *memory) { fusewire_error_free(memory); }
static void free_as_a_subscription(void *memory) { fusewire_subscription_free(memory); }

static void (*const FREES[])(void *) = {free_as_a_breaker, free_as_a_registry, free_as_a_clock, free_as_an_error,
                                        free_as_a_subscription};

static void what_is_no_handle_ends_the_process_when_it_is_freed(void **state) {
    (void)state;
    union {
        uint64_t words[16];
        char bytes[128];
    } memory = {{0}};
    for (size_t i = 0; i < COUNT(FREES); i++) {
        aborts_and_says(FREES[i], &memory, "fusewire: ");
        aborts_and_says(FREES[i], memory.bytes + 1, "or it was freed before\n");
    }
}

static void a_handle_that_is_freed_as_another_type_ends_the_process(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = a_breaker();
    for (size_t i = 0; i < COUNT(FREES); i++) {
        if (FREES[i] != free_as_a_clock) aborts_and_says(FREES[i], clock, "fusewire: ");
        if (FREES[i] != free_as_a_breaker) aborts_and_says(FREES[i], breaker, "fusewire: ");
    }
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void free_after_a_thousand_others(void *breaker) {
    fusewire_breaker_free(breaker);
    for (int i = 0; i < 1000; i++) fusewire_breaker_free(a_breaker());
    fusewire_breaker_free(breaker);
}

static void a_handle_that_is_freed_again_after_a_thousand_others_is_found_out(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    aborts_and_says(free_after_a_thousand_others, breaker, "fusewire: fusewire_breaker_free: ");
    fusewire_breaker_free(breaker);
}

// ---- whatever has become of stderr ----

static void without_stderr(void *breaker) {
    close(STDERR_FILENO);
    free_a_breaker_twice(breaker);
}

static void on_a_full_device(void *breaker) {
    dup2(open("/dev/full", O_WRONLY), STDERR_FILENO);
    free_a_breaker_twice(breaker);
}

static void on_a_broken_pipe(void *breaker) {
    int ends[2];
    if (pipe(ends) != 0) return;
    signal(SIGPIPE, SIG_IGN);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    free_a_breaker_twice(breaker);
}

static void the_process_ends_too_when_the_message_cannot_be_written(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    void (*const runs[])(void *) = {without_stderr, on_a_full_device, on_a_broken_pipe};
    for (size_t i = 0; i < COUNT(runs); i++) aborts_and_says(runs[i], breaker, "");
    fusewire_breaker_free(breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(a_place_in_a_queue_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(a_registry_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(a_clock_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(an_error_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(a_subscription_that_is_freed_twice_ends_the_process),
        cmocka_unit_test(what_is_no_handle_ends_the_process_when_it_is_freed),
        cmocka_unit_test(a_handle_that_is_freed_as_another_type_ends_the_process),
        cmocka_unit_test(a_handle_that_is_freed_again_after_a_thousand_others_is_found_out),
        cmocka_unit_test(the_process_ends_too_when_the_message_cannot_be_written),
    };
    return RUN(tests);
}
