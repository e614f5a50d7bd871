"""A call by the package's own loops, seen from outside: when the function and the rungs are called, what is waited where
that can be seen, and what comes of it."""

import asyncio
import selectors
import time

from bench import Broken, nanos_of

from fusewire import CallTimeoutError, CircuitOpenError, attached


class _Selector(selectors.DefaultSelector):
    def select(self, timeout=None):
        if timeout:
            _LOOP.bench.advance(timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """Lives by the clock of the script: what would wait, moves the clock instead."""

    bench = None

    def time(self):
        return 0.0 if self.bench is None else self.bench.clock.now()


_LOOP = _Loop(_Selector())


def _sleeps(bench):
    """The loops of threads wait by ``time.sleep``."""

    def sleep(seconds):
        bench.see("wait", **{"for": nanos_of(seconds)})
        bench.advance(seconds)

    time.sleep = sleep


def _function(bench):
    def function():
        bench.see("call")
        n, act = bench.next()
        bench.advance(act["takes"] / 1e3)
        return _come(n, act)

    return function


def _coroutine_function(bench, sleep):
    async def function():
        bench.see("call")
        n, act = bench.next()
        if act["takes"]:
            await sleep(act["takes"] / 1e3)
        return _come(n, act)

    return function


def _come(n, act):
    if act["outcome"] != "success":
        raise Broken(n, act)
    return str(n)


def _shown(error):
    if isinstance(error, CircuitOpenError):
        return f"rejected: {error.reason}"
    if isinstance(error, CallTimeoutError):
        return f"timeout of {nanos_of(error.limit)}"
    return str(error)


def _answered(bench, value):
    bench.see("over", value=value)


def _told(bench, result):
    # The cache answers with what it has.
    if result.degraded and result.rung != "cache" and result.value != result.rung:
        raise AssertionError(f"{result.rung} has answered {result.value}")
    error = _shown(result.error) if result.degraded else None
    bench.see("over", value=result.value, attempts=result.attempts, error=error)


def _raised(bench, error):
    if not isinstance(error, (Broken, CircuitOpenError, CallTimeoutError)):
        raise error
    found = attached(error)
    # Of a call that was over with its first attempt nothing is attached.
    told = {} if found is None else {"attempts": found.attempts, "rejected": found.rejection and found.rejection.reason}
    bench.see("over", value=None, error=_shown(error), **told)


def _by(bench, asked, call, tell):
    """Makes the call, and tells what came of it."""
    try:
        came = call(asked)
    except Exception as error:
        return _raised(bench, error)
    tell(bench, came)


def _policy(bench, asked):
    """A policy knows no deadline: that is each call's own."""
    return bench.breaker.policy(**asked) if "deadline" not in asked else None


def called(bench):
    _sleeps(bench)
    _by(bench, bench.request(), lambda asked: bench.breaker.at(**asked).call(_function(bench)), _answered)


def resulted(bench):
    policy = _policy(bench, bench.request())
    if policy is None:
        return called(bench)
    _sleeps(bench)
    _by(bench, None, lambda _: policy.result(_function(bench)), _told)


async def _losers():
    """Attempts that were overtaken are cancelled when the call is over; their tasks end, and are counted, after it."""
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0)


def awaited_in_asyncio(bench):
    _LOOP.bench = bench
    function = _coroutine_function(bench, asyncio.sleep)

    async def call(asked):
        try:
            return await bench.breaker.at(**asked).call_async(function)
        finally:
            await _losers()

    _by(bench, bench.request(), lambda asked: _LOOP.run_until_complete(call(asked)), _answered)


def resulted_in_asyncio(bench):
    policy = _policy(bench, bench.request())
    if policy is None:
        return awaited_in_asyncio(bench)
    _LOOP.bench = bench
    function = _coroutine_function(bench, asyncio.sleep)

    async def call():
        try:
            return await policy.result_async(function)
        finally:
            await _losers()

    _by(bench, None, lambda _: _LOOP.run_until_complete(call()), _told)
