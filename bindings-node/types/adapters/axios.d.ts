import type { AxiosInstance } from 'axios';
import { type AdapterOptions, type Guarded } from './origins';
export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';
/** What `axios.create()` gives, or `axios` itself; its types in ES modules and in CommonJS are not each other's. */
export type Instance = Pick<AxiosInstance, 'interceptors' | 'getUri'>;
/** Takes the breakers off the instance again. */
export type Detach = (() => void) & Guarded;
/**
 * Puts an instance's calls under breakers: they reject with a `CircuitOpenError` when nothing was sent. An adapter that
 * a request names is guarded, too.
 *
 * @returns what takes them off again.
 */
export declare function attach(instance: Instance, options?: AdapterOptions): Detach;
