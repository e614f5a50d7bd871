import type { FastifyPluginAsync } from 'fastify';
import { Registry } from '../registry';
/** Options of the plugin. */
export interface MetricsPluginOptions {
    /** Where it serves; `/metrics` if not said. */
    path?: string;
    /** Whose metrics; those of the default registry if not said. */
    registry?: Registry;
}
/** `app.register(metricsPlugin)` serves the metrics of a registry as OpenMetrics 1.0 text. */
export declare const metricsPlugin: FastifyPluginAsync<MetricsPluginOptions>;
