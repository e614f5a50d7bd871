"""Options, and what is said of wrong ones."""

from __future__ import annotations

import datetime
import json
import pickle

import pytest

from fusewire import (
    CircuitBreaker,
    CircuitBreakerError,
    CircuitOpenError,
    ConfigError,
    Mode,
    circuit_breaker,
    schema,
)
from fusewire.testing import ManualClock


def document(**options):
    return json.loads(CircuitBreaker("x", **options).document())


def test_none_is_what_was_not_given():
    assert document(failure_threshold=None, window=None) == document()
    window = {"kind": "count", "size": 50, "min_calls": None}
    assert document(window=window)["window"]["min_calls"] == 20


@pytest.mark.parametrize("length", [90, 90.0, "90s", "1.5m", datetime.timedelta(seconds=90)])
def test_lengths_of_time(length):
    assert document(recovery_timeout=length) == document(recovery_timeout="90s")


def test_a_mapping_of_any_kind_is_a_table():
    from types import MappingProxyType

    window = MappingProxyType({"kind": "time", "period": datetime.timedelta(minutes=1)})
    assert document(window=window)["window"]["kind"] == "time"


def test_a_document_is_taken_as_it_stands():
    text = CircuitBreaker("x", window={"kind": "adaptive"}, ramp={}).document()
    assert CircuitBreaker.from_document("x", text).document() == text
    assert CircuitBreaker.from_document("x", json.loads(text)).document() == text
    with pytest.raises(ConfigError, match="null"):
        CircuitBreaker.from_document("x", {"failure_threshold": None})
    with pytest.raises(ConfigError):
        CircuitBreaker.from_document("x", "{")
    with pytest.raises(ConfigError, match="all of the document"):
        CircuitBreaker.from_document("x", text, failure_threshold=1)
    assert CircuitBreaker.from_document("x", text, ignore=KeyError, clock=ManualClock()).document() == text


@pytest.mark.parametrize(
    ("options", "key", "says"),
    [
        ({"failure_treshold": 3}, "failure_treshold", "known: failure_threshold"),
        ({"failure_threshold": 0}, "failure_threshold", "1..=1000000"),
        ({"failure_threshold": "5"}, "failure_threshold", "whole number"),
        ({"failure_threshold": True}, "failure_threshold", "whole number"),
        ({"failure_threshold": 2**70}, "failure_threshold", "whole number"),
        ({"recovery_timeout": 0}, "recovery_timeout", "1ms..=168h"),
        ({"recovery_timeout": float("nan")}, "recovery_timeout", "duration"),
        ({"recovery_timeout": float("inf")}, "recovery_timeout", "duration"),
        ({"recovery_timeout": datetime.timedelta(seconds=-1)}, "recovery_timeout", "duration"),
        ({"recovery_timeout": object()}, "recovery_timeout", "duration"),
        ({"window": {"kind": "time", "periods": 5}}, "window.periods", "no such key"),
        ({"window": {"kind": "tme"}}, "window.kind", "count"),
        ({"window": 5}, "window", "an object"),
        ({"mode": "open"}, "mode", "forced_open"),
        ({"ignore": 5}, "ignore", "exception class"),
        ({"ignore": (KeyError, 5)}, "ignore", "exception class"),
        ({"ignore": int}, "ignore", "exception class"),
        ({"failure": "KeyError"}, "failure", "exception class"),
        ({"failure_result": 500}, "failure_result", "predicate"),
        ({"error_type": "name"}, "error_type", "function"),
        ({"fallback": 5}, "fallback", "function"),
        ({"fallback": []}, "fallback", "1 to 16 names"),
        ({"fallback": ["a", "a"]}, "fallback", "once"),
        ({"fallback": ["cache"]}, "fallback", "cache"),
        ({"clock": 5}, "clock", "ManualClock"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options, key, says):
    with pytest.raises(ConfigError) as raised:
        CircuitBreaker("x", **options)
    assert raised.value.key == key
    assert says in str(raised.value) and key in str(raised.value)
    assert isinstance(raised.value, ValueError) and isinstance(raised.value, CircuitBreakerError)
    with pytest.raises(ConfigError):
        circuit_breaker("wrong", **options)(len)


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", 5, None])
def test_a_wrong_name_is_an_error(name):
    with pytest.raises(ConfigError) as raised:
        CircuitBreaker(name)
    assert raised.value.key == "name"


def test_a_name_may_have_any_character():
    assert CircuitBreaker("zahlungen-ü-支払い").name == "zahlungen-ü-支払い"
    with pytest.raises((ConfigError, UnicodeEncodeError)):
        CircuitBreaker("\ud800")


def test_the_decorator_says_what_to_write():
    with pytest.raises(TypeError, match=r"needs parentheses: write @circuit_breaker\(\)"):

        @circuit_breaker
        def function():
            pass

    breaker = CircuitBreaker("x")
    with pytest.raises(TypeError, match="failure_threshold belongs to the breaker"):
        circuit_breaker(breaker, failure_threshold=3)
    with pytest.raises(TypeError, match="a breaker or its name"):
        circuit_breaker(5)
    with pytest.raises(TypeError, match="decorate its getter"):
        circuit_breaker(breaker)(property(len))
    with pytest.raises(TypeError, match="decorate the methods"):
        circuit_breaker(breaker)(int)
    with pytest.raises(TypeError, match="cannot be called"):
        circuit_breaker(breaker)(5)


def test_manual_operations_name_what_is_wrong():
    breaker = CircuitBreaker("x")
    with pytest.raises(ConfigError) as raised:
        breaker.trip(0)
    assert raised.value.key == "duration"
    with pytest.raises(TypeError, match="seconds or a timedelta"):
        breaker.trip([])
    with pytest.raises(ConfigError, match="forced_open"):
        breaker.set_mode("on")
    breaker.set_mode(Mode.SHADOW)
    assert breaker.mode == Mode.SHADOW == "shadow"
    breaker.trip("90s", actor="me", reason="a test")
    assert breaker.snapshot().retry_after == pytest.approx(90, abs=60)


def test_errors_cross_processes():
    breaker = CircuitBreaker("x")
    breaker.trip(5)
    with pytest.raises(CircuitOpenError) as raised:
        breaker.acquire()
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.name, copy.reason, copy.retry_after) == ("x", "open", raised.value.retry_after)
    assert str(copy) == str(raised.value) and copy.last_failure is None
    with pytest.raises(ConfigError) as raised:
        CircuitBreaker("x", failure_threshold=0)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert copy.key == "failure_threshold" and str(copy) == str(raised.value)


def test_an_error_can_be_made_for_tests():
    error = CircuitOpenError("payments", "open", 1.5)
    assert (error.name, error.retry_after) == ("payments", 1.5)
    assert str(error) == "circuit breaker 'payments' is open; retry in 1.5s"


def test_a_subclass_is_a_breaker():
    class Named(CircuitBreaker):
        def extra(self):
            return self.name

    breaker = Named("x", failure_threshold=2)
    assert breaker.extra() == "x" and breaker.call(len, "") == 0
    assert isinstance(Named.from_document("y", "{}"), Named)
    breaker.tag = 1


def test_the_schema_is_json():
    assert "failure_threshold" in json.loads(schema())["properties"]
