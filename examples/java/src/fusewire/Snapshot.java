package fusewire;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;

/**
 * A breaker at one instant.
 *
 * @param state the effective state
 * @param mode the mode
 * @param generation transitions so far
 * @param success calls settled as success
 * @param failure calls settled as failure
 * @param ignored calls settled as ignored, or given up
 * @param late settled after their generation was over
 * @param rejected rejections, by reason
 * @param wouldReject what shadow mode admitted and would have rejected, by reason
 * @param json all there is to know
 */
public record Snapshot(
        State state,
        Mode mode,
        long generation,
        long success,
        long failure,
        long ignored,
        long late,
        Map<Reason, Long> rejected,
        Map<Reason, Long> wouldReject,
        String json) {
    static Snapshot of(MemorySegment told, String json) {
        return new Snapshot(
                State.values()[told.get(JAVA_INT, at("state"))],
                Mode.values()[told.get(JAVA_INT, at("mode"))],
                told.get(JAVA_LONG, at("generation")),
                told.get(JAVA_LONG, at("success")),
                told.get(JAVA_LONG, at("failure")),
                told.get(JAVA_LONG, at("ignored")),
                told.get(JAVA_LONG, at("late")),
                byReason(told, at("rejected")),
                byReason(told, at("would_reject")),
                json);
    }

    private static long at(String field) {
        return Layouts.offset(Layouts.SNAPSHOT, field);
    }

    /** Those counts that are not 0. */
    private static Map<Reason, Long> byReason(MemorySegment told, long at) {
        Map<Reason, Long> found = new EnumMap<>(Reason.class);
        for (int reason = 0; reason < Layouts.REASONS; reason++) {
            long count = told.get(JAVA_LONG, at + reason * 8L);
            if (count != 0) {
                found.merge(Reason.of(reason), count, Long::sum);
            }
        }
        return found;
    }
}
