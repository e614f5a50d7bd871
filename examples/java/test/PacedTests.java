package fusewire;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CancellationException;

final class PacedTests {
    private PacedTests() {}

    static void into(Map<String, Check.Step> tests) {
        tests.put("a call is made when its turn has come", PacedTests::waits);
        tests.put("a thread that is interrupted before its call's turn does not make it", PacedTests::interrupted);
        tests.put("a permit says how long to wait", PacedTests::told);
    }

    private static Builder paced(String rate) {
        return CircuitBreaker.builder("payments").document("""
                {"rate_limit": {"algorithm": "leaky_bucket", "max_wait": "1h", "rate": %s}}""".formatted(rate));
    }

    private static void waits() {
        CircuitBreaker breaker = paced("200").build();
        long began = System.nanoTime();
        for (int n = 0; n < 4; n++) {
            long after = breaker.call(System::nanoTime) - began;
            // Never before its turn; how long after is the machine's.
            Check.equal("call " + n + " ran after " + after + " ns", after >= n * 5_000_000L, true);
        }
        Check.counts(breaker, 4, 0, 0);
    }

    private static void interrupted() {
        CircuitBreaker breaker = paced("0.001").clock(new ManualClock()).build();
        breaker.call(() -> "well");
        Thread.currentThread().interrupt();
        Check.thrown(CancellationException.class, () -> breaker.call(() -> {
            throw new AssertionError("it ran");
        }));
        Check.equal("interrupted", Thread.interrupted(), true);
        Check.counts(breaker, 1, 0, 1);
    }

    private static void told() {
        CircuitBreaker breaker = paced("0.001").clock(new ManualClock()).build();
        for (int n = 0; n < 3; n++) {
            try (Permit permit = breaker.acquire()) {
                Check.equal("turn", permit.untilTurn(), Duration.ofSeconds(1000L * n));
            }
        }
        Check.counts(breaker, 0, 0, 3);
    }
}
