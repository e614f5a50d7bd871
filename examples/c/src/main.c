// A service under steady load lives through an outage, once without and once with a circuit breaker.

#include "report.h"

#include <stdlib.h>
#include <string.h>

// What both runs of the upstream's script take together when it is not scaled, in seconds.
#define UNSCALED 90

static const char usage[] =
    "usage: demo [--seconds N] [--check] [--shadow]\n"
    "  --seconds N  how long both runs last together, 9 to 900; 40 without it\n"
    "  --check      verify what the breaker promises from what the upstream received; exit with 1 if it does not hold\n"
    "  --shadow     let the breaker only watch: it rejects nothing, and --check finds that out\n";

typedef struct wanted {
    double seconds;
    bool check, shadow;
} wanted;

static wanted read_options(int count, char **texts) {
    wanted wanted = {.seconds = 40};
    for (int i = 1; i < count; i++) {
        if (strcmp(texts[i], "--check") == 0) {
            wanted.check = true;
        } else if (strcmp(texts[i], "--shadow") == 0) {
            wanted.shadow = true;
        } else if (strcmp(texts[i], "--seconds") == 0 && i + 1 < count) {
            char *end;
            wanted.seconds = strtod(texts[++i], &end);
            if (*end != '\0' || !(wanted.seconds >= 9 && wanted.seconds <= 900)) {
                fprintf(stderr, "demo: --seconds %s: allowed are 9 to 900\n%s", texts[i], usage);
                exit(2);
            }
        } else {
            const bool is_help = strcmp(texts[i], "--help") == 0;
            if (!is_help) fprintf(stderr, "demo: there is no option %s\n", texts[i]);
            fputs(usage, is_help ? stdout : stderr);
            exit(is_help ? 0 : 2);
        }
    }
    return wanted;
}

static void print_metrics(const guard *guard) {
    char *metrics;
    if (fusewire_registry_metrics(guard->registry, &metrics, NULL) != FUSEWIRE_OK) return;
    printf("\nMetrics of the second run\n\n%s", metrics);
    fusewire_string_free(metrics);
}

// Whether what it checked holds.
static bool demo(wanted wanted) {
    const double scale = wanted.seconds / UNSCALED;
    upstream upstream;
    upstream_start(&upstream, scale);
    printf("Two runs of %.1f s against %s: %d calls per second from %d threads, each with a timeout of %ld ms.\n"
           "The breaker opens after %d failures in a row and probes %.1f s later.\n"
           "upstream/s: calls that reached the upstream, by its own account. failures/s: calls that failed for their\n"
           "users. rejected/s: those of them that the breaker turned away at once.\n",
           wanted.seconds / 2, upstream.url, RATE, THREADS, TIMEOUT_MS, FAILURE_THRESHOLD, 2 * scale);

    puts("\nFirst run: every call goes to the upstream");
    run bare, guarded;
    run_play(&bare, &upstream, NULL, scale);

    puts("\nSecond run: the same load through a breaker");
    static guard guard;
    guard_open(&guard, 2 * scale, wanted.shadow);
    run_play(&guarded, &upstream, &guard, scale);

    putchar('\n');
    report_table(&bare, &guarded);
    print_metrics(&guard);
    const bool is_kept = !wanted.check || report_check(&bare, &guarded);
    run_free(&bare);
    run_free(&guarded);
    guard_close(&guard);
    upstream_stop(&upstream);
    return is_kept;
}

int main(int count, char **texts) {
    const wanted wanted = read_options(count, texts);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!FUSEWIRE_IS_SERVED()) {
        fprintf(stderr, "demo: libfusewire %s is too old or too new for fusewire.h " FUSEWIRE_VERSION "\n",
                fusewire_version());
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const bool is_kept = demo(wanted);
    curl_global_cleanup();
    return is_kept ? 0 : 1;
}
