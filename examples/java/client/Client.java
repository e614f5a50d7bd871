import fusewire.CircuitOpenException;
import fusewire.Reason;
import fusewire.Registry;
import fusewire.State;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Calls a real service, {@code examples/upstream}, through an outage: errors open the breaker, a service that hangs fails its
 * probe, and one that is well again closes it. It checks what it sees, and exits with 1 when that is not so.
 */
public final class Client {
    /** How far the clock lags that a rejection is quickly read from. */
    private static final Duration CLOCK_TICK = Duration.ofMillis(10);

    private final Upstream upstream;
    private final Work work;

    private Client(Upstream upstream, Work work) {
        this.upstream = upstream;
        this.work = work;
    }

    /** Goes through the outage. */
    public static void main(String[] arguments) throws Exception {
        Registry registry = new Registry();
        try (Upstream upstream = new Upstream();
                Work work = new Work(upstream.work(), registry)) {
            Client client = new Client(upstream, work);
            client.healthy();
            client.errors();
            client.open();
            client.slow();
            client.recovered();
            metrics(registry.metrics());
        }
        System.out.println("all of it was as it should be");
    }

    private void healthy() throws Exception {
        upstream.force("healthy");
        for (int n = 0; n < 5; n++) {
            work.get();
        }
        is(State.CLOSED);
    }

    /** Errors open the breaker; its caller sees each of them as it is. */
    private void errors() throws Exception {
        upstream.force("errors");
        for (int n = 0; n < Work.FAILURE_THRESHOLD; n++) {
            if (!(failure(work::get) instanceof Work.StatusException e) || e.status != 503) {
                throw new AssertionError("a 503 became something else");
            }
        }
        is(State.OPEN);
    }

    /** Nobody's call reaches the upstream. */
    private void open() throws Exception {
        long before = upstream.total();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Throwable>> answers = new ArrayList<>();
            for (int n = 0; n < 20; n++) {
                answers.add(threads.submit(() -> failure(work::get)));
            }
            for (Future<Throwable> answer : answers) {
                CircuitOpenException e = rejection(answer.get());
                Duration after = e.retryAfter().orElseThrow();
                expect(e.reason() == Reason.OPEN, e);
                expect(after.isPositive() && after.compareTo(Work.RECOVERY_TIMEOUT.plus(CLOCK_TICK)) <= 0, e);
                expect(e.lastFailure().equals(Optional.of("503")), e);
            }
        }
        expect(upstream.total() == before, "calls reached the upstream while the breaker was open");
    }

    /** The upstream takes longer than a call may; the probe fails, and the breaker opens again. */
    private void slow() throws Exception {
        upstream.force("slow");
        await();
        is(State.HALF_OPEN);
        Throwable thrown = failure(work::get);
        expect(thrown instanceof HttpTimeoutException, thrown);
        is(State.OPEN);
    }

    /** Three probes, and all is well. */
    private void recovered() throws Exception {
        upstream.force("recovered");
        await();
        for (int n = 0; n < 3; n++) {
            is(State.HALF_OPEN);
            work.get();
        }
        is(State.CLOSED);
    }

    /** Waits until the breaker says that it is worth another try. */
    private void await() throws InterruptedException {
        CircuitOpenException e = rejection(failure(work::get));
        System.out.println(e.getMessage());
        Thread.sleep(e.retryAfter().orElseThrow());
    }

    private void is(State wanted) {
        State state = work.breaker.state();
        expect(state == wanted, "the breaker is " + state.label() + ", and should be " + wanted.label());
        System.out.println("the breaker is " + wanted.label());
    }

    /** They tell the same story. */
    private static void metrics(String text) {
        for (String line : List.of(
                "circuit_breaker_requests_total{service=\"work\",status=\"success\"} 8",
                "circuit_breaker_requests_total{service=\"work\",status=\"failure\"} 4",
                "circuit_breaker_rejections_total{service=\"work\",reason=\"open\"} 22",
                "circuit_breaker_failures_total{service=\"work\",error_type=\"503\"} 3",
                "circuit_breaker_failures_total{service=\"work\",error_type=\"timeout\"} 1")) {
            expect(text.contains(line + "\n"), "the metrics lack " + line + "\n" + text);
        }
    }

    private static Throwable failure(Callable<String> call) {
        try {
            return new AssertionError("a call that should have failed answered " + call.call());
        } catch (Exception e) {
            return e;
        }
    }

    private static CircuitOpenException rejection(Throwable thrown) {
        if (thrown instanceof CircuitOpenException e) {
            return e;
        }
        throw new AssertionError("a call should have been rejected", thrown);
    }

    private static void expect(boolean holds, Object otherwise) {
        if (!holds) {
            throw otherwise instanceof Throwable thrown ? new AssertionError(thrown) : new AssertionError(otherwise);
        }
    }
}
