"""What is `httpx`'s alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys

import httpx
import pytest
import trio

from fusewire import CircuitOpenError
from fusewire.httpx import AsyncCircuitBreakerTransport, CircuitBreakerTransport, RejectedRequest
from fusewire.testing import ManualClock


def outcomes(adapter):
    (breaker,) = adapter.breakers.values()
    totals = breaker.snapshot().totals
    return (totals.success, totals.failure, totals.ignored)


async def next_arrival(bodies):
    return await asyncio.get_running_loop().run_in_executor(None, bodies.arrived.get)


def test_the_usual_way_of_calling(upstream):
    upstream.phase("healthy")
    with httpx.Client(transport=CircuitBreakerTransport(failure_threshold=1), base_url=upstream.origin) as client:
        assert client.get("/work").json() == {"phase": "healthy", "status": 200}
        upstream.phase("errors")
        response = client.get("/work")
        with pytest.raises(httpx.HTTPStatusError):
            response.raise_for_status()
        with pytest.raises(RejectedRequest) as caught:
            client.get("/work")
        assert caught.value.request.url == upstream.work


def test_a_task_that_is_cancelled_says_nothing(bodies):
    async def main():
        transport = AsyncCircuitBreakerTransport()
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:
            task = asyncio.create_task(client.get(f"{bodies.origin}/hanging"))
            await next_arrival(bodies)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return outcomes(transport)

    assert asyncio.run(main()) == (0, 0, 1)


def test_a_task_that_is_cancelled_after_cancelled_after_is_a_failure(bodies):
    async def main():
        clock = ManualClock()
        transport = AsyncCircuitBreakerTransport(cancelled_after=5, clock=clock)
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:
            task = asyncio.create_task(client.get(f"{bodies.origin}/hanging"))
            await next_arrival(bodies)
            clock.advance(5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return outcomes(transport)

    assert asyncio.run(main()) == (0, 1, 0)


def test_a_scope_of_trio_that_is_cancelled_says_nothing(bodies):
    async def main():
        transport = AsyncCircuitBreakerTransport()
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:

            async def call(scope):
                with scope:
                    await client.get(f"{bodies.origin}/hanging")

            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()
                nursery.start_soon(call, scope)
                await trio.to_thread.run_sync(bodies.arrived.get)
                scope.cancel()
        assert scope.cancelled_caught
        return outcomes(transport)

    assert trio.run(main) == (0, 0, 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_with_whole_body_a_cancellation_within_the_body_says_nothing(bodies, backend):
    async def read(transport, begun):
        client = httpx.AsyncClient(transport=transport, timeout=None)
        async with client, client.stream("GET", f"{bodies.origin}/endless") as response:
            async for chunk in response.aiter_bytes():
                assert chunk == b"first"
                begun.set()

    async def on_asyncio(transport):
        begun = asyncio.Event()
        task = asyncio.create_task(read(transport, begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def on_trio(transport):
        begun = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, transport, begun)
            await begun.wait()
            nursery.cancel_scope.cancel()

    transport = AsyncCircuitBreakerTransport(whole_body=True)
    if backend == "trio":
        trio.run(on_trio, transport)
    else:
        asyncio.run(on_asyncio(transport))
    assert outcomes(transport) == (0, 0, 1)


def test_tasks_at_the_same_time_are_counted_exactly(upstream):
    async def main():
        limits = httpx.Limits(max_connections=20)
        inner = httpx.AsyncHTTPTransport(limits=limits)
        transport = AsyncCircuitBreakerTransport(inner, failure_threshold=1_000_000)
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:
            answers = await asyncio.gather(*(client.get(upstream.work) for _ in range(100)))
            assert {answer.status_code for answer in answers} == {200}
        return outcomes(transport)

    upstream.phase("healthy")
    before = upstream.total()
    assert asyncio.run(main()) == (100, 0, 0)
    assert upstream.total() == before + 100


def test_a_transport_that_is_given_is_used_entered_and_closed():
    did = []

    class Inner(httpx.BaseTransport):
        def handle_request(self, request):
            did.append(request.url.host)
            return httpx.Response(200)

        def __enter__(self):
            did.append("enter")
            return self

        def __exit__(self, *_):
            did.append("exit")

        def close(self):
            did.append("close")

    with httpx.Client(transport=CircuitBreakerTransport(Inner())) as client:
        client.get("http://service.test/")
    CircuitBreakerTransport(Inner()).close()
    assert did == ["enter", "service.test", "exit", "close"]


def test_with_whole_body_an_answer_that_was_made_in_memory_is_settled():
    for make in (lambda: httpx.Response(200), lambda: httpx.Response(200, text="ok")):
        transport = CircuitBreakerTransport(httpx.MockTransport(lambda request, make=make: make()), whole_body=True)
        with httpx.Client(transport=transport) as client:
            client.get("http://service.test/")
        assert outcomes(transport) == (1, 0, 0)


def test_with_whole_body_a_response_that_is_forgotten_says_nothing(bodies):
    transport = CircuitBreakerTransport(whole_body=True)
    with httpx.Client(transport=transport) as client:
        response = client.send(client.build_request("GET", f"{bodies.origin}/endless"), stream=True)
        del response
        gc.collect()
        assert outcomes(transport) == (0, 0, 1)


def test_an_error_of_the_caller_s_own_says_nothing(bodies):
    transport = CircuitBreakerTransport(failure_threshold=1)
    with httpx.Client(transport=transport) as client:
        with pytest.raises(httpx.LocalProtocolError):
            client.get(f"{bodies.origin}/whole", headers={"a": "line\nbreak"})
        assert outcomes(transport) == (0, 0, 1)
        with pytest.raises(TypeError):
            client.get(f"{bodies.origin}/whole", timeout=httpx.Timeout("soon"))
        assert outcomes(transport) == (0, 0, 2)


def test_what_is_not_of_http_is_left_to_the_client():
    transport = CircuitBreakerTransport()
    with httpx.Client(transport=transport) as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            client.get("ftp://service.test/")
        with pytest.raises(httpx.UnsupportedProtocol):
            client.get("/relative")
        with pytest.raises(httpx.InvalidURL):
            client.get("http://service.test:port/")
    assert transport.breakers == {}


def test_a_transport_of_the_other_kind_is_refused():
    with pytest.raises(TypeError, match=r"a httpx.BaseTransport such as httpx.HTTPTransport\(\)"):
        CircuitBreakerTransport(httpx.AsyncHTTPTransport())
    with pytest.raises(TypeError, match=r"a httpx.AsyncBaseTransport such as httpx.AsyncHTTPTransport\(\)"):
        AsyncCircuitBreakerTransport(httpx.HTTPTransport())


def test_rejections_do_not_grow_memory(upstream):
    """Rejections leave no cycles, which only the collector would find."""
    transport = CircuitBreakerTransport(mode="forced_open")
    request = httpx.Request("GET", upstream.work)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(1000):
            with contextlib.suppress(CircuitOpenError):
                transport.handle_request(request)
        assert len(gc.get_objects()) - before < 100
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["httpx", "requests", "aiohttp"])
def test_a_client_that_is_not_installed_is_named(name):
    program = f"import sys; sys.modules['{name}'] = None\nimport fusewire.{name}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ.copy())
    assert run.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: fusewire.{name} needs {name}: pip install 'fusewire[{name}]'"
    )


def test_fusewire_itself_imports_no_client():
    program = "import fusewire, sys; print([n for n in ('httpx', 'requests', 'aiohttp') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
