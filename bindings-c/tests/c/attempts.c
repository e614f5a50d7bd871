// Calls that are made step by step.

#include "common.h"

typedef struct bench {
    fusewire_manual_clock *clock;
    fusewire_breaker *breaker;
    fusewire_attempts attempts;
    fusewire_step step;
} bench;

// A call of a breaker with that document has begun.
static bench begun_with(const char *document, const fusewire_request *request) {
    bench b = {.clock = fusewire_manual_clock_new()};
    b.breaker = breaker_on(b.clock, document);
    is_ok(fusewire_breaker_begin(b.breaker, request, &b.attempts, NULL));
    return b;
}

static void end(bench *b) {
    (void)fusewire_attempts_abandon(&b->attempts);
    fusewire_breaker_free(b->breaker);
    fusewire_manual_clock_free(b->clock);
}

static const fusewire_step *next(bench *b) {
    paint(&b->step, sizeof b->step);
    is_ok(fusewire_attempts_next(&b->attempts, &b->step));
    return &b->step;
}

// The next step is a wait; lets it pass.
static uint64_t pass(bench *b) {
    assert_int_equal(next(b)->kind, FUSEWIRE_STEP_WAIT);
    is_ok(fusewire_manual_clock_advance(b->clock, b->step.wait_ns));
    return b->step.wait_ns;
}

#define FIXED "\"retry\": {\"backoff\": {\"kind\": \"fixed\", \"base\": \"100ms\", \"jitter\": 0}}"

static void a_call_that_fails_is_tried_again_after_its_wait(void **state) {
    (void)state;
    bench b = begun_with("{\"timeout\": \"2s\", " FIXED "}", NULL);
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_CALL);
    assert_int_equal(b.step.attempt, 1);
    assert_int_equal(b.step.timeout_ns, 2 * SECOND);
    assert_int_equal(b.step.outcome, FUSEWIRE_INVALID);
    assert_int_equal(b.step.rejection.reason, FUSEWIRE_INVALID);
    assert_string_equal(b.step.rung, "");
    assert_int_equal(b.step.rung_kind, FUSEWIRE_RUNG_NONE);
    is_ok(fusewire_attempts_failure(&b.attempts, "connection_reset"));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_WAIT);
    assert_int_equal(b.step.wait_ns, 100 * MS);
    is_ok(fusewire_manual_clock_advance(b.clock, 40 * MS));
    assert_int_equal(pass(&b), 60 * MS);
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_CALL);
    assert_int_equal(b.step.attempt, 2);
    is_ok(fusewire_attempts_success(&b.attempts));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_OUTCOME_SUCCESS);
    assert_int_equal(b.step.attempt, 2);
    assert_string_equal(b.step.error_type, "");
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    const fusewire_snapshot now = snapshot_of(b.breaker);
    assert_int_equal(now.success, 1);
    assert_int_equal(now.failure, 1);
    assert_int_equal(now.timeout_ns, 2 * SECOND);
    end(&b);
}

static void what_is_not_worth_another_attempt_ends_at_once(void **state) {
    (void)state;
    bench b = begun_with("{" FIXED "}", NULL);
    (void)next(&b);
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    ending.outcome = FUSEWIRE_OUTCOME_FAILURE;
    ending.http_status = 404;
    ending.error_type = "NotFound";
    is_ok(fusewire_attempts_settle(&b.attempts, &ending, NULL));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_OUTCOME_FAILURE);
    assert_string_equal(b.step.error_type, "NotFound");
    end(&b);
}

static void a_status_and_the_dependencys_hint_make_the_wait(void **state) {
    (void)state;
    bench b = begun_with("{" FIXED "}", NULL);
    (void)next(&b);
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    ending.outcome = FUSEWIRE_OUTCOME_FAILURE;
    ending.http_status = 503;
    ending.retry_after_ns = 7 * SECOND;
    is_ok(fusewire_attempts_settle(&b.attempts, &ending, NULL));
    assert_int_equal(pass(&b), 7 * SECOND);
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_CALL);
    end(&b);
}

