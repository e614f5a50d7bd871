package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/** A clock that moves only when it is told to: test what breakers do over time without waiting. It begins at 0. */
public final class ManualClock {
    private static final MethodHandle NEW = Native.find("fusewire_manual_clock_new", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle FREE = Native.procedure("fusewire_manual_clock_free");
    private static final MethodHandle ADVANCE = Native.function("fusewire_manual_clock_advance", ADDRESS, JAVA_LONG);

    final MemorySegment handle;

    /** A clock at 0. */
    public ManualClock() {
        try {
            handle = Native.owned((MemorySegment) NEW.invokeExact(), FREE);
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }

    /** Moves it forward; less than 0 changes nothing. */
    public void advance(Duration duration) {
        try {
            int ignored = (int) ADVANCE.invokeExact(handle, Math.max(duration.toNanos(), 0));
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }
}
