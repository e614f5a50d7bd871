"""Compares what a vector expects with what there is."""

import json
import re

from fusewire import RequestError

#: What the package calls otherwise: `from` is no name in Python.
_NAMES = {"from": "from_state", "to": "to_state"}
_LEVELS = ("bulk", "low", "normal", "high", "critical")
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h)")


class Unexpected(Exception):
    """Something is not as it is written."""


def shown(value):
    return json.dumps(value, default=str)


def nanos(value):
    """Nanoseconds of a duration as vectors write it: text with a unit, or a number of seconds."""
    if isinstance(value, (int, float)):
        return round(value * 1e9)
    found = _DURATION.fullmatch(value)
    if found is None:
        raise Unexpected(f"{shown(value)} is no duration")
    whole, fraction, unit = found.groups(default="")
    return int(whole) * _UNITS[unit] + int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)


def nanos_of(seconds):
    """The package's seconds in nanoseconds."""
    return None if seconds is None else round(seconds * 1e9)


def duration(what, expected, got):
    """A duration, absent or in a range."""
    if expected is None or got is None:
        fits = expected is got
    elif isinstance(expected, dict):
        fits = nanos(expected.get("min", 0)) <= got and ("max" not in expected or got <= nanos(expected["max"]))
    else:
        fits = nanos(expected) == got
    if not fits:
        raise Unexpected(f"{what}: expected {shown(expected)}, got {'null' if got is None else f'{got}ns'}")


def equal(what, expected, got):
    """A value that must be equal; numbers within 1e-9, or in a range."""
    fits = expected == got and isinstance(expected, bool) == isinstance(got, bool)
    if not fits and _is_number(got):
        if isinstance(expected, dict):
            fits = expected.get("min", got) <= got <= expected.get("max", got)
        elif _is_number(expected) and not (isinstance(expected, int) and isinstance(got, int)):
            fits = abs(expected - got) <= 1e-9
    if not fits:
        raise Unexpected(f"{what}: expected {shown(expected)}, got {shown(got)}")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def refused(error, expected):
    """Whether a `ConfigError`, or a `RequestError`, is the one that is expected."""
    equal("error.key", expected["key"], error.field if isinstance(error, RequestError) else error.key)
    for text in expected.get("contains", ()):
        if text not in str(error):
            raise Unexpected(f'expected the error to contain "{text}", got: {error}')


def part(what, expected, got):
    """Every key that is written must be as it is written; what is left out is not checked."""
    there = got if isinstance(got, dict) else getattr(got, "__dict__", None)
    if not isinstance(expected, dict) or there is None:
        return equal(what, expected, got)
    for key, value in expected.items():
        path = f"{what}.{key}"
        name = _NAMES.get(key, key)
        if name not in there:
            raise Unexpected(f"{path}: there is no such key in {got}")
        if key in ("retry_after", "at", "timeout"):
            duration(path, value, nanos_of(there[name]))
        elif key in ("rejected", "would_reject"):
            _counts(path, value, vars(there[name]))
        elif key == "reserved":
            _counts(path, value, {**dict.fromkeys(_LEVELS, 0), **there[name]})
        else:
            part(path, value, there[name])


def _counts(what, expected, got):
    """Counts by reason, or by level: what is left out is 0."""
    for reason, count in got.items():
        equal(f"{what}.{reason}", expected.get(reason, 0), count)
    for reason in expected:
        if reason not in got:
            raise Unexpected(f"{what}: there is no {reason}")
