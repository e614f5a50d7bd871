// Steps of calls that are made step by step.

#include "expect.h"
#include "json.h"
#include "request.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

static fusewire_attempts *kept(const bench *b, const char *name) {
    for (size_t i = 0; i < b->attempts_count; i++) {
        if (strcmp(b->attempts[i].name, name) == 0) {
            return &b->attempts[i].attempts;
        }
    }
    return NULL;
}

// One whose name is taken over is given up.
static fusewire_attempts *keep(bench *b, const char *name, fusewire_attempts begun) {
    fusewire_attempts *place = kept(b, name);
    if (place == NULL) {
        const size_t length = strlen(name) + 1;
        char *copy = memcpy(must_have(malloc(length)), name, length);
        b->attempts = must_have(realloc(b->attempts, (b->attempts_count + 1) * sizeof *b->attempts));
        b->attempts[b->attempts_count].name = copy;
        place = &b->attempts[b->attempts_count++].attempts;
    } else {
        (void)fusewire_attempts_abandon(place);
    }
    *place = begun;
    return place;
}

void attempts_free(bench *b) {
    for (size_t i = 0; i < b->attempts_count; i++) {
        (void)fusewire_attempts_abandon(&b->attempts[i].attempts);
        free(b->attempts[i].name);
    }
    free(b->attempts);
}

// Begins one; `attempts` is NULL when the request was refused, as the step expects.
static bool begin(bench *b, const char *name, const json_t *step, fusewire_attempts **attempts, failure *wrong) {
    fusewire_attempts begun;
    fusewire_request request;
    bool has_request;
    request_error refused = {0};
    const json_t *error = json_object_get(json_object_get(step, "expect"), "error");
    fusewire_status status = FUSEWIRE_ERROR_INVALID_VALUE;
    if (request_of(json_object_get(step, "begin"), &request, &has_request, &refused)) {
        status = fusewire_breaker_begin(b->breaker, has_request ? &request : NULL, &begun, &refused.error);
    }
    *attempts = NULL;
    if (status == FUSEWIRE_ERROR_INVALID_VALUE) {
        return request_refused(&refused, error, wrong);
    }
    if (status != FUSEWIRE_OK) {
        return case_unexpected("begin", status, refused.error, wrong);
    }
    *attempts = keep(b, name, begun);
    return error == NULL || fail_unequal(wrong, "begin", error, NULL);
}

// Whether calls may wait for a slot: there the forms differ.
static bool has_slots(const bench *b) {
    fusewire_snapshot now = FUSEWIRE_SNAPSHOT_INIT;
    return fusewire_breaker_snapshot(b->breaker, &now) == FUSEWIRE_OK && now.slots != FUSEWIRE_NONE;
}

// In each form by turns.
static fusewire_status next(bench *b, fusewire_attempts *attempts, fusewire_step *step) {
    fusewire_waiting *waiting = NULL;
    switch (has_slots(b) ? 0 : b->turns++ % 3) {
    case 1: return fusewire_attempts_next_wait(attempts, 0, step);
    case 2: return fusewire_attempts_enter(attempts, step, &waiting);
    default: return fusewire_attempts_next(attempts, step);
    }
}

static bool settle(fusewire_attempts *attempts, const json_t *result, fusewire_outcome outcome, failure *wrong) {
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    ending.outcome = outcome;
    ending.error_type = json_text(result, "error_type");
    ending.http_status = (uint32_t)json_count(result, "status", 0);
    const json_t *hint = json_object_get(result, "retry_after");
    if (!step_duration(result, &ending.duration_ns, wrong) ||
        (hint != NULL && !expect_nanos(hint, &ending.retry_after_ns, wrong))) {
        return false;
    }
    fusewire_error *error = NULL;
    const fusewire_status status = fusewire_attempts_settle(attempts, &ending, &error);
    bool is_settled = status == FUSEWIRE_OK || status == FUSEWIRE_LATE;
    if (!is_settled) {
        (void)case_unexpected("settle", status, error, wrong);
    }
    fusewire_error_free(error);
    return is_settled;
}

static bool tell(bench *b, fusewire_attempts *attempts, const json_t *result, failure *wrong) {
    fusewire_outcome outcome;
    fusewire_step now;
    if (!step_outcome(result, &outcome, wrong)) {
        return false;
    }
    fusewire_status status = next(b, attempts, &now);
    if (status == FUSEWIRE_OK && now.kind != FUSEWIRE_STEP_USE) {
        return settle(attempts, result, outcome, wrong);
    }
    if (status == FUSEWIRE_OK) {
        status = fusewire_attempts_answered(attempts, outcome == FUSEWIRE_OUTCOME_SUCCESS);
    }
    return status == FUSEWIRE_OK || case_unexpected("answered", status, NULL, wrong);
}

static json_t *text_or_null(const char *text) {
    return *text == '\0' ? json_null() : json_string(text);
}

static json_t *done(const fusewire_step *step) {
    bool is_rejected = step->rejection.reason != FUSEWIRE_INVALID, has_outcome = step->outcome != FUSEWIRE_INVALID;
    return json_pack("{s:s, s:i, s:s?, s:o}", "outcome", has_outcome ? fusewire_outcome_name(step->outcome) : "rejected",
                     "attempts", (int)step->attempt, "rejected",
                     is_rejected ? fusewire_reason_name(step->rejection.reason) : NULL, "error_type",
                     text_or_null(step->error_type));
}

static json_t *told(const fusewire_step *step) {
    switch (step->kind) {
    case FUSEWIRE_STEP_CALL:
        return must_have(json_pack("{s:{s:i, s:o}}", "call", "attempt", (int)step->attempt, "timeout",
                                   expect_nanos_value(step->timeout_ns)));
    case FUSEWIRE_STEP_WAIT: return must_have(json_pack("{s:o}", "wait", expect_nanos_value(step->wait_ns)));
    case FUSEWIRE_STEP_USE: return must_have(json_pack("{s:s}", "use", step->rung));
    default: return must_have(json_pack("{s:o}", "done", done(step)));
    }
}

static bool is_as_expected(const json_t *expected, const json_t *got, failure *wrong) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) {
        const json_t *found = json_object_get(got, key);
        if (found == NULL) {
            return fail_unequal(wrong, key, expected, got);
        }
        // Of a call and of the end only what is written is looked at.
        bool fits = strcmp(key, "wait") == 0 ? expect_duration(key, value, found, wrong)
                                             : expect_part(key, value, found, wrong);
        if (!fits) {
            return false;
        }
    }
    return true;
}

bool step_attempt(bench *b, const json_t *step, failure *wrong) {
    const char *name = json_text(step, "as");
    const json_t *result = json_object_get(step, "result");
    if (name == NULL) {
        return fail(wrong, "an attempt without a name");
    }
    fusewire_attempts *attempts = kept(b, name);
    if (json_object_get(step, "begin") != NULL) {
        bool is_right = begin(b, name, step, &attempts, wrong);
        if (!is_right || attempts == NULL) {
            return is_right;
        }
    }
    if (attempts == NULL) {
        return fail(wrong, "%s was not begun", name);
    }
    fusewire_step now;
    if (result != NULL && !tell(b, attempts, result, wrong)) {
        return false;
    }
    const fusewire_status status = next(b, attempts, &now);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("next", status, NULL, wrong);
    }
    json_t *got = told(&now);
    bool fits = is_as_expected(json_object_get(step, "expect"), got, wrong);
    json_decref(got);
    return fits;
}
