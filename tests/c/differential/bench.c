#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void must(bool is_so, const char *what) {
    if (!is_so) {
        (void)fprintf(stderr, "differential: %s did not succeed\n", what);
        exit(2);
    }
}

uint64_t number_or(const json_t *object, const char *key, uint64_t otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

json_t *nanos_or_null(uint64_t nanos) {
    return nanos == FUSEWIRE_NONE ? json_null() : json_integer((json_int_t)nanos);
}

void bench_open(bench *b, const json_t *document, bool is_task) {
    *b = (bench){.clock = fusewire_manual_clock_new(), .is_task = is_task, .steps = json_array()};
    must(fusewire_registry_new(b->clock, NULL, 0, &b->registry, NULL) == FUSEWIRE_OK, "a registry");
    char *text = json_dumps(document, 0);
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.document = text;
    fusewire_error *error = NULL;
    if (fusewire_registry_get_or_create(b->registry, "case", &options, &b->breaker, &error) != FUSEWIRE_OK) {
        must(false, fusewire_error_message(error));
    }
    free(text);
}

void bench_close(bench *b) {
    json_decref(b->steps);
    fusewire_breaker_free(b->breaker);
    fusewire_registry_free(b->registry);
    fusewire_manual_clock_free(b->clock);
}

void bench_pass(bench *b, uint64_t nanos) {
    uint64_t until = fusewire_manual_clock_now(b->clock) + nanos;
    if (b->is_task) {
        until = (until + MILLISECOND - 1) / MILLISECOND * MILLISECOND;
    }
    must(fusewire_manual_clock_set(b->clock, until) == FUSEWIRE_OK, "the clock");
}

void bench_see(bench *b, const char *is, json_t *what) {
    must(json_object_set_new(what, "is", json_string(is)) == 0, "memory");
    json_t *now = json_integer((json_int_t)fusewire_manual_clock_now(b->clock));
    must(json_object_set_new(what, "at", now) == 0 && json_array_append_new(b->steps, what) == 0, "memory");
}

void bench_read(bench *b) {
    char *text = NULL;
    must(fusewire_registry_metrics(b->registry, &text, NULL) == FUSEWIRE_OK, "metrics");
    json_t *counted = json_array();
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        bool is_zero = length >= 2 && memcmp(line + length - 2, " 0", 2) == 0;
        if (length > 0 && *line != '#' && !is_zero) {
            must(json_array_append_new(counted, json_stringn(line, length)) == 0, "memory");
        }
        line += length + (line[length] == '\n');
    }
    fusewire_string_free(text);
    bench_see(b, "read", json_pack("{s:o}", "metrics", counted));
}

static fusewire_mode mode_of(const char *name) {
    static const char *const names[] = {"auto", "shadow", "forced_open", "forced_closed"};
    static const fusewire_mode modes[] = {FUSEWIRE_MODE_AUTO, FUSEWIRE_MODE_SHADOW, FUSEWIRE_MODE_FORCED_OPEN,
                                          FUSEWIRE_MODE_FORCED_CLOSED};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(names[i], name) == 0) {
            return modes[i];
        }
    }
    must(false, name);
    return FUSEWIRE_MODE_AUTO;
}

void bench_take(bench *b, const json_t *step) {
    const char *what = json_string_value(json_object_get(step, "do"));
    const json_t *to = json_object_get(step, "to");
    const uint64_t long_ns = number_or(step, "to", 0) * MILLISECOND;
    fusewire_status status = FUSEWIRE_OK;
    if (strcmp(what, "advance") == 0) {
        bench_pass(b, long_ns);
    } else if (strcmp(what, "trip") == 0) {
        status = fusewire_breaker_trip(b->breaker, json_is_null(to) ? FUSEWIRE_NONE : long_ns, NULL, NULL, NULL);
    } else if (strcmp(what, "reset") == 0) {
        status = fusewire_breaker_reset(b->breaker, NULL, NULL);
    } else if (strcmp(what, "half_open") == 0) {
        status = fusewire_breaker_half_open(b->breaker, NULL, NULL);
    } else if (strcmp(what, "poll") == 0) {
        status = fusewire_breaker_poll(b->breaker);
    } else if (strcmp(what, "mode") == 0) {
        status = fusewire_breaker_set_mode(b->breaker, mode_of(json_string_value(to)), NULL, NULL);
    } else {
        must(strcmp(what, "utilisation") == 0, what);
        status = fusewire_breaker_set_utilisation(b->breaker, json_number_value(to), NULL);
    }
    must(!FUSEWIRE_IS_ERROR(status), what);
}
