package fusewire;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

final class CallTests {
    private CallTests() {}

    static final CircuitBreaker.By OPS = new CircuitBreaker.By("ops", "drill");

    static void into(Map<String, Check.Step> tests) {
        tests.put("failures open, probes close, and nothing runs meanwhile", CallTests::opens);
        tests.put("values and exceptions reach the caller unchanged", CallTests::unchanged);
        tests.put("a wrong configuration is named by its key", CallTests::wrong);
        tests.put("every field of the builder reaches the breaker", CallTests::fields);
        tests.put("operators open, probe, close and force", CallTests::operators);
        tests.put("shadow admits and counts what it would have done", CallTests::shadow);
        tests.put("a closed breaker says so, and what runs settles", CallTests::closed);
    }

    /** One that three failures in a row open for a minute. */
    static Builder three(ManualClock clock) {
        return CircuitBreaker.builder("payments").failureThreshold(3).clock(clock);
    }

    static void fail(CircuitBreaker breaker, int times) {
        for (int n = 0; n < times; n++) {
            Check.thrown(IOException.class, () -> breaker.call(() -> {
                throw new IOException("broken");
            }));
        }
    }

    private static void opens() throws Exception {
        ManualClock clock = new ManualClock();
        CircuitBreaker breaker = three(clock).build();
        fail(breaker, 3);
        Check.equal("state", breaker.state(), State.OPEN);
        clock.advance(Duration.ofSeconds(20));
        CircuitOpenException e = Check.thrown(CircuitOpenException.class, () -> breaker.call(() -> {
            throw new AssertionError("it ran");
        }));
        Check.equal("breaker", e.breaker(), "payments");
        Check.equal("reason", e.reason(), Reason.OPEN);
        Check.equal("retry after", e.retryAfter(), Optional.of(Duration.ofSeconds(40)));
        Check.equal("last failure", e.lastFailure(), Optional.of("java.io.IOException"));
        Check.equal("message", e.getMessage(), "circuit breaker 'payments' is open; retry in 40s");
        Check.equal("stack", e.getStackTrace().length, 0);
        clock.advance(e.retryAfter().orElseThrow());
        Check.equal("state", breaker.state(), State.HALF_OPEN);
        for (int n = 0; n < 3; n++) {
            breaker.call(() -> "well");
        }
        Check.equal("state", breaker.state(), State.CLOSED);
        Check.equal("rejected", breaker.snapshot().rejected(), Map.of(Reason.OPEN, 1L));
    }

    private static void unchanged() {
        CircuitBreaker breaker = three(new ManualClock()).build();
        // It throws nothing that is checked, so nobody has to catch it.
        int value = breaker.call(() -> 42);
        Check.equal("value", value, 42);
        IOException broken = new IOException("broken");
        IOException thrown = Check.thrown(IOException.class, () -> breaker.call(() -> {
            throw broken;
        }));
        Check.equal("thrown", thrown, broken);
        Check.counts(breaker, 1, 1, 0);
    }

    private static void wrong() {
        Map<String, Builder> wrong = Map.of(
                "failure_threshold", CircuitBreaker.builder("payments").failureThreshold(-1),
                "recovery_timeout", CircuitBreaker.builder("payments").recoveryTimeout(Duration.ofSeconds(-1)),
                "failures_treshold", CircuitBreaker.builder("payments").document("{\"failures_treshold\": 3}"),
                "name", CircuitBreaker.builder(""));
        wrong.forEach((key, builder) -> {
            FusewireException.Config e = Check.thrown(FusewireException.Config.class, builder::build);
            Check.equal("key", e.key(), key);
        });
        Check.thrown(IllegalArgumentException.class, () -> CircuitBreaker.builder("pay\0ments").build());
        Check.thrown(IllegalStateException.class, () -> three(new ManualClock()).document("{}").build());
    }

    private static void fields() {
        Registry registry = new Registry();
        CircuitBreaker first = registry.getOrCreate(CircuitBreaker.builder("payments")
                .failureThreshold(3)
                .recoveryTimeout(Duration.ofMinutes(1))
                .slowCallDuration(Duration.ofSeconds(1))
                .cancelledAfter(Duration.ofSeconds(2))
                .halfOpenMaxCalls(4)
                .successThreshold(2)
                .halfOpenTimeout(Duration.ofSeconds(3))
                .mode(Mode.SHADOW));
        registry.getOrCreate(CircuitBreaker.builder("payments").document("""
                {"failure_threshold": 3, "recovery_timeout": 60, "slow_call_duration": 1, "cancelled_after": 2,
                 "half_open_max_calls": 4, "success_threshold": 2, "half_open_timeout": 3, "mode": "shadow"}"""));
        Check.thrown(
                FusewireException.Conflict.class, () -> registry.getOrCreate(CircuitBreaker.builder("payments")));
        Check.equal("mode", first.mode(), Mode.SHADOW);
        Check.equal("metrics", registry.metrics().endsWith("# EOF\n"), true);
        Check.equal("type", Registry.contentType().startsWith("application/openmetrics-text"), true);
        registry.remove("payments");
        Check.thrown(FusewireException.UnknownBreaker.class, () -> registry.remove("payments"));
    }

    private static void operators() {
        CircuitBreaker breaker = three(new ManualClock()).build();
        breaker.trip(OPS);
        Check.equal("state", breaker.state(), State.OPEN);
        breaker.halfOpen(OPS);
        Check.equal("state", breaker.state(), State.HALF_OPEN);
        breaker.reset(CircuitBreaker.By.NOBODY);
        Check.equal("state", breaker.state(), State.CLOSED);
        breaker.trip(Duration.ofSeconds(1), OPS);
        Check.thrown(FusewireException.Config.class, () -> breaker.trip(Duration.ofDays(8), OPS));
        breaker.setMode(Mode.FORCED_OPEN, OPS);
        CircuitOpenException e = Check.thrown(CircuitOpenException.class, breaker::acquire);
        Check.equal("reason", e.reason(), Reason.FORCED_OPEN);
        Check.equal("retry after", e.retryAfter(), Optional.empty());
        Check.equal("last failure", e.lastFailure(), Optional.empty());
    }

    private static void shadow() {
        CircuitBreaker breaker = three(new ManualClock()).mode(Mode.SHADOW).build();
        fail(breaker, 3);
        Check.equal("state", breaker.state(), State.OPEN);
        breaker.call(() -> "well");
        Check.equal("would reject", breaker.snapshot().wouldReject(), Map.of(Reason.OPEN, 1L));
    }

    private static void closed() {
        CircuitBreaker breaker = three(new ManualClock()).build();
        Permit permit = breaker.acquire();
        breaker.close();
        breaker.close();
        Check.thrown(IllegalStateException.class, () -> breaker.call(() -> "well"));
        Check.equal("settled", permit.success(), Settled.COUNTED);
        Check.counts(breaker, 1, 0, 0);
    }
}
