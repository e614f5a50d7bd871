import type { Registry as Register } from 'prom-client';
import { Registry } from '../registry';
/** Takes the metrics out again. */
export type Stop = () => void;
/** A registry of prom-client, of either content type. */
export type Collecting = Pick<Register, 'registerMetric' | 'removeSingleMetric'>;
/**
 * Shows the breakers of a registry in `register.metrics()`, in its format, beside the metrics that are there.
 *
 * @returns what takes them out again.
 */
export declare function collect(register: Collecting, registry?: Registry): Stop;
