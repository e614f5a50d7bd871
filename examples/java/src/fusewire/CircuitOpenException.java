package fusewire;

import java.time.Duration;
import java.util.Optional;

/** The breaker has turned the call away: nothing has run. It has no stack trace, so that it costs little. */
public final class CircuitOpenException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient CircuitBreaker breaker;
    /** A fusewire_rejection. */
    private final long[] told;

    CircuitOpenException(CircuitBreaker breaker, long[] told) {
        super(null, null, false, false);
        this.breaker = breaker;
        this.told = told;
    }

    /** The name of the breaker that turned the call away. */
    public String breaker() {
        return breaker.name();
    }

    /** Why. */
    public Reason reason() {
        return Reason.of((int) told[2]);
    }

    /** The earliest time from the rejection at which the answer can differ; empty when it is unknown. */
    public Optional<Duration> retryAfter() {
        return told[0] == Native.NONE ? Optional.empty() : Optional.of(Duration.ofNanos(told[0]));
    }

    /** The error type of the last failure before; empty when there was none. */
    public Optional<String> lastFailure() {
        return breaker.failure(told[1]);
    }

    /** All of it in a sentence. */
    @Override
    public String getMessage() {
        return breaker == null ? "circuit breaker is open" : breaker.rejectionMessage(told);
    }
}