static void what_the_request_says_of_method_and_deadline_holds(void **state) {
    (void)state;
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.method = "POST";
    bench once = begun_with("{" FIXED "}", &request);
    (void)next(&once);
    is_ok(fusewire_attempts_failure(&once.attempts, "timeout"));
    assert_int_equal(next(&once)->kind, FUSEWIRE_STEP_DONE);
    end(&once);

    request.idempotent = 1;
    request.deadline_ns = 150 * MS;
    bench twice = begun_with("{" FIXED "}", &request);
    assert_int_equal(next(&twice)->timeout_ns, 150 * MS);
    is_ok(fusewire_attempts_failure(&twice.attempts, "timeout"));
    (void)pass(&twice);
    assert_int_equal(next(&twice)->timeout_ns, 50 * MS);
    is_ok(fusewire_attempts_failure(&twice.attempts, "timeout"));
    assert_int_equal(next(&twice)->kind, FUSEWIRE_STEP_DONE);
    end(&twice);

    request.once = 1;
    bench never_again = begun_with("{" FIXED "}", &request);
    (void)next(&never_again);
    is_ok(fusewire_attempts_failure(&never_again.attempts, "timeout"));
    assert_int_equal(next(&never_again)->kind, FUSEWIRE_STEP_DONE);
    end(&never_again);
}

static void the_case_of_a_method_does_not_matter(void **state) {
    (void)state;
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.method = "get";
    bench b = begun_with("{" FIXED "}", &request);
    (void)next(&b);
    is_ok(fusewire_attempts_failure(&b.attempts, "timeout"));
    (void)pass(&b);
    end(&b);
}

static void a_call_that_begins_after_its_deadline_is_over_without_an_attempt(void **state) {
    (void)state;
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.deadline_ns = 0;
    bench b = begun_with("{\"fallback\": [\"empty\"], " FIXED "}", &request);
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_USE);
    is_ok(fusewire_attempts_answered(&b.attempts, false));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_OUTCOME_FAILURE);
    assert_int_equal(b.step.attempt, 0);
    assert_string_equal(b.step.error_type, "timeout");
    assert_int_equal(snapshot_of(b.breaker).failure, 0);
    end(&b);
}

static void rungs_answer_in_their_order_and_the_end_tells_which(void **state) {
    (void)state;
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.key = "order 7";
    bench b = begun_with("{\"cache\": {}, \"fallback\": [\"breaker:mirror\", \"empty\"]}", &request);
    (void)next(&b);
    is_ok(fusewire_attempts_failure(&b.attempts, "timeout"));
    const struct {
        const char *name;
        fusewire_rung kind;
    } rungs[] = {{"cache", FUSEWIRE_RUNG_CACHE}, {"breaker:mirror", FUSEWIRE_RUNG_BREAKER}, {"empty", FUSEWIRE_RUNG_NAMED}};
    for (size_t i = 0; i < COUNT(rungs); i++) {
        assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_USE);
        assert_string_equal(b.step.rung, rungs[i].name);
        assert_int_equal(b.step.rung_kind, rungs[i].kind);
        is_ok(fusewire_attempts_answered(&b.attempts, i == 2));
    }
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_OUTCOME_SUCCESS);
    assert_string_equal(b.step.rung, "empty");
    assert_string_equal(b.step.error_type, "timeout");
    end(&b);
}

static void a_failure_that_stands_asks_no_rung(void **state) {
    (void)state;
    bench b = begun_with("{\"fallback\": [\"empty\"]}", NULL);
    (void)next(&b);
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    ending.outcome = FUSEWIRE_OUTCOME_FAILURE;
    ending.without_fallback = 1;
    is_ok(fusewire_attempts_settle(&b.attempts, &ending, NULL));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_OUTCOME_FAILURE);
    end(&b);
}

