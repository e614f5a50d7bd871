"""``@circuit_breaker``."""

from __future__ import annotations

import sys

from ._native import Breaker, fallback_of, guard_function
from ._registry import registry as default_registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from functools import partialmethod
    from typing import Any, Protocol, TypeVar

    from typing_extensions import Unpack

    from ._breaker import CircuitBreaker
    from ._options import DecoratorOptions
    from ._registry import Registry

    F = TypeVar(
        "F",
        bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any] | partialmethod[Any]",
    )

    class Decorator(Protocol):
        """What it decorates keeps its type."""

        def __call__(self, function: F, /) -> F: ...


__all__ = ["circuit_breaker"]

#: The options that classify calls; they belong to what is decorated. All others belong to the breaker.
_RULES = (
    "ignore",
    "failure",
    "failure_result",
    "error_type",
    "fallback",
    "fall_back_on",
    "rungs",
    "cost",
    "feature",
    "method",
    "idempotent",
    "once",
    "key",
)

_COROUTINE, _GENERATOR, _ASYNC_GENERATOR, _ITERABLE_COROUTINE = 0x80, 0x20, 0x200, 0x100

#: Whether `inspect` knows a function by its attributes, and not by its class alone.
_SHOWS_THROUGH = sys.version_info >= (3, 10)


def circuit_breaker(
    breaker: CircuitBreaker | str | None = None,
    /,
    *,
    registry: Registry | None = None,
    **options: Unpack[DecoratorOptions],
) -> Decorator:
    """Guards a function with a circuit breaker.

        @circuit_breaker("payments", failure_threshold=3, recovery_timeout="30s", ignore=KeyError)
        async def pay(order): ...

    Calls pass while the breaker is closed. After three failures in a row it is open: a call raises ``CircuitOpenError``
    at once, which says when to come back, and nothing runs. After thirty seconds a few calls probe, and the breaker
    closes again if they succeed.

    Which breaker:

    - ``circuit_breaker("payments", ...)``: the one of that name in ``registry`` (or ``fusewire.registry``), made with these
      options if there is none. Functions that name the same one share it. Without options it is taken as it is.
    - ``circuit_breaker(breaker)``: one of yours, a ``CircuitBreaker`` or ``AdvancedCircuitBreaker``.
    - ``circuit_breaker()``: one that is named after the function, with its module.

    What it decorates: functions, coroutine functions, generator functions, async generator functions, methods, class
    methods, static methods and partial objects. What is decorated keeps its name, signature, documentation and kind; its
    ``breaker`` is the breaker.

    What counts: a call is a success when it returns and a failure when it raises. A generator is one call, which ends
    when the generator does. A coroutine function asks when it is awaited; one that is cancelled is ignored, or a failure
    if it lasted at least ``cancelled_after``. These options belong to the function, also beside a breaker of yours:

    - ``ignore=KeyError``: says nothing about the dependency. A class, a predicate, or a tuple of them.
    - ``failure=OSError``: only these are failures, all other exceptions are successes.
    - ``failure_result=lambda answer: answer.status >= 500``: results that are failures.
    - ``error_type``: a function from an exception to the name under which it is counted.
    - ``fallback``: answers in place of a call that is turned away; gets the same arguments.

    What it asks for, where the breaker has ``rate_limit``, ``priority``, ``bulkhead`` or ``concurrency_limit``:

    - ``priority="high"``: a ``Priority``, its name, a number from 0 to 100, or a function of the call's arguments that
      answers one. A mapping is the breaker's own ``priority`` table.
    - ``cost=10``: how much of the rate limit a call takes, from 1 up, or a function of the call's arguments.

    And where it has ``features``, ``retry``, ``hedge`` or ``cache``, each a constant or a function of the call's arguments:

    - ``feature="search"``: of the breaker's ``features``, the one that the call is of.
    - ``method="PUT"``: what ``retry.per_method`` says of it decides how often the call may be tried; ``idempotent=True``: a call
      of any method may be made more than once; ``once=True``: it cannot, whatever its method.
    - ``key``: under what the call's value is cached, a text; without it nothing is cached. Functions of one breaker do not
      share values; objects of one class share those of its methods, unless the key tells them apart: ``self`` is an argument.

    A coroutine function waits in the breaker's queue without holding up its loop, any other blocks its thread; in a thread
    that runs an event loop it is turned away instead.

    All other options are the breaker's, as ``help(fusewire.CircuitBreaker)`` tells them with their units and ranges:
    ``failure_threshold`` or ``window`` say when it opens, ``recovery_timeout`` and ``backoff`` for how long,
    ``half_open_max_calls`` and ``ramp`` how it closes.

    Raises, where it is written: ``ConfigError`` for a wrong option, with what is allowed; ``ConflictError`` when the name is
    taken by a breaker with other options; ``TypeError`` for what is no function, or without parentheses.
    """
    if callable(breaker) and not isinstance(breaker, Breaker):
        raise TypeError(
            "@circuit_breaker needs parentheses: write @circuit_breaker() or @circuit_breaker('name') above "
            f"{getattr(breaker, '__qualname__', breaker)!s}"
        )
    if breaker is not None and not isinstance(breaker, (str, Breaker)):
        raise TypeError(f"a breaker or its name, not {breaker!r}: @circuit_breaker('payments')")
    given: dict[str, Any] = {**options}
    if isinstance(given.get("fallback"), (list, tuple)):
        from ._fallback import take

        take(given)
    # The names of rungs are the breaker's, what answers by them the function's.
    rules = {key: given.pop(key) for key in _RULES if key in given and not _is_list(key, given)}
    # Of the same name is the document's table.
    if "priority" in given and not hasattr(given["priority"], "items"):
        rules["priority"] = given.pop("priority")
    if isinstance(breaker, Breaker):
        if given or registry is not None:
            extra = next(iter(given), "registry")
            raise TypeError(f"{extra} belongs to the breaker: CircuitBreaker({breaker.name!r}, {extra}=...)")
        own = breaker

        def guard_it(function: F, /) -> F:
            guarded: F = guard(own, function, rules)
            return guarded

        return guard_it
    home = default_registry if registry is None else registry

    def decorate(function: F, /) -> F:
        name = breaker or _name_of(function)
        found = None if given else home.get(name)
        guarded: F = guard(found or home.get_or_create(name, **given), function, rules)
        return guarded

    return decorate


