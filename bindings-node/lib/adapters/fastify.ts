// The metrics of a registry as a Fastify plugin.

import type { FastifyPluginAsync } from 'fastify';
import { invalid } from '../options';
import { native } from '../native';
import { Registry, registry as defaultRegistry } from '../registry';

/** Options of the plugin. */
export interface MetricsPluginOptions {
  /** Where it serves; `/metrics` if not said. */
  path?: string;
  /** Whose metrics; those of the default registry if not said. */
  registry?: Registry;
}

/** `app.register(metricsPlugin)` serves the metrics of a registry as OpenMetrics 1.0 text. */
export const metricsPlugin: FastifyPluginAsync<MetricsPluginOptions> = async (app, options) => {
  const { path = '/metrics', registry = defaultRegistry } = options;
  if (!(registry instanceof Registry)) throw invalid('options.registry', 'a Registry', registry);
  app.get(path, (_, reply) => {
    void reply.header('content-type', native.CONTENT_TYPE).send(registry.metrics());
  });
};
