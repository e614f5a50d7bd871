// What tests of mistakes begin with: one of each handle, alive.

#ifndef THINGS_H
#define THINGS_H

#include "common.h"

typedef struct things {
    fusewire_manual_clock *clock;
    fusewire_breaker *breaker;
    fusewire_registry *registry;
    fusewire_subscription *subscription;
    fusewire_error *error;
    // A breaker with one slot, the permit that has it, a call that waits for it, and what changes around it.
    fusewire_breaker *gated;
    fusewire_permit taken;
    fusewire_waiting *waiting;
    fusewire_policy_subscription *policies;
} things;

static inline int make(void **state) {
    static things t;
    t.clock = fusewire_manual_clock_new();
    t.registry = a_registry(NULL);
    is_ok(fusewire_registry_get_or_create(t.registry, "test", NULL, &t.breaker, NULL));
    t.subscription = subscribed_to(t.breaker, 4);
    t.error = an_error();
    t.gated = breaker_on(t.clock, "{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 8}}");
    t.taken = permit_of(t.gated);
    t.waiting = waiting_at(t.gated, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_breaker_subscribe_policies(t.gated, 4, &t.policies));
    *state = &t;
    return 0;
}

static inline int unmake(void **state) {
    things *t = *state;
    fusewire_error_free(t->error);
    fusewire_policy_subscription_free(t->policies);
    fusewire_waiting_free(t->waiting);
    is_ok(fusewire_permit_success(&t->taken));
    fusewire_breaker_free(t->gated);
    fusewire_subscription_free(t->subscription);
    fusewire_breaker_free(t->breaker);
    fusewire_registry_free(t->registry);
    fusewire_manual_clock_free(t->clock);
    return 0;
}

#endif
