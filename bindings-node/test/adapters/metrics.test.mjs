import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, describe, it } from 'node:test';
import express from 'express';
import fastify from 'fastify';
import * as prom from 'prom-client';
import { Registry, contentType, registry as defaultRegistry } from 'fusewire';
import { metricsHandler } from 'fusewire/express';
import { metricsPlugin } from 'fusewire/fastify';
import { circuitBreakerFetch } from 'fusewire/fetch';
import { collect } from 'fusewire/prom-client';
import { startUpstream } from './upstream.mjs';

const upstream = await startUpstream();

/** A registry with a breaker that an outage has opened. */
async function outage(name) {
  const registry = new Registry(name);
  const guarded = circuitBreakerFetch({ registry, breaker: { failureThreshold: 2, slowCallDuration: 60_000 } });
  await upstream.phase('healthy');
  await guarded(upstream.work);
  await upstream.phase('errors');
  await guarded(upstream.work);
  await guarded(upstream.work);
  await assert.rejects(guarded(upstream.work), { code: 'ERR_CIRCUIT_OPEN' });
  return registry;
}

async function listening(server) {
  if (!server.listening) await once(server, 'listening');
  after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

const OUR_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

describe('Express', () => {
  it('serves the metrics of a registry', async () => {
    const registry = await outage('express');
    const app = express().get('/metrics', metricsHandler(registry)).get('/default', metricsHandler());
    const url = await listening(app.listen(0, '127.0.0.1'));
    const answer = await fetch(`${url}/metrics`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), OUR_TYPE);
    assert.equal(contentType, OUR_TYPE);
    assert.equal(await answer.text(), registry.metrics());
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    assert.equal(head.headers.get('content-type'), OUR_TYPE);
    assert.equal(await head.text(), '');
    assert.equal(await (await fetch(`${url}/default`)).text(), defaultRegistry.metrics());
  });

  it('serves from a plain HTTP server, too', async () => {
    const registry = await outage('http');
    const url = await listening(createServer(metricsHandler(registry)).listen(0, '127.0.0.1'));
    assert.equal(await (await fetch(url)).text(), registry.metrics());
  });

  it('refuses what is no registry', () => {
    assert.throws(() => metricsHandler({}), /registry must be a Registry/);
  });
});

describe('Fastify', () => {
  it('serves the metrics of a registry', async () => {
    const registry = await outage('fastify');
    const app = fastify();
    await app.register(metricsPlugin, { registry });
    await app.register(metricsPlugin, { path: '/default' });
    await app.register(metricsPlugin, { registry, prefix: '/internal', path: '/m' });
    after(() => app.close());
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`${url}/metrics`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), OUR_TYPE);
    assert.equal(await answer.text(), registry.metrics());
    assert.equal(await (await fetch(`${url}/default`)).text(), defaultRegistry.metrics());
    assert.equal(await (await fetch(`${url}/internal/m`)).text(), registry.metrics());
  });

  it('refuses what is no registry', async () => {
    const registering = async () => fastify().register(metricsPlugin, { registry: {} });
    await assert.rejects(registering, /registry must be a Registry/);
  });
});

describe('prom-client', () => {
  /** The samples of a text, without those of the time of a call. */
  const samples = (text) => new Set(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')));

  it('has both worlds in its own text', async () => {
    const registry = await outage('prom');
    const register = new prom.Registry();
    new prom.Counter({ name: 'mine_total', help: 'Mine.', registers: [register] }).inc(3);
    collect(register, registry);
    const text = await register.metrics();
    assert.match(text, /^# TYPE mine_total counter\nmine_total 3$/m);
    assert.match(
      text,
      /^# HELP circuit_breaker_requests_total Settled calls\.\n# TYPE circuit_breaker_requests_total counter$/m,
    );
    assert.match(text, /^# TYPE circuit_breaker_state gauge$/m);
    assert.match(text, /^# TYPE circuit_breaker_request_duration_seconds histogram$/m);
    assert.doesNotMatch(text, /# EOF|# UNIT/);
    const expected = samples(registry.metrics());
    assert.ok(expected.has(`circuit_breaker_requests_total{service="${upstream.origin}",status="failure"} 2`));
    assert.deepEqual(samples(text), expected.add('mine_total 3'));
  });

  it('has both worlds in OpenMetrics text', async () => {
    const registry = await outage('prom openmetrics');
    const register = new prom.Registry(prom.Registry.OPENMETRICS_CONTENT_TYPE);
    new prom.Counter({ name: 'mine_total', help: 'Mine.', registers: [register] }).inc(3);
    collect(register, registry);
    const text = await register.metrics();
    assert.equal(register.contentType, contentType);
    assert.match(text, /^# TYPE circuit_breaker_requests counter$/m);
    assert.match(text, /\n# EOF\n$/);
    assert.equal(text.match(/# EOF/g).length, 1);
    assert.deepEqual(samples(text), samples(registry.metrics()).add('mine_total 3'));
    assert.deepEqual(samples(await register.metrics()), samples(text));
  });

  it('is in what is merged, aggregated and read as JSON, and keeps names as they are', async () => {
    const registry = new Registry('prom json');
    registry.getOrCreate('a "quoted" \\ näme', { mode: 'forced_open' });
    const register = new prom.Registry();
    collect(register, registry);
    const json = await register.getMetricsAsJSON();
    const mode = json.find(({ name }) => name === 'circuit_breaker_mode');
    assert.deepEqual(
      mode.values.find(({ labels }) => labels.mode === 'forced_open'),
      { labels: { service: 'a "quoted" \\ näme', mode: 'forced_open' }, value: 1 },
    );
    const merged = prom.Registry.merge([register, new prom.Registry()]);
    assert.deepEqual(samples(await merged.metrics()), samples(registry.metrics()));
    const both = await prom.AggregatorRegistry.aggregate([json, json]).metrics();
    assert.match(both, /mode="forced_open"\} 2$/m);
    register.resetMetrics();
    assert.deepEqual(samples(await register.metrics()), samples(registry.metrics()));
  });

  it('reads the breakers anew at each scrape, and goes when it is told to', async () => {
    const registry = new Registry('prom anew');
    const register = new prom.Registry();
    const stop = collect(register, registry);
    assert.doesNotMatch(await register.metrics(), /service="late"/);
    registry.getOrCreate('late');
    assert.match(await register.metrics(), /service="late"/);
    assert.throws(() => collect(register, registry), /already been registered/);
    stop();
    assert.equal((await register.metrics()).trim(), '');
    collect(register);
    assert.match(await register.metrics(), /circuit_breaker_state/);
  });

  it('refuses what is no registry', () => {
    assert.throws(() => collect({}), /register must be a Registry of prom-client/);
    assert.throws(() => collect(new prom.Registry(), {}), /registry must be a Registry of fusewire/);
  });
});
