/** A clock that moves only when it is told to, for tests. */
export declare class ManualClock {
    /** Moves the clock forward by milliseconds. */
    advance(milliseconds: number): void;
    /** Milliseconds since the clock's zero. */
    now(): number;
}
