// The header alone, twice: it needs nothing before it. What it offers is used as a program uses it, in C and in C++.

#include <fusewire.h>
#include <fusewire.h>

int main(void) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    fusewire_snapshot snapshot = FUSEWIRE_SNAPSHOT_INIT;
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    static const fusewire_permit none = FUSEWIRE_PERMIT_INIT;
    fusewire_breaker *breaker = 0;
    if (!FUSEWIRE_IS_SERVED()) return 1;
    options.failure_threshold = 3;
    if (fusewire_breaker_new("header " FUSEWIRE_VERSION, &options, &breaker, 0) != FUSEWIRE_OK) return 2;
    if (FUSEWIRE_IS_ERROR(fusewire_breaker_acquire(breaker, &permit, 0))) return 3;
    if (fusewire_permit_success(&permit) != FUSEWIRE_OK) return 4;
    if (fusewire_breaker_snapshot(breaker, &snapshot) != FUSEWIRE_OK) return 5;
    fusewire_breaker_free(breaker);
    permit = none;
    return snapshot.success == 1 ? 0 : 6;
}
