// What every adapter promises of requests that are sent again: over real servers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import axios from 'axios';
import { attach } from 'fusewire/axios';
import { circuitBreakerFetch } from 'fusewire/fetch';
import { circuitBreaker } from 'fusewire/undici';
import * as undici from 'undici';
import { pass } from '../recovery/passing.mjs';
import { ManualClock } from 'fusewire';
import { turn } from '../support.mjs';

/** A service that answers what is planned, one plan after the other, and the last one from then on. */
async function service() {
  const requests = [];
  let plans = [];
  const server = createServer(async (request, response) => {
    const body = [];
    for await (const chunk of request) body.push(chunk);
    requests.push({ method: request.method, body: Buffer.concat(body).toString() });
    const plan = plans.length > 1 ? plans.shift() : plans[0];
    if (plan === 'break') return response.destroy();
    if (plan === 'silent') return;
    const { status = 200, headers = {}, text = 'answer' } = plan;
    response.writeHead(status, headers);
    response.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    plan(...given) {
      plans = given;
      requests.length = 0;
      return requests;
    },
  };
}

const upstream = await service();

const CLIENTS = {
  fetch(options) {
    const send = circuitBreakerFetch(options);
    return async (init) => {
      const response = await send(upstream.url, init);
      return { status: response.status, text: await response.text() };
    };
  },
  'fetch of undici'(options) {
    const send = circuitBreakerFetch({ ...options, fetch: undici.fetch });
    return async (init) => {
      const response = await send(upstream.url, init);
      return { status: response.status, text: await response.text() };
    };
  },
  axios(options) {
    const instance = axios.create({ validateStatus: (status) => status < 400 });
    attach(instance, options);
    return async ({ method = 'GET', body, signal } = {}) => {
      try {
        const { status, data } = await instance.request({ url: upstream.url, method, data: body, signal });
        return { status, text: data };
      } catch (error) {
        if (error.response === undefined) throw error;
        return { status: error.response.status, text: error.response.data };
      }
    };
  },
  undici(options) {
    const dispatcher = new undici.Agent().compose(circuitBreaker(options));
    after(() => dispatcher.close());
    return async ({ method = 'GET', body, signal } = {}) => {
      const { statusCode, body: answer } = await undici.request(upstream.url, { method, body, signal, dispatcher });
      return { status: statusCode, text: await answer.text() };
    };
  },
};

const RETRY = { backoff: { base: 10, jitter: 0 } };

/** Lets time pass until it is settled: what goes over the network takes turns. */
async function passing(clock, promise) {
  let isSettled = false;
  promise.then(() => (isSettled = true), () => (isSettled = true));
  while (!isSettled) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    clock.advance(1);
  }
  return promise;
}

