// What a call asks for, as vectors write it.
#ifndef REQUEST_H
#define REQUEST_H

#include "failure.h"

#include <fusewire.h>
#include <stdint.h>

// A request that is wrong: the field, and what is said of it. `error` is the library's, or NULL when the header's types
// already say so.
typedef struct request_error {
    const char *key;
    char message[256];
    fusewire_error *error;
} request_error;

// Reads the request of a step; `is_there` says whether it has one; its texts are the step's. `false` when no request can
// be made of it: see `refused` then, and free its error.
bool request_of(const json_t *step, fusewire_request *request, bool *is_there, request_error *refused);

// A priority by name or number; `false` and the library's error when it is none.
bool request_priority(const json_t *written, fusewire_priority *priority, fusewire_error **error);

// Whether what is said of a request is what a step expects. Frees the error.
bool request_refused(request_error *refused, const json_t *expected, failure *wrong);

#endif
