"""For tests of code that uses breakers. The fixtures for pytest are in ``fusewire.pytest_plugin``."""

from __future__ import annotations

from ._native import Breaker, ManualClock

__all__ = ["ManualClock", "forced_closed", "forced_open"]


def forced_open(breaker):
    """``with forced_open(breaker):`` every call is turned away, reason ``forced_open``.

    Takes a breaker or what it decorates, and answers the breaker. When the block ends the mode is what it was before,
    and the breaker closed, with nothing counted. For the outage of a while that ends by itself there is
    ``breaker.trip(seconds)``.
    """
    return _Forced(breaker, "forced_open")


def forced_closed(breaker):
    """``with forced_closed(breaker):`` every call passes, whatever comes of it. Otherwise as ``forced_open``."""
    return _Forced(breaker, "forced_closed")


class _Forced:
    def __init__(self, given, mode):
        breaker = given if isinstance(given, Breaker) else getattr(given, "breaker", None)
        if not isinstance(breaker, Breaker):
            raise TypeError(f"{mode} takes a breaker, or a function that one guards, not {given!r}")
        self._breaker, self._mode = breaker, mode
        self._before = []

    def __enter__(self):
        self._before.append(self._breaker.mode)
        self._breaker.set_mode(self._mode, actor="fusewire.testing")
        return self._breaker

    def __exit__(self, kind, error, traceback):
        self._breaker.set_mode(self._before.pop(), actor="fusewire.testing")
