#include "load.h"

#include "clock.h"
#include "fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What the threads of a run share. The lock is around the calls.
typedef struct load {
    run *run;
    const upstream *upstream;
    pthread_mutex_t lock;
    double began, duration;
    int running;
} load;

typedef struct caller {
    load *load;
    int number;
    pthread_t thread;
} caller;

static void call_once(load *load, client *client, double planned) {
    const ending ending = client_call(client);
    pthread_mutex_lock(&load->lock);
    load->run->calls[load->run->count++] =
        (call){.planned = planned, .latency = seconds_now() - load->began - planned, .ending = ending};
    pthread_mutex_unlock(&load->lock);
}

// Calls begin when the plan says so, whatever the other threads do.
static void *calls(void *argument) {
    const caller *it = argument;
    load *load = it->load;
    client client;
    client_open(&client, load->upstream->url, load->run->guard);
    double planned;
    for (int n = it->number; (planned = (double)n / RATE) < load->duration; n += THREADS) {
        sleep_until(load->began + planned);
        call_once(load, &client, planned);
    }
    client_close(&client);
    pthread_mutex_lock(&load->lock);
    load->running--;
    pthread_mutex_unlock(&load->lock);
    return NULL;
}

int calls_count(const call *calls, int count, ending ending) {
    int found = 0;
    for (int i = 0; i < count; i++) found += calls[i].ending == ending;
    return found;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

const char *calls_percentile(const call *calls, int count, int percent, char text[16]) {
    if (count == 0) return "-";
    double *latencies = allocate((size_t)count, sizeof *latencies);
    for (int i = 0; i < count; i++) latencies[i] = calls[i].latency;
    qsort(latencies, (size_t)count, sizeof *latencies, by_size);
    const int rank = (count * percent + 99) / 100;
    snprintf(text, 16, "%.1f ms", latencies[rank > 0 ? rank - 1 : 0] * 1000);
    free(latencies);
    return text;
}

// A line of what happened in `seconds` up to now.
static void print_line(const load *load, const char *phase, double seconds, long long received, const call *calls,
                       int count) {
    const guard *guard = load->run->guard;
    const char *state = guard == NULL ? "-" : fusewire_state_name(fusewire_breaker_state(guard->breaker));
    const int rejected = calls_count(calls, count, REJECTED), failed = calls_count(calls, count, FAILED) + rejected;
    char p50[16], p99[16];
    printf("%6.1f  %-9s  %-9s  %7.0f  %10.0f  %10.0f  %10.0f  %8s  %8s\n", seconds_now() - load->began, phase, state,
           count / seconds, (double)received / seconds, failed / seconds, rejected / seconds,
           calls_percentile(calls, count, 50, p50), calls_percentile(calls, count, 99, p99));
}

static void note_phase(run *run, const char *name, double began) {
    if (run->phases_count > 0 && strcmp(run->phases[run->phases_count - 1].name, name) == 0) return;
    if (run->phases_count == MOST_PHASES) fail("more than %d phases", MOST_PHASES);
    phase *phase = &run->phases[run->phases_count++];
    snprintf(phase->name, sizeof phase->name, "%s", name);
    phase->began = began;
}

// A line for every tick until the threads are done.
static void watch(load *load, double tick) {
    puts("  time  phase      state      calls/s  upstream/s  failures/s  rejected/s       p50       p99");
    double before = 0;
    long long received = 0;
    int seen = 0;
    bool is_over = false;
    for (double next = tick; !is_over; next += tick) {
        sleep_until(load->began + next);
        char name[32];
        const double elapsed = upstream_phase(load->upstream, name), now = seconds_now() - load->began;
        json_t *stats = upstream_stats(load->upstream);
        const long long total = upstream_count(stats, NULL, "total");
        json_decref(stats);
        note_phase(load->run, name, now - elapsed);

        pthread_mutex_lock(&load->lock);
        const int count = load->run->count;
        is_over = load->running == 0;
        pthread_mutex_unlock(&load->lock);
        // What is there is written once, so it can be read without the lock.
        print_line(load, name, now - before, total - received, load->run->calls + seen, count - seen);
        before = now, received = total, seen = count;
    }
}

// On a machine with other work the script may be over before the last probes are: the upstream is well now, so a few more
// calls bring the breaker back.
static void bring_back(load *load, int most) {
    client client;
    client_open(&client, load->upstream->url, load->run->guard);
    int n = 0;
    while (n < most && fusewire_breaker_state(load->run->guard->breaker) != FUSEWIRE_STATE_CLOSED) {
        const double planned = seconds_now() - load->began;
        call_once(load, &client, planned);
        sleep_until(load->began + planned + 0.02);
        n++;
    }
    client_close(&client);

}

static int phase_at(const run *run, double time) {
    int at = 0;
    for (int i = 0; i < run->phases_count; i++) {
        if (run->phases[i].began <= time) at = i;
    }
    return at;
}

void run_play(run *it, const upstream *upstream, guard *guard, double tick) {
    enum { MOST_EXTRA = 500 };
    load load = {.run = it, .upstream = upstream, .duration = upstream_play(upstream), .running = THREADS};
    load.began = seconds_now();
    pthread_mutex_init(&load.lock, NULL);
    *it = (run){.guard = guard};
    it->calls = allocate((size_t)ceil(load.duration * RATE) + THREADS + MOST_EXTRA, sizeof *it->calls);

    caller callers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (caller){.load = &load, .number = i};
        if (pthread_create(&callers[i].thread, NULL, calls, &callers[i]) != 0) fail("no thread");
    }
    watch(&load, tick);
    for (int i = 0; i < THREADS; i++) pthread_join(callers[i].thread, NULL);
    if (guard != NULL) bring_back(&load, MOST_EXTRA);

    for (int i = 0; i < it->count; i++) it->calls[i].phase = phase_at(it, it->calls[i].planned);
    it->received = upstream_stats(upstream);
    pthread_mutex_destroy(&load.lock);
}

void run_free(run *it) {
    free(it->calls);
    json_decref(it->received);
}
