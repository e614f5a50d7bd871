// What there is to read of a breaker, as values that `expect.h` compares.

#include "expect.h"
#include "json.h"
#include "steps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *count(uint64_t n) {
    return n == FUSEWIRE_NONE ? json_null() : json_integer((json_int_t)n);
}

static json_t *share(double value) {
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *text_or_null(const char *text) {
    return text == NULL || *text == '\0' ? json_null() : json_string(text);
}

static json_t *by_reason(const uint64_t counts[FUSEWIRE_REASON_CAPACITY]) {
    json_t *all = must_have(json_object());
    const char *nothing = fusewire_reason_name(FUSEWIRE_INVALID), *name;
    for (fusewire_reason reason = 0; reason < FUSEWIRE_REASON_CAPACITY; reason++) {
        // A count without a reason has no name to be expected by.
        if (strcmp(name = fusewire_reason_name(reason), nothing) != 0 || counts[reason] != 0) {
            (void)json_object_set_new(all, name, count(counts[reason]));
        }
    }
    return all;
}

static json_t *window(const fusewire_snapshot *s) {
    if (s->window_total == FUSEWIRE_NONE) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "total", count(s->window_total), "failures",
                     count(s->window_failures), "slow", count(s->window_slow), "failure_rate",
                     share(s->window_failure_rate), "slow_call_rate", share(s->window_slow_call_rate), "baseline",
                     share(s->window_baseline), "threshold", share(s->window_threshold));
}

static json_t *half_open(const fusewire_snapshot *s) {
    return json_pack("{s:o, s:o, s:o}", "in_flight", count(s->half_open_in_flight), "successes",
                     count(s->half_open_successes), "failures", count(s->half_open_failures));
}

static json_t *ramp(const fusewire_snapshot *s) {
    if (s->ramp_step == 0) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "share", share(s->ramp_share), "step", count(s->ramp_step), "settled",
                     count(s->ramp_settled), "failures", count(s->ramp_failures));
}

static json_t *by_priority(const uint64_t counts[FUSEWIRE_PRIORITY_COUNT]) {
    json_t *all = must_have(json_object());
    for (fusewire_priority priority = 0; priority < FUSEWIRE_PRIORITY_COUNT; priority++) {
        (void)json_object_set_new(all, fusewire_priority_name(priority), count(counts[priority]));
    }
    return all;
}

static uint64_t sum(const uint64_t counts[FUSEWIRE_PRIORITY_COUNT]) {
    uint64_t all = 0;
    for (size_t i = 0; i < FUSEWIRE_PRIORITY_COUNT; i++) {
        all += counts[i];
    }
    return all;
}

static json_t *rate_limit(const fusewire_snapshot *s) {
    if (isnan(s->rate)) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o}", "rate", share(s->rate), "available", count(s->rate_available), "retry_after",
                     expect_nanos_value(s->rate_retry_after_ns));
}

static json_t *bulkhead(const fusewire_snapshot *s) {
    if (s->slots == FUSEWIRE_NONE) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "in_flight", count(sum(s->slots_taken)), "by_level",
                     by_priority(s->slots_taken), "queued", count(sum(s->queued)), "limit", count(s->slots));
}

static json_t *totals(const fusewire_snapshot *s) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "success", count(s->success), "failure",
                     count(s->failure), "ignored", count(s->ignored), "slow", count(s->slow), "late", count(s->late),
                     "expired", count(s->expired), "rejected", by_reason(s->rejected), "would_reject",
                     by_reason(s->would_reject), "bypassed", count(s->bypassed));
}

static json_t *retry(const fusewire_snapshot *s, const json_t *expected) {
    bool has_scores = !isnan(s->retry_scores[0]);
    // A budget that is switched off is as absent as one that there is not.
    if (s->retry_budget == FUSEWIRE_NONE && !has_scores && !json_is_object(expected)) {
        return json_null();
    }
    json_t *scores = has_scores ? json_pack("{s:o, s:o, s:o}", "exponential", share(s->retry_scores[0]), "fibonacci",
                                            share(s->retry_scores[1]), "decorrelated_jitter", share(s->retry_scores[2]))
                                : json_null();
    return json_pack("{s:o, s:o}", "budget", count(s->retry_budget), "scores", scores);
}

// Those that are expected, each asked for by its name.
static json_t *features(const bench *b, const json_t *expected) {
    json_t *all = json_is_object(expected) ? must_have(json_object()) : json_null();
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)expected, name, unused) {
        fusewire_feature_state state;
        double health;
        if (fusewire_breaker_feature(b->breaker, name, &state, &health, NULL) == FUSEWIRE_OK) {
            json_t *found = json_pack("{s:s, s:o}", "state", fusewire_feature_state_name(state), "health", share(health));
            (void)json_object_set_new(all, name, must_have(found));
        }
    }
    return all;
}

