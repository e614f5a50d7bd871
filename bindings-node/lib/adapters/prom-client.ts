// The breakers' metrics in a registry of prom-client.

import type { Metric, Registry as Register } from 'prom-client';
import { invalid } from '../options';
import { Registry, registry as defaultRegistry } from '../registry';
import { familiesOf, type Family } from './families';

/** Takes the metrics out again. */
export type Stop = () => void;

/** A registry of prom-client, of either content type. */
export type Collecting = Pick<Register, 'registerMetric' | 'removeSingleMetric'>;

/** What prom-client asks of a metric. */
interface Collected {
  name: string;
  readonly help: string;
  readonly type: Family['type'];
  get(): Promise<object>;
  reset(): void;
}

/**
 * Shows the breakers of a registry in `register.metrics()`, in its format, beside the metrics that are there.
 *
 * @returns what takes them out again.
 */
export function collect(register: Collecting, registry: Registry = defaultRegistry): Stop {
  if (typeof register?.registerMetric !== 'function') throw invalid('register', 'a Registry of prom-client', register);
  if (!(registry instanceof Registry)) throw invalid('registry', 'a Registry of fusewire', registry);
  let read: Map<string, Family> | null = null;
  // One scrape asks all metrics in one go: what they tell is of one instant.
  const families = (): Map<string, Family> => {
    if (read === null) {
      read = new Map(familiesOf(registry.metrics()).map((family) => [family.name, family]));
      queueMicrotask(() => (read = null));
    }
    return read;
  };

  const metrics = [...families().values()].map(({ name, type, help }): Collected => {
    const aggregator = name.endsWith('_rate') ? 'average' : 'sum';
    const full = type === 'counter' ? `${name}_total` : name;
    return {
      // For OpenMetrics prom-client takes the `_total` off, and puts it behind each sample.
      name: full,
      help,
      type,
      get() {
        const values = families().get(name)?.samples.map(({ suffix, labels, value }) => ({
          labels,
          value,
          ...(type === 'histogram' && { metricName: name + suffix }),
        }));
        return Promise.resolve({ name: this.name, help, type, values: values ?? [], aggregator });
      },
      // A breaker's totals are its own: `resetMetrics` leaves them.
      reset() {},
    };
  });
  for (const metric of metrics) register.registerMetric(metric as unknown as Metric);
  const names = metrics.map(({ name }) => name);
  return () => names.forEach((name) => register.removeSingleMetric(name));
}