for (const [name, client] of Object.entries(CLIENTS)) {
  describe(`${name}, with attempts`, { concurrency: false }, () => {
    const made = (breaker = {}, options = {}) => {
      const clock = new ManualClock();
      const send = client({ ...options, breaker: { clock, failureThreshold: 100, retry: RETRY, ...breaker } });
      return { clock, send: (init) => passing(clock, send(init)), bare: send };
    };

    it('sends again what failed by its status, and hands the last answer on', async () => {
      const { send } = made();
      const requests = upstream.plan({ status: 503, text: 'x'.repeat(1000) }, { status: 429 }, { text: 'at last' });
      assert.deepEqual(await send(), { status: 200, text: 'at last' });
      assert.equal(requests.length, 3);
    });

    it('hands the last answer on when all failed, with its body', async () => {
      const { send } = made({ retry: { ...RETRY, perMethod: { GET: 2 } } });
      const requests = upstream.plan({ status: 503, text: 'busy' });
      assert.deepEqual(await send(), { status: 503, text: 'busy' });
      assert.equal(requests.length, 2);
    });

    it('sends again when the connection broke', async () => {
      const { send } = made();
      const requests = upstream.plan('break', 'break', {});
      assert.equal((await send()).text, 'answer');
      assert.equal(requests.length >= 3, true);
    });

    it('sends again what the service has given up waiting for', async () => {
      const { send } = made();
      const requests = upstream.plan({ status: 408, headers: { connection: 'close' } }, { text: 'answer' });
      assert.equal((await send()).text, 'answer');
      assert.equal(requests.length, 2);
    });

    it('keeps no answers', () => {
      assert.throws(() => made({ cache: {} }), /breaker\.cache is not for adapters: a client has caches of its own/);
    });

    it('does not send again what the service refused, or could not do', async () => {
      for (const status of [404, 500]) {
        const { send } = made();
        const requests = upstream.plan({ status, text: 'no' });
        assert.equal((await send()).status, status);
        assert.equal(requests.length, 1);
      }
    });

    it('waits as long as the answer asks for, in seconds or until a date', async () => {
      for (const asked of [() => '20', () => new Date(Date.now() + 22_000).toUTCString()]) {
        const { clock, bare } = made();
        const requests = upstream.plan({ status: 503, headers: { 'retry-after': asked() } }, {});
        const promise = bare();
        while (requests.length < 1) await turn();
        for (let i = 0; i < 50; i++) await turn();
        // A date is one of the system's clock, which goes on meanwhile.
        clock.advance(10_000);
        for (let i = 0; i < 50; i++) await turn();
        assert.equal(requests.length, 1);
        clock.advance(15_000);
        assert.equal((await passing(clock, promise)).status, 200);
      }
    });

    it('sends a method that may not be repeated once, unless it is told that it may', async () => {
      const once = made();
      const requests = upstream.plan({ status: 503 }, {});
      assert.equal((await once.send({ method: 'POST', body: 'abc' })).status, 503);
      assert.equal(requests.length, 1);
      const again = made({}, { idempotent: ({ method }) => method === 'POST' });
      const others = upstream.plan({ status: 503 }, {});
      assert.equal((await again.send({ method: 'POST', body: 'abc' })).status, 200);
      assert.deepEqual(others, [{ method: 'POST', body: 'abc' }, { method: 'POST', body: 'abc' }]);
    });

    it('never sends a body again that was read from a stream', async () => {
      const { send } = made({}, { idempotent: true });
      const requests = upstream.plan({ status: 503 }, {});
      const isFetch = name.startsWith('fetch');
      const body = isFetch ? new Blob(['abc']).stream() : Readable.from([Buffer.from('abc')]);
      const init = { method: 'PUT', body, ...(isFetch && { duplex: 'half' }) };
      assert.equal((await send(init)).status, 503);
      assert.deepEqual(requests, [{ method: 'PUT', body: 'abc' }]);
    });

    it('ends an attempt that takes too long, and sends it again', async () => {
      const { send } = made({ timeout: 30 });
      const requests = upstream.plan('silent', {});
      assert.equal((await send()).status, 200);
      assert.equal(requests.length, 2);
    });

    it('tells the caller of a limit that no attempt kept', async () => {
      const { send } = made({ timeout: 30, retry: { ...RETRY, perMethod: { GET: 1 } } });
      upstream.plan('silent');
      const error = await send().catch((e) => e);
      assert.equal([error.name, error.cause?.name].includes('TimeoutError'), true, String(error));
    });

    it('stops when the caller gives up', async () => {
      const { clock, bare } = made();
      const requests = upstream.plan('silent');
      const controller = new AbortController();
      const promise = bare({ signal: controller.signal });
      while (requests.length < 1) await turn();
      controller.abort();
      const error = await promise.catch((e) => e);
      assert.match(error.name + error.code, /Abort|Cancel/);
      await pass(clock, 100);
      assert.equal(requests.length, 1);
    });

    it('refuses to watch whole bodies of requests that may be sent again', () => {
      assert.throws(() => made({}, { wholeBody: true }), /wholeBody is not for breakers with timeout, retry or hedge/);
    });
  });
}
