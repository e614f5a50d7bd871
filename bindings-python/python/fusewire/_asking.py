"""``breaker.at(...)``: a breaker asked for calls of one priority, cost, feature and so on."""

from __future__ import annotations

from ._decorator import is_coroutine_function
from ._native import guard_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from typing import Any, TypeVar

    from typing_extensions import ParamSpec

    from ._breaker import CircuitBreaker
    from ._native import Attempts, Permit

    P = ParamSpec("P")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = ["Asking"]


class Asking:
    """A breaker, with what is asked of it; see ``CircuitBreaker.at``."""

    def __init__(self, breaker: CircuitBreaker, asked: Mapping[str, Any]) -> None:
        self._breaker = breaker
        self._asked = {key: value for key, value in asked.items() if value is not None}

    def acquire(self) -> Permit:
        """As ``CircuitBreaker.acquire``."""
        return self._breaker.acquire(**self._asked)

    def try_acquire(self) -> Permit | None:
        """As ``CircuitBreaker.try_acquire``: it never waits."""
        return self._breaker.try_acquire(**self._asked)

    def attempts(self) -> Attempts:
        """As ``CircuitBreaker.attempts``."""
        return self._breaker.attempts(**self._asked)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As ``CircuitBreaker.call``."""
        if is_coroutine_function(function):
            raise TypeError(
                "the function is a coroutine function: write await breaker.at(...).call_async(function, ...)"
            )
        native = guard_function(self._breaker, function, False, dict(self._asked))
        if "deadline" in self._asked and not self._breaker._has_course:
            from ._streams import call_until

            answer: R = call_until(native, function, args, kwargs)
            return answer
        return native(*args, **kwargs)

    def call_async(
        self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """As ``CircuitBreaker.call_async``."""
        from ._streams import call_by

        return call_by(guard_function(self._breaker, function, False, dict(self._asked)), function, args, kwargs)

    def __repr__(self) -> str:
        asked = ", ".join(f"{key}={value!r}" for key, value in self._asked.items())
        return f"<{self._breaker!r} at {asked or 'its defaults'}>"
