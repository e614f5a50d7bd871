// The client's own account of the breaker: its states as the events tell them, and the calls admitted in each.
//
// It is kept apart from the breaker's counts, so that one can be held against the other and both against what the upstream
// received. Its lock is around asking and settling, not around the call: so each call finds its own spell, whichever thread
// made the transition. The breaker itself needs no lock.
#ifndef LEDGER_H
#define LEDGER_H

#include <fusewire.h>
#include <pthread.h>

// From one transition to the next.
typedef struct spell {
    fusewire_state state;
    uint64_t generation;
    int in_flight;  // Calls admitted before and not ended when it began.
    int admitted;
    int failed;
} spell;

#define MOST_SPELLS 1000

typedef struct ledger {
    pthread_mutex_t lock;
    fusewire_subscription *events;
    double began;
    int in_flight;
    int count;
    spell spells[MOST_SPELLS];
} ledger;

// Follows the breaker from now on. Prints each transition.
void ledger_open(ledger *it, fusewire_breaker *breaker);
void ledger_close(ledger *it);

// With the lock: what the breaker told meanwhile; then the index of the spell that runs.
int ledger_now(ledger *it);
// With the lock: a call was admitted; gives the index of its spell.
int ledger_admitted(ledger *it);
// With the lock: a call of that spell has ended, and was settled.
void ledger_ended(ledger *it, int index, bool has_failed);

#endif
