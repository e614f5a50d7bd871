"""What the adapters share, where no client is needed to see it."""

from __future__ import annotations

import copy
import datetime
import email.utils
import threading

import pytest

from fusewire import CircuitBreaker, Registry
from fusewire._origins import Origins, Rejected, origin_of
from fusewire._status import Pause, has_body


class _Error(Rejected):
    def __init__(self, breaker, reason, retry_after=None, service_retry_after=None, *, request=None):
        self._keep(breaker, reason, retry_after, service_retry_after)


def origins(**options):
    given = {name: options.pop(name, None) for name in ("breaker", "key", "registry", "is_failure")}
    return Origins(_Error, (), whole_body=False, options=options, **given)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (("http", "Example.com", 80), "http://example.com"),
        (("HTTPS", "example.com", 443), "https://example.com"),
        (("https", "example.com", 80), "https://example.com:80"),
        (("http", "example.com", 8080), "http://example.com:8080"),
        (("http", "example.com", None), "http://example.com"),
        (("http", "::1", 80), "http://[::1]"),
        (("ws", "example.com", 80), "http://example.com"),
        (("wss", "example.com", 443), "https://example.com"),
        (("ftp", "example.com", 21), None),
        (("http", "", 80), None),
        (("http", None, None), None),
    ],
)
def test_an_origin_is_lower_case_and_without_a_default_port(url, origin):
    assert origin_of(*url) == origin


def test_a_host_that_nobody_can_resolve_still_makes_a_name():
    origin = origin_of("http", "a" * 300, None)
    assert origins().begin(origin, None) is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("GET", 200, None), True),
        (("GET", 200, "5"), True),
        (("GET", 200, "0"), False),
        (("HEAD", 200, "5"), False),
        (("GET", 204, None), False),
        (("GET", 304, "5"), False),
        (("GET", 101, None), False),
        (("CONNECT", 200, None), False),
        (("CONNECT", 407, "5"), True),
    ],
)
def test_what_has_a_body(given, expected):
    assert has_body(*given) is expected


def test_a_retry_after_is_seconds_or_a_date():
    pause = Pause()
    assert pause.left() is None
    pause.heard("3600")
    assert 0 < pause.left() <= 3600
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
    pause.heard(email.utils.format_datetime(later, usegmt=True))
    assert 3600 < pause.left() <= 7200
    pause.heard("Wed, 21 Oct 2015 07:28:00 GMT")
    assert pause.left() == 0.0
    pause.heard("Wed, 21 Oct 2015 07:28:00 -0000")
    assert pause.left() == 0.0
    pause.over()
    assert pause.left() is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "²", "9" * 400, "Wed, 99 Oct 2015 07:28:00 GMT", None])
def test_a_retry_after_that_says_nothing_is_none(text):
    pause = Pause()
    pause.heard("3600")
    pause.heard(text)
    assert pause.left() is None


def test_only_its_own_breaker_is_taken_out_of_the_registry():
    registry = Registry()
    made = origins(registry=registry)
    made.begin("first", None)
    registry.remove("first")
    other = registry.get_or_create("first", failure_threshold=2)
    for n in range(1000):
        made.begin(f"k{n}", None)
    assert "first" not in made.breakers
    assert registry["first"] is other


def test_adapters_with_the_same_registry_share_the_breakers_of_a_key():
    registry = Registry()
    one, two = origins(registry=registry), origins(registry=registry)
    one.begin("http://a.test", None)
    two.begin("http://a.test", None)
    assert one.breakers["http://a.test"] is two.breakers["http://a.test"]


def test_threads_that_meet_a_new_origin_get_one_breaker():
    made = origins(failure_threshold=1_000_000)
    together = threading.Barrier(8)

    def work():
        for n in range(200):
            together.wait()
            made.begin(f"k{n}", None).ended()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = {breaker.snapshot().totals.success for breaker in made.breakers.values()}
    assert (len(made.breakers), totals) == (200, {8})


def test_a_copy_has_breakers_of_its_own():
    made = origins(failure_threshold=1)
    made.begin("http://a.test", None).failed(OSError())
    again = copy.deepcopy(made)
    assert again.breakers == {}
    again.begin("http://a.test", None)
    assert '"failure_threshold":1' in again.breakers["http://a.test"].document().replace(" ", "")
    assert again.breakers["http://a.test"].state == "closed"


def test_a_rejection_keeps_nothing_alive_that_is_being_handled():
    made = origins(breaker=CircuitBreaker("mine", mode="forced_open"))
    try:
        raise KeyError("handled")
    except KeyError:
        with pytest.raises(_Error) as caught:
            made.begin("http://a.test", None)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_only_the_first_word_about_a_call_counts():
    made = origins()
    for settle in (
        lambda call: call.failed(ValueError()),
        lambda call: call.failed(OSError()),
        lambda call: call.dropped(),
    ):
        call = made.begin("http://a.test", None)
        call.ended()
        settle(call)
    totals = made.breakers["http://a.test"].snapshot().totals
    assert (totals.success, totals.failure, totals.ignored) == (3, 0, 0)
