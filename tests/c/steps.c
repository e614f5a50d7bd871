#include "steps.h"

#include "expect.h"
#include "json.h"
#include "waits.h"

#include <stdlib.h>
#include <string.h>

static bool done(const char *what, fusewire_status status, failure *wrong) {
    return status == FUSEWIRE_OK || case_unexpected(what, status, NULL, wrong);
}

// Whether what may be refused was, as far as the step expects it. Takes `error`.
static bool refusable(const json_t *step, fusewire_status status, fusewire_error *error, failure *wrong) {
    const json_t *expected = json_object_get(step, "error");
    bool fits = true;
    if (FUSEWIRE_IS_ERROR(status) && expected == NULL) {
        fits = case_unexpected(json_text(step, "do"), status, error, wrong);
    } else if (expected != NULL) {
        fits = FUSEWIRE_IS_ERROR(status) ? case_refused(status, error, expected, wrong)
                                         : fail_unequal(wrong, json_text(step, "do"), expected, NULL);
    }
    fusewire_error_free(error);
    return fits;
}

static bool trip(bench *b, const json_t *step, failure *wrong) {
    uint64_t duration = FUSEWIRE_NONE;
    const json_t *written = json_object_get(step, "duration");
    if (written != NULL && !expect_nanos(written, &duration, wrong)) {
        return false;
    }
    fusewire_error *error = NULL;
    const fusewire_status status =
        fusewire_breaker_trip(b->breaker, duration, json_text(step, "actor"), json_text(step, "reason"), &error);
    return refusable(step, status, error, wrong);
}

// By the breaker and by its registry, in turns.
static bool reconfigure(bench *b, const json_t *step, const char *raw, failure *wrong) {
    const char *there = json_raw_member(raw, "config");
    if (there == NULL) {
        return fail(wrong, "no config");
    }
    char *document = json_raw_copy(there);
    const char *actor = json_text(step, "actor"), *reason = json_text(step, "reason");
    fusewire_error *error = NULL;
    const fusewire_status status =
        b->turns++ % 2 == 0
            ? fusewire_breaker_reconfigure(b->breaker, document, actor, reason, &error)
            : fusewire_registry_reconfigure(b->registry, b->service, document, actor, reason, &error);
    free(document);
    return refusable(step, status, error, wrong);
}

static bool move_clock(bench *b, const json_t *step, failure *wrong) {
    const json_t *by = json_object_get(step, "by");
    const uint64_t now = fusewire_manual_clock_now(b->clock);
    uint64_t nanos;
    if (by != NULL) {
        return expect_nanos(by, &nanos, wrong) &&
               done("advance", fusewire_manual_clock_advance(b->clock, nanos), wrong);
    }
    if (b->retry_at != FUSEWIRE_NONE && b->retry_at > now) {
        return done("advance", fusewire_manual_clock_set(b->clock, b->retry_at), wrong);
    }
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    const fusewire_status status = fusewire_breaker_snapshot(b->breaker, &snapshot);
    if (status != FUSEWIRE_OK) {
        return done("snapshot", status, wrong);
    }
    nanos = snapshot.retry_after_ns;
    return nanos == FUSEWIRE_NONE ? fail(wrong, "there is no retry_after")
                                  : done("advance", fusewire_manual_clock_advance(b->clock, nanos), wrong);
}

static bool advance(bench *b, const json_t *step, failure *wrong) {
    return move_clock(b, step, wrong) && waits_expire(b, wrong);
}

static bool mode(bench *b, const json_t *step, failure *wrong) {
    const char *to = json_text(step, "to");
    static const fusewire_mode modes[] = {FUSEWIRE_MODE_AUTO, FUSEWIRE_MODE_SHADOW, FUSEWIRE_MODE_FORCED_OPEN,
                                          FUSEWIRE_MODE_FORCED_CLOSED};
    for (size_t i = 0; to != NULL && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(fusewire_mode_name(modes[i]), to) == 0) {
            const char *actor = json_text(step, "actor"), *reason = json_text(step, "reason");
            return done("mode", fusewire_breaker_set_mode(b->breaker, modes[i], actor, reason), wrong);
        }
    }
    return fail(wrong, "no such mode: %s", to ? to : "none");
}

static bool half_open(bench *b, const json_t *step, failure *wrong) {
    const char *actor = json_text(step, "actor"), *reason = json_text(step, "reason");
    return done("half_open", fusewire_breaker_half_open(b->breaker, actor, reason), wrong);
}

static bool reset(bench *b, const json_t *step, failure *wrong) {
    const char *actor = json_text(step, "actor"), *reason = json_text(step, "reason");
    return done("reset", fusewire_breaker_reset(b->breaker, actor, reason), wrong);
}

static bool poll(bench *b, const json_t *step, failure *wrong) {
    (void)step;
    return done("poll", fusewire_breaker_poll(b->breaker), wrong);
}

static bool events(bench *b, const json_t *step, failure *wrong) {
    return look_events(b, json_object_get(step, "expect"), wrong);
}

static bool policy_events(bench *b, const json_t *step, failure *wrong) {
    return look_policy_events(b, json_object_get(step, "expect"), wrong);
}

static bool metrics(bench *b, const json_t *step, failure *wrong) {
    return look_metrics(b, step, wrong);
}

static const struct {
    const char *name;
    bool (*act)(bench *b, const json_t *step, failure *wrong);
    // What the step expects is the snapshot after it.
    bool looks;
} ACTIONS[] = {
    {"advance", advance, true}, {"call", step_call, true},     {"acquire", step_acquire, false},
    {"settle", step_settle, false}, {"drop", step_drop, true}, {"trip", trip, true},
    {"half_open", half_open, true}, {"reset", reset, true},    {"mode", mode, true},
    {"poll", poll, true},           {"events", events, false}, {"metrics", metrics, false},
    {"set_min_priority", step_set_min_priority, true},         {"set_reserved", step_set_reserved, true},
    {"set_rate", step_set_rate, true},                         {"set_limit", step_set_limit, true},
    {"raise", step_raise, true},                               {"close", step_close, true},
    {"policy_events", policy_events, false}, {"attempt", step_attempt, false},
    {"set_utilisation", step_set_utilisation, true},
};

// What the step expects of the snapshot, and what became of calls that waited.
static bool after(bench *b, const json_t *step, bool looks, failure *wrong) {
    const json_t *expected = json_object_get(step, "expect");
    return waits_collect(b, step, wrong) && (!looks || expected == NULL || look_snapshot(b, expected, wrong));
}

bool step_run(bench *b, const json_t *step, const char *raw, failure *wrong) {
    if (json_object_get(step, "do") == NULL) {
        return json_object_get(step, "expect") == NULL ? fail(wrong, "a step without `do` needs `expect`")
                                                       : after(b, step, true, wrong);
    }
    const char *name = json_text(step, "do");
    if (name != NULL && strcmp(name, "reconfigure") == 0) {
        return reconfigure(b, step, raw, wrong) && after(b, step, false, wrong);
    }
    for (size_t i = 0; name != NULL && i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
        if (strcmp(ACTIONS[i].name, name) == 0) {
            return ACTIONS[i].act(b, step, wrong) && after(b, step, ACTIONS[i].looks, wrong);
        }
    }
    return fail(wrong, "unknown step %s", name ? name : "without a name");
}
