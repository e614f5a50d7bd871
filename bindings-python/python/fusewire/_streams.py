"""Functions whose run Python follows itself: generators and, where `inspect` knows functions by their class alone (3.9),
all others. ``native`` has the breaker and the rules, ``function`` is what is called."""

from __future__ import annotations

from functools import wraps

from ._errors import CircuitOpenError
from ._native import acquire_for, fallback_of, guard_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
    from typing import Any

    from ._native import Breaker, GuardedFunction, Permit

    Native = GuardedFunction[..., Any]
    Function = Callable[..., Any]


def _dressed(wrapper: Any, native: Native) -> Function:
    wrapper.breaker = native.breaker
    dressed: Function = wrapper
    return dressed


def guard_generator(native: Native, function: Function) -> Function:
    """A generator is one call: from its first step to its end."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        permit = _admit(native)
        if permit is None:
            return (yield from _fallback(native)(*args, **kwargs))
        with permit:
            return (yield from function(*args, **kwargs))

    return _dressed(wrapper, native)


def guard_async_generator(native: Native, function: Function) -> Function:
    """An async generator is one call: from its first step to its end."""

    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        permit = _admit(native)
        if permit is None:
            async for value in _fallback(native)(*args, **kwargs):
                yield value
            return
        with permit:
            stream = function(*args, **kwargs)
            step = stream.__anext__()
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield value
                except GeneratorExit:
                    await stream.aclose()
                    raise
                except BaseException as error:
                    step = stream.athrow(error)
                else:
                    step = stream.asend(sent)

    return _dressed(wrapper, native)


def guard_coroutine_function(native: Native, function: Function) -> Function:
    """For Python 3.9."""

    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        permit = _admit(native)
        if permit is None:
            answer = _fallback(native)(*args, **kwargs)
            return await answer if hasattr(answer, "__await__") else answer
        with permit:
            result = await function(*args, **kwargs)
            permit.settle_result(result)
            return result

    return _dressed(wrapper, native)


def call_async(
    breaker: Breaker, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """``breaker.call_async``, for Python 3.9."""
    awaitable = function(*args, **kwargs)
    if not hasattr(awaitable, "__await__"):
        raise TypeError(
            f"the function is no coroutine function, it returned {type(awaitable).__name__}: "
            "write breaker.call(function, ...), without await"
        )
    return _awaited(guard_function(breaker, function, False, {}), awaitable, args, kwargs)


async def _awaited(native: Native, awaitable: Awaitable[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        permit = _admit(native)
        if permit is None:
            answer = _fallback(native)(*args, **kwargs)
            return await answer if hasattr(answer, "__await__") else answer
        with permit:
            result = await awaitable
            permit.settle_result(result)
            return result
    finally:
        # Of what never ran nobody need be told that it was not awaited.
        if hasattr(awaitable, "close"):
            awaitable.close()


def guard_plain_function(native: Native, function: Function) -> Function:
    """For Python 3.9."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return native(*args, **kwargs)

    return _dressed(wrapper, native)


def _admit(native: Native) -> Permit | None:
    """A permit, or ``None`` when a fallback is to answer."""
    try:
        return acquire_for(native)
    except CircuitOpenError:
        if fallback_of(native) is None:
            raise
        return None


def _fallback(native: Native) -> Function:
    """What ``_admit`` saw that there is."""
    found = fallback_of(native)
    assert found is not None
    return found
