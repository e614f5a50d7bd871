import type { Permit } from '../permit';
/** Whether a status says that the service is in trouble: 500 and above, 429, and 408. */
export declare function isFailureStatus(status: number): boolean;
/** A call that was admitted, until it is settled. Only the first word about its end counts. */
export declare class Call {
    private readonly permit;
    private readonly isFailure;
    private readonly wholeBody;
    constructor(permit: Permit, isFailure: (status: number) => boolean, wholeBody: boolean);
    /** The headers are there. Whether the body decides. */
    answered(status: number, hasBody: boolean): boolean;
    /** The body has ended. */
    ended(): void;
    /** There was no answer, or its body broke. */
    failed(error: unknown): void;
    /** The caller gave up, and why. */
    aborted(reason?: unknown): void;
    /** As `failed`, or as `aborted` when the signal is. */
    broke(error: unknown, signal: {
        readonly aborted: boolean;
        readonly reason?: unknown;
    } | null | undefined): void;
}
