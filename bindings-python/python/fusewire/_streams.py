"""Functions whose run Python follows itself: generators and, where `inspect` knows functions by their class alone (3.9),
all others. ``native`` has the breaker and the rules, ``function`` is what is called."""

from __future__ import annotations

from functools import wraps

from ._errors import CallTimeoutError, CircuitOpenError
from ._native import TIMEOUT, acquire_for, attempts_for, fallback_of, guard_function
from ._waiting import enter_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
    from typing import Any

    from ._native import Breaker, GuardedFunction, Permit

    Native = GuardedFunction[..., Any]
    Owner = GuardedFunction[..., Any] | Breaker
    Function = Callable[..., Any]


def _dressed(wrapper: Any, native: Native) -> Function:
    wrapper.breaker = native.breaker
    dressed: Function = wrapper
    return dressed


def guard_generator(native: Native, function: Function) -> Function:
    """A generator is one call: from its first step to its end."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        permit = _admit(native, args, kwargs)
        if permit is None:
            return (yield from _fallback(native)(*args, **kwargs))
        with permit:
            return (yield from function(*args, **kwargs))

    return _dressed(wrapper, native)


def guard_async_generator(native: Native, function: Function) -> Function:
    """An async generator is one call: from its first step to its end."""

    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        permit = await _admit_async(native, args, kwargs)
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
    """For those that the native part does not know as such: all of Python 3.9, partial objects."""

    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await _through_gates(native, function, None, args, kwargs)

    return _dressed(wrapper, native)


def call_async(
    breaker: Breaker, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """``breaker.call_async``, for Python 3.9."""
    return call_by(guard_function(breaker, function, False, {}), function, args, kwargs)


def call_by(
    native: Native, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """Calls a coroutine function, when it is awaited, for what ``native`` asks."""
    return _through_gates(native, function, None, args, kwargs)


def call_until(native: Native, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls a function that is of use until a deadline, where the breaker has nothing that the native part looks at for that."""
    permit = _admit(native, args, kwargs)
    if permit is None:
        return _fallback(native)(*args, **kwargs)
    with permit:
        _must_have_time(permit)
        result = function(*args, **kwargs)
        permit.settle_result(result)
        return result


def through_gates(
    owner: Owner,
    function: Callable[..., Awaitable[Any]] | None,
    awaitable: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    permit: Permit | None,
) -> Coroutine[Any, Any, Any]:
    """A call of a coroutine function whose breaker has gates: the function is called, unless it was, when there is a
    permit, which may have to wait. For the native part."""
    return named(_through_gates(owner, function, awaitable, args, kwargs, permit), function or awaitable)


def named(coroutine: Coroutine[Any, Any, Any], called: Any) -> Coroutine[Any, Any, Any]:
    """The coroutine under the name of what is called."""
    for name in ("__name__", "__qualname__"):
        given = getattr(called, name, None)
        if given is not None:
            setattr(coroutine, name, given)
    return coroutine


async def _through_gates(
    owner: Owner,
    function: Callable[..., Awaitable[Any]] | None,
    awaitable: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    permit: Permit | None = None,
) -> Any:
    try:
        attempts = None if function is None or permit is not None else attempts_for(owner, args, kwargs)
        if function is not None and attempts is not None:
            from ._course import Run, call_async

            return await call_async(Run(owner, first(function, awaitable), args, kwargs, attempts))
        permit = await _admit_async(owner, args, kwargs, permit)
        if permit is None:
            return await _stand_in(owner, args, kwargs)
        with permit:
            _must_have_time(permit)
            if awaitable is None:
                assert function is not None
                awaitable = _awaitable(function(*args, **kwargs))
            result = await (awaitable if permit.timeout is None else _limited(permit, awaitable))
            permit.settle_result(result)
            return result
    finally:
        # Of what never ran nobody need be told that it was not awaited.
        if hasattr(awaitable, "close"):
            awaitable.close()


def first(function: Function, awaitable: Any) -> Function:
    """The function; its first call answers what a call of it, for which somebody looked into the coroutine, has made."""
    if awaitable is None:
        return function
    made = [awaitable]
    return lambda *args, **kwargs: made.pop() if made else function(*args, **kwargs)


def _must_have_time(permit: Permit) -> None:
    """Raises where the deadline leaves the call none."""
    if permit.timeout == 0:
        permit.ignore()
        raise CallTimeoutError(permit.breaker, 0.0)


async def _limited(permit: Permit, awaitable: Any) -> Any:
    """What it answers within the permit's timeout."""
    from ._limits import Expired, within

    limit = permit.timeout
    assert limit is not None
    try:
        return await within(limit, awaitable)
    except Expired as expired:
        cause = expired.__cause__
    permit.failure(TIMEOUT)
    raise CallTimeoutError(permit.breaker, limit) from cause


def _awaitable(returned: Any) -> Any:
    if not hasattr(returned, "__await__"):
        raise TypeError(
            f"the function is no coroutine function, it returned {type(returned).__name__}: "
            "write breaker.call(function, ...), without await"
        )
    return returned


def guard_plain_function(native: Native, function: Function) -> Function:
    """For Python 3.9."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return native(*args, **kwargs)

    return _dressed(wrapper, native)


def _admit(owner: Owner, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Permit | None:
    """A permit for a call that may be made, or ``None`` when a fallback is to answer."""
    try:
        return acquire_for(owner, args, kwargs).__enter__()
    except CircuitOpenError:
        if fallback_of(owner) is None:
            raise
        return None


async def _admit_async(
    owner: Owner, args: tuple[Any, ...], kwargs: dict[str, Any], permit: Permit | None = None
) -> Permit | None:
    """As ``_admit``, in a loop; a permit is one that was asked for."""
    try:
        return await enter_async(acquire_for(owner, args, kwargs) if permit is None else permit)
    except CircuitOpenError:
        if fallback_of(owner) is None:
            raise
        return None


async def _stand_in(owner: Owner, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a fallback answers."""
    answer = _fallback(owner)(*args, **kwargs)
    return await answer if hasattr(answer, "__await__") else answer


def _fallback(owner: Owner) -> Function:
    """What ``_admit`` saw that there is."""
    found = fallback_of(owner)
    assert found is not None
    return found
