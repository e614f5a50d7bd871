// Calls that wait, and what becomes of them. A wait has ended once its callback was called: nobody looks before.
#ifndef WAITS_H
#define WAITS_H

#include "case.h"

// Keeps a place in the queue under a name.
bool waits_begin(bench *b, const char *name, fusewire_waiting *waiting, failure *wrong);

// The place of that name; NULL when none waits.
fusewire_waiting *waits_named(const bench *b, const char *name);

// Gives a place up; answers whether there was one.
bool waits_cancel(bench *b, const char *name);

// Ends the waits whose time is over, as a timer would.
bool waits_expire(bench *b, failure *wrong);

// Compares what became of calls that waited with what the step says; what it leaves out has not happened.
bool waits_collect(bench *b, const json_t *step, failure *wrong);

void waits_free(bench *b);

#endif
