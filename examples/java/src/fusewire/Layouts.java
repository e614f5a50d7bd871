package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.util.List;

/** The structs of fusewire.h. A test holds them against what a C compiler says. */
final class Layouts {
    private Layouts() {}

    /** Words of a permit, and of a rejection, which lie in arrays. */
    static final int PERMIT_WORDS = 8;
    static final int REJECTION_WORDS = 5;

    /** FUSEWIRE_REASON_CAPACITY and FUSEWIRE_ERROR_TYPE_SIZE. */
    static final int REASONS = 32;
    static final int ERROR_TYPE_SIZE = 72;
    /** FUSEWIRE_PRIORITY_COUNT. */
    static final int PRIORITIES = 5;

    static final StructLayout OPTIONS = MemoryLayout.structLayout(
                    JAVA_LONG.withName("size"),
                    ADDRESS.withName("document"),
                    ADDRESS.withName("clock"),
                    JAVA_INT.withName("failure_threshold"),
                    JAVA_INT.withName("half_open_max_calls"),
                    JAVA_INT.withName("success_threshold"),
                    JAVA_INT.withName("mode"),
                    JAVA_LONG.withName("recovery_timeout_ns"),
                    JAVA_LONG.withName("slow_call_duration_ns"),
                    JAVA_INT.withName("window"),
                    JAVA_INT.withName("window_size"),
                    JAVA_LONG.withName("window_period_ns"),
                    JAVA_INT.withName("window_min_calls"),
                    JAVA_INT.withName("reserved"),
                    JAVA_DOUBLE.withName("window_failure_rate"),
                    JAVA_DOUBLE.withName("window_slow_call_rate"))
            .withName("fusewire_options");

    static final StructLayout REJECTION = MemoryLayout.structLayout(
                    JAVA_LONG.withName("retry_after_ns"),
                    JAVA_LONG.withName("last_failure"),
                    JAVA_INT.withName("reason"),
                    MemoryLayout.sequenceLayout(5, JAVA_INT).withName("reserved"))
            .withName("fusewire_rejection");

    static final StructLayout FAILURE = MemoryLayout.structLayout(
                    JAVA_LONG.withName("at_ns"),
                    MemoryLayout.sequenceLayout(ERROR_TYPE_SIZE, JAVA_BYTE).withName("error_type"),
                    MemoryLayout.sequenceLayout(2, JAVA_LONG).withName("reserved"))
            .withName("fusewire_failure");

    static final StructLayout SNAPSHOT = MemoryLayout.structLayout(
                    JAVA_LONG.withName("size"),
                    JAVA_INT.withName("state"),
                    JAVA_INT.withName("stored_state"),
                    JAVA_INT.withName("mode"),
                    JAVA_INT.withName("last_cause"),
                    JAVA_INT.withName("last_from"),
                    JAVA_INT.withName("last_to"),
                    JAVA_LONG.withName("last_at_ns"),
                    JAVA_LONG.withName("generation"),
                    JAVA_LONG.withName("opened"),
                    JAVA_LONG.withName("openings_in_a_row"),
                    JAVA_LONG.withName("retry_after_ns"),
                    JAVA_LONG.withName("consecutive_failures"),
                    JAVA_LONG.withName("window_total"),
                    JAVA_LONG.withName("window_failures"),
                    JAVA_LONG.withName("window_slow"),
                    JAVA_DOUBLE.withName("window_failure_rate"),
                    JAVA_DOUBLE.withName("window_slow_call_rate"),
                    JAVA_DOUBLE.withName("window_baseline"),
                    JAVA_DOUBLE.withName("window_threshold"),
                    JAVA_INT.withName("half_open_in_flight"),
                    JAVA_INT.withName("half_open_successes"),
                    JAVA_INT.withName("half_open_failures"),
                    JAVA_INT.withName("ramp_step"),
                    JAVA_DOUBLE.withName("ramp_share"),
                    JAVA_INT.withName("ramp_settled"),
                    JAVA_INT.withName("ramp_failures"),
                    JAVA_LONG.withName("success"),
                    JAVA_LONG.withName("failure"),
                    JAVA_LONG.withName("ignored"),
                    JAVA_LONG.withName("slow"),
                    JAVA_LONG.withName("late"),
                    JAVA_LONG.withName("expired"),
                    MemoryLayout.sequenceLayout(REASONS, JAVA_LONG).withName("rejected"),
                    MemoryLayout.sequenceLayout(REASONS, JAVA_LONG).withName("would_reject"),
                    JAVA_LONG.withName("last_failure_at_ns"),
                    MemoryLayout.sequenceLayout(ERROR_TYPE_SIZE, JAVA_BYTE).withName("last_failure_type"),
                    JAVA_LONG.withName("bypassed"),
                    JAVA_DOUBLE.withName("rate"),
                    JAVA_LONG.withName("rate_available"),
                    JAVA_LONG.withName("rate_retry_after_ns"),
                    JAVA_LONG.withName("slots"),
                    MemoryLayout.sequenceLayout(PRIORITIES, JAVA_LONG).withName("slots_taken"),
                    MemoryLayout.sequenceLayout(PRIORITIES, JAVA_LONG).withName("queued"),
                    MemoryLayout.sequenceLayout(PRIORITIES, JAVA_LONG).withName("slots_reserved"),
                    MemoryLayout.sequenceLayout(PRIORITIES, JAVA_LONG).withName("admitted_by_priority"),
                    MemoryLayout.sequenceLayout(PRIORITIES, JAVA_LONG).withName("refused_by_priority"),
                    JAVA_INT.withName("min_priority"),
                    JAVA_INT.withName("reserved"),
                    JAVA_LONG.withName("timeout_ns"),
                    JAVA_LONG.withName("retry_budget"),
                    MemoryLayout.sequenceLayout(3, JAVA_DOUBLE).withName("retry_scores"))
            .withName("fusewire_snapshot");

    static final List<StructLayout> ALL = List.of(OPTIONS, REJECTION, FAILURE, SNAPSHOT);

    /** Where a field begins, in bytes. */
    static long offset(StructLayout layout, String field) {
        return layout.byteOffset(PathElement.groupElement(field));
    }
}
