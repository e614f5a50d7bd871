// One run: the script from its start to its end under a steady load, with a line for every tick.
#ifndef LOAD_H
#define LOAD_H

#include "client.h"
#include "upstream.h"

// Calls per second, and the threads that share them: enough that none is late while every call waits for its timeout.
#define RATE 80
#define THREADS 16

#define MOST_PHASES 16

// A call that has ended.
typedef struct call {
    double planned;  // When it was to begin, in seconds of the run.
    double latency;  // From then on, in seconds: who began late kept the user waiting.
    ending ending;
    int phase;
} call;

typedef struct phase {
    char name[32];
    double began;
} phase;

// What a run leaves behind.
typedef struct run {
    guard *guard;
    int count;
    call *calls;
    int phases_count;
    phase phases[MOST_PHASES];
    json_t *received;
} run;

// Plays the whole script. `guard`: NULL for calls without a breaker. `tick`: seconds between two lines.
void run_play(run *it, const upstream *upstream, guard *guard, double tick);
void run_free(run *it);

// How many of the calls ended so.
int calls_count(const call *calls, int count, ending ending);
// The smallest latency that at least this share of the calls do not exceed, as a text.
const char *calls_percentile(const call *calls, int count, int percent, char text[16]);

#endif
