"""Functions whose run Python follows itself: generators and, where `inspect` knows functions by their class alone (3.9),
all others. ``native`` has the breaker and the rules, ``function`` is what is called."""

from __future__ import annotations

from functools import wraps

from ._errors import CircuitOpenError
from ._native import acquire_for, fallback_of, guard_function


def _dressed(wrapper, native):
    wrapper.breaker = native.breaker
    return wrapper


def guard_generator(native, function):
    """A generator is one call: from its first step to its end."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        permit = _admit(native)
        if permit is None:
            return (yield from fallback_of(native)(*args, **kwargs))
        with permit:
            return (yield from function(*args, **kwargs))

    return _dressed(wrapper, native)


def guard_async_generator(native, function):
    """An async generator is one call: from its first step to its end."""

    @wraps(function)
    async def wrapper(*args, **kwargs):
        permit = _admit(native)
        if permit is None:
            async for value in fallback_of(native)(*args, **kwargs):
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


def guard_coroutine_function(native, function):
    """For Python 3.9."""

    @wraps(function)
    async def wrapper(*args, **kwargs):
        permit = _admit(native)
        if permit is None:
            answer = fallback_of(native)(*args, **kwargs)
            return await answer if hasattr(answer, "__await__") else answer
        with permit:
            result = await function(*args, **kwargs)
            permit.settle_result(result)
            return result

    return _dressed(wrapper, native)


def call_async(breaker, function, args, kwargs):
    """``breaker.call_async``, for Python 3.9."""
    awaitable = function(*args, **kwargs)
    if not hasattr(awaitable, "__await__"):
        raise TypeError(
            f"the function is no coroutine function, it returned {type(awaitable).__name__}: "
            "write breaker.call(function, ...), without await"
        )
    return _awaited(guard_function(breaker, function, False, {}), awaitable, args, kwargs)


async def _awaited(native, awaitable, args, kwargs):
    try:
        permit = _admit(native)
        if permit is None:
            answer = fallback_of(native)(*args, **kwargs)
            return await answer if hasattr(answer, "__await__") else answer
        with permit:
            result = await awaitable
            permit.settle_result(result)
            return result
    finally:
        # Of what never ran nobody need be told that it was not awaited.
        if hasattr(awaitable, "close"):
            awaitable.close()


def guard_plain_function(native, function):
    """For Python 3.9."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        return native(*args, **kwargs)

    return _dressed(wrapper, native)


def _admit(native):
    """A permit, or ``None`` when a fallback is to answer."""
    try:
        return acquire_for(native)
    except CircuitOpenError:
        if fallback_of(native) is None:
            raise
        return None
