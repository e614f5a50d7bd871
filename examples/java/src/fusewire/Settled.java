package fusewire;

/** What became of a settling. */
public enum Settled {
    /** The outcome counts. */
    COUNTED,
    /** The breaker has moved on since the call began; the outcome counts in the totals only. */
    LATE,
    /** The permit was settled before; nothing was counted. */
    ALREADY_SETTLED;

    static Settled of(int status) {
        return switch (status) {
            case Native.OK -> COUNTED;
            case Native.LATE -> LATE;
            default -> ALREADY_SETTLED;
        };
    }
}
