// Permits that were never given, were changed, or whose handle was freed.

#include "things.h"

static void is_no_permit(fusewire_permit permit, fusewire_status expected) {
    const fusewire_permit before = permit;
    answers(expected, fusewire_permit_success(&permit));
    answers(expected, fusewire_permit_failure(&permit, "io"));
    answers(expected, fusewire_permit_ignore(&permit));
    answers(expected, fusewire_permit_abandon(&permit));
    answers(expected, fusewire_permit_settle(&permit, FUSEWIRE_OUTCOME_SUCCESS, FUSEWIRE_NONE, NULL));
    assert_int_equal(fusewire_permit_would_reject(&permit), FUSEWIRE_INVALID);
    assert_memory_equal(&permit, &before, sizeof permit);
}

static void null_is_no_permit(void **state) {
    (void)state;
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_permit_success(NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_permit_failure(NULL, NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_permit_ignore(NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_permit_abandon(NULL));
    answers(FUSEWIRE_ERROR_NULL_ARGUMENT, fusewire_permit_settle(NULL, FUSEWIRE_OUTCOME_SUCCESS, 0, NULL));
    assert_int_equal(fusewire_permit_would_reject(NULL), FUSEWIRE_INVALID);
}

static void a_permit_that_was_never_given_is_none(void **state) {
    (void)state;
    fusewire_permit permit = FUSEWIRE_PERMIT_INIT;
    is_no_permit(permit, FUSEWIRE_ERROR_INVALID_PERMIT);
    paint(&permit, sizeof permit);
    is_no_permit(permit, FUSEWIRE_ERROR_INVALID_PERMIT);
    memset(&permit, 0xFF, sizeof permit);
    is_no_permit(permit, FUSEWIRE_ERROR_INVALID_PERMIT);
    // Bits from a fixed generator (Knuth's MMIX).
    for (uint64_t round = 0, bits = 1; round < 10000; round++) {
        for (size_t i = 0; i < COUNT(permit.opaque); i++) {
            bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            permit.opaque[i] = bits;
        }
        is_no_permit(permit, FUSEWIRE_ERROR_INVALID_PERMIT);
    }
}

static void a_permit_whose_breaker_was_changed_is_none(void **state) {
    things *t = *state;
    fusewire_permit permit = permit_of(t->breaker), changed = permit;
    // Where the guard and the handle lie, one bit at a time; then the number of the handle.
    for (int word = 0; word < 2; word++) {
        for (int bit = 0; bit < 64; bit++) {
            changed = permit;
            changed.opaque[word] ^= UINT64_C(1) << bit;
            is_no_permit(changed, FUSEWIRE_ERROR_INVALID_PERMIT);
        }
    }
    for (int bit = 0; bit < 64; bit++) {
        changed = permit;
        changed.opaque[2] ^= UINT64_C(1) << bit;
        is_no_permit(changed, FUSEWIRE_ERROR_INVALID_HANDLE);
    }
    is_ok(fusewire_permit_success(&permit));
}

static void a_permit_of_a_handle_that_was_freed_cannot_be_settled(void **state) {
    (void)state;
    fusewire_breaker *breaker = a_breaker(), *other = fusewire_breaker_clone(breaker);
    fusewire_permit given = permit_of(breaker), settled = permit_of(breaker);
    is_ok(fusewire_permit_success(&settled));
    fusewire_breaker_free(breaker);
    is_no_permit(given, FUSEWIRE_ERROR_INVALID_HANDLE);
    is_no_permit(settled, FUSEWIRE_ERROR_ALREADY_SETTLED);
    assert_int_equal(snapshot_of(other).success, 1);
    assert_int_equal(snapshot_of(other).failure, 0);
    fusewire_breaker_free(other);
}

static void a_slip_with_changed_words_harms_no_memory(void **state) {
    (void)state;
    fusewire_breaker *breaker = breaker_on(NULL, "{\"window\": {\"kind\": \"time\"}, \"half_open_max_calls\": 64}");
    is_ok(fusewire_breaker_half_open(breaker, NULL, NULL));
    for (size_t word = 3; word < COUNT(((fusewire_permit *)0)->opaque); word++) {
        for (int bit = 0; bit < 64; bit++) {
            fusewire_permit permit;
            if (fusewire_breaker_acquire(breaker, &permit, NULL) != FUSEWIRE_OK) {
                is_ok(fusewire_breaker_half_open(breaker, NULL, NULL));
                is_ok(fusewire_breaker_acquire(breaker, &permit, NULL));
            }
            permit.opaque[word] ^= UINT64_C(1) << bit;
            fusewire_status status = fusewire_permit_failure(&permit, "changed");
            assert_true(status == FUSEWIRE_OK || status == FUSEWIRE_LATE);
        }
    }
    assert_non_null(fusewire_state_name(fusewire_breaker_state(breaker)));
    fusewire_breaker_free(breaker);
}

#define with_things(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_no_permit),
        cmocka_unit_test(a_permit_that_was_never_given_is_none),
        with_things(a_permit_whose_breaker_was_changed_is_none),
        cmocka_unit_test(a_permit_of_a_handle_that_was_freed_cannot_be_settled),
        cmocka_unit_test(a_slip_with_changed_words_harms_no_memory),
    };
    return RUN(tests);
}
