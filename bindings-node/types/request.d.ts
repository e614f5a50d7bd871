/** How much a call matters, from the least to the most. */
export type PriorityLevel = 'bulk' | 'low' | 'normal' | 'high' | 'critical';
/** A level, or a number from 0 to 100: the next lower level. */
export type Priority = PriorityLevel | number;
/** What a call asks for. A breaker without policies looks at none of it. */
export interface CallRequest {
    /** How much the call matters; `'normal'` when left out. */
    priority?: Priority;
    /** How much of a rate limit it takes, a whole number; 1 when left out. */
    cost?: number;
    /**
     * When the call is of no use any more, on the breaker's clock in milliseconds: `breaker.now() + 200`. It waits no
     * longer than that in a queue, for no turn that comes later and for no retry that would begin later, and an attempt
     * takes no longer. A call that begins after it makes no attempt, and is a timeout that the breaker does not see. Without it
     * only the queue's own timeout ends a wait.
     */
    deadline?: number;
    /** Of which of the options' `features` the call is; of none when left out. */
    feature?: string;
    /** The method, such as `'GET'`, in any case: `retry.perMethod` says how often a call of it may be tried. */
    method?: string;
    /**
     * `true`: the call may be made more than once, although its method alone does not say so. `false`: it may not, whatever its
     * method, and is neither retried nor hedged. Left out, its method says.
     */
    idempotent?: boolean;
    /**
     * Says that the call cannot be made more than once, whatever its method: its body cannot be sent again, say. It is neither
     * retried nor hedged; false when left out.
     */
    once?: boolean;
    /** Under what its value is cached, and which calls are the same; without it nothing is cached. */
    key?: string;
}
/** What a call that may wait is given. */
export interface AcquireOptions extends CallRequest {
    /** Ends the wait, as if it had never begun: it rejects with the signal's reason. `null` is none. */
    signal?: AbortSignal | null;
}
