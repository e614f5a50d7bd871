"""The ways to make a call. Each gets the case's `Bench` and a function that is the call's body; it lets through what the
body raises, and the breaker's `CircuitOpenError`.

By permits a vector asks and settles itself; by calls it goes through what users decorate and enter, way by way, so that a
vector with a few calls goes all of them.
"""

import asyncio

from fusewire import CircuitBreaker, circuit_breaker


class Thrown(Exception):
    """What a call raises when the vector wants it to fail or to be ignored."""

    def __init__(self, outcome, error_type):
        super().__init__(outcome)
        self.is_ignored = outcome == "ignored"
        self.error_type = error_type


#: What tells a breaker how a call of a vector ended.
CLASSIFICATION = {"ignore": lambda error: error.is_ignored, "error_type": lambda error: error.error_type}

_loop = asyncio.new_event_loop()


class Guarded:
    """The decorated functions of one case."""

    def __init__(self, breaker: CircuitBreaker):
        guard = circuit_breaker(breaker)

        @guard
        def plain(body):
            body()

        @guard
        async def coroutine(body):
            await asyncio.sleep(0)
            body()

        @guard
        def generator(body):
            yield
            body()

        @guard
        async def async_generator(body):
            yield
            body()

        self.plain, self.coroutine = plain, coroutine
        self.generator, self.async_generator = generator, async_generator


def by_permit(bench, body):
    permit = bench.breaker.acquire()
    try:
        body()
    except Thrown as error:
        if error.is_ignored:
            permit.ignore()
        else:
            permit.failure(error.error_type)
        raise
    permit.success()


def _decorated(bench, body):
    bench.guarded.plain(body)


def _decorated_coroutine(bench, body):
    _loop.run_until_complete(bench.guarded.coroutine(body))


def _decorated_generator(bench, body):
    for _ in bench.guarded.generator(body):
        pass


def _decorated_async_generator(bench, body):
    async def consume():
        async for _ in bench.guarded.async_generator(body):
            pass

    _loop.run_until_complete(consume())


def _call(bench, body):
    bench.breaker.call(body)


def _call_async(bench, body):
    async def run():
        body()

    _loop.run_until_complete(bench.breaker.call_async(run))


def _block(bench, body):
    with bench.breaker:
        body()


def _async_block(bench, body):
    async def run():
        async with bench.breaker:
            body()

    _loop.run_until_complete(run())


def _permit_block(bench, body):
    with bench.breaker.acquire():
        body()


def _recorded(bench, body):
    breaker = bench.breaker
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
