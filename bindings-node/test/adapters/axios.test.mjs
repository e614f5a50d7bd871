import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import axios, { AxiosError } from 'axios';
import { isCircuitOpenError } from 'fusewire';
import { attach } from 'fusewire/axios';
import { anHttpAdapter } from './http.mjs';
import { arrival, nobody, startBodies, startUpstream } from './upstream.mjs';

const [upstream, bodies, nowhere] = [await startUpstream(), await startBodies(), await nobody()];

const streaming = { responseType: 'stream', validateStatus: null };

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

function clientOf(instance) {
  const cancel = async (data) => void (data.destroy === undefined ? await data.cancel() : data.destroy());
  return {
    async get(url, options) {
      const { status, data } = await instance.get(url, options);
      return { status, text: () => textOf(data), cancel: () => cancel(data) };
    },
    openError: (error) => error,
  };
}

for (const adapter of ['http', 'fetch']) {
  anHttpAdapter(`axios, adapter ${adapter}`, {
    upstream,
    bodies,
    nowhere,
    client(options) {
      const instance = axios.create({ ...streaming, adapter });
      const { breakers } = attach(instance, options);
      return { ...clientOf(instance), breakers, bare: clientOf(axios.create({ ...streaming, adapter })) };
    },
  });
}

describe('axios alone', () => {
  it('hands on errors of the class of the instance, and responses as they are', async () => {
    const [common, module] = [createRequire(import.meta.url)('axios'), axios];
    assert.notEqual(common.AxiosError, module.AxiosError, 'axios comes in two copies');
    for (const copy of [common, module]) {
      const instance = copy.create();
      const { breakers } = attach(instance);
      await upstream.phase('missing');
      const error = await instance.get(upstream.work).catch((error) => error);
      assert.ok(error instanceof copy.AxiosError);
      assert.equal(error.code, 'ERR_BAD_REQUEST');
      assert.equal(error.response.data.status, 404);
      await upstream.phase('errors');
      const failure = await instance.get(upstream.work).catch((error) => error);
      assert.equal(failure.response.status, 503);
      await upstream.phase('healthy');
      assert.deepEqual((await instance.get(upstream.work)).data, { phase: 'healthy', status: 200 });
      const { success, failure: failures } = breakers.get(upstream.origin).snapshot().totals;
      assert.deepEqual({ success, failures }, { success: 2, failures: 1 });
    }
  });

  it('guards the default instance, until it is detached', async () => {
    const detach = attach(axios, { breaker: { failureThreshold: 1 } });
    await upstream.phase('errors');
    await assert.rejects(axios.get(upstream.work), AxiosError);
    await assert.rejects(axios.get(upstream.work), isCircuitOpenError);
    detach();
    detach();
    await assert.rejects(axios.get(upstream.work), AxiosError);
  });

  it('guards an adapter that a request names', async () => {
    const instance = axios.create();
    attach(instance, { breaker: { failureThreshold: 1 } });
    let sent = 0;
    const adapter = async (config) => {
      sent++;
      return { status: 500, statusText: '', headers: {}, data: '', config };
    };
    assert.equal((await instance.get('http://service.test/', { adapter })).status, 500);
    await assert.rejects(instance.get('http://service.test/', { adapter }), isCircuitOpenError);
    assert.equal(sent, 1);
  });

  it('asks once for a config that is sent again', async () => {
    const instance = axios.create();
    const { breakers } = attach(instance);
    await upstream.phase('errors');
    const error = await instance.get(upstream.work).catch((error) => error);
    await instance.request(error.config).catch((error) => error);
    assert.equal(breakers.get(upstream.origin).snapshot().totals.failure, 2);
  });

  it('finds the origin behind baseURL', async () => {
    const instance = axios.create({ baseURL: `${upstream.origin}/`, params: { tag: 'x' } });
    const seen = [];
    attach(instance, { key: ({ url }) => (seen.push(url.href), 'all') });
    await upstream.phase('healthy');
    await instance.get('work');
    assert.deepEqual(seen, [`${upstream.work}?tag=x`]);
  });

  it('leaves it to axios to refuse what has no origin', async () => {
    const instance = axios.create();
    const { breakers } = attach(instance);
    const [own, bare] = await Promise.all([instance, axios].map((each) => each.get('/work').catch((error) => error)));
    assert.equal(own.message, bare.message);
    assert.equal(breakers.size, 0);
  });

  it('takes its own timeout for a failure', async () => {
    const instance = axios.create({ timeout: 50 });
    const { breakers } = attach(instance);
    await upstream.phase('slow');
    await assert.rejects(instance.get(upstream.work), { code: 'ECONNABORTED' });
    assert.equal(breakers.get(upstream.origin).snapshot().totals.failure, 1);
  });

  it('takes a body that breaks for a failure, since it reads bodies whole', async () => {
    const instance = axios.create();
    const { breakers } = attach(instance);
    await assert.rejects(instance.get(`${bodies}/broken`), AxiosError);
    assert.equal(breakers.get(bodies).snapshot().totals.failure, 1);
  });

  it('hears a cancel token', async () => {
    const instance = axios.create();
    const { breakers } = attach(instance);
    const source = axios.CancelToken.source();
    const rejects = assert.rejects(instance.get(`${bodies}/silent`, { cancelToken: source.token }), axios.isCancel);
    await arrival('/silent');
    source.cancel('enough');
    await rejects;
    assert.equal(breakers.get(bodies).snapshot().totals.ignored, 1);
  });

  it('refuses what is no instance', () => {
    assert.throws(() => attach({}), /instance must be an axios instance/);
  });
});
