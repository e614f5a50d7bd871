// The client: each of its calls goes to the upstream, through a breaker or without. All that this demo needs of fusewire to
// be guarded is in client.c.
#ifndef CLIENT_H
#define CLIENT_H

#include "ledger.h"

#include <curl/curl.h>

// How long a call waits for its answer, in milliseconds. It is not scaled, since the upstream's latencies are not.
#define TIMEOUT_MS 150L
#define FAILURE_THRESHOLD 5

typedef enum ending { ANSWERED, FAILED, REJECTED, ENDINGS } ending;

// The breaker around the calls, the registry that has its metrics, and the account of it.
typedef struct guard {
    fusewire_registry *registry;
    fusewire_breaker *breaker;
    ledger ledger;
} guard;

void guard_open(guard *it, double recovery_timeout_s, bool is_shadow);
void guard_close(guard *it);

// One of the threads that call; each has its own connection.
typedef struct client {
    CURL *curl;
    const char *upstream;
    guard *guard;  // NULL: without.
} client;

void client_open(client *it, const char *upstream, guard *guard);
void client_close(client *it);

// One call, which ends after `TIMEOUT_MS` at the latest.
ending client_call(client *it);

#endif
