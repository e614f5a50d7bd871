import fusewire.CircuitBreaker;
import fusewire.Registry;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** The client of the upstream: all that concerns fusewire is on this page. */
final class Work implements AutoCloseable {
    static final int FAILURE_THRESHOLD = 3;
    static final Duration RECOVERY_TIMEOUT = Duration.ofSeconds(2);
    static final Duration CALL_TIMEOUT = Duration.ofMillis(300);

    final CircuitBreaker breaker;
    private final HttpClient client = HttpClient.newHttpClient();
    private final HttpRequest request;

    Work(URI url, Registry registry) {
        request = HttpRequest.newBuilder(url).timeout(CALL_TIMEOUT).build();
        breaker = registry.getOrCreate(CircuitBreaker.builder("work")
                .failureThreshold(FAILURE_THRESHOLD)
                .recoveryTimeout(RECOVERY_TIMEOUT)
                .errorType(e -> e instanceof StatusException s ? "" + s.status : e.getClass().getName()));
    }

    /** Makes one call; answers what the upstream says. */
    String get() throws Exception {
        return breaker.call(() -> {
            var response = client.send(request, BodyHandlers.ofString());
            if (response.statusCode() >= 500) {
                throw new StatusException(response.statusCode());
            }
            return response.body();
        });
    }

    @Override
    public void close() {
        client.close();
        breaker.close();
    }

    /** An answer that says that the upstream is in trouble. */
    static final class StatusException extends IOException {
        private static final long serialVersionUID = 1;
        final int status;

        StatusException(int status) {
            super("the upstream answered " + status);
            this.status = status;
        }
    }
}
