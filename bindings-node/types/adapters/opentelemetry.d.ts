import type { Meter } from '@opentelemetry/api';
import { Registry } from '../registry';
/** Options of `instrument`. */
export interface InstrumentOptions {
    /** Whose metrics; those of the default registry if not said. */
    registry?: Registry;
    /** What makes the instruments; the global provider's meter `fusewire` if not said. */
    meter?: Meter;
}
/** Ends the observation. */
export type Stop = () => void;
/**
 * Observes the breakers of a registry: gauges and counters as in its metrics text, with dots for `circuit_breaker_`.
 * The text's histograms are already summed up, which OpenTelemetry has no instrument for. While it runs, every
 * rejection in this thread is an event of the span that is active.
 *
 * @returns what ends it.
 */
export declare function instrument(options?: InstrumentOptions): Stop;
