// Places in a queue, as an event loop has them: nothing here blocks, and the clock is moved by hand.

#include "common.h"

#include <unistd.h>

#define ONE_SLOT "{\"bulkhead\": {\"max_concurrent\": 1, \"max_queue\": 8, \"queue_timeout\": \"1s\"}}"

typedef struct bench {
    fusewire_manual_clock *clock;
    fusewire_breaker *breaker;
    // Of the call that has the slot.
    fusewire_permit taken;
} bench;

static int make(void **state) {
    static bench b;
    b.clock = fusewire_manual_clock_new();
    b.breaker = breaker_on(b.clock, ONE_SLOT);
    b.taken = permit_of(b.breaker);
    *state = &b;
    return 0;
}

static int unmake(void **state) {
    bench *b = *state;
    // All slots are back, and nobody waits.
    fusewire_snapshot s = snapshot_of(b->breaker);
    for (size_t i = 0; i < FUSEWIRE_PRIORITY_COUNT; i++) assert_int_equal(s.slots_taken[i] + s.queued[i], 0);
    fusewire_breaker_free(b->breaker);
    fusewire_manual_clock_free(b->clock);
    return 0;
}

static fusewire_reason refused(fusewire_waiting *waiting) {
    fusewire_permit permit;
    fusewire_rejection rejection = {.reason = FUSEWIRE_INVALID};
    answers(FUSEWIRE_REJECTED, fusewire_waiting_try_end(waiting, &permit, &rejection));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    return rejection.reason;
}

static void granted(fusewire_waiting *waiting, fusewire_permit *permit) {
    is_ok(fusewire_waiting_try_end(waiting, permit, NULL));
}

static void still_waits(fusewire_waiting *waiting) {
    fusewire_permit permit;
    fusewire_rejection rejection;
    paint(&rejection, sizeof rejection);
    answers(FUSEWIRE_QUEUED, fusewire_waiting_try_end(waiting, &permit, &rejection));
    answers(FUSEWIRE_TIMED_OUT, fusewire_waiting_wait(waiting, 0, &permit, &rejection));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
    is_still_painted(&rejection, sizeof rejection);
}

// Who was called, in order.
typedef struct calls {
    int count;
    const char *names[8];
} calls_t;

typedef struct caller {
    calls_t *all;
    const char *name;
} caller;

static void note(void *userdata) {
    const caller *mine = userdata;
    mine->all->names[mine->all->count++] = mine->name;
}

static void a_slot_that_comes_back_goes_to_who_waits(void **state) {
    bench *b = *state;
    fusewire_waiting *waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    still_waits(waiting);
    assert_int_equal(snapshot_of(b->breaker).queued[FUSEWIRE_PRIORITY_NORMAL], 1);
    is_ok(fusewire_permit_success(&b->taken));
    fusewire_permit permit;
    granted(waiting, &permit);
    fusewire_waiting_free(waiting);
    assert_int_equal(snapshot_of(b->breaker).slots_taken[FUSEWIRE_PRIORITY_NORMAL], 1);
    is_ok(fusewire_permit_success(&permit));
}

static void who_finds_a_slot_does_not_wait(void **state) {
    bench *b = *state;
    is_ok(fusewire_permit_success(&b->taken));
    fusewire_permit permit;
    fusewire_waiting *waiting;
    paint(&waiting, sizeof waiting);
    is_ok(fusewire_breaker_enter(b->breaker, NULL, &permit, &waiting, NULL, NULL));
    is_still_painted(&waiting, sizeof waiting);
    fusewire_permit next;
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_breaker_acquire(b->breaker, &next, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_BULKHEAD_FULL);
    is_ok(fusewire_permit_success(&permit));
}

