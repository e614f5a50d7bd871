import { Permit } from './permit';
import { type Priority } from './request';
/** A permit that is there, or comes. It rejects with a `CircuitOpenError` when the call is turned away. */
export declare class PermitPromise extends Promise<Permit> {
    private waiting;
    /**
     * Lets the call wait at the end of a higher level, with the deadline that it has. A level that is not higher changes
     * nothing, and neither does it once the wait has ended.
     */
    raise(to: Priority): void;
}
