package fusewire;

/** What the library does not accept. Nothing has changed then. */
public class FusewireException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private FusewireException(String message) {
        super(message);
    }

    static RuntimeException of(int status, String message, String key, String value, String allowed) {
        return switch (status) {
            case Native.ERROR_CONFIG, Native.ERROR_NAME -> new Config(message, key, value, allowed);
            case Native.ERROR_CONFLICT -> new Conflict(message);
            case Native.ERROR_UNKNOWN_BREAKER -> new UnknownBreaker(message);
            default -> new FusewireException(message);
        };
    }

    /** The name or the configuration is wrong. */
    public static final class Config extends FusewireException {
        private static final long serialVersionUID = 1;
        private final String key;
        private final String value;
        private final String allowed;

        private Config(String message, String key, String value, String allowed) {
            super(message);
            this.key = key;
            this.value = value;
            this.allowed = allowed;
        }

        /** The key as a dotted path, such as {@code window.min_calls}; empty when it is none in particular. */
        public String key() {
            return key;
        }

        /** The value as it was given. */
        public String value() {
            return value;
        }

        /** What is allowed. */
        public String allowed() {
            return allowed;
        }
    }

    /** The name is taken by a breaker with another configuration; the message tells both. */
    public static final class Conflict extends FusewireException {
        private static final long serialVersionUID = 1;

        private Conflict(String message) {
            super(message);
        }
    }

    /** The registry has no breaker of that name. */
    public static final class UnknownBreaker extends FusewireException {
        private static final long serialVersionUID = 1;

        private UnknownBreaker(String message) {
            super(message);
        }
    }
}
