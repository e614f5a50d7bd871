// Snapshots, by struct and by JSON, and the failure behind a rejection.

#include "common.h"

#include <jansson.h>
#include <math.h>

static json_t *json_of(fusewire_breaker *breaker) {
    char *text = NULL;
    size_t length = 0;
    is_ok(fusewire_breaker_snapshot_json(breaker, &text, &length));
    assert_int_equal(strlen(text), length);
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json) fail_msg("%s: %s", error.text, text);
    fusewire_string_free(text);
    return json;
}

static bool is_null(const json_t *json) { return !json || json_is_null(json); }

// A number of the struct is that of the JSON; FUSEWIRE_NONE is null.
static void same_number(const char *key, uint64_t ours, const json_t *json) {
    uint64_t theirs = is_null(json) ? FUSEWIRE_NONE : (uint64_t)json_integer_value(json);
    if (ours != theirs)
        fail_msg("%s: %llu in the struct, %llu in the JSON", key, (unsigned long long)ours, (unsigned long long)theirs);
}

// A share of the struct is that of the JSON; NAN is null.
static void same_share(const char *key, double ours, const json_t *json) {
    if (isnan(ours) && is_null(json)) return;
    // To the last bit.
    double theirs = json_number_value(json);
    if (is_null(json) || memcmp(&ours, &theirs, sizeof ours) != 0)
        fail_msg("%s: %g in the struct, %g in the JSON", key, ours, theirs);
}

static void same_name(const char *key, const char *ours, const json_t *json) {
    const char *theirs = is_null(json) ? NULL : json_string_value(json);
    if (ours == NULL && theirs == NULL) return;
    if (!ours || !theirs || strcmp(ours, theirs) != 0)
        fail_msg("%s: %s in the struct, %s in the JSON", key, ours ? ours : "(none)", theirs ? theirs : "null");
}

static void same_window(const fusewire_snapshot *s, const json_t *window) {
    same_number("window.total", s->window_total, json_object_get(window, "total"));
    same_number("window.failures", s->window_failures, json_object_get(window, "failures"));
    same_number("window.slow", s->window_slow, json_object_get(window, "slow"));
    same_share("window.failure_rate", s->window_failure_rate, json_object_get(window, "failure_rate"));
    same_share("window.slow_call_rate", s->window_slow_call_rate, json_object_get(window, "slow_call_rate"));
    same_share("window.baseline", s->window_baseline, json_object_get(window, "baseline"));
    same_share("window.threshold", s->window_threshold, json_object_get(window, "threshold"));
}

static void same_way_back(const fusewire_snapshot *s, const json_t *json) {
    const json_t *half_open = json_object_get(json, "half_open"), *ramp = json_object_get(json, "ramp");
    same_number("half_open.in_flight", s->half_open_in_flight, json_object_get(half_open, "in_flight"));
    same_number("half_open.successes", s->half_open_successes, json_object_get(half_open, "successes"));
    same_number("half_open.failures", s->half_open_failures, json_object_get(half_open, "failures"));
    same_share("ramp.share", s->ramp_share, json_object_get(ramp, "share"));
    if (is_null(ramp)) {
        assert_int_equal(s->ramp_step + s->ramp_settled + s->ramp_failures, 0);
        return;
    }
    same_number("ramp.step", s->ramp_step, json_object_get(ramp, "step"));
    same_number("ramp.settled", s->ramp_settled, json_object_get(ramp, "settled"));
    same_number("ramp.failures", s->ramp_failures, json_object_get(ramp, "failures"));
}

static void same_totals(const fusewire_snapshot *s, const json_t *totals) {
    same_number("success", s->success, json_object_get(totals, "success"));
    same_number("failure", s->failure, json_object_get(totals, "failure"));
    same_number("ignored", s->ignored, json_object_get(totals, "ignored"));
    same_number("slow", s->slow, json_object_get(totals, "slow"));
    same_number("late", s->late, json_object_get(totals, "late"));
    same_number("expired", s->expired, json_object_get(totals, "expired"));
    const json_t *rejected = json_object_get(totals, "rejected"),
                 *would_reject = json_object_get(totals, "would_reject");
    for (fusewire_reason reason = 0; reason < FUSEWIRE_REASON_CAPACITY; reason++) {
        const char *name = fusewire_reason_name(reason);
        if (reason > FUSEWIRE_REASON_FORCED_OPEN) {
            assert_int_equal(s->rejected[reason] + s->would_reject[reason], 0);
            continue;
        }
        same_number(name, s->rejected[reason], json_object_get(rejected, name));
        same_number(name, s->would_reject[reason], json_object_get(would_reject, name));
    }
}

