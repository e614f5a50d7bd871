"""One use of each adapter, which a checker finds nothing wrong with."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import aiohttp
import httpx
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from typing_extensions import assert_type

from fusewire import CircuitBreaker, CircuitOpenError, Registry
from fusewire.aiohttp import CircuitBreakerMiddleware
from fusewire.asgi import metrics_app as asgi_app
from fusewire.httpx import AsyncCircuitBreakerTransport, CircuitBreakerTransport, RejectedRequest
from fusewire.opentelemetry import instrument
from fusewire.prometheus import CircuitBreakerCollector
from fusewire.requests import CircuitBreakerAdapter
from fusewire.testing import ManualClock
from fusewire.wsgi import metrics_app as wsgi_app

registry = Registry()

transport = CircuitBreakerTransport(
    httpx.HTTPTransport(), registry=registry, failure_threshold=3, ignore=httpx.InvalidURL, whole_body=True
)
assert_type(transport.breakers, dict[str, CircuitBreaker])
with httpx.Client(transport=transport) as client:
    try:
        assert_type(client.get("http://localhost"), httpx.Response)
    except RejectedRequest as error:
        assert_type(error.service_retry_after, "float | None")
        refused: CircuitOpenError = error
        also: httpx.TransportError = error

session = requests.Session()
session.mount("https://", CircuitBreakerAdapter(max_retries=2, key=lambda request: request.method or ""))
session.mount("http://", CircuitBreakerAdapter(breaker=lambda key: {"failure_threshold": len(key)}))


async def main() -> None:
    async with httpx.AsyncClient(transport=AsyncCircuitBreakerTransport(is_failure=lambda status: status == 500)):
        pass
    middlewares = (CircuitBreakerMiddleware(recovery_timeout="5s"),)
    async with aiohttp.ClientSession(middlewares=middlewares) as http, http.get("http://localhost") as response:
        assert_type(response, aiohttp.ClientResponse)


collector: Collector = CircuitBreakerCollector(registry, pid=True)
CollectorRegistry().register(collector)

stop = instrument(registry, spans=False)
assert_type(stop(), None)


# As a server would call them.
async def serve() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: object) -> None:
        logging.info(message)

    await asgi_app(registry)({"type": "http", "method": "GET"}, receive, send)


def serve_wsgi() -> Iterator[bytes]:
    from wsgiref.simple_server import make_server

    with make_server("", 0, wsgi_app(registry, pid=True)) as server:
        server.handle_request()
    yield b""


def test_with_fixtures(manual_clock: ManualClock, circuit_breakers: Registry) -> None:
    manual_clock.advance(30)
    assert_type(circuit_breakers["x"], CircuitBreaker)
