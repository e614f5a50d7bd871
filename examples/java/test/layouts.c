// Prints where the fields of the header's structs lie: `struct field offset`, and `struct - size`.

#include <fusewire.h>
#include <stdio.h>

#define SIZE(type) printf(#type " - %zu\n", sizeof(type));
#define FIELD(type, field) printf(#type " " #field " %zu\n", offsetof(type, field));

#define OPTIONS(F) \
    F(size) F(document) F(clock) F(failure_threshold) F(half_open_max_calls) F(success_threshold) F(mode) \
    F(recovery_timeout_ns) F(slow_call_duration_ns) F(window) F(window_size) F(window_period_ns) F(window_min_calls) \
    F(reserved) F(window_failure_rate) F(window_slow_call_rate)
#define REJECTION(F) F(retry_after_ns) F(last_failure) F(reason) F(reserved)
#define FAILURE(F) F(at_ns) F(error_type) F(reserved)
#define SNAPSHOT(F) \
    F(size) F(state) F(stored_state) F(mode) F(last_cause) F(last_from) F(last_to) F(last_at_ns) F(generation) F(opened) \
    F(openings_in_a_row) F(retry_after_ns) F(consecutive_failures) F(window_total) F(window_failures) F(window_slow) \
    F(window_failure_rate) F(window_slow_call_rate) F(window_baseline) F(window_threshold) F(half_open_in_flight) \
    F(half_open_successes) F(half_open_failures) F(ramp_step) F(ramp_share) F(ramp_settled) F(ramp_failures) F(success) \
    F(failure) F(ignored) F(slow) F(late) F(expired) F(rejected) F(would_reject) F(last_failure_at_ns) F(last_failure_type) \
    F(bypassed) F(rate) F(rate_available) F(rate_retry_after_ns) F(slots) F(slots_taken) F(queued) F(slots_reserved) \
    F(admitted_by_priority) F(refused_by_priority) F(min_priority) F(reserved) F(timeout_ns) F(retry_budget) F(retry_scores)

#define OF_OPTIONS(field) FIELD(fusewire_options, field)
#define OF_REJECTION(field) FIELD(fusewire_rejection, field)
#define OF_FAILURE(field) FIELD(fusewire_failure, field)
#define OF_SNAPSHOT(field) FIELD(fusewire_snapshot, field)

int main(void) {
    SIZE(fusewire_permit)
    SIZE(fusewire_options) OPTIONS(OF_OPTIONS)
    SIZE(fusewire_rejection) REJECTION(OF_REJECTION)
    SIZE(fusewire_failure) FAILURE(OF_FAILURE)
    SIZE(fusewire_snapshot) SNAPSHOT(OF_SNAPSHOT)
    return 0;
}
