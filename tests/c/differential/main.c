// Leads the C library through the scripts of tests/run-differential, by a caller's loop as docs/c.md has it, in each form in
// which attempts ask, and prints what happened: differential-c SCRIPTS.

#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef fusewire_status (*asking)(fusewire_attempts *attempts, fusewire_step *step);

// Nobody holds slots here, so that none waits in a queue.
static fusewire_status next_waits(fusewire_attempts *attempts, fusewire_step *step) {
    return fusewire_attempts_next_wait(attempts, 0, step);
}

static fusewire_status enters(fusewire_attempts *attempts, fusewire_step *step) {
    fusewire_waiting *waiting = NULL;
    return fusewire_attempts_enter(attempts, step, &waiting);
}

static const struct {
    const char *name;
    asking ask;
    bool is_task;
} ways[] = {
    {"stepper", fusewire_attempts_next, false},
    {"stepper", fusewire_attempts_next, true},
    {"stepper, next_wait", next_waits, false},
    {"stepper, enter", enters, true},
};

// What the function of one call did so far.
typedef struct made {
    const json_t *acts;
    size_t calls;
    // Why the last attempt that ran has failed; "" when it has not.
    char error[128];
} made;

static json_t *text_or_null(const char *text) {
    return text == NULL || *text == '\0' ? json_null() : json_string(text);
}

static fusewire_request request_of(const bench *b, const json_t *written) {
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.method = json_string_value(json_object_get(written, "method"));
    request.key = json_string_value(json_object_get(written, "key"));
    request.feature = json_string_value(json_object_get(written, "feature"));
    request.idempotent = json_is_true(json_object_get(written, "idempotent"));
    const uint64_t after = number_or(written, "deadline", FUSEWIRE_NONE);
    if (after != FUSEWIRE_NONE) {
        request.deadline_ns = fusewire_manual_clock_now(b->clock) + after * MILLISECOND;
    }
    return request;
}

static void say(made *made, const json_t *act) {
    const char *type = json_string_value(json_object_get(act, "error_type"));
    const uint64_t status = number_or(act, "status", 0);
    char text[32];
    (void)snprintf(text, sizeof text, "%u", (unsigned)status);
    const char *shown = type ? type : status ? text : json_string_value(json_object_get(act, "outcome"));
    (void)snprintf(made->error, sizeof made->error, "%zu: %s", made->calls, shown);
}

// Makes the attempt of the step, and settles it.
static void attempt(bench *b, fusewire_attempts *attempts, const fusewire_step *step, made *made) {
    const size_t last = json_array_size(made->acts) - 1;
    const json_t *act = json_array_get(made->acts, made->calls < last ? made->calls : last);
    const char *outcome = json_string_value(json_object_get(act, "outcome"));
    const uint64_t takes = number_or(act, "takes", 0), limit = step->timeout_ns;
    made->calls++;
    made->error[0] = '\0';
    if (b->is_task && limit != FUSEWIRE_NONE && (limit + MILLISECOND - 1) / MILLISECOND < takes) {
        bench_pass(b, limit);
        (void)snprintf(made->error, sizeof made->error, "timeout of %llu", (unsigned long long)limit);
        must(!FUSEWIRE_IS_ERROR(fusewire_attempts_failure(attempts, "timeout")), "failure");
        return;
    }
    bench_pass(b, takes * MILLISECOND);
    fusewire_ending ending = FUSEWIRE_ENDING_INIT;
    if (strcmp(outcome, "success") != 0) {
        ending.outcome = strcmp(outcome, "ignored") == 0 ? FUSEWIRE_OUTCOME_IGNORED : FUSEWIRE_OUTCOME_FAILURE;
        say(made, act);
    }
    ending.error_type = json_string_value(json_object_get(act, "error_type"));
    ending.http_status = (uint32_t)number_or(act, "status", 0);
    const uint64_t hint = number_or(act, "retry_after", FUSEWIRE_NONE);
    ending.retry_after_ns = hint == FUSEWIRE_NONE ? hint : hint * MILLISECOND;
    must(!FUSEWIRE_IS_ERROR(fusewire_attempts_settle(attempts, &ending, NULL)), "settle");
}