static void callbacks_are_called_once_in_the_order_of_the_grants(void **state) {
    bench *b = *state;
    calls_t told = {0};
    const char *const names[] = {"low", "normal", "critical", "normal, too"};
    const fusewire_priority priorities[] = {FUSEWIRE_PRIORITY_LOW, FUSEWIRE_PRIORITY_NORMAL, FUSEWIRE_PRIORITY_CRITICAL,
                                            FUSEWIRE_PRIORITY_NORMAL};
    const size_t order[] = {2, 1, 3, 0};
    caller callers[COUNT(names)];
    fusewire_waiting *waiting[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++) {
        callers[i] = (caller){&told, names[i]};
        waiting[i] = waiting_at(b->breaker, priorities[i]);
        is_ok(fusewire_waiting_notify(waiting[i], note, &callers[i]));
    }
    assert_int_equal(told.count, 0);
    for (size_t i = 0; i < COUNT(order); i++) {
        is_ok(fusewire_permit_success(&b->taken));
        assert_int_equal(told.count, i + 1);
        assert_string_equal(told.names[i], names[order[i]]);
        granted(waiting[order[i]], &b->taken);
    }
    is_ok(fusewire_permit_success(&b->taken));
    for (size_t i = 0; i < COUNT(names); i++) fusewire_waiting_free(waiting[i]);
    assert_int_equal(told.count, COUNT(names));
}

static void a_callback_that_comes_late_is_called_at_once_and_one_that_was_replaced_never(void **state) {
    bench *b = *state;
    calls_t told = {0};
    caller first = {&told, "first"}, second = {&told, "second"}, late = {&told, "late"};
    fusewire_waiting *waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_waiting *silent = waiting_at(b->breaker, FUSEWIRE_PRIORITY_LOW);
    is_ok(fusewire_waiting_notify(waiting, note, &first));
    is_ok(fusewire_waiting_notify(waiting, note, &second));
    is_ok(fusewire_waiting_notify(silent, note, &first));
    is_ok(fusewire_waiting_notify(silent, NULL, NULL));
    is_ok(fusewire_permit_success(&b->taken));
    assert_int_equal(told.count, 1);
    assert_string_equal(told.names[0], "second");
    is_ok(fusewire_waiting_notify(waiting, note, &late));
    assert_int_equal(told.count, 2);
    assert_string_equal(told.names[1], "late");
    fusewire_waiting_free(waiting);
    fusewire_waiting_free(silent);
    assert_int_equal(told.count, 2);
}

static void a_wait_ends_at_its_time_by_whoever_sees_to_it(void **state) {
    bench *b = *state;
    fusewire_waiting *expired = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_waiting *polled = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_waiting *waited = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_manual_clock_advance(b->clock, SECOND - 1));
    assert_int_equal(fusewire_waiting_left_ns(expired), 1);
    answers(FUSEWIRE_QUEUED, fusewire_waiting_expire(expired));
    is_ok(fusewire_breaker_poll(b->breaker));
    still_waits(polled);
    is_ok(fusewire_manual_clock_advance(b->clock, 1));
    assert_int_equal(fusewire_waiting_left_ns(expired), 0);
    is_ok(fusewire_waiting_expire(expired));
    is_ok(fusewire_waiting_expire(expired));
    assert_int_equal(refused(expired), FUSEWIRE_REASON_QUEUE_TIMEOUT);
    fusewire_permit permit;
    fusewire_rejection rejection;
    answers(FUSEWIRE_REJECTED, fusewire_waiting_wait(waited, FUSEWIRE_NONE, &permit, &rejection));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_QUEUE_TIMEOUT);
    is_ok(fusewire_breaker_poll(b->breaker));
    assert_int_equal(refused(polled), FUSEWIRE_REASON_QUEUE_TIMEOUT);
    fusewire_waiting_free(expired), fusewire_waiting_free(polled), fusewire_waiting_free(waited);
    assert_int_equal(snapshot_of(b->breaker).rejected[FUSEWIRE_REASON_QUEUE_TIMEOUT], 3);
    is_ok(fusewire_permit_success(&b->taken));
}

