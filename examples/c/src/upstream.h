// The upstream: `examples/upstream` as a process of its own, on a free port of loopback.
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct upstream {
    char url[64];
    pid_t process;
    int standard_input;
    FILE *standard_output;
} upstream;

// Starts it. It ends with `upstream_stop`, and by itself should this process die: its standard input is a pipe.
void upstream_start(upstream *it, double scale);
void upstream_stop(upstream *it);

// Begins the script again; tells how long it lasts, in seconds.
double upstream_play(const upstream *it);

// For how many seconds the phase has lasted; its name goes to `name`.
double upstream_phase(const upstream *it, char name[32]);

// The calls that it received: `total`, `by_phase` and `by_tag`. To be given back with `json_decref`.
json_t *upstream_stats(const upstream *it);

// A count in such an answer; 0 when it is not there. `group` may be NULL.
long long upstream_count(const json_t *stats, const char *group, const char *name);

#endif
