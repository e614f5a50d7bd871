// What a C program does around its calls, in loops long enough to be timed. The measuring program drives them.

#include <fusewire.h>
#include <stdlib.h>

enum { GOOD = 42, BAD = 0 };

// The bare call: gives the request back, and the compiler cannot see through it.
static __attribute__((noinline)) uint64_t work(uint64_t request) {
    __asm__ volatile("" : "+r"(request));
    return request;
}

static inline uint64_t opaque(uint64_t value) {
    __asm__ volatile("" : "+r"(value));
    return value;
}

fusewire_breaker *loops_breaker(const char *document) {
    fusewire_breaker *breaker = NULL;
    if (fusewire_breaker_from_json("bench", document, &breaker, NULL) != FUSEWIRE_OK) abort();
    return breaker;
}

void loops_breaker_free(fusewire_breaker *breaker) { fusewire_breaker_free(breaker); }

void loops_bare(fusewire_breaker *breaker, uint64_t calls) {
    (void)breaker;
    for (uint64_t i = 0; i < calls; i++) opaque(work(opaque(GOOD)));
}

static fusewire_status by_permit(fusewire_breaker *breaker, uint64_t request) {
    fusewire_permit permit;
    fusewire_rejection rejection;
    fusewire_status status = fusewire_breaker_acquire(breaker, &permit, &rejection);
    if (status != FUSEWIRE_OK) return status;
    return work(request) != BAD ? fusewire_permit_success(&permit) : fusewire_permit_failure(&permit, NULL);
}

void loops_permit(fusewire_breaker *breaker, uint64_t calls) {
    for (uint64_t i = 0; i < calls; i++) {
        if (by_permit(breaker, opaque(GOOD)) != FUSEWIRE_OK) abort();
    }
}

static fusewire_outcome function(void *userdata, const char **error_type) {
    (void)error_type;
    return work(*(uint64_t *)userdata) != BAD ? FUSEWIRE_OUTCOME_SUCCESS : FUSEWIRE_OUTCOME_FAILURE;
}

void loops_call(fusewire_breaker *breaker, uint64_t calls) {
    uint64_t request = GOOD;
    for (uint64_t i = 0; i < calls; i++) {
        if (fusewire_breaker_call(breaker, function, &request, NULL, NULL) != FUSEWIRE_OK) abort();
    }
}

void loops_rejected(fusewire_breaker *breaker, uint64_t calls) {
    if (fusewire_breaker_state(breaker) == FUSEWIRE_STATE_CLOSED
        && fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL) != FUSEWIRE_OK) abort();
    for (uint64_t i = 0; i < calls; i++) {
        if (by_permit(breaker, opaque(GOOD)) != FUSEWIRE_REJECTED) abort();
    }
}

uint32_t loops_abi(void) { return FUSEWIRE_IS_SERVED() ? FUSEWIRE_ABI_VERSION : 0; }
