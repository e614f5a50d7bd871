package fusewire;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

final class ThreadTests {
    private ThreadTests() {}

    static void into(Map<String, Check.Step> tests) {
        tests.put(
                "10,000 virtual threads lose nothing",
                () -> hammer(Executors.newVirtualThreadPerTaskExecutor(), 10_000, 20));
        tests.put(
                "platform threads lose nothing while garbage is collected",
                () -> hammer(Executors.newFixedThreadPool(8), 8, 50_000));
        tests.put("of many threads that settle a permit one does", ThreadTests::once);
        tests.put("what nobody reaches is freed, and what is in use is not", ThreadTests::freed);
    }

    /** Every tenth call fails. */
    private static void hammer(ExecutorService threads, int tasks, int calls) throws Exception {
        CircuitBreaker breaker =
                CircuitBreaker.builder("payments").failureThreshold(1_000_000).build();
        try (threads) {
            List<Future<?>> running = new ArrayList<>();
            for (int task = 0; task < tasks; task++) {
                running.add(threads.submit(() -> calls(breaker, calls)));
            }
            System.gc();
            for (Future<?> each : running) {
                each.get();
            }
        }
        long all = (long) tasks * calls;
        Check.counts(breaker, all / 10 * 9, all / 10, 0);
    }

    private static void calls(CircuitBreaker breaker, int calls) {
        for (int n = 0; n < calls; n++) {
            int call = n;
            try {
                String answer = breaker.call(() -> {
                    // A virtual thread may go on on another carrier.
                    if (call % 10 == 0) {
                        Thread.yield();
                        throw new IOException("broken");
                    }
                    return "well";
                });
                Check.equal("answer", answer, "well");
            } catch (IOException e) {
                Check.equal("call", call % 10, 0);
            }
        }
    }

    private static void once() throws Exception {
        CircuitBreaker breaker = CallTests.three(new ManualClock()).build();
        Permit permit = breaker.acquire();
        AtomicInteger counted = new AtomicInteger();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int n = 0; n < 20; n++) {
                threads.submit(() -> permit.success() == Settled.COUNTED ? counted.incrementAndGet() : 0);
            }
        }
        Check.equal("counted", counted.get(), 1);
        Check.counts(breaker, 1, 0, 0);
    }

    private static void freed() {
        Registry registry = new Registry();
        List<CircuitOpenException> kept = new ArrayList<>();
        for (int n = 0; n < 200; n++) {
            CircuitBreaker breaker = registry.getOrCreate(CircuitBreaker.builder("breaker " + n));
            breaker.trip(CallTests.OPS);
            kept.add(Check.thrown(CircuitOpenException.class, breaker::acquire));
            if (n % 50 == 0) {
                System.gc();
            }
        }
        System.gc();
        for (int n = 0; n < kept.size(); n++) {
            // It keeps its breaker.
            Check.equal("message", kept.get(n).getMessage().startsWith("circuit breaker 'breaker " + n + "'"), true);
        }
    }
}
