package fusewire;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Leave to make one call. Settle it once, from any thread. Closing one that is not settled gives the call up:
 *
 * <pre>{@code
 * try (Permit permit = breaker.acquire()) {
 *     send(order);
 *     permit.success();
 * }
 * }</pre>
 */
public final class Permit implements AutoCloseable {
    private final CircuitBreaker breaker;
    private final long[] words;
    private final long wait;
    private final AtomicBoolean isSettled = new AtomicBoolean();

    Permit(CircuitBreaker breaker, long[] words, long wait) {
        this.breaker = breaker;
        this.words = words;
        this.wait = wait;
    }

    /**
     * How long to wait before the call is made, from when the permit was given: a leaky bucket paces calls. Zero for any
     * other.
     */
    public Duration untilTurn() {
        return Duration.ofNanos(wait);
    }

    /** The dependency did what it should. */
    public Settled success() {
        return isSettled.getAndSet(true) ? Settled.ALREADY_SETTLED : Slips.success(breaker.handle, words);
    }

    /** The dependency failed; the metrics count it under that type, unless it is null. */
    public Settled failure(String errorType) {
        return isSettled.getAndSet(true) ? Settled.ALREADY_SETTLED : Slips.failure(breaker.handle, words, errorType);
    }

    /** The call says nothing about the dependency. */
    public Settled ignore() {
        return isSettled.getAndSet(true) ? Settled.ALREADY_SETTLED : Slips.ignore(breaker.handle, words);
    }

    /** The call was given up: it is ignored, or a failure when it lasted at least {@code cancelledAfter}. */
    public Settled abandon() {
        return isSettled.getAndSet(true) ? Settled.ALREADY_SETTLED : Slips.abandon(breaker.handle, words);
    }

    /** Settles it by what the call threw, as {@link CircuitBreaker#call} does. */
    public Settled threw(Throwable thrown) {
        return isSettled.getAndSet(true) ? Settled.ALREADY_SETTLED : breaker.settle(words, thrown);
    }

    /** Gives the call up, unless it is settled. */
    @Override
    public void close() {
        abandon();
    }
}
