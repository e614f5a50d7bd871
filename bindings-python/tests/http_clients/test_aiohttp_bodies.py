"""Bodies as `aiohttp` reads them."""

from __future__ import annotations

import asyncio
import gc

import aiohttp
import pytest
from aiohttp import web
from test_aiohttp import error_type, outcomes, run

from fusewire.aiohttp import CircuitBreakerMiddleware


def test_with_whole_body_the_session_s_own_timeout_within_the_body_is_a_failure(bodies):
    async def use(session):
        with pytest.raises(asyncio.TimeoutError):
            async with session.get(f"{bodies.origin}/endless", timeout=aiohttp.ClientTimeout(total=0.05)) as response:
                await response.read()

    adapter = run(use, whole_body=True)
    assert (outcomes(adapter), error_type(adapter)) == ((0, 1, 0), "TimeoutError")


async def chunked(response):
    return b"".join([chunk async for chunk in response.content.iter_chunked(5)])


async def anything(response):
    return b"".join([chunk async for chunk in response.content.iter_any()])


async def chunks(response):
    return b"".join([chunk async for chunk, _ in response.content.iter_chunks()])


async def lines(response):
    return b"".join([line async for line in response.content])


async def exactly(response):
    return await response.content.readexactly(12)


async def until(response):
    return await response.content.readuntil(b"second")


@pytest.mark.parametrize("path", ["whole", "chunked"])
@pytest.mark.parametrize(
    "read",
    [
        lambda response: response.read(),
        lambda response: response.content.read(),
        lambda response: response.content.readline(),
        chunked,
        anything,
        chunks,
        lines,
        exactly,
        until,
    ],
)
def test_with_whole_body_every_way_to_the_end_of_a_body_settles(bodies, path, read):
    async def use(session):
        async with session.get(f"{bodies.origin}/{path}") as response:
            assert isinstance(response.content, aiohttp.StreamReader)
            assert await read(response) == b"first second"
            await response.read()

    assert outcomes(run(use, whole_body=True)) == (1, 0, 0)


def test_with_whole_body_a_body_that_breaks_unread_is_a_failure(bodies):
    async def use(session):
        response = await session.get(f"{bodies.origin}/short")
        bodies.go.release()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.wait_eof()
        response.release()

    assert outcomes(run(use, whole_body=True)) == (0, 1, 0)


def test_with_whole_body_a_body_that_broke_is_heard_of_when_the_response_closes(bodies):
    async def use(session):
        response = await session.get(f"{bodies.origin}/short")
        reader = response.content._content
        bodies.go.release()
        with pytest.raises(aiohttp.ClientPayloadError):
            await reader.wait_eof()
        response.close()

    assert outcomes(run(use, whole_body=True)) == (0, 1, 0)


def test_with_whole_body_a_line_that_is_too_long_does_not_end_the_body(bodies):
    async def use(session):
        async with session.get(f"{bodies.origin}/endless") as response:
            with pytest.raises(ValueError, match="at least one"):
                await response.content.readuntil(b"")
            assert outcomes(adapter[0]) == (0, 0, 0)

    adapter = []

    async def main():
        adapter.append(CircuitBreakerMiddleware(whole_body=True))
        async with aiohttp.ClientSession(middlewares=adapter) as session:
            await use(session)

    asyncio.run(main())
    assert outcomes(adapter[0]) == (0, 0, 1)


def test_with_whole_body_a_response_that_is_forgotten_says_nothing(bodies):
    async def use(session):
        await session.get(f"{bodies.origin}/endless")

    adapter = run(use, whole_body=True)
    # The connection held it.
    gc.collect()
    assert outcomes(adapter) == (0, 0, 1)


def test_with_whole_body_a_body_can_be_sent_on(bodies, upstream):
    """The reader is taken for what it is when it becomes the data of another request."""
    got = []

    async def take(request):
        got.append(await request.read())
        return web.Response()

    async def use(session):
        app = web.Application()
        app.router.add_post("/", take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        response = await session.get(f"{bodies.origin}/whole")
        async with session.post(f"http://127.0.0.1:{port}/", data=response.content) as answer:
            assert answer.status == 200
        await runner.cleanup()

    adapter = run(use, whole_body=True)
    assert got == [b"first second"]
    assert [breaker.snapshot().totals.success for breaker in adapter.breakers.values()] == [1, 1]


def test_with_whole_body_a_redirect_is_settled_at_its_headers_since_the_session_reads_no_more(bodies, upstream):
    async def use(session):
        async with session.get(f"{bodies.origin}/endless_redirect?to={upstream.work}") as response:
            assert response.status == 200

    upstream.phase("healthy")
    adapter = run(use, whole_body=True)
    assert [breaker.snapshot().totals.success for breaker in adapter.breakers.values()] == [1, 1]
