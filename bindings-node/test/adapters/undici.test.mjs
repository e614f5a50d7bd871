import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, describe, it } from 'node:test';
import { isCircuitOpenError } from 'fusewire';
import { circuitBreaker } from 'fusewire/undici';
import * as undici7 from 'undici';
import * as undici6 from 'undici6';
import { anHttpAdapter } from './http.mjs';
import { nobody, startBodies, startUpstream } from './upstream.mjs';

const [upstream, bodies, nowhere] = [await startUpstream(), await startBodies(), await nobody()];

for (const [version, undici] of [
  ['undici 7', undici7],
  ['undici 6', undici6],
]) {
  const agents = [];
  const agent = () => {
    const made = new undici.Agent();
    agents.push(made);
    return made;
  };
  after(() => Promise.all(agents.map((made) => made.destroy())));

  const clientOf = (dispatcher) => ({
    async get(url, options) {
      const { statusCode: status, body } = await undici.request(url, { dispatcher, ...options });
      body.on('error', () => {});
      return { status, text: () => body.text(), cancel: async () => void body.destroy() };
    },
    openError: (error) => error,
  });

  anHttpAdapter(version, {
    upstream,
    bodies,
    nowhere,
    client(options) {
      const interceptor = circuitBreaker(options);
      return { ...clientOf(agent().compose(interceptor)), breakers: interceptor.breakers, bare: clientOf(agent()) };
    },
  });

  describe(`${version} alone`, () => {
    const outage = async () => {
      const interceptor = circuitBreaker({ breaker: { failureThreshold: 1 } });
      const dispatcher = agent().compose(interceptor);
      await upstream.phase('errors');
      await (await undici.request(upstream.work, { dispatcher })).body.dump();
      return dispatcher;
    };

    it('is the cause of the error of fetch', async () => {
      const dispatcher = await outage();
      await assert.rejects(undici.fetch(upstream.work, { dispatcher }), ({ cause }) => isCircuitOpenError(cause));
    });

    it('ends the attempts of a retry that lies outside', async () => {
      const retry = undici.interceptors.retry({ minTimeout: 1, maxRetries: 9 });
      const dispatcher = agent().compose(circuitBreaker({ breaker: { failureThreshold: 3 } }), retry);
      await upstream.phase('errors');
      const before = await upstream.total();
      await assert.rejects(undici.request(upstream.work, { dispatcher }), isCircuitOpenError);
      assert.equal(await upstream.total(), before + 3);
    });

    it('rejects streams and pipelines, too', async () => {
      const dispatcher = await outage();
      const options = { origin: upstream.origin, path: '/work', method: 'GET' };
      await assert.rejects(dispatcher.stream(options, () => {}), isCircuitOpenError);
      const [error] = await once(dispatcher.pipeline(options, ({ body }) => body).resume(), 'error');
      assert.ok(isCircuitOpenError(error));
    });

    it('takes an upgrade for a success', async () => {
      const server = createServer().on('upgrade', (_, socket) => {
        socket.end('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const interceptor = circuitBreaker();
      const dispatcher = agent().compose(interceptor);
      const { socket } = await dispatcher.upgrade({
        origin: `http://127.0.0.1:${server.address().port}`,
        path: '/',
        protocol: 'x',
      });
      socket.destroy();
      server.close();
      assert.equal([...interceptor.breakers.values()][0].snapshot().totals.success, 1);
    });

    it('tells key of the whole URL', async () => {
      const seen = [];
      const interceptor = circuitBreaker({ key: ({ url, method }) => (seen.push(`${method} ${url.href}`), 'all') });
      const dispatcher = agent().compose(interceptor);
      await upstream.phase('healthy');
      await (await undici.request(`${upstream.work}?tag=u`, { dispatcher })).body.dump();
      assert.deepEqual(seen, [`GET ${upstream.work}?tag=u`]);
    });
  });
}
