#include "report.h"

#include "fail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// Probes of one half-open spell: the breaker's default.
#define PROBES 3

static void print_row(const char *phase, const char *name, const call *calls, int count, long long received) {
    const int wasted = calls_count(calls, count, FAILED), rejected = calls_count(calls, count, REJECTED);
    char p50[16], p99[16];
    printf("%-9s  %-11s  %5d  %8d  %8d  %17d  %17lld  %6d  %8s  %8s\n", phase, name, count,
           calls_count(calls, count, ANSWERED), wasted + rejected, rejected, received, wasted,
           calls_percentile(calls, count, 50, p50), calls_percentile(calls, count, 99, p99));
}

static void print_phase(const char *phase, const char *name, const run *run) {
    call *calls = allocate((size_t)run->count + 1, sizeof *calls);
    int count = 0;
    for (int i = 0; i < run->count; i++) {
        if (strcmp(run->phases[run->calls[i].phase].name, phase) == 0) calls[count++] = run->calls[i];
    }
    print_row(phase, name, calls, count, upstream_count(run->received, "by_phase", phase));
    free(calls);
}

void report_table(const run *bare, const run *guarded) {
    puts("phase      run          calls  answered  failures  of these rejected  upstream received  wasted       p50"
         "       p99");
    for (int i = 0; i < bare->phases_count; i++) {
        print_phase(bare->phases[i].name, "unprotected", bare);
        print_phase(bare->phases[i].name, "protected", guarded);
    }
    print_row("all", "unprotected", bare->calls, bare->count, upstream_count(bare->received, NULL, "total"));
    print_row("all", "protected", guarded->calls, guarded->count, upstream_count(guarded->received, NULL, "total"));
    puts("\nA rejected call is a failure for its user too, but one known at once, which can be answered with something"
         " else.\nwasted: calls that the upstream received in vain, with an error or no answer in time; their users"
         " waited.");
}

__attribute__((format(printf, 2, 3))) static bool found(bool is_kept, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("check: %s: ", is_kept ? "ok" : "BROKEN");
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    return is_kept;
}

static long long received_in(const run *run, int index) {
    char tag[32];
    snprintf(tag, sizeof tag, "spell-%d", index);
    return upstream_count(run->received, "by_tag", tag);
}

// The most calls that went through, to the upstream or by the client's account, in one spell of that state.
static long long most_through(const run *run, fusewire_state state) {
    const ledger *ledger = &run->guard->ledger;
    long long most = 0;
    for (int i = 0; i < ledger->count; i++) {
        if (ledger->spells[i].state != state) continue;
        const long long received = received_in(run, i), admitted = ledger->spells[i].admitted;
        const long long through = received > admitted ? received : admitted;
        if (through > most) most = through;
    }
    return most;
}

static bool check_transitions(const ledger *ledger) {
    bool is_in_order = true;
    int opened = 0;
    for (int i = 0; i < ledger->count; i++) {
        is_in_order &= ledger->spells[i].generation == (uint64_t)i;
        opened += ledger->spells[i].state == FUSEWIRE_STATE_OPEN;
    }
    const fusewire_state last = ledger->spells[ledger->count - 1].state;
    const bool a = found(is_in_order, "each of the %d transitions was told, in order", ledger->count - 1);
    const bool b = found(opened > 0 && last == FUSEWIRE_STATE_CLOSED,
                         "the breaker opened in the outage and closed after it (%d times open, in the end %s)", opened,
                         fusewire_state_name(last));
    return a && b;
}

static bool check_through(const run *run) {
    const long long open = most_through(run, FUSEWIRE_STATE_OPEN), half_open = most_through(run, FUSEWIRE_STATE_HALF_OPEN);
    const bool a = found(open == 0, "the upstream received no call that was made while open (at most %lld)", open);
    const bool b = found(half_open <= PROBES, "the upstream received at most %d probes each time it was half open (%lld)",
                         PROBES, half_open);
    return a && b;
}

static bool check_totals(const run *run) {
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    fusewire_breaker_snapshot(run->guard->breaker, &snapshot);
    unsigned long long rejected = 0;
    for (int i = 0; i < FUSEWIRE_REASON_CAPACITY; i++) rejected += snapshot.rejected[i];
    int users[ENDINGS], admitted = 0;
    for (int i = 0; i < ENDINGS; i++) users[i] = calls_count(run->calls, run->count, (ending)i);
    for (int i = 0; i < run->guard->ledger.count; i++) admitted += run->guard->ledger.spells[i].admitted;
    const long long received = upstream_count(run->received, NULL, "total");

    const bool a = found(users[ANSWERED] <= received && received <= admitted,
                         "of %d calls admitted the upstream received %lld, of which %d were answered", admitted, received,
                         users[ANSWERED]);
    const bool b = found(snapshot.success == (unsigned)users[ANSWERED] && snapshot.failure == (unsigned)users[FAILED] &&
                             rejected == (unsigned)users[REJECTED] && snapshot.ignored == 0,
                         "the breaker counted %llu successes, %llu failures and %llu rejections; users saw %d, %d and %d",
                         (unsigned long long)snapshot.success, (unsigned long long)snapshot.failure, rejected,
                         users[ANSWERED], users[FAILED], users[REJECTED]);
    return a && b;
}

// The phases in which no call can succeed: in the second one an answer takes longer than a call waits.
static long long in_outage(const run *run) {
    return upstream_count(run->received, "by_phase", "errors") + upstream_count(run->received, "by_phase", "slow");
}

static bool check_outage(const run *bare, const run *guarded) {
    const ledger *ledger = &guarded->guard->ledger;
    int failed = 0, in_flight = 0, probes = 0;
    for (int i = 0; i < ledger->count; i++) {
        const spell *spell = &ledger->spells[i];
        if (spell->state == FUSEWIRE_STATE_CLOSED) failed += spell->failed;
        if (spell->state == FUSEWIRE_STATE_HALF_OPEN) probes += spell->admitted;
        if (spell->state == FUSEWIRE_STATE_OPEN && i > 0 && ledger->spells[i - 1].state == FUSEWIRE_STATE_CLOSED) {
            in_flight += spell->in_flight;
        }
    }
    const long long arrived = in_outage(guarded);
    return found(arrived <= failed + in_flight + probes,
                 "while nothing could succeed the upstream received %lld calls instead of %lld; allowed were %d (%d failed "
                 "while closed, %d were in flight as it opened, %d were probes)",
                 arrived, in_outage(bare), failed + in_flight + probes, failed, in_flight, probes);
}

bool report_check(const run *bare, const run *guarded) {
    const bool transitions = check_transitions(&guarded->guard->ledger), through = check_through(guarded);
    const bool totals = check_totals(guarded), outage = check_outage(bare, guarded);
    return transitions && through && totals && outage;
}
