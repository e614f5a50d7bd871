// What ends the demo: it cannot go on without it.
#ifndef FAIL_H
#define FAIL_H

#include <stddef.h>

// Prints `demo: ...` on standard error and ends with code 2.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Memory that is there, zeroed.
void *allocate(size_t count, size_t size);

#endif
