package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.net.SocketTimeoutException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;

/**
 * Guards one dependency: turns calls away while it is down, and finds out with a few probes whether it is back.
 *
 * <pre>{@code
 * try (CircuitBreaker breaker = CircuitBreaker.builder("payments").failureThreshold(3).build()) {
 *     String receipt = breaker.call(() -> pay(order));
 * } catch (CircuitOpenException e) {
 *     // Nothing has run.
 * }
 * }</pre>
 *
 * <p>Any thread may use it, platform or virtual.
 */
@SuppressWarnings("restricted")
public final class CircuitBreaker implements AutoCloseable {
    static final MethodHandle NEW = Native.function("fusewire_breaker_new", ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle FREE = Native.procedure("fusewire_breaker_free");
    private static final MethodHandle STATE = Native.function("fusewire_breaker_state", ADDRESS);
    private static final MethodHandle MODE = Native.function("fusewire_breaker_mode", ADDRESS);
    private static final MethodHandle TRIP =
            Native.function("fusewire_breaker_trip", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle HALF_OPEN =
            Native.function("fusewire_breaker_half_open", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle RESET = Native.function("fusewire_breaker_reset", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle SET_MODE =
            Native.function("fusewire_breaker_set_mode", ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle SNAPSHOT = Native.function("fusewire_breaker_snapshot", ADDRESS, ADDRESS);
    private static final MethodHandle SNAPSHOT_JSON =
            Native.function("fusewire_breaker_snapshot_json", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle REJECTION_MESSAGE = Native.find(
            "fusewire_breaker_rejection_message", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle BREAKER_FAILURE =
            Native.function("fusewire_breaker_last_failure", ADDRESS, JAVA_LONG, ADDRESS);

    private static final String TIMEOUT = "timeout";

    final MemorySegment handle;
    private final Builder rules;
    private volatile boolean isClosed;

    CircuitBreaker(Builder rules, MemorySegment handle) {
        this.rules = rules;
        this.handle = handle;
    }

    /** Builds a breaker. The name, 1 to 255 bytes without control characters, is for people and metrics. */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /** What runs under a breaker: a Callable that tells what it throws. */
    @FunctionalInterface
    public interface Call<T, X extends Throwable> {
        /** Runs it. */
        T call() throws X;
    }

    /**
     * Runs a call under the breaker. Its value and what it throws reach the caller unchanged; one that
     * throws what is checked of several kinds throws what those have in common, as the compiler sees it.
     *
     * <p>What it throws counts as a failure, unless the builder's {@code ignore} or {@code isFailure} say otherwise, with
     * two exceptions: one that says that the call was interrupted or cancelled gives it up, which is ignored, or a failure
     * when it lasted at least {@code cancelledAfter}; and a timeout, unless it is ignored, is a failure of type
     * {@code timeout}.
     *
     * <p>Where a leaky bucket paces calls, it is run when its turn has come. A thread that is interrupted before gives the
     * call up, and stays interrupted.
     *
     * @throws CancellationException when the thread was interrupted before the call's turn; nothing has run
     * @throws CircuitOpenException when the breaker turns the call away; nothing has run
     * @throws IllegalStateException when the breaker was closed
     */
    public <T, X extends Throwable> T call(Call<T, X> call) throws X {
        long[] words = admitted();
        waitFor(Slips.wait(handle, words), words);
        T value;
        try {
            value = call.call();
        } catch (Throwable thrown) {
            settle(words, thrown);
            throw thrown;
        }
        Slips.success(handle, words);
        return value;
    }

    /**
     * Asks for a permit to call. It does not wait: where a leaky bucket paces calls,
     * {@link Permit#untilTurn} says how long to.
     *
     * @throws CircuitOpenException when the breaker turns the call away
     * @throws IllegalStateException when the breaker was closed
     */
    public Permit acquire() {
        long[] words = admitted();
        return new Permit(this, words, Slips.wait(handle, words));
    }

    private void waitFor(long ns, long[] words) {
        if (ns == 0) {
            return;
        }
        try {
            Thread.sleep(Duration.ofNanos(ns));
        } catch (InterruptedException e) {
            Slips.abandon(handle, words);
            Thread.currentThread().interrupt();
            CancellationException cancelled =
                    new CancellationException("interrupted before the turn that '" + rules.name + "' gave the call");
            cancelled.initCause(e);
            throw cancelled;
        }
    }

    private long[] admitted() {
        if (isClosed) {
            throw new IllegalStateException("circuit breaker '" + rules.name + "' was closed by close()");
        }
        long[] words = Slips.words();
        int status = Slips.acquire(handle, words);
        if (status != Native.OK) {
            throw refusal(status, words);
        }
        return words;
    }

    private RuntimeException refusal(int status, long[] words) {
        return status == Native.REJECTED
                ? new CircuitOpenException(this, Slips.rejection(words))
                : FusewireException.of(status, "status " + status, "", "", "");
    }

    /** Settles by what was thrown. A rule that throws is added to that, and the call is a failure. */
    Settled settle(long[] words, Throwable thrown) {
        try {
            if (isCancellation(thrown)) {
                return Slips.abandon(handle, words);
            }
            if (rules.ignore.test(thrown)) {
                return Slips.ignore(handle, words);
            }
            if (isTimeout(thrown)) {
                return Slips.failure(handle, words, TIMEOUT);
            }
            return rules.isFailure.test(thrown)
                    ? Slips.failure(handle, words, rules.errorType.apply(thrown))
                    : Slips.success(handle, words);
        } catch (RuntimeException e) {
            if (e != thrown) {
                thrown.addSuppressed(e);
            }
            return Slips.failure(handle, words, thrown.getClass().getName());
        }
    }

    private static boolean isTimeout(Throwable thrown) {
        return thrown instanceof TimeoutException
                || thrown instanceof HttpTimeoutException
                || thrown instanceof SocketTimeoutException;
    }

    private static boolean isCancellation(Throwable thrown) {
        return thrown instanceof InterruptedException
                || thrown instanceof CancellationException
                || thrown instanceof ClosedByInterruptException
                || thrown instanceof InterruptedIOException && !isTimeout(thrown);
    }

    /** The name. */
    public String name() {
        return rules.name;
    }

    /** The effective state: open past its deadline reads half-open. */
    public State state() {
        try {
            return State.values()[(int) STATE.invokeExact(handle)];
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }

    /** The mode. */
    public Mode mode() {
        try {
            return Mode.values()[(int) MODE.invokeExact(handle)];
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }

    /** Who does something by hand, and why; both may be null. */
    public record By(String actor, String reason) {
        /** Nobody says so. */
        public static final By NOBODY = new By(null, null);
    }

    /** Opens the breaker, from any state, for as long as an opening lasts now. */
    public void trip(By by) {
        trip(Native.NONE, by);
    }

    /** Opens the breaker, from any state, for this long. */
    public void trip(Duration duration, By by) {
        trip(duration.toNanos(), by);
    }

    private void trip(long ns, By by) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment actor = Native.text(arena, by.actor());
            MemorySegment reason = Native.text(arena, by.reason());
            Native.check(arena, error -> (int) TRIP.invokeExact(handle, ns, actor, reason, error));
        }
    }

    /** Lets the next calls probe, from any state. */
    public void halfOpen(By by) {
        byHand(by, (actor, reason) -> (int) HALF_OPEN.invokeExact(handle, actor, reason));
    }

    /** Closes the circuit, from any state. */
    public void reset(By by) {
        byHand(by, (actor, reason) -> (int) RESET.invokeExact(handle, actor, reason));
    }

    /** Sets the mode; setting the one that is set does nothing. */
    public void setMode(Mode mode, By by) {
        byHand(by, (actor, reason) -> (int) SET_MODE.invokeExact(handle, mode.ordinal(), actor, reason));
    }

    private interface Operation {
        int run(MemorySegment actor, MemorySegment reason) throws Throwable;
    }

    private static void byHand(By by, Operation operation) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment actor = Native.text(arena, by.actor());
            MemorySegment reason = Native.text(arena, by.reason());
            Native.check(arena, error -> operation.run(actor, reason));
        }
    }

    /** The breaker at one instant. */
    public Snapshot snapshot() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment told = arena.allocate(Layouts.SNAPSHOT);
            told.set(JAVA_LONG, Layouts.offset(Layouts.SNAPSHOT, "size"), Layouts.SNAPSHOT.byteSize());
            Native.check(arena, error -> (int) SNAPSHOT.invokeExact(handle, told));
            String json = Native.told((to, length) -> (int) SNAPSHOT_JSON.invokeExact(handle, to, length));
            return Snapshot.of(told, json);
        }
    }

    /** What a rejection says. */
    String rejectionMessage(long[] rejection) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment told = arena.allocateFrom(JAVA_LONG, rejection);
            return Native.told((to, length) -> (int) REJECTION_MESSAGE.invokeExact(handle, told, to, length));
        }
    }

    /** The error type of the failure that a rejection's word stands for. */
    Optional<String> failure(long word) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment failure = arena.allocate(Layouts.FAILURE);
            if ((int) BREAKER_FAILURE.invokeExact(handle, word, failure) != Native.OK) {
                return Optional.empty();
            }
            return Optional.of(failure.getString(Layouts.offset(Layouts.FAILURE, "error_type")));
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }

    /**
     * Calls from now on throw an IllegalStateException; those that run settle as they do. What the library holds is freed
     * when nobody reaches this any more.
     */
    @Override
    public void close() {
        isClosed = true;
    }
}