// The library's own word for the end, and what it is to who called.
static void end(bench *b, const fusewire_step *step, const made *made) {
    bool is_rejected = step->rejection.reason != FUSEWIRE_INVALID, has_run = made->calls > 0;
    const char *reason = is_rejected ? fusewire_reason_name(step->rejection.reason) : NULL;
    const char *outcome = step->outcome == FUSEWIRE_INVALID ? "rejected" : fusewire_outcome_name(step->outcome);
    json_t *after = nanos_or_null(is_rejected ? step->rejection.retry_after_ns : FUSEWIRE_NONE);
    bench_see(b, "done",
              json_pack("{s:s, s:o, s:i, s:o, s:o, s:o}", "outcome", outcome, "rung", text_or_null(step->rung), "attempts",
                        (int)step->attempt, "rejected", text_or_null(reason), "retry_after", after, "error_type",
                        text_or_null(step->error_type)));
    char own[32] = "", why[128] = "";
    if (*step->rung == '\0' && has_run && *made->error == '\0') {
        (void)snprintf(own, sizeof own, "%zu", made->calls);
    }
    if (has_run) {
        (void)snprintf(why, sizeof why, "%s", made->error);
    } else if (is_rejected) {
        (void)snprintf(why, sizeof why, "rejected: %s", reason);
    }
    bench_see(b, "over",
              json_pack("{s:o, s:i, s:o, s:o}", "value", text_or_null(*step->rung ? step->rung : own), "attempts",
                        (int)step->attempt, "error", text_or_null(why), "rejected",
                        text_or_null(has_run ? reason : NULL)));
}

static bool is_in(const json_t *rungs, const char *rung) {
    size_t i;
    const json_t *name;
    json_array_foreach(rungs, i, name) {
        if (strcmp(json_string_value(name), rung) == 0) {
            return true;
        }
    }
    return false;
}

static void lead(bench *b, const json_t *call, asking ask) {
    const fusewire_request request = request_of(b, json_object_get(call, "request"));
    made made = {.acts = json_object_get(call, "acts")};
    fusewire_attempts attempts;
    must(fusewire_breaker_begin(b->breaker, &request, &attempts, NULL) == FUSEWIRE_OK, "begin");
    fusewire_step step;
    do {
        must(ask(&attempts, &step) == FUSEWIRE_OK, "next");
        switch (step.kind) {
        case FUSEWIRE_STEP_CALL:
            bench_see(b, "call",
                      json_pack("{s:i, s:o}", "attempt", (int)step.attempt, "timeout", nanos_or_null(step.timeout_ns)));
            attempt(b, &attempts, &step, &made);
            break;
        case FUSEWIRE_STEP_WAIT:
            bench_see(b, "wait", json_pack("{s:I}", "for", (json_int_t)step.wait_ns));
            bench_pass(b, step.wait_ns);
            break;
        case FUSEWIRE_STEP_USE:
            bench_see(b, "use", json_pack("{s:s}", "rung", step.rung));
            must(fusewire_attempts_answered(&attempts, is_in(json_object_get(call, "rungs"), step.rung)) == FUSEWIRE_OK,
                 "answered");
            break;
        default: end(b, &step, &made);
        }
    } while (step.kind != FUSEWIRE_STEP_DONE);
    bench_read(b);
}

static void run(int number, const json_t *script) {
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        bench b;
        bench_open(&b, json_object_get(script, "document"), ways[way].is_task);
        size_t i, j;
        const json_t *call, *then;
        json_array_foreach(json_object_get(script, "calls"), i, call) {
            lead(&b, call, ways[way].ask);
            json_array_foreach(json_object_get(call, "then"), j, then) {
                bench_take(&b, then);
            }
        }
        json_t *report = json_pack("{s:i, s:s, s:s, s:s, s:O}", "script", number, "way", ways[way].name, "host",
                                   ways[way].is_task ? "task" : "thread", "sees", "steps", "steps", b.steps);
        must(json_dumpf(report, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF, "printing");
        json_decref(report);
        bench_close(&b);
    }
}

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (file == NULL) {
        (void)fputs("usage: differential-c SCRIPTS\n", stderr);
        return 2;
    }
    char *line = NULL;
    size_t room = 0;
    for (int number = 0; getline(&line, &room, file) > 0; number++) {
        json_t *script = json_loads(line, 0, NULL);
        must(script != NULL, "reading a script");
        run(number, script);
        json_decref(script);
    }
    free(line);
    (void)fclose(file);
    return 0;
}
