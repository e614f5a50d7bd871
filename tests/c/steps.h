// The steps of a case, each through the public header.
#ifndef STEPS_H
#define STEPS_H

#include "case.h"

// Runs one step and checks what it expects; `raw` is its text in the file.
bool step_run(bench *b, const json_t *step, const char *raw, failure *wrong);

// ---- calls.c ----

bool step_call(bench *b, const json_t *step, failure *wrong);
bool step_acquire(bench *b, const json_t *step, failure *wrong);
// How a call ended, as the member `outcome` of a step says.
bool step_outcome(const json_t *step, fusewire_outcome *outcome, failure *wrong);
// How long it took, as the member `duration` says; left out it is 0.
bool step_duration(const json_t *step, uint64_t *duration, failure *wrong);
bool step_settle(bench *b, const json_t *step, failure *wrong);
bool step_drop(bench *b, const json_t *step, failure *wrong);
// Keeps a permit for a later step.
void step_keep(bench *b, const char *name, fusewire_permit permit);

// ---- attempts.c ----

bool step_attempt(bench *b, const json_t *step, failure *wrong);
// Gives up what was begun, and frees its names.
void attempts_free(bench *b);

// ---- govern.c ----

bool step_set_min_priority(bench *b, const json_t *step, failure *wrong);
bool step_set_reserved(bench *b, const json_t *step, failure *wrong);
bool step_set_utilisation(bench *b, const json_t *step, failure *wrong);
bool step_set_rate(bench *b, const json_t *step, failure *wrong);
bool step_set_limit(bench *b, const json_t *step, failure *wrong);
bool step_close(bench *b, const json_t *step, failure *wrong);
bool step_raise(bench *b, const json_t *step, failure *wrong);

// ---- look.c ----

// The snapshot, as a struct and as JSON.
bool look_snapshot(const bench *b, const json_t *expected, failure *wrong);
bool look_events(const bench *b, const json_t *expected, failure *wrong);
bool look_policy_events(const bench *b, const json_t *expected, failure *wrong);
bool look_metrics(const bench *b, const json_t *step, failure *wrong);

#endif
