// Names of small numbers: those of the conformance vectors, which FUSEWIRE_VECTORS has.

#include "common.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

// What the vectors call things, as the keys of objects.
static json_t *states, *modes, *outcomes, *reasons, *causes, *priorities, *policies, *feature_states,
    *feature_causes;

static void note(json_t *set, const json_t *value) {
    if (json_is_string(value)) json_object_set_new(set, json_string_value(value), json_true());
}

static void note_keys(json_t *set, json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) json_object_set_new(set, key, json_true());
}

// Whatever stands under these keys anywhere in an expectation.
static void collect(json_t *json) {
    size_t i;
    const char *key;
    json_t *value;
    if (json_is_array(json)) json_array_foreach(json, i, value) collect(value);
    json_object_foreach(json, key, value) {
        // Features have states of their own, and a call with attempts ends otherwise when none was made.
        if (strcmp(key, "features") == 0 || strcmp(key, "done") == 0) continue;
        if (strcmp(key, "state") == 0 || strcmp(key, "stored_state") == 0 || strcmp(key, "from") == 0)
            note(states, value);
        if (strcmp(key, "cause") == 0) note(causes, value);
        if (strcmp(key, "outcome") == 0) note(outcomes, value);
        if (strcmp(key, "mode") == 0) note(modes, value);
        if (strcmp(key, "by_level") == 0) note_keys(priorities, value);
        if (strcmp(key, "rejected") == 0 || strcmp(key, "would_reject") == 0) {
            note(reasons, value);
            if (json_is_object(value)) note_keys(reasons, value);
        }
        collect(value);
    }
}

// Policies go from a level to a level, and not from a state; documents have modes that may be none.
static void collect_steps(const json_t *document) {
    json_t *cases = json_object_get(document, "cases"), *one, *step;
    size_t i, j;
    json_array_foreach(cases, i, one) {
        json_array_foreach(json_object_get(one, "steps"), j, step) {
            const char *does = json_string_value(json_object_get(step, "do"));
            if (!does || strcmp(does, "policy_events") != 0) {
                if (does && strcmp(does, "reconfigure") == 0) continue;
                collect(step);
                continue;
            }
            json_t *events = json_object_get(step, "expect"), *event;
            size_t k;
            json_array_foreach(events, k, event) {
                const char *kind = json_string_value(json_object_get(event, "kind"));
                note(policies, json_object_get(event, "kind"));
                if (!kind || strcmp(kind, "feature") != 0) continue;
                note(feature_states, json_object_get(event, "from")), note(feature_states, json_object_get(event, "to"));
                note(feature_causes, json_object_get(event, "cause"));
            }
        }
    }
}

static int read_folder(const char *folder) {
    DIR *files = folder ? opendir(folder) : NULL;
    if (!files) {
        print_error("FUSEWIRE_VECTORS must name the folder tests/vectors\n");
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(files));) {
        // A topic; those of wrong configurations have names that are none.
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || strstr(entry->d_name, "invalid") ||
            strstr(entry->d_name, "errors"))
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        json_error_t error;
        json_t *json = json_load_file(path, 0, &error);
        if (!json) {
            print_error("%s: %s\n", path, error.text);
            return -1;
        }
        collect_steps(json);
        json_decref(json);
    }
    closedir(files);
    return 0;
}

static int read_vectors(void **state) {
    (void)state;
    states = json_object(), modes = json_object(), outcomes = json_object(), reasons = json_object(),
    causes = json_object(), priorities = json_object(), policies = json_object(), feature_states = json_object(), feature_causes = json_object();
    const char *folder = getenv("FUSEWIRE_VECTORS");
    const char *const parts[] = {"", "/admission", "/recovery"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        char path[2048];
        snprintf(path, sizeof path, "%s%s", folder ? folder : "", parts[i]);
        if (read_folder(path) != 0) return -1;
    }
    return 0;
}

static int forget_vectors(void **state) {
    (void)state;
    json_decref(states), json_decref(modes), json_decref(outcomes), json_decref(reasons), json_decref(causes),
        json_decref(priorities), json_decref(policies), json_decref(feature_states),
        json_decref(feature_causes);
    return 0;
}

// All numbers from `first` to `last` have the vectors' names, and no other number has one.
static void are_those_of(json_t *set, const char *(*name)(uint32_t), uint32_t first, uint32_t last) {
    for (uint32_t code = first; code <= last; code++) {
        const char *text = name(code);
        assert_string_not_equal(text, "unknown");
        if (!json_object_get(set, text)) fail_msg("no vector has %s", text);
        for (uint32_t other = first; other < code; other++) assert_string_not_equal(text, name(other));
    }
    const char *key;
    json_t *value;
    json_object_foreach(set, key, value) {
        bool found = false;
        for (uint32_t code = first; code <= last; code++) found |= strcmp(name(code), key) == 0;
        if (!found) fail_msg("%s is in the vectors alone", key);
    }
    const uint32_t others[] = {last + 1, 1000, FUSEWIRE_INVALID};
    for (size_t i = 0; i < COUNT(others); i++) assert_string_equal(name(others[i]), "unknown");
}

static void states_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(states, fusewire_state_name, FUSEWIRE_STATE_CLOSED, FUSEWIRE_STATE_HALF_OPEN);
}

static void modes_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(modes, fusewire_mode_name, FUSEWIRE_MODE_AUTO, FUSEWIRE_MODE_FORCED_CLOSED);
}

static void outcomes_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(outcomes, fusewire_outcome_name, FUSEWIRE_OUTCOME_SUCCESS, FUSEWIRE_OUTCOME_IGNORED);
}

