"""Each guarded client with the same face, one that waits: what is async runs in an event loop of its own thread."""

from __future__ import annotations

import aiohttp
import httpx
import requests
from anyio.from_thread import start_blocking_portal

import fusewire.aiohttp
import fusewire.httpx
import fusewire.requests


class Httpx:
    """``open`` answers when the headers are there."""

    name = "httpx"
    module = fusewire.httpx
    error = httpx.TransportError
    timeout = httpx.ReadTimeout
    refused = "ConnectError"
    broken = ("ReadError", "RemoteProtocolError")

    def __init__(self, options):
        self.adapter = fusewire.httpx.CircuitBreakerTransport(**options)
        self._client = httpx.Client(transport=self.adapter, follow_redirects=True)

    def open(self, url, method="GET", timeout=None):
        request = self._client.build_request(method, url, timeout=timeout)
        return HttpxAnswer(self._client.send(request, stream=True))

    def close(self):
        self._client.close()


class HttpxAnswer:
    def __init__(self, response):
        self._response = response
        self.status = response.status_code
        self._chunks = response.iter_raw()

    def read(self):
        return b"".join(self._chunks)

    def some(self):
        return next(self._chunks)

    def close(self):
        self._response.close()


class Requests:
    name = "requests"
    module = fusewire.requests
    error = requests.RequestException
    timeout = requests.ReadTimeout
    refused = "ConnectionError"
    broken = ("ChunkedEncodingError",)

    def __init__(self, options):
        self.adapter = fusewire.requests.CircuitBreakerAdapter(**options)
        self._session = requests.Session()
        self._session.mount("http://", self.adapter)

    def open(self, url, method="GET", timeout=None):
        return RequestsAnswer(self._session.request(method, url, stream=True, timeout=timeout, allow_redirects=True))

    def close(self):
        self._session.close()


class RequestsAnswer:
    def __init__(self, response):
        self._response = response
        self.status = response.status_code

    def read(self):
        return b"".join(self._response.iter_content(64))

    def some(self):
        return next(self._response.iter_content(5))

    def close(self):
        self._response.close()


class _Portal:
    """What is async, called by those who wait."""

    backend = "asyncio"

    def __init__(self, options):
        self._around = start_blocking_portal(self.backend)
        self._portal = self._around.__enter__()
        self._options = options
        try:
            self._portal.call(self._start)
        except BaseException:
            self._around.__exit__(None, None, None)
            raise

    def open(self, url, method="GET", timeout=None):
        return PortalAnswer(self._portal, self._portal.call(self._open, url, method, timeout))

    def close(self):
        self._portal.call(self._stop)
        self._around.__exit__(None, None, None)


class PortalAnswer:
    def __init__(self, portal, answer):
        self._portal = portal
        self._answer = answer
        self.status = answer.status

    def read(self):
        return self._portal.call(self._answer.read)

    def some(self):
        return self._portal.call(self._answer.some)

    def close(self):
        self._portal.call(self._answer.close)


class AsyncHttpx(_Portal):
    name = "httpx on asyncio"
    module = fusewire.httpx
    error = httpx.TransportError
    timeout = httpx.ReadTimeout
    refused = "ConnectError"
    broken = ("ReadError", "RemoteProtocolError")

    async def _start(self):
        self.adapter = fusewire.httpx.AsyncCircuitBreakerTransport(**self._options)
        self._client = httpx.AsyncClient(transport=self.adapter, follow_redirects=True)

    async def _open(self, url, method, timeout):
        request = self._client.build_request(method, url, timeout=timeout)
        return AsyncHttpxAnswer(await self._client.send(request, stream=True))

    async def _stop(self):
        await self._client.aclose()


class AsyncHttpxAnswer:
    def __init__(self, response):
        self._response = response
        self.status = response.status_code
        self._chunks = response.aiter_raw()

    async def read(self):
        return b"".join([chunk async for chunk in self._chunks])

    async def some(self):
        return await self._chunks.__anext__()

    async def close(self):
        await self._response.aclose()


class TrioHttpx(AsyncHttpx):
    name = "httpx on trio"
    backend = "trio"


class Aiohttp(_Portal):
    name = "aiohttp"
    module = fusewire.aiohttp
    error = aiohttp.ClientError
    timeout = aiohttp.ServerTimeoutError
    refused = "ClientConnectorError"
    broken = ("ClientPayloadError", "ClientOSError")

    async def _start(self):
        self.adapter = fusewire.aiohttp.CircuitBreakerMiddleware(**self._options)
        self._session = aiohttp.ClientSession(middlewares=[self.adapter])

    async def _open(self, url, method, timeout):
        limits = aiohttp.ClientTimeout(sock_read=timeout)
        return AiohttpAnswer(await self._session.request(method, url, timeout=limits))

    async def _stop(self):
        await self._session.close()


class AiohttpAnswer:
    def __init__(self, response):
        self._response = response
        self.status = response.status

    async def read(self):
        return await self._response.content.read()

    async def some(self):
        return await self._response.content.readany()

    async def close(self):
        self._response.close()


CLIENTS = (Httpx, AsyncHttpx, TrioHttpx, Requests, Aiohttp)


def read(guarded, url, **options):
    """Calls and reads to the end; the status."""
    answer = guarded.open(url, **options)
    answer.read()
    answer.close()
    return answer.status


def error_types(breaker):
    """How often each error type was counted."""
    lines = [line for line in breaker.metrics().splitlines() if line.startswith("circuit_breaker_failures_total{")]
    return {line.split('error_type="')[1].split('"')[0]: int(line.split()[-1]) for line in lines}