def _is_list(key: str, given: Mapping[str, Any]) -> bool:
    """Whether it is the names of rungs."""
    return key == "fallback" and isinstance(given[key], list)


def _name_of(function: Any) -> str:
    inner = getattr(function, "__func__", function)
    while not hasattr(inner, "__qualname__") and hasattr(inner, "func"):
        inner = inner.func
    name = getattr(inner, "__qualname__", None)
    if name is None:
        raise TypeError(f"{function!r} has no name: write @circuit_breaker('name')")
    return f"{inner.__module__}.{name}"


def guard(breaker: CircuitBreaker, function: Any, rules: Mapping[str, object]) -> Any:
    """The guarded form of ``function``."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(guard(breaker, function.__func__, rules))
    if isinstance(function, property):
        raise TypeError("a property: decorate its getter, with @property above @circuit_breaker(...)")
    if isinstance(function, type):
        raise TypeError(f"a class: decorate the methods of {function.__qualname__}, or a function that makes one")
    if not callable(function):
        if hasattr(function, "func") and hasattr(function, "keywords"):
            # A functools.partialmethod.
            return type(function)(guard(breaker, function.func, rules), *function.args, **function.keywords)
        raise TypeError(f"{function!r} cannot be called: @circuit_breaker(...) decorates functions")
    flags, is_async = _flags(function), is_coroutine_function(function)
    if flags & _ASYNC_GENERATOR:
        from ._streams import guard_async_generator as wrap
    elif flags & _GENERATOR and not is_async:
        from ._streams import guard_generator as wrap
    elif _SHOWS_THROUGH and not (is_async and _is_opaque(function)):
        return _checked(breaker, guard_function(breaker, function, is_async, _of_function(function, rules)), function)
    elif is_async:
        from ._streams import guard_coroutine_function as wrap
    else:
        from ._streams import guard_plain_function as wrap
    native = guard_function(breaker, function, False, _of_function(function, rules))
    return wrap(native if flags & (_GENERATOR | _ASYNC_GENERATOR) else _checked(breaker, native, function), function)


def _checked(breaker: CircuitBreaker, native: Any, function: Any) -> Any:
    """The guarded function, if what it falls back on is there."""
    if breaker._has_course or fallback_of(native) is not None:
        from ._fallback import check_rungs

        check_rungs(breaker, native, function, is_coroutine_function(function))
    return native


def _of_function(function: Any, rules: Mapping[str, object]) -> dict[str, Any]:
    """The rules, with what keeps its keys apart from those of other functions."""
    given = dict(rules)
    if given.get("key") is not None:
        from ._cached import space_of

        given["key_space"] = space_of(function)
    return given


def _flags(function: Any) -> int:
    """What kind of function it is: the flags of its code."""
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004
    flags = getattr(code, "co_flags", 0)
    if hasattr(function, "_is_coroutine_mark") or getattr(function, "_is_coroutine", None) is not None:
        flags |= _COROUTINE
    return flags


def is_coroutine_function(function: object) -> bool:
    """Whether a call of it is to be awaited."""
    flags = _flags(function)
    return bool(flags & (_COROUTINE | _ITERABLE_COROUTINE)) and not flags & _ASYNC_GENERATOR


def _is_opaque(function: object) -> bool:
    """Whether `inspect` could not tell by its code that it is a coroutine function: a partial object, say."""
    return getattr(function, "__code__", None) is None
