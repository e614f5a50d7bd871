/** A call's result, and how it was come by. */
export interface Detailed<T> {
    value: T;
    /** Whether a rung has answered in the place of the function. */
    degraded: boolean;
    /** Which one; `null` when none of a list has. */
    rung: string | null;
    /** Then: the error that it answered for, or the value that was a failure; else `undefined`. */
    error: unknown;
    /** How often the breaker was asked; 0 for a value that was cached, or made by another call of the same key. */
    attempts: number;
}
