"""The ways to make a call. Each gets the case's `Bench`, a function that is the call's body, and what the call asks for; it
lets through what the body raises, and the breaker's `CircuitOpenError`.

By permits a vector asks and settles itself; by calls it goes through what users decorate and enter, way by way, so that a
vector with a few calls goes all of them.
"""

import asyncio
import json

from loop import LOOP as _loop

from fusewire import CircuitBreaker, circuit_breaker


class Thrown(Exception):
    """What a call raises when the vector wants it to fail or to be ignored."""

    def __init__(self, outcome, error_type):
        super().__init__(outcome)
        self.is_ignored = outcome == "ignored"
        self.error_type = error_type


#: What tells a breaker how a call of a vector ended.
CLASSIFICATION = {"ignore": lambda error: error.is_ignored, "error_type": lambda error: error.error_type or ""}


class Guarded:
    """The decorated functions of one case. What a call asks for comes with its arguments."""

    def __init__(self, breaker: CircuitBreaker):
        guard = circuit_breaker(
            breaker,
            priority=lambda body, asked: asked.get("priority", "normal"),
            cost=lambda body, asked: asked.get("cost", 1),
            feature=lambda body, asked: asked.get("feature"),
            # Whoever is decorated says what answers by the names; no vector that calls this way comes to it.
            rungs=dict.fromkeys(json.loads(breaker.document()).get("fallback") or []),
        )

        @guard
        def plain(body, asked):
            body()

        @guard
        async def coroutine(body, asked):
            await asyncio.sleep(0)
            body()

        @guard
        def generator(body, asked):
            yield
            body()

        @guard
        async def async_generator(body, asked):
            yield
            body()

        self.plain, self.coroutine = plain, coroutine
        self.generator, self.async_generator = generator, async_generator


def by_permit(bench, body, asked):
    # The turn of a paced call is the caller's to wait for.
    permit = bench.breaker.acquire(**asked)
    bench.clock.advance(permit.wait)
    try:
        body()
    except Thrown as error:
        if error.is_ignored:
            permit.ignore()
        else:
            permit.failure(error.error_type)
        raise
    permit.success()


def _decorated(bench, body, asked):
    bench.guarded.plain(body, asked)


def _decorated_coroutine(bench, body, asked):
    _loop.run_until_complete(bench.guarded.coroutine(body, asked))


def _decorated_generator(bench, body, asked):
    for _ in bench.guarded.generator(body, asked):
        pass


def _decorated_async_generator(bench, body, asked):
    async def consume():
        async for _ in bench.guarded.async_generator(body, asked):
            pass

    _loop.run_until_complete(consume())


def _call(bench, body, asked):
    breaker = bench.breaker.at(**asked) if asked else bench.breaker
    breaker.call(body)


def _call_async(bench, body, asked):
    async def run():
        body()

    breaker = bench.breaker.at(**asked) if asked else bench.breaker
    _loop.run_until_complete(breaker.call_async(run))


def _block(bench, body, asked):
    if asked:
        return _permit_block(bench, body, asked)
    with bench.breaker:
        body()


def _async_block(bench, body, asked):
    async def run():
        async with bench.breaker.acquire(**asked) if asked else bench.breaker:
            body()

    _loop.run_until_complete(run())


def _permit_block(bench, body, asked):
    with bench.breaker.acquire(**asked):
        body()


def _recorded(bench, body, asked):
    breaker = bench.breaker
    if asked or breaker.snapshot().rate_limit is not None:
        # It says nothing of priorities, and knows no turn.
        return by_permit(bench, body, asked)
    if not breaker.can_execute():
        # Says why.
        breaker.acquire()
    try:
        body()
    except Thrown as error:
        breaker.record_failure(error)
        raise
    breaker.record_success()


#: By the name that `--way` takes.
WAYS = {
    "permits": [by_permit],
    "calls": [
        _decorated,
        _decorated_coroutine,
        _call,
        _call_async,
        _block,
        _decorated_generator,
        _permit_block,
        _async_block,
        _recorded,
        _decorated_async_generator,
    ],
}

#: Those whose calls are one attempt each, also where the document has `retry`: the vectors' own attempts are steps.
ONE_ATTEMPT = {"calls": [_permit_block, _decorated_generator, _async_block, _decorated_async_generator]}