// Both ways to read a breaker agree. Nothing else may use it meanwhile.
static void agree(fusewire_breaker *breaker) {
    fusewire_snapshot s = snapshot_of(breaker);
    json_t *json = json_of(breaker);
    const json_t *last = json_object_get(json, "last"), *failure = json_object_get(json, "last_failure");
    same_name("name", fusewire_breaker_name(breaker), json_object_get(json, "name"));
    same_name("state", fusewire_state_name(s.state), json_object_get(json, "state"));
    same_name("stored_state", fusewire_state_name(s.stored_state), json_object_get(json, "stored_state"));
    same_name("mode", fusewire_mode_name(s.mode), json_object_get(json, "mode"));
    bool was_one = s.last_cause != FUSEWIRE_CAUSE_NONE;
    same_name("last.cause", was_one ? fusewire_cause_name(s.last_cause) : NULL, json_object_get(last, "cause"));
    same_name("last.from", was_one ? fusewire_state_name(s.last_from) : NULL, json_object_get(last, "from"));
    same_name("last.to", was_one ? fusewire_state_name(s.last_to) : NULL, json_object_get(last, "to"));
    same_number("last.at", s.last_at_ns, json_object_get(last, "at"));
    same_number("generation", s.generation, json_object_get(json, "generation"));
    same_number("opened", s.opened, json_object_get(json, "opened"));
    same_number("openings_in_a_row", s.openings_in_a_row, json_object_get(json, "openings_in_a_row"));
    same_number("retry_after", s.retry_after_ns, json_object_get(json, "retry_after"));
    same_number("consecutive_failures", s.consecutive_failures, json_object_get(json, "consecutive_failures"));
    same_window(&s, json_object_get(json, "window"));
    same_way_back(&s, json);
    same_totals(&s, json_object_get(json, "totals"));
    same_number("last_failure.at", s.last_failure_at_ns, json_object_get(failure, "at"));
    const json_t *type = json_object_get(failure, "error_type");
    assert_string_equal(s.last_failure_type, is_null(type) ? "" : json_string_value(type));
    assert_int_equal(s.state, fusewire_breaker_state(breaker));
    assert_int_equal(s.mode, fusewire_breaker_mode(breaker));
    json_decref(json);
}

// Leads a breaker through its states and back, and looks at each.
static void an_outage(fusewire_manual_clock *clock, const char *document) {
    fusewire_breaker *breaker = breaker_on(clock, document);
    agree(breaker);
    fusewire_permit late = permit_of(breaker);
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 3);
    calls(breaker, FUSEWIRE_OUTCOME_IGNORED, 2);
    agree(breaker);
    for (int i = 0; i < 100 && fusewire_breaker_state(breaker) == FUSEWIRE_STATE_CLOSED; i++) {
        fusewire_permit permit = permit_of(breaker);
        is_ok(fusewire_permit_settle(&permit, FUSEWIRE_OUTCOME_FAILURE, i % 2 ? 2 * SECOND : 0, i % 3 ? "io" : NULL));
        agree(breaker);
    }
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_OPEN);
    fusewire_permit permit;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, NULL));
    answers(FUSEWIRE_LATE, fusewire_permit_failure(&late, "late"));
    agree(breaker);
    is_ok(fusewire_manual_clock_advance(clock, 60 * SECOND));
    agree(breaker);
    // A ramp admits a tenth at first.
    for (int i = 0; i < 1000 && fusewire_breaker_state(breaker) != FUSEWIRE_STATE_CLOSED; i++) {
        if (fusewire_breaker_acquire(breaker, &permit, NULL) == FUSEWIRE_OK) {
            agree(breaker);
            is_ok(fusewire_permit_success(&permit));
        }
        agree(breaker);
    }
    assert_int_equal(fusewire_breaker_state(breaker), FUSEWIRE_STATE_CLOSED);
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_SHADOW, NULL, NULL));
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, "me", "why", NULL));
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 2);
    agree(breaker);
    is_ok(fusewire_breaker_set_mode(breaker, FUSEWIRE_MODE_FORCED_OPEN, NULL, NULL));
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, NULL));
    agree(breaker);
    fusewire_breaker_free(breaker);
}

static void the_struct_and_the_json_agree_in_every_state(void **state) {
    (void)state;
    const char *const documents[] = {
        "{}",
        "{\"slow_call_duration\": \"1s\", \"window\": {\"kind\": \"count\", \"size\": 10, \"min_calls\": 5, "
        "\"slow_call_rate\": 0.9}}",
        "{\"window\": {\"kind\": \"time\", \"min_calls\": 10}, \"ramp\": {}}",
        "{\"slow_call_duration\": \"1s\", \"window\": {\"kind\": \"adaptive\", \"min_calls\": 10}, \"ramp\": "
        "{\"window_calls\": 2}}",
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        fusewire_manual_clock *clock = fusewire_manual_clock_new();
        an_outage(clock, documents[i]);
        fusewire_manual_clock_free(clock);
    }
}