static void a_requests_deadline_ends_its_wait(void **state) {
    bench *b = *state;
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.deadline_ns = 10 * MS;
    fusewire_permit permit;
    fusewire_waiting *waiting;
    answers(FUSEWIRE_QUEUED, fusewire_breaker_enter(b->breaker, &request, &permit, &waiting, NULL, NULL));
    assert_int_equal(fusewire_waiting_left_ns(waiting), 10 * MS);
    is_ok(fusewire_manual_clock_advance(b->clock, 10 * MS));
    is_ok(fusewire_waiting_expire(waiting));
    assert_int_equal(refused(waiting), FUSEWIRE_REASON_QUEUE_TIMEOUT);
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&b->taken));
}

static void how_a_wait_ended_is_told_once(void **state) {
    bench *b = *state;
    fusewire_waiting *waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_permit_success(&b->taken));
    fusewire_permit permit, again;
    granted(waiting, &permit);
    answers(FUSEWIRE_ERROR_ALREADY_TOLD, fusewire_waiting_try_end(waiting, &again, NULL));
    answers(FUSEWIRE_ERROR_ALREADY_TOLD, fusewire_waiting_wait(waiting, FUSEWIRE_NONE, &again, NULL));
    answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&again));
    is_ok(fusewire_waiting_expire(waiting));
    is_ok(fusewire_waiting_raise(waiting, FUSEWIRE_PRIORITY_CRITICAL));
    assert_int_equal(fusewire_waiting_left_ns(waiting), 0);
    // The place has gone, and the permit is the program's.
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&permit));
}

static void a_place_that_is_freed_leaves_nothing_behind(void **state) {
    bench *b = *state;
    calls_t told = {0};
    caller mine = {&told, "mine"};
    fusewire_waiting *first = waiting_at(b->breaker, FUSEWIRE_PRIORITY_HIGH);
    fusewire_waiting *granted_and_not_told = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_waiting *last = waiting_at(b->breaker, FUSEWIRE_PRIORITY_LOW);
    is_ok(fusewire_waiting_notify(first, note, &mine));
    fusewire_waiting_free(first);
    is_ok(fusewire_permit_success(&b->taken));
    // Freed with its slot, which goes to the next.
    fusewire_waiting_free(granted_and_not_told);
    granted(last, &b->taken);
    fusewire_waiting_free(last);
    is_ok(fusewire_permit_success(&b->taken));
    assert_int_equal(told.count, 0);
    fusewire_snapshot s = snapshot_of(b->breaker);
    for (size_t i = 0; i < FUSEWIRE_REASON_CAPACITY; i++) assert_int_equal(s.rejected[i], 0);
}

static void a_place_may_be_raised(void **state) {
    bench *b = *state;
    fusewire_waiting *high = waiting_at(b->breaker, FUSEWIRE_PRIORITY_HIGH);
    fusewire_waiting *raised = waiting_at(b->breaker, FUSEWIRE_PRIORITY_BULK);
    answers(FUSEWIRE_ERROR_INVALID_VALUE, fusewire_waiting_raise(raised, FUSEWIRE_PRIORITY_CRITICAL + 1));
    is_ok(fusewire_waiting_raise(raised, FUSEWIRE_PRIORITY_CRITICAL));
    is_ok(fusewire_waiting_raise(raised, FUSEWIRE_PRIORITY_LOW));
    is_ok(fusewire_permit_success(&b->taken));
    granted(raised, &b->taken);
    still_waits(high);
    fusewire_waiting_free(high), fusewire_waiting_free(raised);
    is_ok(fusewire_permit_success(&b->taken));
}

static void who_waits_is_turned_away_when_the_breaker_opens_or_is_closed_for_good(void **state) {
    bench *b = *state;
    fusewire_waiting *waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_breaker_trip(b->breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    assert_int_equal(refused(waiting), FUSEWIRE_REASON_OPEN);
    fusewire_waiting_free(waiting);
    is_ok(fusewire_breaker_reset(b->breaker, NULL, NULL));
    waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_breaker_close_for_good(b->breaker, NULL, NULL));
    assert_int_equal(refused(waiting), FUSEWIRE_REASON_CLOSED);
    fusewire_waiting_free(waiting);
    answers(FUSEWIRE_LATE, fusewire_permit_success(&b->taken));
}

