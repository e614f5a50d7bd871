#include "ledger.h"

#include "clock.h"
#include "fail.h"

#include <stdio.h>

void ledger_open(ledger *it, fusewire_breaker *breaker) {
    pthread_mutex_init(&it->lock, NULL);
    it->began = seconds_now();
    it->count = 1;
    it->spells[0] = (spell){.state = fusewire_breaker_state(breaker)};
    const fusewire_status status = fusewire_breaker_subscribe(breaker, MOST_SPELLS, &it->events);
    if (status != FUSEWIRE_OK) fail("no events: %s", fusewire_status_text(status));
}

void ledger_close(ledger *it) {
    fusewire_subscription_free(it->events);
    pthread_mutex_destroy(&it->lock);
}

static void turn(ledger *it, const fusewire_event *event) {
    if (it->count == MOST_SPELLS) fail("more than %d transitions", MOST_SPELLS);
    it->spells[it->count++] =
        (spell){.state = event->to, .generation = event->generation, .in_flight = it->in_flight};
    printf("%6.1f  %s -> %s (%s), %d calls in flight\n", seconds_now() - it->began, fusewire_state_name(event->from),
           fusewire_state_name(event->to), fusewire_cause_name(event->cause), it->in_flight);
}

int ledger_now(ledger *it) {
    fusewire_event event;
    size_t taken = 0;
    while (fusewire_subscription_drain(it->events, &event, sizeof event, 1, &taken) == FUSEWIRE_OK && taken == 1) {
        if (event.kind == FUSEWIRE_EVENT_TRANSITION) turn(it, &event);
    }
    return it->count - 1;
}

int ledger_admitted(ledger *it) {
    const int index = ledger_now(it);
    it->spells[index].admitted++;
    it->in_flight++;
    return index;
}

void ledger_ended(ledger *it, int index, bool has_failed) {
    // What ends later than its spell was in flight as the next one began. A failure that ends its own spell counts there.
    if (has_failed && index == it->count - 1) it->spells[index].failed++;
    it->in_flight--;
    ledger_now(it);
}