static json_t *last(const fusewire_snapshot *s) {
    if (s->last_cause == FUSEWIRE_CAUSE_NONE) {
        return json_null();
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "cause", fusewire_cause_name(s->last_cause), "from",
                     fusewire_state_name(s->last_from), "to", fusewire_state_name(s->last_to), "at",
                     expect_nanos_value(s->last_at_ns));
}

static json_t *last_failure(const fusewire_snapshot *s) {
    if (s->last_failure_at_ns == FUSEWIRE_NONE) {
        return json_null();
    }
    return json_pack("{s:o, s:o}", "error_type", text_or_null(s->last_failure_type), "at",
                     expect_nanos_value(s->last_failure_at_ns));
}

static json_t *of_snapshot(const bench *b, const fusewire_snapshot *s, const json_t *expected) {
    return must_have(json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state",
        fusewire_state_name(s->state), "stored_state", fusewire_state_name(s->stored_state), "mode",
        fusewire_mode_name(s->mode), "generation", count(s->generation), "opened", count(s->opened),
        "openings_in_a_row", count(s->openings_in_a_row), "retry_after", expect_nanos_value(s->retry_after_ns),
        "consecutive_failures", count(s->consecutive_failures), "window", window(s), "half_open", half_open(s), "ramp",
        ramp(s), "rate_limit", rate_limit(s), "bulkhead", bulkhead(s), "totals", totals(s), "last", last(s), "last_failure", last_failure(s),
        "timeout", expect_nanos_value(s->timeout_ns), "retry", retry(s, json_object_get(expected, "retry")), "features",
        features(b, json_object_get(expected, "features"))));
}

static bool struct_fits(const bench *b, const json_t *expected, failure *wrong) {
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    const fusewire_status status = fusewire_breaker_snapshot(b->breaker, &snapshot);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("snapshot", status, NULL, wrong);
    }
    // What has a function of its own says the same there.
    if (fusewire_breaker_state(b->breaker) != snapshot.state || fusewire_breaker_mode(b->breaker) != snapshot.mode) {
        return fail(wrong, "state or mode: not as in the snapshot");
    }
    json_t *got = of_snapshot(b, &snapshot, expected);
    bool fits = expect_part("snapshot", expected, got, wrong);
    json_decref(got);
    return fits;
}

static bool json_fits(const bench *b, const json_t *expected, failure *wrong) {
    char *text = NULL;
    size_t length = 0;
    const fusewire_status status = fusewire_breaker_snapshot_json(b->breaker, &text, &length);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("snapshot as JSON", status, NULL, wrong);
    }
    json_t *got = json_parse(text, wrong);
    bool fits = got != NULL && (length == strlen(text) || fail(wrong, "%zu is not the length of the text", length)) &&
                expect_part("snapshot", expected, got, wrong);
    json_decref(got);
    fusewire_string_free(text);
    return fits || fail_at(wrong, "as JSON: ");
}

bool look_snapshot(const bench *b, const json_t *expected, failure *wrong) {
    return struct_fits(b, expected, wrong) && json_fits(b, expected, wrong);
}

static json_t *of_event(const fusewire_event *event) {
    return must_have(json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "from", fusewire_state_name(event->from), "to",
        fusewire_state_name(event->to), "cause", fusewire_cause_name(event->cause), "generation",
        count(event->generation), "at", expect_nanos_value(event->at_ns), "actor", text_or_null(event->actor), "reason",
        text_or_null(event->reason)));
}

bool look_events(const bench *b, const json_t *expected, failure *wrong) {
    if (!json_is_array(expected)) {
        return fail(wrong, "`events` expects a list");
    }
    const size_t wanted = json_array_size(expected);
    bool fits = true;
    size_t seen = 0, taken;
    fusewire_event event;
    do {
        const fusewire_status status = fusewire_subscription_drain(b->events, &event, sizeof event, 1, &taken);
        if (status != FUSEWIRE_OK) {
            return case_unexpected("events", status, NULL, wrong);
        }
        if (taken == 1 && seen < wanted && fits) {
            char what[32];
            (void)snprintf(what, sizeof what, "event %zu", seen);
            json_t *got = of_event(&event);
            fits = strcmp(event.breaker, b->service) == 0 || fail(wrong, "%s: is of %s", what, event.breaker);
            fits = fits && (event.missed == 0 || fail(wrong, "%s: events were missed before it", what));
            fits = fits && expect_part(what, json_array_get(expected, seen), got, wrong);
            json_decref(got);
        }
        seen += taken;
    } while (taken == 1);
    return fits && (seen == wanted || fail(wrong, "expected %zu events, got %zu", wanted, seen));
}

