// What every adapter of an HTTP client promises, whichever client it is.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitOpenError, ManualClock, Registry, isCircuitOpenError, isRequestError } from 'fusewire';
import { turn } from '../support.mjs';
import { settled } from './settled.mjs';
import { arrival } from './upstream.mjs';

/**
 * @param client makes a client of adapter options: `get(url, { signal })` answers `{ status, text(), cancel() }`,
 * `breakers` are the adapter's, `openError(error)` finds the `CircuitOpenError` in what the client rejects with.
 */
export function anHttpAdapter(name, { upstream, bodies, nowhere, client }) {
  const only = ({ breakers }) => {
    assert.equal(breakers.size, 1);
    return [...breakers.values()][0];
  };
  const times = async (count, act) => {
    for (let n = 0; n < count; n++) await act();
  };
  const read = async (guarded, url) => {
    const answer = await guarded.get(url);
    await answer.text();
    return answer.status;
  };
  const rejection = async (guarded, url, options) => {
    try {
      await guarded.get(url, options);
    } catch (error) {
      return error;
    }
    assert.fail('answered');
  };

  describe(name, { concurrency: false }, () => {
    it('opens on 5xx, and a rejected call does not reach the service', async () => {
      const guarded = client({ breaker: { failureThreshold: 3 } });
      await upstream.phase('errors');
      const before = await upstream.total();
      await times(3, async () => assert.equal(await read(guarded, upstream.work), 503));
      assert.equal(only(guarded).state, 'open');
      const error = guarded.openError(await rejection(guarded, upstream.work));
      assert.ok(error instanceof CircuitOpenError);
      assert.ok(isCircuitOpenError(error));
      assert.equal(error.breaker, upstream.origin);
      assert.equal(error.reason, 'open');
      assert.equal(await upstream.total(), before + 3);
      assert.match(only(guarded).metrics(), /circuit_breaker_failures_total\{.*error_type="503"\} 3/);
    });

    it('takes the priority from the request header, unless an option says it', async () => {
      const breaker = { priority: { min: 'normal' } };
      const byHeader = client({ breaker });
      const get = (guarded, headers) => guarded.get(`${bodies}/whole`, { headers }).then((answer) => answer.text());
      assert.match(await get(byHeader, { 'x-request-priority': 'high' }), /second/);
      assert.match(await get(byHeader, { 'X-Request-Priority': '50' }), /second/);
      assert.match(await get(byHeader, { 'x-request-priority': 'whatever' }), /second/);
      assert.match(await get(byHeader, {}), /second/);
      for (const level of ['low', '10']) {
        const headers = { 'X-Request-Priority': level };
        const error = byHeader.openError(await rejection(byHeader, `${bodies}/whole`, { headers }));
        assert.equal(error.reason, 'shed');
      }
      const targets = [];
      const byCall = client({
        breaker,
        priority: (target) => {
          targets.push(`${target.method} ${target.url.pathname}`);
          return target.url.pathname === '/items' ? 'bulk' : undefined;
        },
      });
      assert.equal(byCall.openError(await rejection(byCall, `${bodies}/items`)).reason, 'shed');
      assert.match(await get(byCall, { 'x-request-priority': 'high' }), /second/);
      assert.deepEqual(targets, ['GET /items', 'GET /whole']);
      const always = client({ breaker, priority: 'low' });
      assert.equal(always.openError(await rejection(always, `${bodies}/whole`)).reason, 'shed');
      assert.throws(() => client({ priority: 'urgent' }), isRequestError);
    });

    it('waits for a slot, the higher level first', async () => {
      const bulkhead = { maxConcurrent: 1, maxQueue: 5, queueTimeout: '1h' };
      const guarded = client({ breaker: { bulkhead } });
      await read(guarded, `${bodies}/whole`);
      const holder = only(guarded).acquire();
      const order = [];
      const calls = ['low', 'high'].map(async (level) => {
        const answer = await guarded.get(`${bodies}/whole`, { headers: { 'x-request-priority': level } });
        order.push(level);
        await answer.text();
      });
      while (only(guarded).snapshot().bulkhead.queued < 2) await turn();
      holder.success();
      await Promise.all(calls);
      assert.deepEqual(order, ['high', 'low']);
    });

    it('ends a wait when its signal is aborted, and sends nothing', async () => {
      const guarded = client({ breaker: { bulkhead: { maxConcurrent: 1, maxQueue: 5, queueTimeout: '1h' } } });
      await read(guarded, `${bodies}/whole`);
      const holder = only(guarded).acquire();
      const controller = new AbortController();
      const call = rejection(guarded, `${bodies}/whole`, { signal: controller.signal });
      while (only(guarded).snapshot().bulkhead.queued < 1) await turn();
      controller.abort();
      const error = await call;
      assert.match(error.name, /AbortError|CanceledError/);
      const { bulkhead, totals } = only(guarded).snapshot();
      assert.deepEqual([bulkhead.queued, bulkhead.inFlight, totals.success], [0, 1, 1]);
      holder.success();
    });

    it('recovers when the service does', async () => {
      const clock = new ManualClock();
      const guarded = client({ breaker: { failureThreshold: 1, recoveryTimeout: 1000, halfOpenMaxCalls: 1, clock } });
      await upstream.phase('errors');
      await read(guarded, upstream.work);
      await upstream.phase('healthy');
      await rejection(guarded, upstream.work);
      clock.advance(2000);
      assert.equal(await read(guarded, upstream.work), 200);
      assert.equal(only(guarded).state, 'closed');
    });

    it('takes 4xx for an answer like any other, except 429', async () => {
      const guarded = client({ breaker: { failureThreshold: 2 } });
      await upstream.phase('missing');
      await times(3, async () => assert.equal(await read(guarded, upstream.work), 404));
      await settled(only(guarded), 'success', 3);
      await upstream.phase('busy');
      await times(2, async () => assert.equal(await read(guarded, upstream.work), 429));
      assert.equal(only(guarded).state, 'open');
    });

    it('lets isFailureStatus decide', async () => {
      const guarded = client({ breaker: { failureThreshold: 1 }, isFailureStatus: (status) => status === 404 });
      await upstream.phase('errors');
      await read(guarded, upstream.work);
      assert.equal(only(guarded).state, 'closed');
      await upstream.phase('missing');
      await read(guarded, upstream.work);
      assert.equal(only(guarded).state, 'open');
    });

    it('has one breaker for each origin', async () => {
      const guarded = client({ breaker: (key) => ({ failureThreshold: key === upstream.origin ? 1 : 2 }) });
      await upstream.phase('errors');
      await read(guarded, upstream.work);
      assert.equal(await read(guarded, `${bodies}/whole`), 200);
      assert.deepEqual([...guarded.breakers].map(([key, { state }]) => [key, state]), [
        [upstream.origin, 'open'],
        [bodies, 'closed'],
      ]);
      assert.equal(JSON.parse(guarded.breakers.get(bodies).document()).failure_threshold, 2);
    });

    it('lets key divide otherwise, and shows the breakers in a registry', async () => {
      const registry = new Registry(`${name} key`);
      const seen = [];
      const guarded = client({
        breaker: { failureThreshold: 1 },
        registry,
        key: ({ url, method }) => {
          seen.push(method);
          return url.searchParams.get('tag') ?? url.pathname;
        },
      });
      await upstream.phase('errors');
      await read(guarded, `${upstream.work}?tag=a`);
      assert.ok(guarded.openError(await rejection(guarded, `${upstream.work}?tag=a`)));
      assert.equal(await read(guarded, `${upstream.work}?tag=b`), 503);
      assert.equal(await read(guarded, upstream.work), 503);
      assert.deepEqual(registry.names(), ['/work', 'a', 'b']);
      assert.match(registry.metrics(), /circuit_breaker_state\{service="a",state="open"\} 1/);
      assert.deepEqual(new Set(seen), new Set(['GET']));
    });

    it('keeps the 1,000 breakers that were used last', async () => {
      const registry = new Registry(`${name} limit`);
      let key = '';
      const guarded = client({ key: () => key, registry });
      await upstream.phase('healthy');
      for (let n = 0; n < 1000; n++) {
        key = `k${n}`;
        await read(guarded, upstream.work);
      }
      key = 'k0';
      await read(guarded, upstream.work);
      key = 'one more';
      await read(guarded, upstream.work);
      assert.equal(guarded.breakers.size, 1000);
      assert.ok(guarded.breakers.has('k0'));
      assert.ok(!guarded.breakers.has('k1'));
      assert.equal(registry.names().length, 1000);
      assert.equal(registry.get('k1'), undefined);
    });

    it('settles at the headers', async () => {
      const guarded = client({});
      const answer = await guarded.get(`${bodies}/endless`);
      await settled(only(guarded), 'success');
      await answer.cancel();
      await settled(only(guarded), 'success');
    });

    it('settles at the end of the body with wholeBody', async () => {
      const guarded = client({ wholeBody: true });
      const answer = await guarded.get(`${bodies}/whole`);
      assert.equal(await answer.text(), 'first second');
      await settled(only(guarded), 'success');
    });

    it('takes a body that breaks for a failure with wholeBody', async () => {
      const guarded = client({ wholeBody: true });
      const answer = await guarded.get(`${bodies}/broken`);
      await assert.rejects(answer.text());
      await settled(only(guarded), 'failure');
    });

    it('takes a body that is cancelled for nothing with wholeBody', async () => {
      const guarded = client({ wholeBody: true });
      const answer = await guarded.get(`${bodies}/endless`);
      assert.equal(only(guarded).snapshot().totals.success, 0);
      await answer.cancel();
      await settled(only(guarded), 'ignored');
    });

    it('takes an abort within the body for nothing, and a timeout for a failure, with wholeBody', async () => {
      for (const [reason, outcome] of [
        [undefined, 'ignored'],
        [new DOMException('too late', 'TimeoutError'), 'failure'],
      ]) {
        const guarded = client({ wholeBody: true });
        const controller = new AbortController();
        const answer = await guarded.get(`${bodies}/endless`, { signal: controller.signal });
        const text = assert.rejects(answer.text());
        controller.abort(reason);
        await text;
        await settled(only(guarded), outcome);
      }
    });

    it('knows a failure by its status before the body ends', async () => {
      const guarded = client({ wholeBody: true });
      await upstream.phase('errors');
      await guarded.get(upstream.work);
      await settled(only(guarded), 'failure');
    });

    it('takes an abort for nothing', async () => {
      const guarded = client({ breaker: { failureThreshold: 1 } });
      const controller = new AbortController();
      const rejected = rejection(guarded, `${bodies}/silent`, { signal: controller.signal });
      await arrival('/silent');
      controller.abort();
      await rejected;
      await settled(only(guarded), 'ignored');
    });

    it('takes a timeout for a failure', async () => {
      const guarded = client({ breaker: { failureThreshold: 1 } });
      await upstream.phase('slow');
      await rejection(guarded, upstream.work, { signal: AbortSignal.timeout(50) });
      await settled(only(guarded), 'failure');
      assert.match(only(guarded).metrics(), /error_type="timeout"\} 1/);
    });

    it('hands on network errors as the client makes them', async () => {
      const guarded = client({ breaker: { failureThreshold: 1 } });
      const [own, bare] = [await rejection(guarded, nowhere), await rejection(guarded.bare, nowhere)];
      assert.equal(own.constructor, bare.constructor);
      assert.equal(own.message, bare.message);
      assert.equal(own.code, bare.code);
      await settled(only(guarded), 'failure');
      assert.match(only(guarded).metrics(), /error_type="ECONNREFUSED"\} 1/);
    });

    it('lets the classification of the breaker decide about errors', async () => {
      const ignoring = client({ breaker: { ignore: () => true } });
      await rejection(ignoring, nowhere);
      await settled(only(ignoring), 'ignored');
      const forgiving = client({ breaker: { isFailure: () => false } });
      await rejection(forgiving, nowhere);
      await settled(only(forgiving), 'success');
    });

    it('refuses options that are wrong, at once', () => {
      assert.throws(() => client({ failureThreshold: 3 }), /unknown option 'failureThreshold'.*breaker/);
      assert.throws(() => client({ breaker: { failureThreshold: 0 } }), { code: 'ERR_CIRCUIT_CONFIG' });
      assert.throws(() => client({ breaker: { fallback: () => 1 } }), /catch the CircuitOpenError/);
      assert.throws(() => client({ breaker: { isFailureResult: () => true } }), /isFailureStatus/);
      assert.throws(() => client({ key: 'origin' }), /options.key must be a function/);
      assert.throws(() => client({ registry: 'http' }), /options.registry must be a Registry/);
    });
  });
}
