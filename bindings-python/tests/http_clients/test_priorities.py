"""How much a request matters, as the adapters are told it."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx
import pytest
import requests
from clients import read

import fusewire.aiohttp
import fusewire.httpx
import fusewire.requests
from fusewire import CircuitBreaker, RequestError


def by_requests(url, headers, **options):
    with requests.Session() as session:
        session.mount("http://", fusewire.requests.CircuitBreakerAdapter(**options))
        try:
            return session.get(url, headers=headers).status_code
        except fusewire.requests.RejectedRequest as error:
            return error.reason


def by_httpx(url, headers, **options):
    with httpx.Client(transport=fusewire.httpx.CircuitBreakerTransport(**options)) as client:
        try:
            return client.get(url, headers=headers).status_code
        except fusewire.httpx.RejectedRequest as error:
            return error.reason


def by_async_httpx(url, headers, **options):
    async def main():
        transport = fusewire.httpx.AsyncCircuitBreakerTransport(**options)
        async with httpx.AsyncClient(transport=transport) as client:
            try:
                return (await client.get(url, headers=headers)).status_code
            except fusewire.httpx.RejectedRequest as error:
                return error.reason

    return asyncio.run(main())


def by_aiohttp(url, headers, **options):
    async def main():
        middleware = fusewire.aiohttp.CircuitBreakerMiddleware(**options)
        async with aiohttp.ClientSession(middlewares=[middleware]) as session:
            try:
                async with session.get(url, headers=headers) as answer:
                    return answer.status
            except fusewire.aiohttp.RejectedRequest as error:
                return error.reason

    return asyncio.run(main())


clients = pytest.mark.parametrize("get", [by_requests, by_httpx, by_async_httpx, by_aiohttp])


@clients
@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("high", 200),
        ("High", 200),
        ("75", 200),
        ("100", 200),
        ("74", "shed"),
        ("low", "shed"),
        # What is no level is of the usual one.
        ("urgent", "shed"),
        ("-5", "shed"),
        (None, "shed"),
    ],
)
def test_the_header_says_the_level(get, header, answer, upstream):
    upstream.phase("healthy")
    headers = {} if header is None else {"X-Request-Priority": header}
    assert get(upstream.work, headers, priority={"min": "high"}) == answer


def test_a_header_that_says_no_level_is_as_none(upstream):
    upstream.phase("healthy")
    for header in ({}, {"x-request-priority": "urgent"}):
        assert by_httpx(upstream.work, header, priority={"min": "normal"}) == 200


def test_a_function_of_the_request_goes_before_the_header(client, upstream):
    upstream.phase("healthy")
    breaker = fusewire.CircuitBreaker("shared", priority={"min": "high"})
    levels = ["critical", None, "low"]
    guarded = client(breaker=breaker, priority=lambda request: levels.pop(0))
    assert read(guarded, upstream.work) == 200
    for _ in range(2):
        with pytest.raises(guarded.module.RejectedRequest) as caught:
            guarded.open(upstream.work)
        assert caught.value.reason == "shed"


def test_a_function_that_answers_no_level_is_told(client, upstream):
    breaker = fusewire.CircuitBreaker("shared", priority={})
    guarded = client(breaker=breaker, priority=lambda request: "urgent")
    with pytest.raises(RequestError):
        guarded.open(upstream.work)


def test_what_is_neither_a_function_nor_a_table_is_told(client):
    with pytest.raises(TypeError, match="priority is a function of a request"):
        client(priority="high")


@clients
@pytest.mark.parametrize("feature", ["reports", lambda request: "reports" if "/work" in str(request.url) else None])
@pytest.mark.parametrize("retry", [None, {}])
def test_a_request_is_of_the_feature_that_is_said(upstream, get, feature, retry):
    upstream.phase("healthy")
    document = {"failure_threshold": 1000, "features": {"reports": {}, "rest": {}}}
    breaker = CircuitBreaker("service", **document, **({} if retry is None else {"retry": retry}))
    assert get(upstream.work, {}, breaker=breaker, feature=feature) == 200
    features = breaker.snapshot().features
    assert (features["reports"].admitted, features["rest"].admitted) == (1, 0)


@clients
def test_a_function_that_names_no_feature_is_asked_all_the_same(upstream, get):
    upstream.phase("healthy")
    breaker = CircuitBreaker("service", features={"reports": {}})
    assert get(upstream.work, {}, breaker=breaker, feature=lambda request: None) == 200
    assert breaker.snapshot().features["reports"].admitted == 0


@clients
def test_a_feature_that_the_document_does_not_have_is_the_callers_error(upstream, get):
    with pytest.raises(RequestError, match="feature"):
        get(upstream.work, {}, features={"reports": {}}, feature="nothing")


def test_a_feature_is_a_text_or_a_function():
    with pytest.raises(TypeError, match="feature is a text, or a function of a request, not 5"):
        fusewire.httpx.CircuitBreakerTransport(feature=5)