static json_t *slots(double max_concurrent, const uint64_t reserved[FUSEWIRE_PRIORITY_COUNT]) {
    return json_pack("{s:o, s:o}", "max_concurrent", json_integer((json_int_t)max_concurrent), "reserved",
                     by_priority(reserved));
}

// What was before, or is after.
static json_t *of_change(const fusewire_policy_event *event, double value,
                         const uint64_t reserved[FUSEWIRE_PRIORITY_COUNT]) {
    switch (event->kind) {
    case FUSEWIRE_POLICY_MIN_PRIORITY: return json_string(fusewire_priority_name((fusewire_priority)value));
    case FUSEWIRE_POLICY_SLOTS: return slots(value, reserved);
    case FUSEWIRE_POLICY_FEATURE: return json_string(fusewire_feature_state_name((fusewire_feature_state)value));
    case FUSEWIRE_POLICY_LIMIT:
    case FUSEWIRE_POLICY_RATE: return json_real(value);
    default: return json_null();
    }
}

static json_t *of_policy_event(const fusewire_policy_event *event) {
    return must_have(json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "kind", fusewire_policy_name(event->kind), "from",
        of_change(event, event->from, event->from_reserved), "to", of_change(event, event->to, event->to_reserved),
        "generation", count(event->generation), "sequence", count(event->sequence), "at",
        expect_nanos_value(event->at_ns), "actor", text_or_null(event->actor), "reason", text_or_null(event->reason),
        "feature", text_or_null(event->feature), "cause", fusewire_feature_cause_name(event->feature_cause), "health",
        share(event->health)));
}

bool look_policy_events(const bench *b, const json_t *expected, failure *wrong) {
    static fusewire_policy_event events[64];
    size_t count = 0;
    const fusewire_status status =
        fusewire_policy_subscription_drain(b->policy_events, events, sizeof *events, 64, &count);
    if (status != FUSEWIRE_OK || !json_is_array(expected)) {
        return case_unexpected("`policy_events` expects a list", status, NULL, wrong);
    }
    bool fits = json_array_size(expected) == count ||
                fail(wrong, "expected %zu events, got %zu", json_array_size(expected), count);
    for (size_t i = 0; fits && i < count; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "event %zu", i);
        json_t *got = of_policy_event(&events[i]);
        fits = strcmp(events[i].breaker, b->service) == 0 || fail(wrong, "%s: is of %s", what, events[i].breaker);
        fits = fits && (events[i].missed == 0 || fail(wrong, "%s: events were missed before it", what));
        fits = fits && expect_part(what, json_array_get(expected, i), got, wrong);
        json_decref(got);
    }
    return fits;
}

// The line of a text that contains `part`, or is `part`; NULL when there is none. Its length goes to `length`.
static const char *line_with(const char *text, const char *part, bool is_whole, size_t *length) {
    for (const char *line = text; *line != '\0'; line += *length + (line[*length] == '\n')) {
        *length = strcspn(line, "\n");
        const char *found = strstr(line, part);
        if (found == NULL) {
            return NULL;
        }
        bool is_here = found + strlen(part) <= line + *length;
        if (is_here && (!is_whole || (found == line && strlen(part) == *length))) {
            return line;
        }
    }
    return NULL;
}

bool look_metrics(const bench *b, const json_t *step, failure *wrong) {
    char *text = NULL;
    const fusewire_status status = fusewire_registry_metrics(b->registry, &text, NULL);
    if (status != FUSEWIRE_OK) {
        return case_unexpected("metrics", status, NULL, wrong);
    }
    bool fits = true;
    size_t i, length;
    const json_t *item;
    json_array_foreach(json_object_get(step, "contains"), i, item) {
        const char *wanted = json_string_value(item);
        if (wanted == NULL || line_with(text, wanted, true, &length) == NULL) {
            fits = fail(wrong, "metrics lack the line %s", wanted ? wanted : "that is no text");
        }
    }
    json_array_foreach(json_object_get(step, "lacks"), i, item) {
        const char *unwanted = json_string_value(item);
        const char *line = unwanted ? line_with(text, unwanted, false, &length) : NULL;
        if (unwanted == NULL || line != NULL) {
            fits = fail(wrong, "metrics have \"%s\" in the line %.*s", unwanted ? unwanted : "that is no text",
                        line ? (int)length : 0, line ? line : "");
        }
    }
    fusewire_string_free(text);
    return fits;
}
