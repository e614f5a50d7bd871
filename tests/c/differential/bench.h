// One breaker that is led through a script, its clock, and what was seen of it.
#ifndef BENCH_H
#define BENCH_H

#include <fusewire.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MILLISECOND UINT64_C(1000000)

typedef struct bench {
    fusewire_manual_clock *clock;
    fusewire_registry *registry;
    fusewire_breaker *breaker;
    // A thread wakes on time and cuts nothing off; a task's timer does, and rings at whole milliseconds.
    bool is_task;
    // What has happened.
    json_t *steps;
} bench;

void bench_open(bench *b, const json_t *document, bool is_task);
void bench_close(bench *b);

// Lets so many nanoseconds pass.
void bench_pass(bench *b, uint64_t nanos);

// Notes what happened, an object that is taken over, and when.
void bench_see(bench *b, const char *is, json_t *what);

// Notes everything that was counted.
void bench_read(bench *b);

// What an operator does, and time that passes.
void bench_take(bench *b, const json_t *step);

// The end of the process unless that is so.
void must(bool is_so, const char *what);

// Of a key of JSON, or `otherwise` when it is left out or null.
uint64_t number_or(const json_t *object, const char *key, uint64_t otherwise);

// Nanoseconds, or null for `FUSEWIRE_NONE`.
json_t *nanos_or_null(uint64_t nanos);

#endif
