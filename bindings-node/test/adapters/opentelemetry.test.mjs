import assert from 'node:assert/strict';
import { it } from 'node:test';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { CircuitBreaker, Registry } from 'fusewire';
import { circuitBreakerFetch } from 'fusewire/fetch';
import { instrument } from 'fusewire/opentelemetry';
import { startUpstream } from './upstream.mjs';

const upstream = await startUpstream();

const spans = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));

function meters() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  return {
    provider: new MeterProvider({ readers: [reader] }),
    /** The points of each metric: its attributes and its value. */
    async read() {
      exporter.reset();
      await reader.forceFlush();
      const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      const found = scopes.flatMap((scope) => scope.metrics.map((metric) => ({ scope: scope.scope.name, ...metric })));
      return new Map(found.map((metric) => [metric.descriptor.name, metric]));
    },
  };
}

const points = (metric) =>
  metric.dataPoints.map(({ attributes, value }) => [Object.values(attributes).slice(1).join(), value]);

/** A breaker of that registry, opened by an outage. */
async function outage(registry) {
  const guarded = circuitBreakerFetch({ registry, breaker: { failureThreshold: 2 } });
  await upstream.phase('errors');
  await guarded(upstream.work);
  await guarded(upstream.work);
  await assert.rejects(guarded(upstream.work), { code: 'ERR_CIRCUIT_OPEN' });
  return guarded;
}

it('observes state and totals of every breaker', async () => {
  const registry = new Registry('otel');
  const { provider, read } = meters();
  const stop = instrument({ registry, meter: provider.getMeter('mine') });
  await outage(registry);
  const found = await read();
  const state = found.get('circuit_breaker.state');
  assert.equal(state.scope, 'mine');
  assert.equal(state.descriptor.description, 'Effective state of the breaker: one of three is 1.');
  assert.deepEqual(state.dataPoints[0].attributes, { service: upstream.origin, state: 'closed' });
  assert.deepEqual(points(state), [['closed', 0], ['open', 1], ['half_open', 0]]);
  assert.deepEqual(points(found.get('circuit_breaker.requests')), [['success', 0], ['failure', 2], ['ignored', 0]]);
  assert.deepEqual(points(found.get('circuit_breaker.rejections')), [['open', 1]]);
  assert.deepEqual(points(found.get('circuit_breaker.failures')), [['503', 2]]);
  assert.deepEqual(points(found.get('circuit_breaker.state_changes')), [['closed,open', 1]]);
  registry.get(upstream.origin).reset();
  assert.deepEqual(points((await read()).get('circuit_breaker.state'))[0], ['closed', 1]);
  stop();
  registry.get(upstream.origin).trip();
  // The SDK goes on showing what it has seen last.
  assert.deepEqual(points((await read()).get('circuit_breaker.state'))[0], ['closed', 1]);
  await provider.shutdown();
});

it('uses the global provider and the default registry', async () => {
  const { provider, read } = meters();
  metrics.setGlobalMeterProvider(provider);
  const stop = instrument();
  assert.deepEqual([...(await read()).values()].filter(({ dataPoints }) => dataPoints.length > 0), []);
  const { registry } = await import('fusewire');
  registry.getOrCreate('default');
  const found = await read();
  assert.equal(found.get('circuit_breaker.mode').scope, 'fusewire');
  stop();
  registry.remove('default');
  await provider.shutdown();
});

it('tells the active span of a rejection, while it runs', async () => {
  const registry = new Registry('otel spans');
  const guarded = await outage(registry);
  const tracer = trace.getTracer('test');
  const inSpan = (act) =>
    tracer.startActiveSpan('call', async (span) => {
      await act().catch(() => {});
      span.end();
      return spans.getFinishedSpans().at(-1);
    });
  const stops = [instrument({ registry }), instrument({ registry: new Registry('other') })];
  const span = await inSpan(() => guarded(upstream.work));
  assert.deepEqual(span.attributes, { 'circuit_breaker.name': upstream.origin, 'circuit_breaker.reason': 'open' });
  assert.equal(span.events.length, 1);
  assert.equal(span.events[0].name, 'circuit_breaker.rejected');
  assert.ok(span.events[0].attributes['circuit_breaker.retry_after_ms'] > 0);
  const forced = new CircuitBreaker('forced', { mode: 'forced_open' });
  const other = await inSpan(() => forced.execute(() => 1));
  assert.deepEqual(other.events[0].attributes, {
    'circuit_breaker.name': 'forced',
    'circuit_breaker.reason': 'forced_open',
  });
  await assert.rejects(forced.execute(() => 1));
  stops[0]();
  stops[0]();
  assert.equal((await inSpan(() => forced.execute(() => 1))).events.length, 1);
  stops[1]();
  assert.deepEqual((await inSpan(() => forced.execute(() => 1))).events, []);
});

it('refuses what is no registry', () => {
  assert.throws(() => instrument({ registry: {} }), /options.registry must be a Registry/);
});
