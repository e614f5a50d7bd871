// Steps that ask for permits, hold and settle them.

#include "expect.h"
#include "json.h"
#include "steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a call of a vector does.
typedef struct call {
    fusewire_manual_clock *clock;
    uint64_t duration;
    fusewire_outcome outcome;
    const char *error_type;
} call;

static bool outcome_of(const json_t *step, fusewire_outcome *outcome, failure *wrong) {
    static const fusewire_outcome outcomes[] = {FUSEWIRE_OUTCOME_SUCCESS, FUSEWIRE_OUTCOME_FAILURE,
                                                FUSEWIRE_OUTCOME_IGNORED};
    const char *wanted = json_text(step, "outcome");
    for (size_t i = 0; wanted != NULL && i < sizeof outcomes / sizeof *outcomes; i++) {
        *outcome = outcomes[i];
        if (strcmp(fusewire_outcome_name(*outcome), wanted) == 0) {
            return true;
        }
    }
    return fail(wrong, "unknown outcome %s", wanted ? wanted : "none");
}

static bool duration_of(const json_t *step, uint64_t *duration, failure *wrong) {
    const json_t *written = json_object_get(step, "duration");
    *duration = 0;
    return written == NULL || expect_nanos(written, duration, wrong);
}

// ---- the ways to make a call, by turns: a vector with a few calls goes all of them ----

static fusewire_outcome body(void *userdata, const char **error_type) {
    const call *made = userdata;
    (void)fusewire_manual_clock_advance(made->clock, made->duration);
    if (made->outcome == FUSEWIRE_OUTCOME_FAILURE) {
        *error_type = made->error_type;
    }
    return made->outcome;
}

static fusewire_status by_function(const bench *b, call *made, fusewire_rejection *rejection) {
    fusewire_outcome outcome = FUSEWIRE_INVALID;
    const fusewire_status status = fusewire_breaker_call(b->breaker, body, made, &outcome, rejection);
    bool has_run = status == FUSEWIRE_OK || status == FUSEWIRE_LATE;
    return !has_run || outcome == made->outcome ? status : (fusewire_status)FUSEWIRE_NO_OUTCOME;
}

static fusewire_status by_outcome(const bench *b, call *made, fusewire_rejection *rejection) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    const fusewire_status status = fusewire_breaker_acquire(b->breaker, &permit, rejection);
    if (status != FUSEWIRE_OK) {
        return status;
    }
    (void)fusewire_manual_clock_advance(made->clock, made->duration);
    switch (made->outcome) {
    case FUSEWIRE_OUTCOME_SUCCESS: return fusewire_permit_success(&permit);
    case FUSEWIRE_OUTCOME_FAILURE: return fusewire_permit_failure(&permit, made->error_type);
    default: return fusewire_permit_ignore(&permit);
    }
}

static fusewire_status by_settling(const bench *b, call *made, fusewire_rejection *rejection) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    const fusewire_status status = fusewire_breaker_acquire(b->breaker, &permit, rejection);
    if (status != FUSEWIRE_OK) {
        return status;
    }
    (void)fusewire_manual_clock_advance(made->clock, made->duration);
    return fusewire_permit_settle(&permit, made->outcome, FUSEWIRE_NONE, made->error_type);
}

bool step_call(bench *b, const json_t *step, failure *wrong) {
    static fusewire_status (*const ways[])(const bench *, call *, fusewire_rejection *) = {
        by_outcome, by_function, by_settling};
    call made = {.clock = b->clock, .error_type = json_text(step, "error_type")};
    if (!outcome_of(step, &made.outcome, wrong) || !duration_of(step, &made.duration, wrong)) {
        return false;
    }
    for (uint64_t i = json_count(step, "times", 1); i > 0; i--) {
        fusewire_rejection rejection = {.reason = FUSEWIRE_INVALID};
        const fusewire_status status = ways[b->turns++ % (sizeof ways / sizeof *ways)](b, &made, &rejection);
        if (status == FUSEWIRE_REJECTED) {
            return fail(wrong, "expected to be admitted, got rejected: %s", fusewire_reason_name(rejection.reason));
        }
        if (status != FUSEWIRE_OK && status != FUSEWIRE_LATE) {
            return case_unexpected("call", status, NULL, wrong);
        }
    }
    return true;
}

// ---- permits that are kept ----

static fusewire_permit *kept(const bench *b, const char *name) {
    for (size_t i = 0; name != NULL && i < b->permit_count; i++) {
        if (strcmp(b->permits[i].name, name) == 0) {
            return &b->permits[i].permit;
        }
    }
    return NULL;
}

// A permit whose name is taken over is dropped.
static void keep(bench *b, const char *name, fusewire_permit permit) {
    fusewire_permit *place = kept(b, name);
    if (place != NULL) {
        (void)fusewire_permit_abandon(place);
        *place = permit;
        return;
    }
    const size_t length = strlen(name) + 1;
    char *copy = memcpy(must_have(malloc(length)), name, length);
    b->permits = must_have(realloc(b->permits, (b->permit_count + 1) * sizeof *b->permits));
    b->permits[b->permit_count++] = (kept_permit){.name = copy, .permit = permit};
}

