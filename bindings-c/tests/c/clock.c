// Clocks that move by hand.

#include "common.h"

static void a_clock_begins_at_0_and_moves_when_it_is_told_to(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    assert_non_null(clock);
    assert_int_equal(fusewire_manual_clock_now(clock), 0);
    is_ok(fusewire_manual_clock_advance(clock, 5));
    is_ok(fusewire_manual_clock_advance(clock, 0));
    assert_int_equal(fusewire_manual_clock_now(clock), 5);
    is_ok(fusewire_manual_clock_set(clock, 7));
    assert_int_equal(fusewire_manual_clock_now(clock), 7);
    fusewire_manual_clock_free(clock);
}

static void a_clock_is_never_set_back(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    is_ok(fusewire_manual_clock_set(clock, SECOND));
    is_ok(fusewire_manual_clock_set(clock, SECOND - 1));
    assert_int_equal(fusewire_manual_clock_now(clock), SECOND);
    fusewire_manual_clock_free(clock);
}

static void a_clock_stops_at_the_end_of_time(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    is_ok(fusewire_manual_clock_advance(clock, UINT64_MAX - 1));
    is_ok(fusewire_manual_clock_advance(clock, SECOND));
    assert_true(fusewire_manual_clock_now(clock) == UINT64_MAX);
    fusewire_breaker *breaker = breaker_on(clock, NULL);
    is_ok(fusewire_breaker_trip(breaker, FUSEWIRE_NONE, NULL, NULL, NULL));
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    assert_false(FUSEWIRE_IS_ERROR(fusewire_breaker_acquire(breaker, &permit, NULL)));
    fusewire_breaker_free(breaker);
    fusewire_manual_clock_free(clock);
}

static void a_breaker_keeps_what_it_needs_of_its_clock(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breaker = breaker_on(clock, NULL);
    is_ok(fusewire_manual_clock_advance(clock, 42));
    fusewire_manual_clock_free(clock);
    is_ok(fusewire_breaker_reset(breaker, NULL, NULL));
    assert_int_equal(snapshot_of(breaker).last_at_ns, 42);
    fusewire_breaker_free(breaker);
}

static void a_clock_moves_all_its_breakers(void **state) {
    (void)state;
    fusewire_manual_clock *clock = fusewire_manual_clock_new();
    fusewire_breaker *breakers[3];
    for (size_t i = 0; i < COUNT(breakers); i++) {
        breakers[i] = breaker_on(clock, NULL);
        is_ok(fusewire_breaker_trip(breakers[i], SECOND, NULL, NULL, NULL));
    }
    is_ok(fusewire_manual_clock_advance(clock, SECOND - 1));
    for (size_t i = 0; i < COUNT(breakers); i++)
        assert_int_equal(fusewire_breaker_state(breakers[i]), FUSEWIRE_STATE_OPEN);
    is_ok(fusewire_manual_clock_advance(clock, 1));
    for (size_t i = 0; i < COUNT(breakers); i++) {
        assert_int_equal(fusewire_breaker_state(breakers[i]), FUSEWIRE_STATE_HALF_OPEN);
        fusewire_breaker_free(breakers[i]);
    }
    fusewire_manual_clock_free(clock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_begins_at_0_and_moves_when_it_is_told_to),
        cmocka_unit_test(a_clock_is_never_set_back),
        cmocka_unit_test(a_clock_stops_at_the_end_of_time),
        cmocka_unit_test(a_breaker_keeps_what_it_needs_of_its_clock),
        cmocka_unit_test(a_clock_moves_all_its_breakers),
    };
    return RUN(tests);
}
