package fusewire;

import java.lang.invoke.MethodHandle;

/** The state of a breaker. */
public enum State {
    /** Calls pass. */
    CLOSED,
    /** Calls are rejected until a deadline. */
    OPEN,
    /** A few probes, or a share of the calls, find out whether the dependency is back. */
    HALF_OPEN;

    private static final MethodHandle NAME = Native.named("fusewire_state_name");

    /** Its name in metrics, such as {@code half_open}. */
    public String label() {
        return Native.nameOf(NAME, ordinal());
    }
}
