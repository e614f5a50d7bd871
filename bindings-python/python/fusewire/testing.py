"""For tests of code that uses breakers. The fixtures for pytest are in ``fusewire.pytest_plugin``."""

from __future__ import annotations

from ._breaker import CircuitBreaker
from ._native import ManualClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from ._options import ModeName
    from ._state import Mode

__all__ = ["ManualClock", "forced_closed", "forced_open"]


def forced_open(breaker: CircuitBreaker | Callable[..., Any]) -> Forced:
    """``with forced_open(breaker):`` every call is turned away, reason ``forced_open``.

    Takes a breaker or what it decorates, and answers the breaker. When the block ends the mode is what it was before,
    and the breaker closed, with nothing counted. For the outage of a while that ends by itself there is
    ``breaker.trip(seconds)``.
    """
    return Forced(breaker, "forced_open")


def forced_closed(breaker: CircuitBreaker | Callable[..., Any]) -> Forced:
    """``with forced_closed(breaker):`` every call passes, whatever comes of it. Otherwise as ``forced_open``."""
    return Forced(breaker, "forced_closed")


class Forced:
    """What the two make: ``with`` sets the mode."""

    def __init__(self, given: object, mode: ModeName) -> None:
        found = given if isinstance(given, CircuitBreaker) else getattr(given, "breaker", None)
        if not isinstance(found, CircuitBreaker):
            raise TypeError(f"{mode} takes a breaker, or a function that one guards, not {given!r}")
        self._breaker = found
        self._mode = mode
        self._before: list[Mode] = []

    def __enter__(self) -> CircuitBreaker:
        self._before.append(self._breaker.mode)
        self._breaker.set_mode(self._mode, actor="fusewire.testing")
        return self._breaker

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._breaker.set_mode(self._before.pop(), actor="fusewire.testing")
