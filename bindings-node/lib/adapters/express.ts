// The metrics of a registry over HTTP, for Express and whatever else hands out Node.js requests.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalid } from '../options';
import { native } from '../native';
import { Registry, registry as defaultRegistry } from '../registry';

/** `app.get('/metrics', metricsHandler())` serves the metrics of a registry as OpenMetrics 1.0 text. */
export function metricsHandler(
  registry: Registry = defaultRegistry,
): (request: IncomingMessage, response: ServerResponse) => void {
  if (!(registry instanceof Registry)) throw invalid('registry', 'a Registry', registry);
  return (_, response) => {
    response.setHeader('content-type', native.CONTENT_TYPE);
    response.end(registry.metrics());
  };
}
