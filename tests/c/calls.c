// Steps that ask for permits, hold and settle them.

#include "expect.h"
#include "json.h"
#include "request.h"
#include "steps.h"
#include "waits.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a call of a vector does.
typedef struct call {
    fusewire_manual_clock *clock;
    uint64_t duration;
    fusewire_outcome outcome;
    const char *error_type;
    // NULL: as a call asks that says nothing.
    const fusewire_request *request;
} call;

bool step_outcome(const json_t *step, fusewire_outcome *outcome, failure *wrong) {
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

bool step_duration(const json_t *step, uint64_t *duration, failure *wrong) {
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

// Gets a permit, and lets its turn come and the call's duration pass.
static fusewire_status begin(const bench *b, const call *made, fusewire_permit *permit, fusewire_rejection *rejection) {
    const fusewire_status status =
        made->request == NULL ? fusewire_breaker_acquire(b->breaker, permit, rejection)
                              : fusewire_breaker_acquire_with(b->breaker, made->request, permit, rejection, NULL);
    if (status == FUSEWIRE_OK) {
        (void)fusewire_manual_clock_advance(made->clock, fusewire_permit_wait_ns(permit));
        (void)fusewire_manual_clock_advance(made->clock, made->duration);
    }
    return status;
}

static fusewire_status by_outcome(const bench *b, call *made, fusewire_rejection *rejection) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    const fusewire_status status = begin(b, made, &permit, rejection);
    if (status != FUSEWIRE_OK) {
        return status;
    }
    switch (made->outcome) {
    case FUSEWIRE_OUTCOME_SUCCESS: return fusewire_permit_success(&permit);
    case FUSEWIRE_OUTCOME_FAILURE: return fusewire_permit_failure(&permit, made->error_type);
    default: return fusewire_permit_ignore(&permit);
    }
}

static fusewire_status by_settling(const bench *b, call *made, fusewire_rejection *rejection) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    const fusewire_status status = begin(b, made, &permit, rejection);
    return status == FUSEWIRE_OK ? fusewire_permit_settle(&permit, made->outcome, FUSEWIRE_NONE, made->error_type)
                                 : status;
}

// Whether calls are paced: by function they would sleep, and the clock stand still.
static bool is_paced(const bench *b) {
    fusewire_snapshot now = FUSEWIRE_SNAPSHOT_INIT;
    return fusewire_breaker_snapshot(b->breaker, &now) == FUSEWIRE_OK && !isnan(now.rate) &&
           now.rate_available == FUSEWIRE_NONE;
}

bool step_call(bench *b, const json_t *step, failure *wrong) {
    static fusewire_status (*const ways[])(const bench *, call *, fusewire_rejection *) = {
        by_outcome, by_settling, by_function};
    call made = {.clock = b->clock, .error_type = json_text(step, "error_type")};
    fusewire_request request;
    request_error refused = {0};
    bool has_request;
    if (!request_of(step, &request, &has_request, &refused)) {
        return request_refused(&refused, NULL, wrong);
    }
    made.request = has_request ? &request : NULL;
    const size_t ways_there = has_request || is_paced(b) ? 2 : sizeof ways / sizeof *ways;
    if (!step_outcome(step, &made.outcome, wrong) || !step_duration(step, &made.duration, wrong)) {
        return false;
    }
    for (uint64_t i = json_count(step, "times", 1); i > 0; i--) {
        fusewire_rejection rejection = {.reason = FUSEWIRE_INVALID};
        const fusewire_status status = ways[b->turns++ % ways_there](b, &made, &rejection);
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
void step_keep(bench *b, const char *name, fusewire_permit permit) {
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
    return must_have(json_pack("{s:b, s:s?, s:o, s:b, s:o}", "admitted", 1, "would_reject", name, "wait",
                               expect_nanos_value(fusewire_permit_wait_ns(permit)), "bypassed",
                               fusewire_permit_is_bypassed(permit), "timeout",
                               expect_nanos_value(fusewire_permit_timeout_ns(permit))));
}

static bool is_as_expected(const json_t *expected, const json_t *got, failure *wrong) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) {
        const json_t *found = json_object_get(got, key);
        if (found == NULL) {
            return fail_unequal(wrong, key, expected, got);
        }
        bool is_duration = strcmp(key, "retry_after") == 0 || strcmp(key, "wait") == 0 || strcmp(key, "timeout") == 0;
        if (!(is_duration ? expect_duration : expect_equal)(key, value, found, wrong)) {
            return false;
        }
    }
    return true;
}

