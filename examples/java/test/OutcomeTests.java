package fusewire;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;

final class OutcomeTests {
    private OutcomeTests() {}

    static void into(Map<String, Check.Step> tests) {
        tests.put("timeouts are failures of that type", OutcomeTests::timeouts);
        tests.put("calls that are interrupted or cancelled are ignored unless they took long", OutcomeTests::cancelled);
        tests.put("rules decide over what is thrown", OutcomeTests::rules);
        tests.put("a rule that throws leaves no permit unsettled", OutcomeTests::ruleThrows);
        tests.put("an error is a failure and goes on", OutcomeTests::errors);
        tests.put("a permit is settled once, or given up when it is closed", OutcomeTests::permits);
        tests.put("a settling that comes late says so", OutcomeTests::late);
        tests.put("error types of any text are counted", OutcomeTests::errorTypes);
    }

    private static void throwing(CircuitBreaker breaker, Throwable thrown) {
        Throwable found = Check.thrown(Throwable.class, () -> breaker.call(() -> {
            sneak(thrown);
            return null;
        }));
        Check.equal("thrown", found, thrown);
    }

    @SuppressWarnings("unchecked")
    private static <X extends Throwable> void sneak(Throwable thrown) throws X {
        throw (X) thrown;
    }

    private static void timeouts() {
        CircuitBreaker breaker =
                CallTests.three(new ManualClock()).isFailure(thrown -> false).build();
        throwing(breaker, new TimeoutException());
        throwing(breaker, new HttpTimeoutException("late"));
        throwing(breaker, new SocketTimeoutException());
        CircuitOpenException e = Check.thrown(CircuitOpenException.class, breaker::acquire);
        Check.equal("last failure", e.lastFailure(), Optional.of("timeout"));
    }

    private static void cancelled() {
        ManualClock clock = new ManualClock();
        CircuitBreaker breaker =
                CallTests.three(clock).cancelledAfter(Duration.ofSeconds(5)).build();
        throwing(breaker, new InterruptedException());
        throwing(breaker, new CancellationException());
        throwing(breaker, new InterruptedIOException());
        Check.thrown(InterruptedException.class, () -> breaker.call(() -> {
            clock.advance(Duration.ofSeconds(5));
            throw new InterruptedException();
        }));
        Check.counts(breaker, 0, 1, 3);
    }

    private static void rules() {
        CircuitBreaker breaker = CallTests.three(new ManualClock())
                .ignore(IllegalArgumentException.class::isInstance)
                .isFailure(IOException.class::isInstance)
                .errorType(Throwable::getMessage)
                .build();
        throwing(breaker, new IllegalArgumentException());
        throwing(breaker, new IllegalStateException());
        throwing(breaker, new IOException("E42"));
        Check.counts(breaker, 1, 1, 1);
        breaker.trip(CallTests.OPS);
        CircuitOpenException e = Check.thrown(CircuitOpenException.class, breaker::acquire);
        Check.equal("last failure", e.lastFailure(), Optional.of("E42"));
    }

    private static void ruleThrows() {
        RuntimeException defect = new RuntimeException("the rule");
        CircuitBreaker breaker = CallTests.three(new ManualClock())
                .isFailure(thrown -> {
                    throw defect;
                })
                .build();
        IOException broken = new IOException();
        throwing(breaker, broken);
        Check.equal("told", broken.getSuppressed()[0], defect);
        Check.counts(breaker, 0, 1, 0);
    }

    private static void errors() {
        CircuitBreaker breaker = CallTests.three(new ManualClock()).build();
        throwing(breaker, new StackOverflowError());
        Check.counts(breaker, 0, 1, 0);
    }

    private static void permits() {
        CircuitBreaker breaker = CallTests.three(new ManualClock()).build();
        try (Permit permit = breaker.acquire()) {
            Check.equal("settled", permit.success(), Settled.COUNTED);
            Check.equal("again", permit.failure("E42"), Settled.ALREADY_SETTLED);
        }
        try (Permit permit = breaker.acquire()) {
            Check.equal("settled", permit.threw(new IOException()), Settled.COUNTED);
        }
        breaker.acquire().ignore();
        breaker.acquire().close();
        Check.counts(breaker, 1, 1, 2);
    }

    private static void late() {
        CircuitBreaker breaker = CallTests.three(new ManualClock()).build();
        Permit permit = breaker.acquire();
        breaker.trip(CallTests.OPS);
        Check.equal("settled", permit.failure(null), Settled.LATE);
        Check.equal("late", breaker.snapshot().late(), 1L);
    }

    private static void errorTypes() {
        Registry registry = new Registry();
        CircuitBreaker breaker =
                registry.getOrCreate(CircuitBreaker.builder("payments").failureThreshold(100));
        String[][] types = {
            {null, "other"},
            {"ä".repeat(40), "ä".repeat(32)},
            {"x".repeat(64) + "\uD83D\uDE00", "x".repeat(64)},
            {"half a \uD83D", "half a ?"},
            {"cut\0off", "cut"},
        };
        for (String[] type : types) {
            Check.equal("settled", breaker.acquire().failure(type[0]), Settled.COUNTED);
            String line = "circuit_breaker_failures_total{service=\"payments\",error_type=\"" + type[1] + "\"} 1\n";
            Check.equal(type[1], registry.metrics().contains(line), true);
        }
    }
}
