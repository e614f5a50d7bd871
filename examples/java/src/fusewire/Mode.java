package fusewire;

import java.lang.invoke.MethodHandle;

/** Who decides. */
public enum Mode {
    /** The breaker does. */
    AUTO,
    /** What the breaker would reject is admitted and counted. */
    SHADOW,
    /** Every call is rejected. */
    FORCED_OPEN,
    /** Every call is admitted. */
    FORCED_CLOSED;

    private static final MethodHandle NAME = Native.named("fusewire_mode_name");

    /** Its name in documents and metrics, such as {@code forced_open}. */
    public String label() {
        return Native.nameOf(NAME, ordinal());
    }
}
