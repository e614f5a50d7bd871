#include "waits.h"

#include "json.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

static void woken(void *userdata) {
    kept_wait *wait = userdata;
    (void)json_array_append_new(wait->woken, json_string(wait->name));
}

bool waits_begin(bench *b, const char *name, fusewire_waiting *waiting, failure *wrong) {
    const size_t length = strlen(name) + 1;
    if (b->woken == NULL) {
        b->woken = must_have(json_array());
    }
    kept_wait *wait = must_have(malloc(sizeof *wait));
    *wait = (kept_wait){.waiting = waiting, .woken = b->woken};
    wait->name = memcpy(must_have(malloc(length)), name, length);
    b->waits = must_have(realloc(b->waits, (b->wait_count + 1) * sizeof *b->waits));
    b->waits[b->wait_count++] = wait;
    const fusewire_status status = fusewire_waiting_notify(waiting, woken, wait);
    return status == FUSEWIRE_OK || case_unexpected("notify", status, NULL, wrong);
}

static kept_wait **find(const bench *b, const char *name) {
    for (size_t i = 0; name != NULL && i < b->wait_count; i++) {
        if (strcmp(b->waits[i]->name, name) == 0) {
            return &b->waits[i];
        }
    }
    return NULL;
}

fusewire_waiting *waits_named(const bench *b, const char *name) {
    kept_wait **found = find(b, name);
    return found ? (*found)->waiting : NULL;
}

static void forget(bench *b, kept_wait **place) {
    kept_wait *wait = *place;
    const size_t after = b->wait_count - (size_t)(place - b->waits) - 1;
    memmove(place, place + 1, after * sizeof *place);
    b->wait_count--;
    fusewire_waiting_free(wait->waiting);
    free(wait->name);
    free(wait);
}

bool waits_cancel(bench *b, const char *name) {
    kept_wait **found = find(b, name);
    if (found != NULL) {
        forget(b, found);
    }
    return found != NULL;
}

bool waits_expire(bench *b, failure *wrong) {
    size_t due = 0;
    fusewire_waiting *last = NULL;
    for (size_t i = 0; i < b->wait_count; i++) {
        if (fusewire_waiting_left_ns(b->waits[i]->waiting) == 0) {
            due++;
            last = b->waits[i]->waiting;
        }
    }
    // One by itself; of several the breaker knows the order.
    const fusewire_status status = due == 1  ? fusewire_waiting_expire(last)
                                   : due > 1 ? fusewire_breaker_poll(b->breaker)
                                             : (fusewire_status)FUSEWIRE_OK;
    return status == FUSEWIRE_OK || case_unexpected("the end of a wait", status, NULL, wrong);
}

typedef struct ended {
    json_t *granted, *timed_out, *refused;
} ended;

// What became of a call that was woken. Asked by turns in each of the two ways.
static bool end_one(bench *b, kept_wait **place, ended *all, failure *wrong) {
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    fusewire_rejection rejection = {.reason = FUSEWIRE_INVALID};
    kept_wait *wait = *place;
    const fusewire_status status = b->turns++ % 2 == 0 ? fusewire_waiting_try_end(wait->waiting, &permit, &rejection)
                                                       : fusewire_waiting_wait(wait->waiting, 0, &permit, &rejection);
    json_t *name = json_string(wait->name);
    // Who was turned away has a name still, of which nothing is left to settle or to drop.
    step_keep(b, wait->name, permit);
    if (status == FUSEWIRE_OK) {
        (void)json_array_append(all->granted, name);
    } else if (status == FUSEWIRE_REJECTED && rejection.reason == FUSEWIRE_REASON_QUEUE_TIMEOUT) {
        (void)json_array_append(all->timed_out, name);
    } else if (status == FUSEWIRE_REJECTED) {
        (void)json_object_set_new(all->refused, wait->name, json_string(fusewire_reason_name(rejection.reason)));
    }
    json_decref(name);
    if (status != FUSEWIRE_OK && status != FUSEWIRE_REJECTED) {
        (void)case_unexpected("was woken", status, NULL, wrong);
        return fail_at(wrong, "%s: ", wait->name);
    }
    forget(b, place);
    return true;
}

static bool still_wait(const bench *b, failure *wrong) {
    for (size_t i = 0; i < b->wait_count; i++) {
        fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
        const fusewire_status status = fusewire_waiting_try_end(b->waits[i]->waiting, &permit, NULL);
        if (status != FUSEWIRE_QUEUED) {
            return fail(wrong, "the wait of %s has ended and nobody was told: %s", b->waits[i]->name,
                        fusewire_status_text(status));
        }
    }
    return true;
}

static bool end_all(bench *b, ended *all, failure *wrong) {
    json_t *names = b->woken, *name;
    size_t i;
    bool fits = true;
    json_array_foreach(names, i, name) {
        kept_wait **place = find(b, json_string_value(name));
        fits = fits && (place != NULL ? end_one(b, place, all, wrong)
                                      : fail(wrong, "%s was woken and does not wait", json_string_value(name)));
    }
    (void)json_array_clear(names);
    return fits && still_wait(b, wrong);
}

static bool is(const char *key, const json_t *step, const json_t *got, failure *wrong) {
    const json_t *expected = json_object_get(step, key);
    bool is_nothing = expected == NULL && json_array_size(got) + json_object_size(got) == 0;
    return is_nothing || json_equal(expected, got) == 1 || fail_unequal(wrong, key, expected, got);
}

bool waits_collect(bench *b, const json_t *step, failure *wrong) {
    ended all = {must_have(json_array()), must_have(json_array()), must_have(json_object())};
    bool fits = end_all(b, &all, wrong) && is("granted", step, all.granted, wrong) &&
                is("timed_out", step, all.timed_out, wrong) && is("refused", step, all.refused, wrong);
    json_decref(all.granted);
    json_decref(all.timed_out);
    json_decref(all.refused);
    return fits;
}

void waits_free(bench *b) {
    while (b->wait_count > 0) {
        forget(b, &b->waits[b->wait_count - 1]);
    }
    free(b->waits);
    json_decref(b->woken);
}
