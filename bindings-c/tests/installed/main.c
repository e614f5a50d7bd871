// A program of a user's: it finds the header and the library where they were installed.

#include <fusewire.h>
#include <stdio.h>

int main(void) {
    fusewire_breaker *breaker;
    fusewire_permit permit;
    if (fusewire_breaker_from_json("installed", "{\"failure_threshold\": 1}", &breaker, NULL) != FUSEWIRE_OK) return 1;
    if (fusewire_breaker_acquire(breaker, &permit, NULL) != FUSEWIRE_OK) return 2;
    if (fusewire_permit_failure(&permit, "io") != FUSEWIRE_OK) return 3;
    if (fusewire_breaker_acquire(breaker, &permit, NULL) != FUSEWIRE_REJECTED) return 4;
    printf("%s is %s\n", fusewire_breaker_name(breaker), fusewire_state_name(fusewire_breaker_state(breaker)));
    fusewire_breaker_free(breaker);
    return 0;
}
