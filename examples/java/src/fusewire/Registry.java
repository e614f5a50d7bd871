package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Maps names to breakers, and has the metrics of all of them. */
public final class Registry {
    private static final MethodHandle NEW =
            Native.function("fusewire_registry_new", ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    private static final MethodHandle FREE = Native.procedure("fusewire_registry_free");
    private static final MethodHandle GET_OR_CREATE =
            Native.function("fusewire_registry_get_or_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle REMOVE = Native.function("fusewire_registry_remove", ADDRESS, ADDRESS);
    private static final MethodHandle METRICS =
            Native.function("fusewire_registry_metrics", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle CONTENT_TYPE =
            Native.find("fusewire_metrics_content_type", FunctionDescriptor.of(ADDRESS));

    private final MemorySegment handle = Native.made(
            (to, error) -> (int) NEW.invokeExact(MemorySegment.NULL, MemorySegment.NULL, 0L, to, error), FREE);

    /**
     * The breaker of the builder's name, built if there is none: every thread gets the same circuit. The builder's functions
     * are those of this object alone.
     *
     * @throws FusewireException.Conflict when the breaker is there with another configuration
     */
    public CircuitBreaker getOrCreate(Builder builder) {
        return new CircuitBreaker(builder, Native.made((to, error) -> builder.make((name, options) ->
                (int) GET_OR_CREATE.invokeExact(handle, name, options, to, error)), CircuitBreaker.FREE));
    }

    /**
     * Takes the breaker of that name out of the registry and its metrics; who has it may go on to use it.
     *
     * @throws FusewireException.UnknownBreaker when there is none
     */
    public void remove(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment called = Native.text(arena, name);
            Native.check(arena, error -> (int) REMOVE.invokeExact(handle, called));
        }
    }

    /** The metrics of all breakers as OpenMetrics 1.0 text; serve it as {@link #contentType}. */
    public String metrics() {
        return Native.told((to, length) -> (int) METRICS.invokeExact(handle, to, length));
    }

    /** The content type under which metrics are served. */
    public static String contentType() {
        try {
            return Native.text((MemorySegment) CONTENT_TYPE.invokeExact());
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }
}
