// One case: a document that must be refused, or a breaker that is led through steps.
#ifndef CASE_H
#define CASE_H

#include "failure.h"

#include <fusewire.h>
#include <stddef.h>

// A permit that a step keeps for a later one.
typedef struct kept_permit {
    char *name;
    fusewire_permit permit;
} kept_permit;

// A place in the queue that a step keeps.
typedef struct kept_wait {
    char *name;
    fusewire_waiting *waiting;
    // Those of the case.
    json_t *woken;
} kept_wait;

// A call that is made step by step.
typedef struct kept_attempts {
    char *name;
    fusewire_attempts attempts;
} kept_attempts;

// What a case keeps from step to step.
typedef struct bench {
    const char *service;
    fusewire_manual_clock *clock;
    fusewire_registry *registry;
    fusewire_breaker *breaker;
    fusewire_subscription *events;
    fusewire_policy_subscription *policy_events;
    kept_permit *permits;
    size_t permit_count;
    kept_attempts *attempts;
    size_t attempts_count;
    // Calls that wait, by age; each has a place in memory of its own, which its callback is given.
    kept_wait **waits;
    size_t wait_count;
    // Names of waits that have ended, in the order in which that was told.
    json_t *woken;
    // When the last rejection said that the answer can differ; `FUSEWIRE_NONE` when it did not.
    uint64_t retry_at;
    // Calls and reconfigurations so far: each goes another way than the one before.
    size_t turns;
} bench;

// Runs a case; `raw` is its text in the file.
bool case_run(const json_t *given, const char *raw, failure *wrong);

// Whether a failure is the one that is expected. `error` may be NULL.
bool case_refused(fusewire_status status, const fusewire_error *error, const json_t *expected, failure *wrong);

// Whether an error's key and message are what a step expects.
bool case_error_fits(const char *key, const char *message, const json_t *expected, failure *wrong);

// Says what the library answered and why; always `false`. `error` may be NULL.
bool case_unexpected(const char *what, fusewire_status status, const fusewire_error *error, failure *wrong);

#endif