static bool permit_of(const bench *b, const json_t *step, fusewire_permit **permit, failure *wrong) {
    const char *name = json_text(step, "permit");
    *permit = kept(b, name);
    return *permit != NULL || fail(wrong, "no permit %s", name ? name : "without a name");
}

static json_t *rejected(bench *b, fusewire_rejection rejection) {
    const uint64_t now = fusewire_manual_clock_now(b->clock), after = rejection.retry_after_ns;
    b->retry_at = after == FUSEWIRE_NONE || after > FUSEWIRE_NONE - now ? FUSEWIRE_NONE : now + after;
    return must_have(json_pack("{s:b, s:s, s:o}", "admitted", 0, "rejected", fusewire_reason_name(rejection.reason),
                               "retry_after", expect_nanos_value(after)));
}

static json_t *admitted(fusewire_permit *permit) {
    const fusewire_reason reason = fusewire_permit_would_reject(permit);
    const char *name = reason == FUSEWIRE_INVALID ? NULL : fusewire_reason_name(reason);
    return must_have(json_pack("{s:b, s:s?}", "admitted", 1, "would_reject", name));
}

static bool is_as_expected(const json_t *expected, const json_t *got, failure *wrong) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) {
        const json_t *found = json_object_get(got, key);
        if (found == NULL) {
            return fail_unequal(wrong, key, expected, got);
        }
        bool is_duration = strcmp(key, "retry_after") == 0;
        if (!(is_duration ? expect_duration : expect_equal)(key, value, found, wrong)) {
            return false;
        }
    }
    return true;
}

static bool acquire_one(bench *b, const char *name, const json_t *expected, failure *wrong) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    fusewire_rejection rejection = {.reason = FUSEWIRE_INVALID};
    const fusewire_status status = fusewire_breaker_acquire(b->breaker, &permit, &rejection);
    if (status != FUSEWIRE_OK && status != FUSEWIRE_REJECTED) {
        return case_unexpected("acquire", status, NULL, wrong);
    }
    json_t *got = status == FUSEWIRE_OK ? admitted(&permit) : rejected(b, rejection);
    bool fits = true;
    if (status == FUSEWIRE_OK && name != NULL) {
        keep(b, name, permit);
    } else if (status == FUSEWIRE_OK) {
        (void)fusewire_permit_abandon(&permit);
        fits = json_object_get(expected, "rejected") != NULL ? fail_unequal(wrong, "acquire", expected, got)
                                                             : fail(wrong, "a permit without a name");
    }
    fits = fits && is_as_expected(expected, got, wrong);
    json_decref(got);
    return fits;
}

bool step_acquire(bench *b, const json_t *step, failure *wrong) {
    const uint64_t times = json_count(step, "times", 1);
    const json_t *written = json_object_get(step, "expect");
    const char *as = json_text(step, "as");
    for (uint64_t i = 1; i <= times; i++) {
        const json_t *expected = json_is_array(written) ? json_array_get(written, (size_t)i - 1) : written;
        char numbered[256];
        (void)snprintf(numbered, sizeof numbered, "%s%" PRIu64, as ? as : "", i);
        if (!acquire_one(b, as != NULL && times > 1 ? numbered : as, expected, wrong)) {
            return times > 1 ? fail_at(wrong, "acquire %" PRIu64 ": ", i) : false;
        }
    }
    return true;
}

static const char *settled_name(fusewire_status status) {
    switch (status) {
    case FUSEWIRE_OK: return "ok";
    case FUSEWIRE_LATE: return "late";
    case FUSEWIRE_ERROR_ALREADY_SETTLED: return "already_settled";
    default: return NULL;
    }
}

bool step_settle(bench *b, const json_t *step, failure *wrong) {
    fusewire_permit *permit;
    fusewire_outcome outcome;
    uint64_t duration;
    if (!permit_of(b, step, &permit, wrong) || !outcome_of(step, &outcome, wrong) ||
        !duration_of(step, &duration, wrong)) {
        return false;
    }
    const fusewire_status status = fusewire_permit_settle(permit, outcome, duration, json_text(step, "error_type"));
    const char *name = settled_name(status);
    if (name == NULL) {
        return case_unexpected("settle", status, NULL, wrong);
    }
    json_t *got = must_have(json_string(name));
    const json_t *expected = json_object_get(step, "expect");
    bool fits = expected == NULL || expect_equal("settled", expected, got, wrong);
    json_decref(got);
    return fits;
}

bool step_drop(bench *b, const json_t *step, failure *wrong) {
    fusewire_permit *permit;
    if (!permit_of(b, step, &permit, wrong)) {
        return false;
    }
    const fusewire_status status = fusewire_permit_abandon(permit);
    return settled_name(status) != NULL || case_unexpected("drop", status, NULL, wrong);
}