static void a_call_that_is_turned_away_tells_why(void **state) {
    (void)state;
    bench b = begun_with("{\"recovery_timeout\": \"30s\"}", NULL);
    is_ok(fusewire_breaker_trip(b.breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.outcome, FUSEWIRE_INVALID);
    assert_int_equal(b.step.rejection.reason, FUSEWIRE_REASON_OPEN);
    assert_int_equal(b.step.rejection.retry_after_ns, 30 * SECOND);
    char *message = NULL;
    is_ok(fusewire_breaker_rejection_message(b.breaker, &b.step.rejection, &message, NULL));
    contains(message, "test");
    fusewire_string_free(message);
    end(&b);
}

static void a_long_error_type_is_cut_and_what_is_no_text_in_it_replaced(void **state) {
    (void)state;
    bench b = begun_with("{}", NULL);
    (void)next(&b);
    char name[201];
    memset(name, 'x', 200);
    name[200] = '\0';
    is_ok(fusewire_attempts_failure(&b.attempts, name));
    assert_true(strlen(next(&b)->error_type) >= 64 && strlen(b.step.error_type) < FUSEWIRE_ERROR_TYPE_SIZE);
    is_ok(fusewire_attempts_abandon(&b.attempts));
    is_ok(fusewire_breaker_begin(b.breaker, NULL, &b.attempts, NULL));
    (void)next(&b);
    is_ok(fusewire_attempts_failure(&b.attempts, "a\xff"));
    assert_string_equal(next(&b)->error_type, "a\xef\xbf\xbd");
    end(&b);
}

static void a_call_that_is_given_up_gives_its_slot_back(void **state) {
    (void)state;
    bench b = begun_with("{\"bulkhead\": {\"max_concurrent\": 1}, " FIXED "}", NULL);
    (void)next(&b);
    assert_int_equal(snapshot_of(b.breaker).slots_taken[FUSEWIRE_PRIORITY_NORMAL], 1);
    is_ok(fusewire_attempts_abandon(&b.attempts));
    const fusewire_snapshot now = snapshot_of(b.breaker);
    assert_int_equal(now.slots_taken[FUSEWIRE_PRIORITY_NORMAL], 0);
    assert_int_equal(now.ignored, 1);
    end(&b);
}

static void an_attempt_waits_for_a_slot_as_long_as_it_may(void **state) {
    (void)state;
    bench b = begun_with("{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 4, \"queue_timeout\": \"10s\"}}", NULL);
    fusewire_permit taken = permit_of(b.breaker);
    paint(&b.step, sizeof b.step);
    answers(FUSEWIRE_TIMED_OUT, fusewire_attempts_next_wait(&b.attempts, 0, &b.step));
    is_still_painted(&b.step, sizeof b.step);
    assert_int_equal(snapshot_of(b.breaker).queued[FUSEWIRE_PRIORITY_NORMAL], 0);
    is_ok(fusewire_permit_success(&taken));
    is_ok(fusewire_attempts_next_wait(&b.attempts, 0, &b.step));
    assert_int_equal(b.step.kind, FUSEWIRE_STEP_CALL);
    assert_int_equal(b.step.attempt, 1);
    end(&b);
}

static void an_event_loop_goes_on_when_the_wait_for_a_slot_has_ended(void **state) {
    (void)state;
    bench b = begun_with("{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 4, \"queue_timeout\": \"10s\"}}", NULL);
    fusewire_permit taken = permit_of(b.breaker);
    fusewire_waiting *waiting = NULL;
    paint(&b.step, sizeof b.step);
    answers(FUSEWIRE_QUEUED, fusewire_attempts_enter(&b.attempts, &b.step, &waiting));
    answers(FUSEWIRE_QUEUED, fusewire_attempts_resume(&b.attempts, waiting, &b.step));
    is_still_painted(&b.step, sizeof b.step);
    is_ok(fusewire_permit_success(&taken));
    is_ok(fusewire_attempts_resume(&b.attempts, waiting, &b.step));
    assert_int_equal(b.step.kind, FUSEWIRE_STEP_CALL);
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_resume(&b.attempts, waiting, &b.step));
    fusewire_waiting_free(waiting);
    is_ok(fusewire_attempts_success(&b.attempts));

    taken = permit_of(b.breaker);
    is_ok(fusewire_breaker_begin(b.breaker, NULL, &b.attempts, NULL));
    answers(FUSEWIRE_QUEUED, fusewire_attempts_enter(&b.attempts, &b.step, &waiting));
    is_ok(fusewire_manual_clock_advance(b.clock, 10 * SECOND));
    is_ok(fusewire_waiting_expire(waiting));
    is_ok(fusewire_attempts_resume(&b.attempts, waiting, &b.step));
    assert_int_equal(b.step.kind, FUSEWIRE_STEP_DONE);
    assert_int_equal(b.step.rejection.reason, FUSEWIRE_REASON_QUEUE_TIMEOUT);
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&taken));
    end(&b);
}

