// Steps that change what is around the machine, by hand.

#include "expect.h"
#include "json.h"
#include "request.h"
#include "steps.h"
#include "waits.h"

#include <stdlib.h>
#include <string.h>

// OK, and unchanged: what is already so.
static bool came_out(const json_t *step, fusewire_status status, fusewire_error *error, failure *wrong) {
    const json_t *expected = json_object_get(step, "error");
    bool fits = true;
    if (FUSEWIRE_IS_ERROR(status)) {
        fits = expected != NULL ? case_refused(status, error, expected, wrong)
                                : case_unexpected(json_text(step, "do"), status, error, wrong);
    } else if (expected != NULL) {
        fits = fail_unequal(wrong, json_text(step, "do"), expected, NULL);
    }
    fusewire_error_free(error);
    return fits;
}

bool step_set_min_priority(bench *b, const json_t *step, failure *wrong) {
    fusewire_priority to;
    fusewire_error *error = NULL;
    fusewire_status status = FUSEWIRE_ERROR_INVALID_VALUE;
    if (request_priority(json_object_get(step, "to"), &to, &error)) {
        status = fusewire_breaker_set_min_priority(b->breaker, to, json_text(step, "actor"), json_text(step, "reason"),
                                                   &error);
    }
    return came_out(step, status, error, wrong);
}

// The table as a struct; `false` when that has no place for a name.
static bool as_struct(const json_t *step, fusewire_slots *slots) {
    const json_t *max = json_object_get(step, "max_concurrent");
    *slots = (fusewire_slots)FUSEWIRE_SLOTS_INIT;
    if (max != NULL) {
        slots->max_concurrent = (uint64_t)json_integer_value(max);
    }
    const char *name;
    json_t *count;
    json_object_foreach(json_object_get(step, "reserved"), name, count) {
        fusewire_priority priority;
        if (fusewire_priority_parse(name, &priority, NULL) != FUSEWIRE_OK) {
            return false;
        }
        slots->reserved[priority] = (uint64_t)json_integer_value(count);
    }
    return true;
}

static char *as_text(const json_t *step) {
    json_t *table = must_have(json_object());
    for (const char *const *key = (const char *const[]){"max_concurrent", "reserved", NULL}; *key != NULL; key++) {
        json_t *value = json_object_get(step, *key);
        if (value != NULL) {
            (void)json_object_set(table, *key, value);
        }
    }
    char *text = must_have(json_dumps(table, JSON_COMPACT));
    json_decref(table);
    return text;
}

// As a struct and as text, by turns.
bool step_set_reserved(bench *b, const json_t *step, failure *wrong) {
    const char *actor = json_text(step, "actor"), *reason = json_text(step, "reason");
    fusewire_error *error = NULL;
    fusewire_slots slots;
    fusewire_status status;
    if (as_struct(step, &slots) && b->turns++ % 2 == 0) {
        status = fusewire_breaker_set_slots(b->breaker, &slots, actor, reason, &error);
    } else {
        char *text = as_text(step);
        status = fusewire_breaker_set_slots_json(b->breaker, text, actor, reason, &error);
        free(text);
    }
    return came_out(step, status, error, wrong);
}

bool step_set_utilisation(bench *b, const json_t *step, failure *wrong) {
    fusewire_error *error = NULL;
    const fusewire_status status =
        fusewire_breaker_set_utilisation(b->breaker, json_number_value(json_object_get(step, "to")), &error);
    return came_out(step, status, error, wrong);
}

bool step_set_rate(bench *b, const json_t *step, failure *wrong) {
    fusewire_error *error = NULL;
    const fusewire_status status =
        fusewire_breaker_set_rate(b->breaker, json_number_value(json_object_get(step, "to")), json_text(step, "actor"),
                                  json_text(step, "reason"), &error);
    return came_out(step, status, error, wrong);
}

bool step_set_limit(bench *b, const json_t *step, failure *wrong) {
    fusewire_error *error = NULL;
    const fusewire_status status =
        fusewire_breaker_set_limit(b->breaker, (uint64_t)json_integer_value(json_object_get(step, "to")),
                                   json_text(step, "actor"), json_text(step, "reason"), &error);
    return came_out(step, status, error, wrong);
}

bool step_close(bench *b, const json_t *step, failure *wrong) {
    const fusewire_status status =
        fusewire_breaker_close_for_good(b->breaker, json_text(step, "actor"), json_text(step, "reason"));
    return came_out(step, status, NULL, wrong);
}

bool step_raise(bench *b, const json_t *step, failure *wrong) {
    const char *name = json_text(step, "permit");
    fusewire_waiting *waiting = waits_named(b, name);
    fusewire_priority to;
    if (waiting == NULL || !request_priority(json_object_get(step, "to"), &to, NULL)) {
        return fail(wrong, "%s does not wait, or is raised to no priority", name ? name : "nobody");
    }
    return came_out(step, fusewire_waiting_raise(waiting, to), NULL, wrong);
}
