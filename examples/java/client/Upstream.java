import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code examples/upstream} as a process of its own, on a free port of loopback. It ends with close, and by itself should
 * this one die: its standard input is a pipe.
 */
final class Upstream implements AutoCloseable {
    private static final String LISTENING = "listening on ";
    private final HttpClient control = HttpClient.newHttpClient();
    private final Process process;
    private final URI url;

    Upstream() throws IOException {
        String command = System.getenv("FUSEWIRE_UPSTREAM");
        if (command == null) {
            throw new IOException("FUSEWIRE_UPSTREAM is not set: the command that serves examples/upstream, such as "
                    + "target/debug/fusewire-upstream");
        }
        process = new ProcessBuilder((command + " --until-eof").split(" +"))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader output = process.inputReader();
        String line = output.readLine();
        if (line == null || !line.startsWith(LISTENING)) {
            process.destroy();
            throw new IOException("the upstream did not say where it listens, but " + line);
        }
        url = URI.create(line.substring(LISTENING.length()));
    }

    URI work() {
        return url.resolve("/work");
    }

    /** Stays in a phase of the script until the next. */
    void force(String phase) throws IOException, InterruptedException {
        ask(HttpRequest.newBuilder(url.resolve("/phase/" + phase)).POST(BodyPublishers.noBody()));
    }

    /** How many calls it received. */
    long total() throws IOException, InterruptedException {
        String stats = ask(HttpRequest.newBuilder(url.resolve("/stats")));
        Matcher total = Pattern.compile("\"total\":(\\d+)").matcher(stats);
        if (!total.find()) {
            throw new IOException("the upstream's stats have no total: " + stats);
        }
        return Long.parseLong(total.group(1));
    }

    private String ask(HttpRequest.Builder request) throws IOException, InterruptedException {
        var response = control.send(request.build(), BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException("the upstream answered " + response.statusCode() + ": " + response.body());
        }
        return response.body();
    }

    @Override
    public void close() throws IOException {
        control.close();
        process.getOutputStream().close();
        process.onExit().join();
    }
}
