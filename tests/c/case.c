#include "case.h"

#include "expect.h"
#include "json.h"
#include "steps.h"
#include "waits.h"

#include <stdlib.h>
#include <string.h>

// More events than a case makes.
#define EVENTS 1000000

bool case_unexpected(const char *what, fusewire_status status, const fusewire_error *error, failure *wrong) {
    const char *message = error ? fusewire_error_message(error) : NULL;
    return fail(wrong, "%s: status %u, %s%s%s", what, status, fusewire_status_text(status), message ? ": " : "",
                message ? message : "");
}

bool case_error_fits(const char *key, const char *message, const json_t *expected, failure *wrong) {
    json_t *got = json_string(key);
    bool fits = expect_equal("error.key", json_object_get(expected, "key"), got, wrong);
    json_decref(got);
    size_t i;
    const json_t *text;
    json_array_foreach(json_object_get(expected, "contains"), i, text) {
        const char *part = json_string_value(text);
        if (fits && (part == NULL || message == NULL || strstr(message, part) == NULL)) {
            fits = fail(wrong, "expected the error to contain \"%s\", got: %s", part ? part : "?",
                        message ? message : "nothing");
        }
    }
    return fits;
}

bool case_refused(fusewire_status status, const fusewire_error *error, const json_t *expected, failure *wrong) {
    bool is_told = status == FUSEWIRE_ERROR_CONFIG || status == FUSEWIRE_ERROR_INVALID_VALUE;
    if (!is_told || error == NULL || fusewire_error_status(error) != status) {
        return case_unexpected("expected an error that names a key", status, error, wrong);
    }
    return case_error_fits(fusewire_error_key(error), fusewire_error_message(error), expected, wrong);
}

static bool open_bench(bench *b, const json_t *given, failure *wrong) {
    const char *service = json_text(given, "service");
    *b = (bench){.service = service ? service : "case", .retry_at = FUSEWIRE_NONE};
    b->clock = fusewire_manual_clock_new();
    const fusewire_status status = fusewire_registry_new(b->clock, NULL, 0, &b->registry, NULL);
    return status == FUSEWIRE_OK || case_unexpected("a registry with a manual clock", status, NULL, wrong);
}

// Permits are settled before their handle goes; whatever else there is may go in any order.
static void close_bench(bench *b) {
    waits_free(b);
    for (size_t i = 0; i < b->permit_count; i++) {
        (void)fusewire_permit_abandon(&b->permits[i].permit);
        free(b->permits[i].name);
    }
    free(b->permits);
    attempts_free(b);
    fusewire_subscription_free(b->events);
    fusewire_policy_subscription_free(b->policy_events);
    fusewire_breaker_free(b->breaker);
    fusewire_registry_free(b->registry);
    fusewire_manual_clock_free(b->clock);
}

static fusewire_status build(bench *b, const char *document, fusewire_error **error) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.document = document;
    return fusewire_registry_get_or_create(b->registry, b->service, &options, &b->breaker, error);
}

// By a registry, and by itself: both refuse it alike.
static bool must_fail(bench *b, const json_t *given, const char *document, failure *wrong) {
    bool fits = true;
    for (int is_alone = 0; fits && is_alone <= 1; is_alone++) {
        fusewire_error *error = NULL;
        fusewire_breaker *alone = NULL;
        const fusewire_status status =
            is_alone ? fusewire_breaker_from_json(b->service, document, &alone, &error) : build(b, document, &error);
        fits = status == FUSEWIRE_OK ? fail(wrong, "the document was accepted")
                                     : case_refused(status, error, json_object_get(given, "error"), wrong);
        fusewire_error_free(error);
        fusewire_breaker_free(alone);
    }
    return fits;
}

static bool lead(bench *b, const json_t *given, const char *raw, const char *document, failure *wrong) {
    fusewire_error *error = NULL;
    fusewire_status status = build(b, document, &error);
    if (status != FUSEWIRE_OK) {
        (void)case_unexpected("the document was refused", status, error, wrong);
        fusewire_error_free(error);
        return false;
    }
    status = fusewire_breaker_subscribe(b->breaker, EVENTS, &b->events);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("a subscription", status, NULL, wrong);
    }
    status = fusewire_breaker_subscribe_policies(b->breaker, EVENTS, &b->policy_events);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("a subscription to the policies", status, NULL, wrong);
    }
    const json_t *steps = json_object_get(given, "steps"), *step;
    const char *raw_steps = json_raw_member(raw, "steps");
    if (!json_is_array(steps) || raw_steps == NULL) {
        return fail(wrong, "no steps");
    }
    size_t i;
    const char *raw_step = json_raw_first(raw_steps);
    json_array_foreach(steps, i, step) {
        if (!step_run(b, step, raw_step, wrong)) {
            return fail_at(wrong, "step %zu: ", i + 1);
        }
        raw_step = json_raw_next(raw_step);
    }
    return true;
}

bool case_run(const json_t *given, const char *raw, failure *wrong) {
    bool is_invalid = json_object_get(given, "invalid_config") != NULL;
    const char *there = json_raw_member(raw, is_invalid ? "invalid_config" : "config");
    if (there == NULL) {
        return fail(wrong, "neither `config` nor `invalid_config`");
    }
    char *document = json_raw_copy(there);
    bench b;
    bool fits = open_bench(&b, given, wrong) &&
                (is_invalid ? must_fail(&b, given, document, wrong) : lead(&b, given, raw, document, wrong));
    close_bench(&b);
    free(document);
    return fits;
}
