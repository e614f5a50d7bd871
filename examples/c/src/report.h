// The table of both runs, and what the breaker promises held against what the upstream received.
//
// No bound of the check rests on how fast the machine is: the upstream counts each call under the spell of the breaker that
// admitted it, and the client knows how many it sent and had in flight.
#ifndef REPORT_H
#define REPORT_H

#include "load.h"

// Every phase, both runs one below the other, and the sums.
void report_table(const run *bare, const run *guarded);

// Prints what was promised, and tells whether all was kept.
bool report_check(const run *bare, const run *guarded);

#endif
