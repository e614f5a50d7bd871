import type { IncomingMessage, ServerResponse } from 'node:http';
import { Registry } from '../registry';
/** `app.get('/metrics', metricsHandler())` serves the metrics of a registry as OpenMetrics 1.0 text. */
export declare function metricsHandler(registry?: Registry): (request: IncomingMessage, response: ServerResponse) => void;
