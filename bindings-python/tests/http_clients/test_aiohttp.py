"""What is `aiohttp`'s alone."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from fusewire.aiohttp import CircuitBreakerMiddleware, RejectedRequest
from fusewire.testing import ManualClock


def outcomes(adapter):
    (breaker,) = adapter.breakers.values()
    totals = breaker.snapshot().totals
    return (totals.success, totals.failure, totals.ignored)


def error_type(adapter):
    (breaker,) = adapter.breakers.values()
    return breaker.snapshot().last_failure.error_type


def run(use, connector=None, **options):
    """Runs ``use(session)``; the adapter, whose breakers tell."""

    async def main():
        adapter = CircuitBreakerMiddleware(**options)
        made = None if connector is None else connector()
        async with aiohttp.ClientSession(middlewares=[adapter], connector=made) as session:
            await use(session)
        return adapter

    return asyncio.run(main())


async def next_arrival(bodies):
    return await asyncio.get_running_loop().run_in_executor(None, bodies.arrived.get)


def test_the_usual_way_of_calling(upstream):
    async def use(session):
        upstream.phase("healthy")
        async with session.get(upstream.work) as response:
            assert await response.json() == {"phase": "healthy", "status": 200}
        upstream.phase("errors")
        with pytest.raises(aiohttp.ClientResponseError):
            await session.get(upstream.work, raise_for_status=True)
        with pytest.raises(RejectedRequest) as caught:
            await session.get(upstream.work)
        assert str(caught.value.request.url) == upstream.work

    assert outcomes(run(use, failure_threshold=1)) == (1, 1, 0)


def test_a_task_that_is_cancelled_says_nothing(bodies):
    async def use(session):
        task = asyncio.create_task(session.get(f"{bodies.origin}/hanging"))
        await next_arrival(bodies)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert outcomes(run(use)) == (0, 0, 1)


def test_a_task_that_is_cancelled_after_cancelled_after_is_a_failure(bodies):
    clock = ManualClock()

    async def use(session):
        task = asyncio.create_task(session.get(f"{bodies.origin}/hanging"))
        await next_arrival(bodies)
        clock.advance(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    adapter = run(use, cancelled_after=5, clock=clock)
    assert (outcomes(adapter), error_type(adapter)) == ((0, 1, 0), "timeout")


def test_the_session_s_own_timeout_is_a_failure(bodies):
    async def use(session):
        with pytest.raises(asyncio.TimeoutError):
            await session.get(f"{bodies.origin}/hanging", timeout=aiohttp.ClientTimeout(total=0.05))

    adapter = run(use)
    assert (outcomes(adapter), error_type(adapter)) == ((0, 1, 0), "TimeoutError")


def test_the_session_s_own_timeout_is_a_failure_before_there_is_a_connection():
    class Never(AbstractResolver):
        async def resolve(self, *_, **__):
            await asyncio.get_running_loop().create_future()

        async def close(self):
            pass

    async def use(session):
        with pytest.raises(asyncio.TimeoutError):
            await session.get("http://service.test/", timeout=aiohttp.ClientTimeout(total=0.05))

    adapter = run(use, connector=lambda: aiohttp.TCPConnector(resolver=Never()))
    assert (outcomes(adapter), error_type(adapter)) == ((0, 1, 0), "TimeoutError")


@pytest.mark.parametrize("whole_body", [False, True])
def test_a_websocket_is_a_call_until_it_is_open(whole_body):
    async def talk(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def use(session):
        app = web.Application()
        app.router.add_get("/", talk)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin = f"127.0.0.1:{runner.addresses[0][1]}"
        async with session.ws_connect(f"ws://{origin}/") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
            seen.append(origin)
        await runner.cleanup()

    seen = []
    adapter = run(use, whole_body=whole_body)
    assert list(adapter.breakers) == [f"http://{seen[0]}"]
    assert outcomes(adapter) == (1, 0, 0)


def test_tasks_at_the_same_time_are_counted_exactly(upstream):
    async def use(session):
        async def read():
            async with session.get(upstream.work) as response:
                await response.read()

        await asyncio.gather(*(read() for _ in range(100)))

    upstream.phase("healthy")
    before = upstream.total()
    assert outcomes(run(use, whole_body=True)) == (100, 0, 0)
    assert upstream.total() == before + 100


def test_what_is_not_of_http_is_left_to_the_client():
    async def use(session):
        with pytest.raises(aiohttp.NonHttpUrlClientError):
            await session.get("ftp://service.test/")
        with pytest.raises(aiohttp.InvalidURL):
            await session.get("http://service.test:port/")

    assert run(use).breakers == {}


def test_an_error_of_the_caller_s_own_says_nothing(bodies):
    async def wrong(request, handler):
        raise TypeError("a middleware of the caller's own")

    async def main():
        adapter = CircuitBreakerMiddleware(failure_threshold=1)
        async with aiohttp.ClientSession(middlewares=[adapter, wrong]) as session:
            with pytest.raises(TypeError):
                await session.get(f"{bodies.origin}/whole")
        return adapter

    assert outcomes(asyncio.run(main())) == (0, 0, 1)
