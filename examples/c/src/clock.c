#include "clock.h"

#include <errno.h>
#include <time.h>

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sleep_until(double then) {
    for (double left; (left = then - seconds_now()) > 0;) {
        const time_t whole = (time_t)left;
        const struct timespec wait = {.tv_sec = whole, .tv_nsec = (long)((left - (double)whole) * 1e9)};
        if (nanosleep(&wait, NULL) != 0 && errno != EINTR) return;
    }
}
