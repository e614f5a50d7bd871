package fusewire;

import java.util.Objects;

/** What tests claim. */
final class Check {
    private Check() {}

    /** What a test does. */
    interface Step {
        void run() throws Exception;
    }

    static void equal(String what, Object found, Object wanted) {
        if (!Objects.equals(found, wanted)) {
            throw new AssertionError(what + ": " + found + ", and should be " + wanted);
        }
    }

    static <X extends Throwable> X thrown(Class<X> type, Step step) {
        try {
            step.run();
        } catch (Throwable e) {
            if (type.isInstance(e)) {
                return type.cast(e);
            }
            throw new AssertionError("it threw " + e + ", and should have thrown " + type.getName(), e);
        }
        throw new AssertionError("it threw nothing, and should have thrown " + type.getName());
    }

    /** Successes, failures and ignored calls. */
    static void counts(CircuitBreaker breaker, long success, long failure, long ignored) {
        Snapshot found = breaker.snapshot();
        equal("successes", found.success(), success);
        equal("failures", found.failure(), failure);
        equal("ignored", found.ignored(), ignored);
    }
}
