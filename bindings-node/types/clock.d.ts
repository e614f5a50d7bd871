/** A clock that moves only when it is told to, for tests. */
export declare class ManualClock {
    /** What is to ring, soonest first. */
    private readonly ringing;
    /** Moves the clock forward by milliseconds; what is due by then happens: waits end, and paced calls have their turn. */
    advance(milliseconds: number): void;
    /** Milliseconds since the clock's zero. */
    now(): number;
}
