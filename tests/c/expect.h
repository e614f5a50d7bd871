// Compares what a vector expects with what there is.
#ifndef EXPECT_H
#define EXPECT_H

#include "failure.h"

#include <stdint.h>

// Nanoseconds of a duration as vectors write it: text with a unit, or a number of seconds.
bool expect_nanos(const json_t *value, uint64_t *nanos, failure *wrong);

// A duration, absent or in a range. `got`: null, an integer of nanoseconds, or a text.
bool expect_duration(const char *what, const json_t *expected, const json_t *got, failure *wrong);

// A value that must be equal; numbers within 1e-9, or in a range.
bool expect_equal(const char *what, const json_t *expected, const json_t *got, failure *wrong);

// Every key that is written must be as it is written; what is left out is not checked.
bool expect_part(const char *what, const json_t *expected, const json_t *got, failure *wrong);

// A duration or an instant as text, which holds all of them, unlike jansson's integers; null for `FUSEWIRE_NONE`.
json_t *expect_nanos_value(uint64_t nanos);

#endif