// What a breaker was asked, and its answer.
typedef struct answer {
    fusewire_status status;
    fusewire_permit permit;
    fusewire_waiting *waiting;
    fusewire_rejection rejection;
    request_error refused;
} answer;

// Asks in the form that the step names; where several are alike, by turns.
static void ask(bench *b, const json_t *step, const json_t *expected, answer *got) {
    fusewire_request written;
    bool has_request;
    if (!request_of(step, &written, &has_request, &got->refused)) {
        got->status = FUSEWIRE_ERROR_INVALID_VALUE;
        return;
    }
    const fusewire_request *request = has_request ? &written : NULL;
    bool is_other_turn = b->turns++ % 2 == 0, waits = json_is_true(json_object_get(step, "wait"));
    if (waits && is_other_turn && json_object_get(expected, "queued") == NULL) {
        // Who would have to wait leaves at once, and is not what is expected.
        got->status = fusewire_breaker_acquire_wait(b->breaker, request, 0, &got->permit, &got->rejection,
                                                    &got->refused.error);
    } else if (waits) {
        got->status = fusewire_breaker_enter(b->breaker, request, &got->permit, &got->waiting, &got->rejection,
                                             &got->refused.error);
    } else if (request == NULL && is_other_turn) {
        got->status = fusewire_breaker_acquire(b->breaker, &got->permit, &got->rejection);
    } else {
        got->status = fusewire_breaker_acquire_with(b->breaker, request, &got->permit, &got->rejection,
                                                    &got->refused.error);
    }
}

static json_t *told(bench *b, answer *got) {
    switch (got->status) {
    case FUSEWIRE_OK: return admitted(&got->permit);
    case FUSEWIRE_REJECTED: return rejected(b, got->rejection);
    default: return must_have(json_pack("{s:b, s:b}", "admitted", 0, "queued", 1));
    }
}

static bool keep_answer(bench *b, const char *name, const json_t *expected, answer *got, const json_t *told,
                        failure *wrong) {
    if (got->status == FUSEWIRE_REJECTED) {
        return true;
    }
    if (name != NULL) {
        if (got->status == FUSEWIRE_QUEUED) {
            return waits_begin(b, name, got->waiting, wrong);
        }
        step_keep(b, name, got->permit);
        return true;
    }
    fusewire_waiting_free(got->waiting);
    (void)fusewire_permit_abandon(&got->permit);
    return json_object_get(expected, "rejected") != NULL ? fail_unequal(wrong, "acquire", expected, told)
                                                         : fail(wrong, "a permit without a name");
}

static bool acquire_one(bench *b, const json_t *step, const char *name, const json_t *expected, failure *wrong) {
    answer got = {.rejection = {.reason = FUSEWIRE_INVALID}};
    ask(b, step, expected, &got);
    const json_t *error = json_object_get(expected, "error");
    if (got.status == FUSEWIRE_ERROR_INVALID_VALUE) {
        return request_refused(&got.refused, error, wrong);
    }
    if (got.status != FUSEWIRE_OK && got.status != FUSEWIRE_REJECTED && got.status != FUSEWIRE_QUEUED) {
        return case_unexpected("acquire", got.status, got.refused.error, wrong);
    }
    json_t *said = told(b, &got);
    bool fits = keep_answer(b, name, expected, &got, said, wrong) && is_as_expected(expected, said, wrong);
    json_decref(said);
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
        if (!acquire_one(b, step, as != NULL && times > 1 ? numbered : as, expected, wrong)) {
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
    if (!permit_of(b, step, &permit, wrong) || !step_outcome(step, &outcome, wrong) ||
        !step_duration(step, &duration, wrong)) {
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
    if (waits_cancel(b, json_text(step, "permit"))) {
        return true;
    }
    fusewire_permit *permit;
    if (!permit_of(b, step, &permit, wrong)) {
        return false;
    }
    const fusewire_status status = fusewire_permit_abandon(permit);
    bool was_never_given = status == FUSEWIRE_ERROR_INVALID_PERMIT;
    return was_never_given || settled_name(status) != NULL || case_unexpected("drop", status, NULL, wrong);
}
