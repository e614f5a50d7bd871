"""``breaker.policy(...)``: what is done around a breaker's calls, as an object."""

from __future__ import annotations

from ._decorator import _RULES, guard, is_coroutine_function
from ._errors import CircuitOpenError, invalid
from ._fallback import CHAIN, joined, taken_apart
from ._namespace import Namespace
from ._native import acquire_for, attempts_for, fallback_of, guard_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any, TypeVar

    from typing_extensions import ParamSpec

    from ._breaker import CircuitBreaker
    from ._native import Attempts, GuardedFunction

    F = TypeVar("F", bound="Callable[..., Any]")
    P = ParamSpec("P")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = ["FallbackResult", "Policy"]

#: The keys of the document that are policies around the call.
KEYS = ("timeout", "retry", "fallback", "cache", "hedge", "features")

#: What belongs to the calls.
OF_CALLS = (*_RULES, "priority")


class FallbackResult(Namespace):
    """What a call came to: the ``value``; whether it is ``degraded``, because something answered in the call's place: the
    ``rung`` by its name, ``None`` for the one function that answers calls that were turned away. Then ``error`` is why there
    was no answer of the call's own, what it raised last or the ``CircuitOpenError``, and ``errors`` are the rungs before that
    could not answer, each with the exception that says why. ``attempts``: how often the breaker was asked; 0 for a
    value that was cached, or made by another call of the same key."""

    value: Any
    degraded: bool
    rung: str | None
    error: BaseException | None
    errors: tuple[tuple[str, Exception], ...]
    attempts: int


class Policy:
    """A breaker with the policies around its calls, and what its calls ask for; ``CircuitBreaker.policy`` makes one. It
    decorates functions, and calls them."""

    def __init__(self, breaker: CircuitBreaker, options: Mapping[str, Any]) -> None:
        self._breaker = breaker
        given: dict[str, Any] = dict(taken_apart(options))
        _check_keys(given)
        changes = {key: given.pop(key) for key in KEYS if key in given and not callable(given[key])}
        if CHAIN in (given.get("rungs") or {}):
            changes["fallback"] = joined(breaker, changes["fallback"])
        if changes:
            _reconfigure(breaker, changes)
        self._rules = given

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker."""
        return self._breaker

    def __call__(self, function: F, /) -> F:
        """Guards a function, as ``@circuit_breaker(breaker)``."""
        guarded: F = guard(self._breaker, function, self._rules)
        return guarded

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As ``CircuitBreaker.call``."""
        answer: R = self.result(function, *args, **kwargs).value
        return answer

    async def call_async(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``CircuitBreaker.call_async``."""
        answer: T = (await self.result_async(function, *args, **kwargs)).value
        return answer

    def result(self, function: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> FallbackResult:
        """As ``call``, and tells who has answered. Raises what the call raises when nobody has."""
        if is_coroutine_function(function):
            raise TypeError("the function is a coroutine function: write await policy.result_async(function, ...)")
        from ._course import Run, call

        native = guard_function(self._breaker, function, False, dict(self._rules))
        attempts = attempts_for(native, args, kwargs)
        if attempts is None:
            if fallback_of(native) is None:
                return _plain(native(*args, **kwargs))
            return _once(native, function, args, kwargs)
        run = Run(native, function, args, kwargs, attempts)
        return run.told(call(run))

    async def result_async(
        self, function: Callable[P, Awaitable[Any]], /, *args: P.args, **kwargs: P.kwargs
    ) -> FallbackResult:
        """As ``call_async``, and tells who has answered. Raises what the call raises when nobody has."""
        from ._course import Run, call_async
        from ._streams import call_by

        native = guard_function(self._breaker, function, False, dict(self._rules))
        attempts: Attempts | None = attempts_for(native, args, kwargs)
        if attempts is None:
            if fallback_of(native) is None:
                return _plain(await call_by(native, function, args, kwargs))
            return await _once_async(native, function, args, kwargs)
        run = Run(native, function, args, kwargs, attempts)
        return run.told(await call_async(run))

    def __repr__(self) -> str:
        return f"<Policy of {self._breaker!r}>"


def _plain(value: object, rejection: CircuitOpenError | None = None) -> FallbackResult:
    degraded = rejection is not None
    return FallbackResult(value=value, degraded=degraded, rung=None, error=rejection, errors=(), attempts=1)


def _once(
    native: GuardedFunction[..., Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> FallbackResult:
    """A call of one attempt, with a function that answers when it is turned away."""
    try:
        permit = acquire_for(native, args, kwargs).__enter__()
    except CircuitOpenError as error:
        rejection = error
    else:
        with permit:
            value = function(*args, **kwargs)
            permit.settle_result(value)
            return _plain(value)
    stand_in = fallback_of(native)
    assert stand_in is not None
    if is_coroutine_function(stand_in):
        raise TypeError("the fallback is a coroutine function, and a plain call awaits nothing")
    return _plain(stand_in(*args, **kwargs), rejection)


async def _once_async(
    native: GuardedFunction[..., Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> FallbackResult:
    """As ``_once``, in a loop."""
    from ._streams import _awaitable, _limited
    from ._waiting import enter_async

    try:
        permit = await enter_async(acquire_for(native, args, kwargs))
    except CircuitOpenError as error:
        rejection = error
    else:
        with permit:
            awaitable = _awaitable(function(*args, **kwargs))
            value = await (awaitable if permit.timeout is None else _limited(permit, awaitable))
            permit.settle_result(value)
            return _plain(value)
    stand_in = fallback_of(native)
    assert stand_in is not None
    answer = stand_in(*args, **kwargs)
    return _plain(await answer if hasattr(answer, "__await__") else answer, rejection)


def _check_keys(given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key not in OF_CALLS and (key not in KEYS or (callable(value) and key != "fallback")):
            allowed = f"no such key here; known: {', '.join((*KEYS, *(key for key in OF_CALLS if key not in KEYS)))}"
            raise invalid(key, value, allowed)


def _reconfigure(breaker: CircuitBreaker, changes: Mapping[str, Any]) -> None:
    """Changes those keys of the breaker's document; all others stay."""
    from json import loads

    document = loads(breaker.document())
    # It says the mode that the breaker began in; written out, it would be set again.
    del document["mode"]
    breaker._reconfigure({**document, **changes}, None, None, "policy")
