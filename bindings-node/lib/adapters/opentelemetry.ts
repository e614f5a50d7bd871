// The breakers' metrics as OpenTelemetry has them, and their rejections in its spans.

import type * as Api from '@opentelemetry/api';
import type { Meter, Observable } from '@opentelemetry/api';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CircuitOpenError } from '../errors';
import { native } from '../native';
import { invalid } from '../options';
import { Registry, registry as defaultRegistry } from '../registry';
import { familiesOf } from './families';
import { peer } from './peer';

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Whose metrics; those of the default registry if not said. */
  registry?: Registry;
  /** What makes the instruments; the global provider's meter `fusewire` if not said. */
  meter?: Meter;
}

/** Ends the observation. */
export type Stop = () => void;

const NAME = '@opentelemetry/api';
const api = peer<typeof Api>(NAME, 'fusewire/opentelemetry', () => require('@opentelemetry/api') as typeof Api);

/** Tells the span in which a call was turned away. */
function onReject(message: unknown): void {
  const { breaker, reason, retryAfter } = message as CircuitOpenError;
  const attributes = { 'circuit_breaker.name': breaker, 'circuit_breaker.reason': reason };
  const span = api.trace.getActiveSpan();
  span?.setAttributes(attributes);
  span?.addEvent('circuit_breaker.rejected', {
    ...attributes,
    ...(retryAfter !== null && { 'circuit_breaker.retry_after_ms': retryAfter }),
  });
}

let traced = 0;

/**
 * Observes the breakers of a registry: gauges and counters as in its metrics text, with dots for `circuit_breaker_`.
 * The text's histograms are already summed up, which OpenTelemetry has no instrument for. While it runs, every
 * rejection in this thread is an event of the span that is active.
 *
 * @returns what ends it.
 */
export function instrument(options: InstrumentOptions = {}): Stop {
  const { registry = defaultRegistry, meter = api.metrics.getMeter('fusewire', native.VERSION) } = options;
  if (!(registry instanceof Registry)) throw invalid('options.registry', 'a Registry', registry);
  const observables = new Map<string, Observable>();
  for (const { name, type, unit, help } of familiesOf(registry.metrics())) {
    if (type === 'histogram') continue;
    const named = name.replace(/^circuit_breaker_/, 'circuit_breaker.');
    const details = { description: help, unit };
    observables.set(
      name,
      type === 'counter' ? meter.createObservableCounter(named, details) : meter.createObservableGauge(named, details),
    );
  }
  const observe: Api.BatchObservableCallback = (result) => {
    for (const { name, samples } of familiesOf(registry.metrics())) {
      const observable = observables.get(name);
      if (observable === undefined) continue;
      for (const { labels, value } of samples) result.observe(observable, value, labels);
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(observe, all);
  if (traced++ === 0) subscribe('fusewire:reject', onReject);
  let isRunning = true;
  return () => {
    if (!isRunning) return;
    isRunning = false;
    meter.removeBatchObservableCallback(observe, all);
    if (--traced === 0) unsubscribe('fusewire:reject', onReject);
  };
}