static void a_place_whose_breakers_handle_was_freed_gives_no_permit_and_may_be_freed(void **state) {
    bench *b = *state;
    fusewire_breaker *other = fusewire_breaker_clone(b->breaker);
    fusewire_waiting *waiting = waiting_at(other, FUSEWIRE_PRIORITY_NORMAL);
    fusewire_breaker_free(other);
    fusewire_permit permit;
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_waiting_try_end(waiting, &permit, NULL));
    is_ok(fusewire_permit_success(&b->taken));
    answers(FUSEWIRE_ERROR_INVALID_HANDLE, fusewire_waiting_wait(waiting, FUSEWIRE_NONE, &permit, NULL));
    fusewire_waiting_free(waiting);
}

static void a_blocking_wait_gives_up_after_its_own_time_and_leaves_the_queue(void **state) {
    bench *b = *state;
    fusewire_permit permit;
    fusewire_rejection rejection;
    const uint64_t timeouts[] = {0, 1, MS};
    paint(&rejection, sizeof rejection);
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        answers(FUSEWIRE_TIMED_OUT,
                fusewire_breaker_acquire_wait(b->breaker, NULL, timeouts[i], &permit, &rejection, NULL));
        answers(FUSEWIRE_ERROR_INVALID_PERMIT, fusewire_permit_success(&permit));
        assert_int_equal(snapshot_of(b->breaker).queued[FUSEWIRE_PRIORITY_NORMAL], 0);
    }
    is_still_painted(&rejection, sizeof rejection);
    // A deadline that has passed ends it before.
    fusewire_request request = FUSEWIRE_REQUEST_INIT;
    request.deadline_ns = 0;
    answers(FUSEWIRE_REJECTED,
            fusewire_breaker_acquire_wait(b->breaker, &request, FUSEWIRE_NONE, &permit, &rejection, NULL));
    assert_int_equal(rejection.reason, FUSEWIRE_REASON_QUEUE_TIMEOUT);
    is_ok(fusewire_permit_success(&b->taken));
    is_ok(fusewire_breaker_acquire_wait(b->breaker, NULL, FUSEWIRE_NONE, &permit, &rejection, NULL));
    is_ok(fusewire_permit_success(&permit));
}

static void write_to_a_pipe(void *userdata) { (void)!write(*(const int *)userdata, "!", 1); }

static void an_event_loop_is_woken_through_a_pipe(void **state) {
    bench *b = *state;
    int ends[2];
    char woken = 0;
    assert_int_equal(pipe(ends), 0);
    fusewire_waiting *waiting = waiting_at(b->breaker, FUSEWIRE_PRIORITY_NORMAL);
    is_ok(fusewire_waiting_notify(waiting, write_to_a_pipe, &ends[1]));
    is_ok(fusewire_permit_success(&b->taken));
    assert_int_equal(read(ends[0], &woken, 1), 1);
    granted(waiting, &b->taken);
    fusewire_waiting_free(waiting);
    is_ok(fusewire_permit_success(&b->taken));
    close(ends[0]), close(ends[1]);
}

#define with_a_call(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_a_call(a_slot_that_comes_back_goes_to_who_waits),
        with_a_call(who_finds_a_slot_does_not_wait),
        with_a_call(callbacks_are_called_once_in_the_order_of_the_grants),
        with_a_call(a_callback_that_comes_late_is_called_at_once_and_one_that_was_replaced_never),
        with_a_call(a_wait_ends_at_its_time_by_whoever_sees_to_it),
        with_a_call(a_requests_deadline_ends_its_wait),
        with_a_call(how_a_wait_ended_is_told_once),
        with_a_call(a_place_that_is_freed_leaves_nothing_behind),
        with_a_call(a_place_may_be_raised),
        with_a_call(who_waits_is_turned_away_when_the_breaker_opens_or_is_closed_for_good),
        with_a_call(a_place_whose_breakers_handle_was_freed_gives_no_permit_and_may_be_freed),
        with_a_call(a_blocking_wait_gives_up_after_its_own_time_and_leaves_the_queue),
        with_a_call(an_event_loop_is_woken_through_a_pipe),
    };
    return RUN(tests);
}
