import { OperatedBreaker } from './operated';
import type { CircuitBreakerOptions } from './options';
/** What is asked at its gates, once it is known to have some. */
export declare abstract class GatedBreaker extends OperatedBreaker {
    protected abstract readonly options: CircuitBreakerOptions;
    /** Milliseconds on the breaker's clock, on which a request's `deadline` is an instant. */
    now(): number;
}
