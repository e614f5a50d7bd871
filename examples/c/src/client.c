#include "client.h"

#include "fail.h"

#include <stdio.h>

void guard_open(guard *it, double recovery_timeout_s, bool is_shadow) {
    fusewire_options options = FUSEWIRE_OPTIONS_INIT;
    options.failure_threshold = FAILURE_THRESHOLD;
    options.recovery_timeout_ns = (uint64_t)(recovery_timeout_s * 1e9);
    options.mode = is_shadow ? FUSEWIRE_MODE_SHADOW : FUSEWIRE_MODE_AUTO;

    fusewire_error *error = NULL;
    if (fusewire_registry_new(NULL, NULL, 0, &it->registry, &error) != FUSEWIRE_OK ||
        fusewire_registry_get_or_create(it->registry, "upstream", &options, &it->breaker, &error) != FUSEWIRE_OK) {
        fail("%s", fusewire_error_message(error));
    }
    ledger_open(&it->ledger, it->breaker);
}

void guard_close(guard *it) {
    ledger_close(&it->ledger);
    fusewire_breaker_free(it->breaker);
    fusewire_registry_free(it->registry);
}

static size_t discard(char *data, size_t size, size_t count, void *nothing) {
    (void)data, (void)nothing;
    return size * count;
}

void client_open(client *it, const char *upstream, guard *guard) {
    *it = (client){.curl = curl_easy_init(), .upstream = upstream, .guard = guard};
    if (it->curl == NULL) fail("libcurl gives no handle");
    curl_easy_setopt(it->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(it->curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(it->curl, CURLOPT_WRITEFUNCTION, discard);
}

void client_close(client *it) { curl_easy_cleanup(it->curl); }

// Asks the upstream, which counts it under `tag`. Gives NULL when it is answered, or what kind of error it was, in `kind`.
static const char *ask(client *it, const char *tag, char kind[32]) {
    char url[128];
    snprintf(url, sizeof url, "%s/work?tag=%s", it->upstream, tag);
    curl_easy_setopt(it->curl, CURLOPT_URL, url);
    const CURLcode done = curl_easy_perform(it->curl);
    if (done == CURLE_OPERATION_TIMEDOUT) return "timeout";
    long status = 0;
    curl_easy_getinfo(it->curl, CURLINFO_RESPONSE_CODE, &status);
    if (done == CURLE_OK && status < 500) return NULL;
    snprintf(kind, 32, done == CURLE_OK ? "http_%ld" : "curl_%ld", done == CURLE_OK ? status : (long)done);
    return kind;
}

// The call as it is guarded: ask the breaker, call, settle. What stands around it is the ledger's.
static ending guarded_call(client *it) {
    ledger *ledger = &it->guard->ledger;
    fusewire_permit permit;

    pthread_mutex_lock(&ledger->lock);
    const fusewire_status answer = fusewire_breaker_acquire(it->guard->breaker, &permit, NULL);
    const int spell = answer == FUSEWIRE_OK ? ledger_admitted(ledger) : ledger_now(ledger);
    pthread_mutex_unlock(&ledger->lock);
    if (answer != FUSEWIRE_OK) return REJECTED;

    char tag[32], kind[32];
    snprintf(tag, sizeof tag, "spell-%d", spell);
    const char *error = ask(it, tag, kind);

    pthread_mutex_lock(&ledger->lock);
    if (error == NULL) {
        fusewire_permit_success(&permit);
    } else {
        fusewire_permit_failure(&permit, error);
    }
    ledger_ended(ledger, spell, error != NULL);
    pthread_mutex_unlock(&ledger->lock);
    return error == NULL ? ANSWERED : FAILED;
}

ending client_call(client *it) {
    char kind[32];
    if (it->guard != NULL) return guarded_call(it);
    return ask(it, "unprotected", kind) == NULL ? ANSWERED : FAILED;
}