static void what_is_absent_in_a_new_breaker_reads_so(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_snapshot s = snapshot_of(breaker);
    assert_int_equal(s.size, sizeof s);
    assert_int_equal(s.last_cause, FUSEWIRE_CAUSE_NONE);
    assert_int_equal(s.last_from, FUSEWIRE_INVALID);
    assert_int_equal(s.last_to, FUSEWIRE_INVALID);
    assert_int_equal(s.last_at_ns, FUSEWIRE_NONE);
    assert_int_equal(s.retry_after_ns, FUSEWIRE_NONE);
    assert_int_equal(s.window_total, FUSEWIRE_NONE);
    assert_true(isnan(s.window_failure_rate) && isnan(s.ramp_share));
    assert_int_equal(s.last_failure_at_ns, FUSEWIRE_NONE);
    assert_string_equal(s.last_failure_type, "");
    assert_int_equal(s.consecutive_failures, 0);
    fusewire_breaker_free(breaker);
}

static void a_snapshot_of_a_size_that_no_version_has_is_left_alone(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    const size_t sizes[] = {0, 1, sizeof(size_t), offsetof(fusewire_snapshot, bypassed) - 1, 64 * 1024 + 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        fusewire_snapshot s;
        paint(&s, sizeof s);
        s.size = sizes[i];
        answers(FUSEWIRE_ERROR_INVALID_SIZE, fusewire_breaker_snapshot(breaker, &s));
        assert_int_equal(s.size, sizes[i]);
        is_still_painted((char *)&s + sizeof s.size, sizeof s - sizeof s.size);
    }
    fusewire_breaker_free(breaker);
}

static void a_later_snapshot_is_filled_as_far_as_it_is_known_and_0_beyond(void **state) {
    (void)state;
    struct {
        fusewire_snapshot known;
        unsigned char unknown[24];
    } later;
    paint(&later, sizeof later);
    later.known.size = sizeof later;
    fusewire_breaker *breaker = a_breaker();
    calls(breaker, FUSEWIRE_OUTCOME_SUCCESS, 2);
    is_ok(fusewire_breaker_snapshot(breaker, &later.known));
    assert_int_equal(later.known.size, sizeof later.known);
    assert_int_equal(later.known.success, 2);
    for (size_t i = 0; i < COUNT(later.unknown); i++) assert_int_equal(later.unknown[i], 0);
    fusewire_breaker_free(breaker);
}

static void the_failure_behind_a_rejection_can_be_read_after_others(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, "{\"failure_threshold\": 1}");
    is_ok(fusewire_manual_clock_advance(clock, 3 * SECOND));
    fusewire_permit permit = permit_of(breaker), late = permit_of(breaker);
    is_ok(fusewire_permit_failure(&permit, "first"));
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(breaker, &permit, &rejection));
    answers(FUSEWIRE_LATE, fusewire_permit_failure(&late, "second"));
    fusewire_failure failure;
    is_ok(fusewire_breaker_last_failure(breaker, rejection.last_failure, &failure));
    assert_string_equal(failure.error_type, "first");
    assert_int_equal(failure.at_ns, 3 * SECOND);
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_failure_that_is_none_leaves_the_struct_alone(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker();
    fusewire_failure failure;
    paint(&failure, sizeof failure);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_last_failure(breaker, 0, &failure));
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_last_failure(breaker, UINT64_MAX, &failure));
    calls(breaker, FUSEWIRE_OUTCOME_FAILURE, 1);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_breaker_last_failure(breaker, 0, &failure));
    is_still_painted(&failure, sizeof failure);
    // What no rejection has told is answered somehow, and never with a text that does not end.
    for (uint64_t word = 1; word; word <<= 1) {
        if (fusewire_breaker_last_failure(breaker, word, &failure) == FUSEWIRE_OK) {
            assert_non_null(memchr(failure.error_type, 0, sizeof failure.error_type));
        }
    }
    fusewire_breaker_free(breaker);
}

static void a_document_builds_the_breaker_it_was_read_from(void **state) {
    (void)state;
    fusewire_breaker *one = breaker_on(NULL, "{\"window\": {\"kind\": \"time\"}, \"ramp\": {}, \"backoff\": {\"kind\": "
                                             "\"exponential\", \"jitter\": 0.1}}"),
                     *other;
    char *first, *second;
    size_t length;
    is_ok(fusewire_breaker_document(one, &first, &length));
    assert_int_equal(length, strlen(first));
    is_ok(fusewire_breaker_from_json("test", first, &other, NULL));
    is_ok(fusewire_breaker_document(other, &second, NULL));
    assert_string_equal(first, second);
    fusewire_string_free(first);
    fusewire_string_free(second);
    fusewire_breaker_free(one);
    fusewire_breaker_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_struct_and_the_json_agree_in_every_state),
        cmocka_unit_test(what_is_absent_in_a_new_breaker_reads_so),
        cmocka_unit_test(a_snapshot_of_a_size_that_no_version_has_is_left_alone),
        cmocka_unit_test(a_later_snapshot_is_filled_as_far_as_it_is_known_and_0_beyond),
        cmocka_unit_test(the_failure_behind_a_rejection_can_be_read_after_others),
        cmocka_unit_test(a_failure_that_is_none_leaves_the_struct_alone),
        cmocka_unit_test(a_document_builds_the_breaker_it_was_read_from),
    };
    return RUN(tests);
}
