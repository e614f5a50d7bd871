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
} things;

static inline int make(void **state) {
    static things t;
    t.clock = fusewire_manual_clock_new();
    t.registry = a_registry(NULL);
    is_ok(fusewire_registry_get_or_create(t.registry, "test", NULL, &t.breaker, NULL));
    t.subscription = subscribed_to(t.breaker, 4);
    t.error = an_error();
    *state = &t;
    return 0;
}

static inline int unmake(void **state) {
    things *t = *state;
    fusewire_error_free(t->error);
    fusewire_subscription_free(t->subscription);
    fusewire_breaker_free(t->breaker);
    fusewire_registry_free(t->registry);
    fusewire_manual_clock_free(t->clock);
    return 0;
}

#endif
