"""What there is to know of a breaker, as one value."""

from __future__ import annotations

import sys

_Namespace = type(sys.implementation)

#: The entries that the core tells in nanoseconds.
_TIMES = frozenset({"at", "retry_after", "bounds", "sum"})


class Snapshot(_Namespace):
    """A breaker at one moment. Times and durations are in seconds; what is absent is ``None``.

    ``name``, ``state`` (effective: open past its deadline reads half_open), ``stored_state``, ``mode``, ``generation``,
    ``opened``, ``openings_in_a_row``, ``retry_after``, ``consecutive_failures``, ``window``, ``half_open``, ``ramp``,
    ``totals``, ``last``, ``last_failure``, ``durations``; ``vars(snapshot)`` has them by name.
    """


def snapshot_of(told):
    """A snapshot from what the core tells."""
    return Snapshot(**{key: _value(key, value) for key, value in told.items()})


def _value(key, value):
    if isinstance(value, dict):
        # `from` is no name in Python.
        return _Namespace(**{_NAMES.get(k, k): _value(k, v) for k, v in value.items()})
    if key in _TIMES and value is not None:
        return [v / 1e9 for v in value] if isinstance(value, list) else value / 1e9
    return value


_NAMES = {"from": "from_state", "to": "to_state"}
