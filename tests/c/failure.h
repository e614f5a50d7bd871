// What went wrong in a case, in one line. Functions that check answer `false` when something is not as it is written,
// after having said so to the `failure` that they were given.
#ifndef FAILURE_H
#define FAILURE_H

#include <jansson.h>
#include <stdbool.h>

typedef struct failure {
    char text[8192];
} failure;

#if defined(__GNUC__)
#define LIKE_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define LIKE_PRINTF
#endif

// Says what is wrong; always `false`.
bool fail(failure *wrong, const char *format, ...) LIKE_PRINTF;

// Says where that which is said already was found; always `false`.
bool fail_at(failure *wrong, const char *format, ...) LIKE_PRINTF;

// Says that `what` should be another value; always `false`.
bool fail_unequal(failure *wrong, const char *what, const json_t *expected, const json_t *got);

#endif