static void a_call_may_be_moved_while_it_goes_on(void **state) {
    (void)state;
    bench b = begun_with("{" FIXED "}", NULL);
    (void)next(&b);
    is_ok(fusewire_attempts_failure(&b.attempts, "timeout"));
    fusewire_attempts moved = b.attempts;
    paint(&b.attempts, sizeof b.attempts);
    b.attempts = moved;
    (void)pass(&b);
    assert_int_equal(next(&b)->attempt, 2);
    end(&b);
}

// ---- hedges ----

#define HEDGED "{\"hedge\": {\"after\": \"50ms\", \"max\": 2}, \"retry\": {\"budget\": {\"min_per_second\": 10}}}"

static void a_hedge_that_answers_first_is_the_attempt_from_there_on(void **state) {
    (void)state;
    bench b = begun_with(HEDGED, NULL);
    (void)next(&b);
    assert_int_equal(fusewire_attempts_hedge_after_ns(&b.attempts), 50 * MS);
    is_ok(fusewire_manual_clock_advance(b.clock, 50 * MS));
    fusewire_permit hedge, late;
    is_ok(fusewire_attempts_hedge(&b.attempts, &hedge));
    is_ok(fusewire_manual_clock_advance(b.clock, 50 * MS));
    is_ok(fusewire_attempts_hedge(&b.attempts, &late));
    assert_int_equal(fusewire_attempts_hedge_after_ns(&b.attempts), FUSEWIRE_NONE);
    is_ok(fusewire_attempts_hedge_won(&b.attempts, &hedge));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_permit_success(&hedge));
    is_ok(fusewire_permit_abandon(&late));
    is_ok(fusewire_attempts_success(&b.attempts));
    assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
    const fusewire_snapshot now = snapshot_of(b.breaker);
    assert_int_equal(now.success, 1);
    assert_int_equal(now.ignored, 2);
    end(&b);
}

static void a_first_attempt_that_fails_before_its_hedges_is_settled_once(void **state) {
    (void)state;
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    ending.outcome = FUSEWIRE_OUTCOME_FAILURE;
    ending.error_type = "internal_error";
    fusewire_permit hedge;
    for (int wins = 0; wins <= 1; wins++) {
        bench b = begun_with(HEDGED, NULL);
        answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_primary_failed(&b.attempts, &ending, NULL));
        (void)next(&b);
        is_ok(fusewire_manual_clock_advance(b.clock, 50 * MS));
        is_ok(fusewire_attempts_hedge(&b.attempts, &hedge));
        is_ok(fusewire_attempts_primary_failed(&b.attempts, &ending, NULL));
        assert_int_equal(snapshot_of(b.breaker).failure, 1);
        answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_primary_failed(&b.attempts, &ending, NULL));
        assert_int_equal(fusewire_attempts_hedge_after_ns(&b.attempts), FUSEWIRE_NONE);
        if (wins) {
            is_ok(fusewire_attempts_hedge_won(&b.attempts, &hedge));
            is_ok(fusewire_attempts_success(&b.attempts));
        } else {
            is_ok(fusewire_permit_failure(&hedge, NULL));
            is_ok(fusewire_attempts_settle(&b.attempts, &ending, NULL));
        }
        assert_int_equal(next(&b)->kind, FUSEWIRE_STEP_DONE);
        const fusewire_snapshot now = snapshot_of(b.breaker);
        assert_int_equal(now.success, wins);
        assert_int_equal(now.failure, 2 - wins);
        assert_int_equal(now.ignored, 0);
        end(&b);
    }
}

