"""What is `requests`' alone."""

from __future__ import annotations

import io
import pickle
import shutil

import pytest
import requests
from requests.adapters import Retry

from fusewire import CircuitOpenError
from fusewire.requests import CircuitBreakerAdapter, RejectedRequest


def session_of(**options):
    session = requests.Session()
    adapter = CircuitBreakerAdapter(**options)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session, adapter


def outcomes(adapter):
    (breaker,) = adapter.breakers.values()
    totals = breaker.snapshot().totals
    return (totals.success, totals.failure, totals.ignored)


def test_the_usual_way_of_calling(upstream):
    session, _ = session_of(failure_threshold=1)
    upstream.phase("healthy")
    assert session.get(upstream.work, timeout=60).json() == {"phase": "healthy", "status": 200}
    upstream.phase("errors")
    with pytest.raises(requests.HTTPError):
        session.get(upstream.work).raise_for_status()
    with pytest.raises(RejectedRequest) as caught:
        session.get(upstream.work)
    assert caught.value.request.url == upstream.work
    assert caught.value.response is None
    assert caught.value.errno is None


@pytest.mark.parametrize("path", ["whole", "chunked"])
@pytest.mark.parametrize(
    "read",
    [
        lambda response: response.content,
        lambda response: response.text.encode(),
        lambda response: b"".join(response.iter_content(4)),
        lambda response: b"".join(response.iter_content(None)),
        lambda response: b"".join(response.iter_lines()),
        lambda response: response.raw.read(),
        lambda response: b"".join(iter(lambda: response.raw.read(5), b"")),
        lambda response: b"".join(response.raw),
        lambda response: b"".join(response.raw.stream(5)),
    ],
)
def test_with_whole_body_every_way_to_the_end_of_a_body_settles(bodies, path, read):
    session, adapter = session_of(whole_body=True)
    response = session.get(f"{bodies.origin}/{path}", stream=True)
    assert outcomes(adapter) == (0, 0, 0)
    assert read(response) == b"first second"
    response.close()
    assert outcomes(adapter) == (1, 0, 0)


def test_with_whole_body_a_body_can_be_copied_as_a_file(bodies):
    session, adapter = session_of(whole_body=True)
    with session.get(f"{bodies.origin}/whole", stream=True) as response:
        target = io.BytesIO()
        shutil.copyfileobj(response.raw, target)
        assert target.getvalue() == b"first second"
        assert (response.raw.status, response.raw.headers["Content-Length"]) == (200, "12")
    assert outcomes(adapter) == (1, 0, 0)


def test_with_whole_body_a_call_that_is_not_streamed_is_settled_when_it_returns(bodies):
    session, adapter = session_of(whole_body=True)
    assert session.get(f"{bodies.origin}/whole").content == b"first second"
    assert outcomes(adapter) == (1, 0, 0)
    bodies.go.release()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(f"{bodies.origin}/broken")
    assert outcomes(adapter) == (1, 1, 0)


def test_with_whole_body_a_short_body_that_nobody_tells_of_is_a_failure(bodies):
    session, adapter = session_of(whole_body=True)
    response = session.get(f"{bodies.origin}/short", stream=True)
    # As urllib3 before version 2 has it.
    response.raw._raw.enforce_content_length = False
    bodies.go.release()
    assert response.content == b"first"
    assert outcomes(adapter) == (0, 1, 0)


def test_with_whole_body_connections_are_still_reused(bodies):
    session, adapter = session_of(whole_body=True)
    for _ in range(3):
        session.get(f"{bodies.origin}/whole")
    (pool,) = (adapter.poolmanager.pools.get(key) for key in list(adapter.poolmanager.pools.keys()))
    assert (pool.num_connections, pool.num_requests) == (1, 3)


def test_a_call_with_its_retries_is_one_call(bodies):
    session, adapter = session_of(max_retries=Retry(2, status_forcelist=[503], backoff_factor=0), pool_maxsize=1)
    with pytest.raises(requests.exceptions.RetryError):
        session.get(f"{bodies.origin}/status?code=503")
    assert bodies.arrived.qsize() == 3
    assert outcomes(adapter) == (0, 1, 0)


def test_an_error_of_the_caller_s_own_says_nothing(bodies):
    session, adapter = session_of(failure_threshold=1)
    with pytest.raises(ValueError, match="timeout"):
        session.get(f"{bodies.origin}/whole", timeout=(1, 2, 3))
    assert outcomes(adapter) == (0, 0, 1)


def test_what_has_no_origin_is_left_to_the_client():
    session, adapter = session_of()
    for url in ("http://:80/", "http://service.test:port/", "http://"):
        with pytest.raises(requests.exceptions.InvalidURL):
            session.get(url)
    unprepared = requests.PreparedRequest()
    unprepared.method, unprepared.headers, unprepared.body = "GET", {}, None
    unprepared.url = "http://service.test:port/"
    with pytest.raises(requests.exceptions.InvalidURL):
        adapter.send(unprepared)
    assert adapter.breakers == {}


def test_a_session_can_be_copied_and_has_breakers_of_its_own_then(upstream):
    session, _ = session_of(failure_threshold=1)
    upstream.phase("errors")
    session.get(upstream.work)
    copied = pickle.loads(pickle.dumps(session))
    assert copied.get_adapter(upstream.work).breakers == {}
    assert copied.get(upstream.work).status_code == 503
    with pytest.raises(CircuitOpenError):
        copied.get(upstream.work)


def test_subclasses_of_the_adapter_work_together(upstream):
    class Named(requests.adapters.HTTPAdapter):
        def add_headers(self, request, **kwargs):
            request.headers["User-Agent"] = "named"

    class Both(CircuitBreakerAdapter, Named):
        pass

    session, adapter = requests.Session(), Both(failure_threshold=1)
    session.mount("http://", adapter)
    upstream.phase("healthy")
    assert session.get(upstream.work).request.headers["User-Agent"] == "named"
    assert outcomes(adapter) == (1, 0, 0)
