package fusewire;

import java.lang.invoke.MethodHandle;

/** Why a call is turned away. */
public enum Reason {
    /** The breaker is open. */
    OPEN,
    /** All probes of the half-open state are given. */
    HALF_OPEN_FULL,
    /** This call is not in the share that a ramp admits. */
    RAMP,
    /** The breaker's mode is forced open. */
    FORCED_OPEN,
    /** The call's priority is below the lowest that is let in. */
    SHED,
    /** {@code rate_limit}: calls come too fast. */
    RATE_LIMITED,
    /** {@code bulkhead}: no slot, and no place in the queue. */
    BULKHEAD_FULL,
    /** The call has waited for a slot as long as it may. */
    QUEUE_TIMEOUT,
    /** {@code concurrency_limit}: no slot, and no place in the queue. */
    LIMIT_REACHED,
    /** The breaker was closed for good. */
    CLOSED,
    /** One that a later version of the library has added; the message of the rejection tells it. */
    OTHER;

    private static final Reason[] ALL = values();
    private static final MethodHandle NAME = Native.named("fusewire_reason_name");

    static Reason of(int number) {
        return number >= 0 && number < OTHER.ordinal() ? ALL[number] : OTHER;
    }

    /** Its name in metrics, such as {@code half_open_full}. */
    public String label() {
        return this == OTHER ? "other" : Native.nameOf(NAME, ordinal());
    }
}