static void what_is_no_failure_is_not_told_as_one(void **state) {
    (void)state;
    bench b = begun_with(HEDGED, NULL);
    (void)next(&b);
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    fusewire_error *error = NULL;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_primary_failed(&b.attempts, NULL, NULL));
    ending.outcome = FUSEWIRE_OUTCOME_IGNORED;
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_attempts_primary_failed(&b.attempts, &ending, &error));
    assert_string_equal(fusewire_error_key(error), "ending.outcome");
    fusewire_error_free(error);
    is_ok(fusewire_attempts_settle(&b.attempts, &ending, NULL));
    assert_int_equal(snapshot_of(b.breaker).ignored, 1);
    end(&b);
}

static void there_is_no_hedge_where_none_is_to_be(void **state) {
    (void)state;
    fusewire_permit permit;
    bench plain = begun_with("{}", NULL);
    (void)next(&plain);
    assert_int_equal(fusewire_attempts_hedge_after_ns(&plain.attempts), FUSEWIRE_NONE);
    answers(FUSEWIRE_ABSENT, fusewire_attempts_hedge(&plain.attempts, &permit));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    end(&plain);

    bench b = begun_with(HEDGED, NULL);
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_hedge(&b.attempts, &permit));
    (void)next(&b);
    is_ok(fusewire_breaker_trip(b.breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    answers(FUSEWIRE_ABSENT, fusewire_attempts_hedge(&b.attempts, &permit));
    end(&b);
}

static void a_permit_of_another_handle_wins_nothing(void **state) {
    (void)state;
    bench b = begun_with(HEDGED, NULL);
    (void)next(&b);
    fusewire_breaker *other = fusewire_breaker_clone(b.breaker);
    fusewire_permit permit = permit_of(other);
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_attempts_hedge_won(&b.attempts, &permit));
    is_ok(fusewire_permit_success(&permit));
    answers(FUSEWIRE_ERROR_ALREADY_SETTLED, fusewire_attempts_hedge_won(&b.attempts, &permit));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_attempts_hedge_won(&b.attempts, NULL));
    fusewire_breaker_free(other);
    permit = permit_of(b.breaker);
    is_ok(fusewire_attempts_success(&b.attempts));
    answers(FUSEWIRE_ERROR_WRONG_STEP, fusewire_attempts_hedge_won(&b.attempts, &permit));
    is_ok(fusewire_permit_success(&permit));
    end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_fails_is_tried_again_after_its_wait),
        cmocka_unit_test(what_is_not_worth_another_attempt_ends_at_once),
        cmocka_unit_test(a_status_and_the_dependencys_hint_make_the_wait),
        cmocka_unit_test(what_the_request_says_of_method_and_deadline_holds),
        cmocka_unit_test(the_case_of_a_method_does_not_matter),
        cmocka_unit_test(a_call_that_begins_after_its_deadline_is_over_without_an_attempt),
        cmocka_unit_test(rungs_answer_in_their_order_and_the_end_tells_which),
        cmocka_unit_test(a_failure_that_stands_asks_no_rung),
        cmocka_unit_test(a_call_that_is_turned_away_tells_why),
        cmocka_unit_test(a_long_error_type_is_cut_and_what_is_no_text_in_it_replaced),
        cmocka_unit_test(a_call_that_is_given_up_gives_its_slot_back),
        cmocka_unit_test(an_attempt_waits_for_a_slot_as_long_as_it_may),
        cmocka_unit_test(an_event_loop_goes_on_when_the_wait_for_a_slot_has_ended),
        cmocka_unit_test(a_call_may_be_moved_while_it_goes_on),
        cmocka_unit_test(a_hedge_that_answers_first_is_the_attempt_from_there_on),
        cmocka_unit_test(a_first_attempt_that_fails_before_its_hedges_is_settled_once),
        cmocka_unit_test(what_is_no_failure_is_not_told_as_one),
        cmocka_unit_test(there_is_no_hedge_where_none_is_to_be),
        cmocka_unit_test(a_permit_of_another_handle_wins_nothing),
    };
    return RUN(tests);
}
