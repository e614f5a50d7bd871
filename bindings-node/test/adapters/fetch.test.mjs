import assert from 'node:assert/strict';
import { it } from 'node:test';
import { circuitBreakerFetch } from 'fusewire/fetch';
import * as undici from 'undici';
import { anHttpAdapter } from './http.mjs';
import { settled } from './settled.mjs';
import { arrival, nobody, startBodies, startUpstream } from './upstream.mjs';

const [upstream, bodies, nowhere] = [await startUpstream(), await startBodies(), await nobody()];

function clientOf(send) {
  const answer = (response) => ({
    status: response.status,
    text: () => response.text(),
    cancel: () => response.body.cancel(),
  });
  return { get: async (url, init) => answer(await send(url, init)), openError: (error) => error };
}

function client(plain) {
  return (options) => {
    const guarded = circuitBreakerFetch(plain === undefined ? options : { ...options, fetch: plain });
    return { ...clientOf(guarded), breakers: guarded.breakers, bare: clientOf(plain ?? fetch) };
  };
}

anHttpAdapter('fetch', { upstream, bodies, nowhere, client: client() });
anHttpAdapter('fetch of undici', { upstream, bodies, nowhere, client: client(undici.fetch) });

const totals = ({ breakers }) => [...breakers.values()][0].snapshot().totals;

it('takes what fetch takes, and hands its answer on', async () => {
  const response = new Response('ok');
  const calls = [];
  const send = circuitBreakerFetch({
    fetch: async (...args) => {
      calls.push(args);
      return response;
    },
  });
  const request = new Request('http://service.test/a', { method: 'POST', body: 'x' });
  const init = { headers: { a: 'b' } };
  assert.equal(await send(request, init), response);
  assert.equal(await send(new URL('http://service.test/b')), response);
  assert.equal(await send('http://service.test/c'), response);
  assert.equal(calls[0][0], request);
  assert.equal(calls[0][1], init);
  assert.deepEqual([...send.breakers.keys()], ['http://service.test']);
});

it('tells key of the method and the URL that are sent', async () => {
  const seen = [];
  const send = circuitBreakerFetch({
    fetch: async () => new Response(),
    key: ({ url, method }) => {
      seen.push(`${method} ${url.pathname}`);
      return 'all';
    },
  });
  await send(new Request('http://a.test/1', { method: 'PUT' }));
  await send(new Request('http://a.test/2'), { method: 'delete' });
  await send('http://a.test/3');
  assert.deepEqual(seen, ['PUT /1', 'DELETE /2', 'GET /3']);
});

it('hears the signal of a Request, and of init before it', async () => {
  const send = circuitBreakerFetch();
  const controller = new AbortController();
  const rejects = assert.rejects(send(new Request(`${bodies}/silent`, { signal: controller.signal })), /enough/);
  await arrival('/silent');
  controller.abort(new Error('enough'));
  await rejects;
  assert.equal(totals(send).ignored, 1);
  const request = new Request(`${bodies}/silent`, { signal: new AbortController().signal });
  await assert.rejects(send(request, { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
  assert.equal(totals(send).failure, 1);
});

it('makes no call of a signal that is aborted already', async () => {
  const send = circuitBreakerFetch();
  const before = await upstream.total();
  await assert.rejects(send(upstream.work, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal(send.breakers.size, 0);
  assert.equal(await upstream.total(), before);
});

it('leaves alone what has no origin', async () => {
  const send = circuitBreakerFetch();
  assert.equal(await (await send('data:,hello')).text(), 'hello');
  await assert.rejects(send('/relative'), (error) => error instanceof TypeError && /URL/.test(error.message));
  assert.equal(send.breakers.size, 0);
});

it('uses the global fetch of the moment', async () => {
  const send = circuitBreakerFetch();
  const original = globalThis.fetch;
  globalThis.fetch = async () => new Response('mocked');
  try {
    assert.equal(await (await send('http://service.test/')).text(), 'mocked');
  } finally {
    globalThis.fetch = original;
  }
});

it('gives a response that reads like the original with wholeBody', async () => {
  await upstream.phase('healthy');
  const send = circuitBreakerFetch({ wholeBody: true });
  const [own, bare] = [await send(upstream.work), await fetch(upstream.work)];
  const face = ({ url, status, ok, statusText, redirected, type }) =>
    JSON.stringify({ url, status, ok, statusText, redirected, type });
  assert.ok(own instanceof Response);
  assert.deepEqual(face(own), face(bare));
  assert.equal(own.headers.get('content-type'), bare.headers.get('content-type'));
  const copy = own.clone();
  assert.deepEqual(face(copy.clone()), face(bare));
  assert.deepEqual(await copy.json(), await bare.json());
  assert.equal(totals(send).success, 1);
  assert.deepEqual(await own.json(), { phase: 'healthy', status: 200 });
  assert.equal(own.bodyUsed, true);
  assert.equal(totals(send).success, 1);
});

it('reads bytes into a buffer that is given, with wholeBody', async () => {
  const send = circuitBreakerFetch({ wholeBody: true });
  const reader = (await send(`${bodies}/whole`)).body.getReader({ mode: 'byob' });
  let text = '';
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(5));
    if (done) break;
    text += Buffer.from(value).toString();
  }
  assert.equal(text, 'first second');
  assert.equal(totals(send).success, 1);
});

it('hears of a body that breaks although nobody reads it, with wholeBody', async () => {
  const send = circuitBreakerFetch({ wholeBody: true });
  await send(`${bodies}/broken`);
  await settled(send.breakers.get(bodies), 'failure');
});

it('settles an answer without a body at its headers', async () => {
  const send = circuitBreakerFetch({ wholeBody: true, fetch: async () => new Response(null, { status: 204 }) });
  assert.equal((await send('http://service.test/')).status, 204);
  assert.equal(totals(send).success, 1);
});

it('reports an isFailureStatus that throws, and counts as without it', async () => {
  const warnings = [];
  const hear = (warning) => warnings.push(warning);
  process.on('warning', hear);
  const send = circuitBreakerFetch({
    fetch: async () => new Response(null, { status: 500 }),
    isFailureStatus: () => {
      throw new Error('oops');
    },
  });
  assert.equal((await send('http://service.test/')).status, 500);
  assert.equal(totals(send).failure, 1);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', hear);
  assert.match(warnings[0].message, /isFailureStatus of circuit breaker 'http:\/\/service.test' threw/);
});

it('rejects when a key is wrong, and sends nothing', async () => {
  const send = circuitBreakerFetch({ key: () => 7, fetch: () => assert.fail('sent') });
  await assert.rejects(send('http://service.test/'), /name must be a string/);
  const throwing = circuitBreakerFetch({
    key: () => {
      throw new Error('no key');
    },
    fetch: () => assert.fail('sent'),
  });
  await assert.rejects(throwing('http://service.test/'), /no key/);
});
