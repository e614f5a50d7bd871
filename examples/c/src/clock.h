// Time as this program counts it: seconds of the monotonic clock.
#ifndef CLOCK_H
#define CLOCK_H

double seconds_now(void);

// Sleeps until then; not at all when that is over.
void sleep_until(double then);

#endif
