"""``breaker.at(...)``: a breaker asked for calls of one priority and cost."""

from __future__ import annotations

from ._decorator import is_coroutine_function
from ._native import guard_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, TypeVar

    from typing_extensions import ParamSpec

    from ._breaker import CircuitBreaker
    from ._native import Permit
    from ._options import Cost, Instant, Level

    P = ParamSpec("P")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = ["Asking"]


class Asking:
    """A breaker, with what is asked of it; see ``CircuitBreaker.at``."""

    def __init__(
        self, breaker: CircuitBreaker, priority: Level | None, cost: Cost | None, deadline: Instant | None
    ) -> None:
        self._breaker = breaker
        self._priority, self._cost, self._deadline = priority, cost, deadline

    def acquire(self) -> Permit:
        """As ``CircuitBreaker.acquire``."""
        return self._breaker.acquire(priority=self._priority, cost=self._cost, deadline=self._deadline)

    def try_acquire(self) -> Permit | None:
        """As ``CircuitBreaker.try_acquire``: it never waits."""
        return self._breaker.try_acquire(priority=self._priority, cost=self._cost, deadline=self._deadline)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As ``CircuitBreaker.call``."""
        if is_coroutine_function(function):
            raise TypeError(
                "the function is a coroutine function: write await breaker.at(...).call_async(function, ...)"
            )
        return guard_function(self._breaker, function, False, self._options())(*args, **kwargs)

    def call_async(
        self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """As ``CircuitBreaker.call_async``."""
        from ._streams import call_by

        return call_by(guard_function(self._breaker, function, False, self._options()), function, args, kwargs)

    def _options(self) -> dict[str, object]:
        return {"priority": self._priority, "cost": self._cost, "deadline": self._deadline}

    def __repr__(self) -> str:
        asked = ", ".join(f"{key}={value!r}" for key, value in self._options().items() if value is not None)
        return f"<{self._breaker!r} at {asked or 'its defaults'}>"
