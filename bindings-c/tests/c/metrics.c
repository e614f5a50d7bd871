// Metrics of a registry, and the bounds of its histograms.

#include "common.h"

#include <stdio.h>

static fusewire_breaker *get(fusewire_registry *registry, const char *name, const char *document) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.document = document;
    fusewire_breaker *breaker = NULL;
    is_ok(fusewire_registry_get_or_create(registry, name, &options, &breaker, NULL));
    return breaker;
}

static void a_removed_breaker_leaves_the_metrics_and_works_on(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_registry_remove(registry, "payments"));
    assert_int_equal(fusewire_registry_count(registry), 0);
    is_ok(fusewire_permit_success(&permit));
    char *metrics;
    is_ok(fusewire_registry_metrics(registry, &metrics, NULL));
    assert_null(strstr(metrics, "payments"));
    fusewire_string_free(metrics);
    fusewire_breaker *anew = get(registry, "payments", NULL);
    assert_false(fusewire_breaker_is_same(breaker, anew));
    fusewire_breaker_free(breaker);
    fusewire_breaker_free(anew);
    fusewire_registry_free(registry);
}

static void metrics_are_openmetrics_text_of_all_breakers(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_registry *registry = a_registry(clock);
    fusewire_breaker *breaker =
        get(registry, "pay \"ments\"", "{\"failure_threshold\": 1, \"sample_durations_every\": 1}");
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_settle(&permit, FUSEWIRE_OUTCOME_FAILURE, 2 * MS, "io"));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, NULL));
    char *metrics;
    size_t length;
    is_ok(fusewire_registry_metrics(registry, &metrics, &length));
    assert_int_equal(length, strlen(metrics));
    assert_string_equal(metrics + length - 6, "# EOF\n");
    const char *const lines[] = {
        "\ncircuit_breaker_state{service=\"pay \\\"ments\\\"\",state=\"open\"} 1\n",
        "\ncircuit_breaker_requests_total{service=\"pay \\\"ments\\\"\",status=\"failure\"} 1\n",
        "\ncircuit_breaker_rejections_total{service=\"pay \\\"ments\\\"\",reason=\"open\"} 1\n",
        "\ncircuit_breaker_failures_total{service=\"pay \\\"ments\\\"\",error_type=\"io\"} 1\n",
        "\ncircuit_breaker_request_duration_seconds_bucket{service=\"pay "
        "\\\"ments\\\"\",status=\"failure\",le=\"0.0025\"} 1\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) contains(metrics, lines[i]);
    fusewire_string_free(metrics);
    is_ok(fusewire_registry_metrics(registry, &metrics, NULL));
    fusewire_string_free(metrics);
    assert_string_equal(fusewire_metrics_content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
    fusewire_manual_clock_free(clock);
}

static void bounds_of_durations_are_those_of_the_metrics(void **state) {
    (void)state;
    const uint64_t bounds[] = {1 * MS, 20 * MS, SECOND};
    fusewire_registry *registry = NULL;
    is_ok(fusewire_registry_new(NULL, bounds, COUNT(bounds), &registry, NULL));
    fusewire_breaker *breaker = get(registry, "payments", NULL);
    fusewire_permit permit = permit_of(breaker);
    is_ok(fusewire_permit_settle(&permit, FUSEWIRE_OUTCOME_SUCCESS, 2 * MS, NULL));
    char *metrics;
    is_ok(fusewire_registry_metrics(registry, &metrics, NULL));
    contains(metrics, "le=\"0.02\"} 1\n");
    assert_null(strstr(metrics, "le=\"0.0025\""));
    fusewire_string_free(metrics);
    fusewire_breaker_free(breaker);
    fusewire_registry_free(registry);
}

static void bounds_that_do_not_ascend_or_are_too_many_give_no_registry(void **state) {
    (void)state;
    uint64_t falling[] = {2, 1}, equal[] = {1, 1}, many[65];
    for (size_t i = 0; i < COUNT(many); i++) many[i] = (i + 1) * MS;
    const struct {
        const uint64_t *bounds;
        size_t count;
    } wrong[] = {{falling, 2}, {equal, 2}, {many, 65}, {many, 0}, {many, SIZE_MAX}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fusewire_registry *registry = NULL;
        fusewire_error *error = NULL;
        answers(FUSEWIRE_ERROR_CONFIG, fusewire_registry_new(NULL, wrong[i].bounds, wrong[i].count, &registry, &error));
        assert_null(registry);
        is_error(error, FUSEWIRE_ERROR_CONFIG, "duration_bounds", "1 to 64");
    }
    fusewire_registry *registry = NULL;
    is_ok(fusewire_registry_new(NULL, many, 64, &registry, NULL));
    fusewire_registry_free(registry);
}

static void snapshots_of_all_breakers_are_one_array_sorted_by_name(void **state) {
    (void)state;
    fusewire_registry *registry = a_registry(NULL);
    char *json;
    size_t length;
    is_ok(fusewire_registry_snapshots_json(registry, &json, &length));
    assert_string_equal(json, "[]");
    assert_int_equal(length, 2);
    fusewire_string_free(json);
    fusewire_breaker *b = get(registry, "b", NULL), *a = get(registry, "a", NULL);
    char *of_a, *of_b, both[16384];
    is_ok(fusewire_breaker_snapshot_json(a, &of_a, NULL));
    is_ok(fusewire_breaker_snapshot_json(b, &of_b, NULL));
    is_ok(fusewire_registry_snapshots_json(registry, &json, NULL));
    snprintf(both, sizeof both, "[%s,%s]", of_a, of_b);
    assert_string_equal(json, both);
    fusewire_string_free(json), fusewire_string_free(of_a), fusewire_string_free(of_b);
    fusewire_breaker_free(a);
    fusewire_breaker_free(b);
    fusewire_registry_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_breaker_leaves_the_metrics_and_works_on),
        cmocka_unit_test(metrics_are_openmetrics_text_of_all_breakers),
        cmocka_unit_test(bounds_of_durations_are_those_of_the_metrics),
        cmocka_unit_test(snapshots_of_all_breakers_are_one_array_sorted_by_name),
        cmocka_unit_test(bounds_that_do_not_ascend_or_are_too_many_give_no_registry),
    };
    return RUN(tests);
}