static void reasons_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(reasons, fusewire_reason_name, FUSEWIRE_REASON_OPEN, FUSEWIRE_REASON_FEATURE_DISABLED);
}

static void causes_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(causes, fusewire_cause_name, FUSEWIRE_CAUSE_FAILURE_THRESHOLD, FUSEWIRE_CAUSE_FEATURE_FAILED);
}

static void priorities_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(priorities, fusewire_priority_name, FUSEWIRE_PRIORITY_BULK, FUSEWIRE_PRIORITY_CRITICAL);
}

static void changes_around_the_machine_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(policies, fusewire_policy_name, FUSEWIRE_POLICY_MIN_PRIORITY, FUSEWIRE_POLICY_FEATURE);
}

static void features_have_the_names_of_the_vectors(void **state) {
    (void)state;
    are_those_of(feature_states, fusewire_feature_state_name, FUSEWIRE_FEATURE_ENABLED, FUSEWIRE_FEATURE_DISABLED);
    are_those_of(feature_causes, fusewire_feature_cause_name, FUSEWIRE_FEATURE_CAUSE_OPENED, FUSEWIRE_FEATURE_CAUSE_MODE);
}

static void each_number_has_the_name_of_its_constant(void **state) {
    (void)state;
    assert_string_equal(fusewire_state_name(FUSEWIRE_STATE_CLOSED), "closed");
    assert_string_equal(fusewire_state_name(FUSEWIRE_STATE_OPEN), "open");
    assert_string_equal(fusewire_state_name(FUSEWIRE_STATE_HALF_OPEN), "half_open");
    assert_string_equal(fusewire_mode_name(FUSEWIRE_MODE_AUTO), "auto");
    assert_string_equal(fusewire_mode_name(FUSEWIRE_MODE_SHADOW), "shadow");
    assert_string_equal(fusewire_mode_name(FUSEWIRE_MODE_FORCED_OPEN), "forced_open");
    assert_string_equal(fusewire_mode_name(FUSEWIRE_MODE_FORCED_CLOSED), "forced_closed");
    assert_string_equal(fusewire_outcome_name(FUSEWIRE_OUTCOME_SUCCESS), "success");
    assert_string_equal(fusewire_outcome_name(FUSEWIRE_OUTCOME_FAILURE), "failure");
    assert_string_equal(fusewire_outcome_name(FUSEWIRE_OUTCOME_IGNORED), "ignored");
    assert_string_equal(fusewire_reason_name(FUSEWIRE_REASON_OPEN), "open");
    assert_string_equal(fusewire_reason_name(FUSEWIRE_REASON_HALF_OPEN_FULL), "half_open_full");
    assert_string_equal(fusewire_reason_name(FUSEWIRE_REASON_RAMP), "ramp");
    assert_string_equal(fusewire_reason_name(FUSEWIRE_REASON_FORCED_OPEN), "forced_open");
    const char *const reasons_of_gates[] = {"shed",          "rate_limited",  "bulkhead_full",
                                            "queue_timeout", "limit_reached", "closed", "feature_disabled"};
    for (uint32_t i = 0; i < COUNT(reasons_of_gates); i++)
        assert_string_equal(fusewire_reason_name(FUSEWIRE_REASON_SHED + i), reasons_of_gates[i]);
    const char *const levels[] = {"bulk", "low", "normal", "high", "critical"};
    for (uint32_t i = 0; i < COUNT(levels); i++) assert_string_equal(fusewire_priority_name(i), levels[i]);
    const char *const kinds[] = {"min_priority", "slots", "limit", "rate", "close", "feature"};
    for (uint32_t i = 0; i < COUNT(kinds); i++) assert_string_equal(fusewire_policy_name(i), kinds[i]);
    assert_string_equal(fusewire_cause_name(FUSEWIRE_CAUSE_NONE), "none");
    const char *const names[] = {"failure_threshold", "failure_rate", "slow_call_rate", "recovery_timeout",
                                 "probes_succeeded",  "probe_failed", "probe_expired",  "ramp_failed",
                                 "ramp_completed",    "manual",       "reset",          "mode",
                                 "reconfigured",      "feature_failed"};
    for (uint32_t i = 0; i < COUNT(names); i++) assert_string_equal(fusewire_cause_name(i + 1), names[i]);
    const char *const feature_names[] = {"none",        "opened",    "recovery",    "passed", "failed",
                                         "rolled_back", "unhealthy", "requirement", "reset",  "mode"};
    for (uint32_t i = 0; i < COUNT(feature_names); i++)
        assert_string_equal(fusewire_feature_cause_name(i), feature_names[i]);
    const char *const feature_stands[] = {"enabled", "testing", "disabled"};
    for (uint32_t i = 0; i < COUNT(feature_stands); i++)
        assert_string_equal(fusewire_feature_state_name(i), feature_stands[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_the_names_of_the_vectors),
        cmocka_unit_test(modes_have_the_names_of_the_vectors),
        cmocka_unit_test(outcomes_have_the_names_of_the_vectors),
        cmocka_unit_test(reasons_have_the_names_of_the_vectors),
        cmocka_unit_test(causes_have_the_names_of_the_vectors),
        cmocka_unit_test(priorities_have_the_names_of_the_vectors),
        cmocka_unit_test(changes_around_the_machine_have_the_names_of_the_vectors),
        cmocka_unit_test(features_have_the_names_of_the_vectors),
        cmocka_unit_test(each_number_has_the_name_of_its_constant),
    };
    alarm(300);
    return cmocka_run_group_tests(tests, read_vectors, forget_vectors);
}
