package fusewire;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * How a breaker is built. What is not set takes the default, which the library knows, as it does the range: a wrong value is
 * a {@link FusewireException.Config} of {@link #build} that names both.
 */
public final class Builder {
    final String name;
    private final Map<String, String> keys = new LinkedHashMap<>();
    private String document;
    private ManualClock clock;
    Predicate<Throwable> ignore = thrown -> false;
    Predicate<Throwable> isFailure = thrown -> true;
    Function<Throwable, String> errorType = thrown -> thrown.getClass().getName();

    Builder(String name) {
        this.name = Objects.requireNonNull(name, "name");
    }

    /** Consecutive failures that open the breaker. Not beside a window. */
    public Builder failureThreshold(int failures) {
        return set("failure_threshold", failures);
    }

    /** How long open lasts. */
    public Builder recoveryTimeout(Duration duration) {
        return set("recovery_timeout", duration);
    }

    /** A call that took at least this long is slow. */
    public Builder slowCallDuration(Duration duration) {
        return set("slow_call_duration", duration);
    }

    /** A call that was cancelled after at least this long is a failure. */
    public Builder cancelledAfter(Duration duration) {
        return set("cancelled_after", duration);
    }

    /** How many probes decide in half-open. */
    public Builder halfOpenMaxCalls(int calls) {
        return set("half_open_max_calls", calls);
    }

    /** Successful probes that close the breaker. */
    public Builder successThreshold(int successes) {
        return set("success_threshold", successes);
    }

    /** The lease of one probe. */
    public Builder halfOpenTimeout(Duration duration) {
        return set("half_open_timeout", duration);
    }

    /** The mode at first. */
    public Builder mode(Mode mode) {
        return put("mode", "\"" + mode.label() + "\"");
    }

    /** All of the configuration as JSON text, in place of what is above. */
    public Builder document(String json) {
        document = Objects.requireNonNull(json, "json");
        return this;
    }

    /** The clock; otherwise it is the system's monotonic one. */
    public Builder clock(ManualClock clock) {
        this.clock = Objects.requireNonNull(clock, "clock");
        return this;
    }

    /** What says nothing about the dependency. It is asked first. */
    public Builder ignore(Predicate<Throwable> predicate) {
        ignore = Objects.requireNonNull(predicate, "predicate");
        return this;
    }

    /** What is a failure; otherwise everything that is thrown is. What it says no to is a success. */
    public Builder isFailure(Predicate<Throwable> predicate) {
        isFailure = Objects.requireNonNull(predicate, "predicate");
        return this;
    }

    /** Under which type the metrics count what is thrown; otherwise it is the name of its class. At most 64 bytes. */
    public Builder errorType(Function<Throwable, String> function) {
        errorType = Objects.requireNonNull(function, "function");
        return this;
    }

    /** A breaker that no registry knows. */
    public CircuitBreaker build() {
        return new CircuitBreaker(this, Native.made((to, error) -> make((name, options) ->
                (int) CircuitBreaker.NEW.invokeExact(name, options, to, error)), CircuitBreaker.FREE));
    }

    /** What takes a name and options. */
    interface Maker {
        int make(MemorySegment name, MemorySegment options) throws Throwable;
    }

    int make(Maker maker) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment options = arena.allocate(Layouts.OPTIONS);
            options.set(JAVA_LONG, Layouts.offset(Layouts.OPTIONS, "size"), Layouts.OPTIONS.byteSize());
            options.set(ADDRESS, Layouts.offset(Layouts.OPTIONS, "document"), Native.text(arena, json()));
            if (clock != null) {
                options.set(ADDRESS, Layouts.offset(Layouts.OPTIONS, "clock"), clock.handle);
            }
            return maker.make(Native.text(arena, name), options);
        }
    }

    private String json() {
        if (document != null && !keys.isEmpty()) {
            throw new IllegalStateException(
                    "a document is set, and " + keys.keySet() + " beside it; write all of the configuration in one");
        }
        List<String> members = new ArrayList<>();
        keys.forEach((key, value) -> members.add("\"" + key + "\":" + value));
        return document != null ? document : "{" + String.join(",", members) + "}";
    }

    private Builder set(String key, int number) {
        return put(key, Integer.toString(number));
    }

    private Builder set(String key, Duration duration) {
        return put(key, "\"" + duration.toNanos() + "ns\"");
    }

    private Builder put(String key, String json) {
        keys.put(key, json);
        return this;
    }
}
