"""Requests that adapters send once more."""

from __future__ import annotations

import asyncio
import io
import pickle
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import pytest
import requests

import fusewire.aiohttp
import fusewire.httpx
import fusewire.requests
from fusewire import CallTimeoutError, CircuitBreaker, CircuitOpenError, attached

RETRY = {"backoff": {"base": "1ms", "jitter": 0, "kind": "fixed"}, "budget": False}


class Scripted:
    """A service that answers with the statuses that it is told, then with 200; keeps what arrived."""

    def __init__(self):
        self.answers, self.heard, self.hang = [], [], 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.heard.append((self.command, body))
                status, headers = outer.answers.pop(0) if outer.answers else (200, {})
                if status == 0:
                    outer.released.wait(10)
                    status = 200
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                answer = b"" if self.command == "HEAD" else b"%d" % status
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = handle_any

            def log_message(self, *args):
                pass

        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service():
    found = Scripted()
    yield found
    found.close()


def by_httpx(options, method, url, body=None):
    with httpx.Client(transport=fusewire.httpx.CircuitBreakerTransport(**options)) as client:
        answer = client.request(method, url, content=body)
        return answer.status_code, answer.content


def by_async_httpx(options, method, url, body=None):
    async def main():
        transport = fusewire.httpx.AsyncCircuitBreakerTransport(**options)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.request(
                method, url, content=body if isinstance(body, (bytes, type(None))) else later(body)
            )
            return answer.status_code, answer.content

    async def later(file):
        yield file.read()

    return asyncio.run(main())


def by_requests(options, method, url, body=None):
    with requests.Session() as session:
        session.mount("http://", fusewire.requests.CircuitBreakerAdapter(**options))
        answer = session.request(method, url, data=body)
        return answer.status_code, answer.content


def by_aiohttp(options, method, url, body=None):
    async def main():
        middleware = fusewire.aiohttp.CircuitBreakerMiddleware(**options)
        async with (
            aiohttp.ClientSession(middlewares=[middleware]) as session,
            session.request(method, url, data=body) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(main())


@pytest.fixture(params=[by_httpx, by_async_httpx, by_requests, by_aiohttp], ids=lambda way: way.__name__)
def send(request):
    return request.param


@pytest.mark.parametrize("whole_body", [False, True])
@pytest.mark.parametrize("status", [408, 429, 503, 504, 507])
def test_an_answer_that_says_that_it_may_help_is_asked_for_once_more(send, service, status, whole_body):
    service.answers = [(status, {}), (status, {})]
    breaker = CircuitBreaker("x", failure_threshold=50, retry=RETRY)
    options = {"breaker": breaker, "whole_body": whole_body}
    assert send(options, "GET", service.url) == (200, b"200")
    assert len(service.heard) == 3
    totals = breaker.snapshot().totals
    assert (totals.failure, totals.success) == (2, 1)


@pytest.mark.parametrize("status", [500, 404, 400, 501])
def test_an_answer_that_says_that_it_will_not_is_passed_on(send, service, status):
    service.answers = [(status, {})]
    assert send({"retry": RETRY}, "GET", service.url) == (status, b"%d" % status)
    assert len(service.heard) == 1


@pytest.mark.parametrize(("method", "sent"), [("GET", 5), ("HEAD", 5), ("PUT", 2), ("DELETE", 1), ("POST", 1)])
def test_the_method_says_how_often_and_the_last_answer_is_passed_on_whole(send, service, method, sent):
    service.answers = [(503, {})] * 9
    options = {"retry": RETRY, "failure_threshold": 50}
    assert send(options, method, service.url) == (503, b"" if method == "HEAD" else b"503")
    assert len(service.heard) == sent


def test_a_body_in_memory_is_sent_again_as_it_was(send, service):
    service.answers = [(503, {})]
    assert send({"retry": RETRY}, "PUT", service.url, b"x" * 100) == (200, b"200")
    assert service.heard == [("PUT", b"x" * 100)] * 2


def test_a_body_that_is_read_from_elsewhere_is_never_sent_again(send, service):
    service.answers = [(503, {})]
    assert send({"retry": RETRY}, "PUT", service.url, io.BytesIO(b"x" * 100)) == (503, b"503")
    assert len(service.heard) == 1


@pytest.mark.parametrize("date", [False, True])
def test_a_retry_does_not_come_before_retry_after(send, service, date):
    # A date is told in whole seconds: one that is two seconds away is more than one away.
    service.answers = [(503, {"Retry-After": formatdate(time.time() + 2, usegmt=True) if date else "1"})]
    began = time.monotonic()
    options = {"retry": {**RETRY, "max_elapsed": "10s"}}
    assert send(options, "GET", service.url)[0] == 200
    assert time.monotonic() - began >= 0.9


def test_one_that_asks_for_more_time_than_there_is_is_passed_on(send, service):
    service.answers = [(503, {"Retry-After": "60"})]
    assert send({"retry": {**RETRY, "max_elapsed": "1s"}}, "GET", service.url)[0] == 503


def test_a_connection_that_is_refused_is_tried_again_and_the_clients_own_error_raised(send, nowhere):
    breaker = CircuitBreaker("x", failure_threshold=50, retry=RETRY)
    with pytest.raises((httpx.ConnectError, requests.ConnectionError, aiohttp.ClientConnectorError)) as raised:
        send({"breaker": breaker}, "GET", nowhere)
    assert attached(raised.value).attempts == 5
    assert breaker.snapshot().totals.failure == 5


def test_a_retry_that_is_turned_away_leaves_the_last_answer(send, service):
    service.answers = [(503, {})] * 9
    breaker = CircuitBreaker("x", failure_threshold=2, retry=RETRY)
    assert send({"breaker": breaker}, "GET", service.url) == (503, b"503")
    assert len(service.heard) == 2
    with pytest.raises(CircuitOpenError) as raised:
        send({"breaker": breaker}, "GET", service.url)
    assert type(raised.value).__module__.startswith("fusewire.")
    assert isinstance(raised.value, (httpx.TransportError, requests.RequestException, aiohttp.ClientError))


@pytest.mark.parametrize("send", [by_async_httpx, by_aiohttp])
def test_an_attempt_that_takes_too_long_is_cut_off_and_tried_again(send, service):
    service.answers = [(0, {})]
    options = {"retry": RETRY, "timeout": "1s"}
    assert send(options, "GET", service.url) == (200, b"200")
    service.answers = [(0, {})] * 2
    with pytest.raises(CallTimeoutError) as raised:
        send({"retry": {**RETRY, "per_method": {"GET": 2}}, "timeout": "100ms"}, "GET", service.url)
    assert isinstance(raised.value, (httpx.TimeoutException, aiohttp.ServerTimeoutError))
    assert (str(raised.value.request.url), raised.value.request.method) == (service.url, "GET")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), again.limit, str(again)) == (type(raised.value), 0.1, str(raised.value))


@pytest.mark.parametrize("name", ["cache", "hedge", "rungs", "fall_back_on"])
def test_what_is_not_for_adapters_is_told(name):
    with pytest.raises(TypeError, match=f"{name} is not for adapters"):
        fusewire.httpx.CircuitBreakerTransport(**{name: {}})
