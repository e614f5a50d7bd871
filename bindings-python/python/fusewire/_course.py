"""A call with its policies: the core says what is to be done, here it is done. The native part makes the first attempt of a
plain function itself, and comes here when that was not all."""

from __future__ import annotations

import time
from types import CoroutineType

from ._cached import Follower, Leader, may_wait
from ._errors import attach, timed_out
from ._fallback import CHAIN, Asking, NotOurs, answer_of
from ._limits import Expired, within
from ._native import TIMEOUT, Call, Use, Wait, fallback_of, rungs_of
from ._streams import first, named
from ._waiting import ask_async, ask_here, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, NoReturn

    from ._cached import Cached
    from ._errors import CircuitOpenError
    from ._native import Attempts, Breaker, Done, GuardedFunction, Permit
    from ._policy import FallbackResult

    Owner = GuardedFunction[..., Any] | Breaker


class Run:
    """One call: what it has come to so far."""

    __slots__ = (
        "args",
        "attempts",
        "done",
        "error",
        "failed",
        "function",
        "kwargs",
        "owner",
        "rejection",
        "result",
        "rung",
        "value",
    )

    def __init__(
        self,
        owner: Owner,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        attempts: Attempts,
    ) -> None:
        self.owner, self.function, self.args, self.kwargs = owner, function, args, kwargs
        self.attempts = attempts
        #: What the last attempt that ran has raised, or returned.
        self.error: BaseException | None = None
        self.result: Any = None
        #: The rungs that could not answer, and why.
        self.failed: list[tuple[str, Exception]] = []
        #: The rung that has answered, and what.
        self.rung: str | None = None
        self.value: Any = None
        #: How it ended, and why the last attempt was turned away, if it was.
        self.done: Done | None = None
        self.rejection: CircuitOpenError | None = None

    def returned(self, result: Any) -> None:
        """The attempt has returned."""
        self.error, self.result = None, result
        self.attempts.settle_result(result)

    def raised(self, error: BaseException) -> None:
        """The attempt has raised; raises it again when there is nothing more to be done."""
        self.error, self.result = error, None
        if not self.attempts.settle(error):
            raise error

    def timed_out(self, limit: float, cause: BaseException | None) -> None:
        """The attempt was cut off."""
        self.error, self.result = timed_out(self.attempts.breaker, limit, cause), None
        self.attempts.failure(TIMEOUT)

    def answered(self, rung: str, value: Any) -> None:
        """A rung has answered."""
        if isinstance(value, CoroutineType):
            value.close()
            error = TypeError(f"the rung {rung!r} is a coroutine function, and a plain call awaits nothing")
            return self.failed_to_answer(rung, error)
        self.rung, self.value = rung, value
        self.attempts.answered()

    def failed_to_answer(self, rung: str, error: Exception) -> None:
        """A rung could not."""
        if not isinstance(error, NotOurs):
            self.failed.append((rung, error))
        self.attempts.answered(False)

    def answer(self, rung: str) -> Any:
        """What the rung answers, or an awaitable of that."""
        if rung == "cache":
            found = self.attempts.breaker._cached.value(self.attempts._cache_any())
            if found is None:
                raise LookupError(f"there is no value of the key {self.attempts.key!r} that is young enough")
            return found[0]
        rungs = rungs_of(self.owner) or {}
        if rung not in rungs.get(CHAIN, (rung,)):
            raise NotOurs(rung)
        return answer_of(self.attempts.breaker, rungs, rung, self.args, self.kwargs)

    def kept(self, cached: Cached, flight: Leader | None, value: Any) -> Any:
        """The value, stored where the call itself has succeeded, and handed to those who follow."""
        if self.done is not None and self.done.outcome == "success" and self.rung is None:
            cached.store(self.attempts, value)
        if flight is not None:
            flight.land(value, None, self)
        return value

    def followed(self, came: tuple[Any, Exception | None, Run]) -> Any:
        """What another call, that was made for this one, too, has come to."""
        value, error, made = came
        if error is not None:
            raise error
        # Who has answered is told of this one as well.
        self.rung, self.failed, self.error, self.rejection = made.rung, made.failed, made.error, made.rejection
        return value

    def finish(self, done: Done) -> Any:
        """What the call comes to; raises what it has raised."""
        self.done, self.rejection = done, self.attempts._rejection()
        if done.attempts == 0:
            # Its deadline had passed before it could begin.
            self.error = timed_out(self.attempts.breaker, 0.0, None)
        if done.rung is not None:
            return self.value
        if self.error is None and done.outcome != "rejected":
            return self.result
        self.fail(done)

    def fail(self, done: Done) -> NoReturn:
        """Raises why there is no answer."""
        error = self.error or self.rejection
        assert error is not None
        attach(error, self.rejection if self.error is not None else None, self.failed, done.attempts)
        try:
            raise error
        finally:
            # The exception's traceback leads back here.
            self.error = self.rejection = error = None

    def stand_in(self, done: Done) -> Callable[..., Any] | None:
        """The one function that answers calls that were turned away; ``None`` if this is none, or there is no such function."""
        if done.outcome != "rejected":
            return None
        self.done, self.rejection = done, self.attempts._rejection()
        return fallback_of(self.owner)

    def told(self, value: Any) -> FallbackResult:
        """What the call came to, with who has answered."""
        from ._policy import FallbackResult

        done, degraded = self.done, self.rung is not None or self.rejection is not None
        return FallbackResult(
            value=value,
            degraded=degraded,
            rung=self.rung,
            error=(self.error or self.rejection) if degraded else None,
            errors=tuple(self.failed),
            # A value that is kept, or made by another call, has asked for nothing.
            attempts=0 if done is None else done.attempts,
        )


def go_on(
    owner: Owner,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    attempts: Attempts,
    error: BaseException | None,
    result: Any,
) -> Any:
    """The rest of a call of a plain function, whose first attempt may have been made."""
    run = Run(owner, function, args, kwargs, attempts)
    run.error, run.result = error, result
    return call(run)


def call(run: Run) -> Any:
    """Makes the call; waits in this thread."""
    if run.attempts.key is None:
        return _call(run)
    cached = run.attempts.breaker._cached
    found = cached.value(run.attempts._cache_fresh())
    if found is not None:
        return found[0]
    flight: Follower | Leader | None = None
    # Who has joined leaves or lands wherever it is interrupted, or all later calls of the key wait for it.
    try:
        flight = cached.join(run.attempts) if may_wait() else None
        if isinstance(flight, Follower):
            flight.wait()
            if flight.came is not None:
                return run.followed(flight.came)
            flight = flight.leads()
        elif flight is not None and (found := cached.value(run.attempts._cache_fresh())) is not None:
            return _found(run, flight, *found)
        return run.kept(cached, flight, _call(run))
    except BaseException as error:
        _ended(flight, error, run)
        raise


def _found(run: Run, flight: Leader, value: Any) -> Any:
    """Another call has kept a value and landed between the look for one and the joining."""
    flight.land(value, None, run)
    return value


def _ended(flight: Follower | Leader | None, error: BaseException, run: Run) -> None:
    """A call that has joined others has raised."""
    if isinstance(flight, Leader) and isinstance(error, Exception):
        flight.land(None, error, run)
    elif flight is not None:
        flight.leave()


def _call(run: Run) -> Any:
    with run.attempts as attempts:
        while True:
            step = attempts._next()
            if step is None:
                ask_here(attempts)
            elif isinstance(step, Call):
                _attempt(run)
            elif isinstance(step, Wait):
                time.sleep(step.seconds)
            elif isinstance(step, Use):
                try:
                    with Asking(attempts.breaker):
                        value = run.answer(step.rung)
                except Exception as error:
                    run.failed_to_answer(step.rung, error)
                else:
                    run.answered(step.rung, value)
            else:
                stand_in = run.stand_in(step)
                return run.finish(step) if stand_in is None else stand_in(*run.args, **run.kwargs)


def _attempt(run: Run) -> None:
    try:
        result = run.function(*run.args, **run.kwargs)
    except BaseException as error:
        run.raised(error)
    else:
        run.returned(result)


async def call_async(run: Run) -> Any:
    """As ``call``, of a coroutine function; waits in the running loop, and may be cancelled wherever it waits."""
    if run.attempts.key is None:
        return await _call_async(run)
    cached = run.attempts.breaker._cached
    found = cached.value(run.attempts._cache_fresh())
    if found is not None:
        return found[0]
    flight: Follower | Leader | None = None
    try:
        flight = cached.join(run.attempts)
        if isinstance(flight, Follower):
            await flight.wait_async()
            if flight.came is not None:
                return run.followed(flight.came)
            flight = flight.leads()
        elif flight is not None and (found := cached.value(run.attempts._cache_fresh())) is not None:
            return _found(run, flight, *found)
        return run.kept(cached, flight, await _call_async(run))
    except BaseException as error:
        _ended(flight, error, run)
        raise


def rest(
    owner: Owner,
    function: Callable[..., Any],
    awaitable: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    attempts: Attempts,
    permit: Permit | None,
    error: BaseException | None,
    result: Any,
    limit: float | None,
) -> Coroutine[Any, Any, Any]:
    """The rest of a call of a coroutine function, whose first attempt may wait in the queue, be admitted or have been made.
    One with a ``limit`` was cut off, by that ``error``. ``awaitable`` is what the function has answered to a call before. For
    the native part."""
    run = Run(owner, first(function, awaitable), args, kwargs, attempts)
    if limit is not None:
        run.timed_out(limit, error)
    else:
        run.error, run.result = error, result
    return named(_rest(run, permit, awaitable), function)


async def _rest(run: Run, permit: Permit | None, awaitable: Any) -> Any:
    try:
        return await _call_async(run, permit)
    finally:
        # Of what never ran nobody need be told that it was not awaited.
        if hasattr(awaitable, "close"):
            awaitable.close()


async def _call_async(run: Run, permit: Permit | None = None) -> Any:
    with run.attempts as attempts:
        if permit is not None:
            await ask_async(attempts, permit)
        while True:
            step = attempts._next()
            if step is None:
                await ask_async(attempts)
            elif isinstance(step, Call):
                await _attempt_async(run, step.timeout)
            elif isinstance(step, Wait):
                await sleep(step.seconds)
            elif isinstance(step, Use):
                await _answer_async(run, step.rung)
            else:
                stand_in = run.stand_in(step)
                if stand_in is None:
                    return run.finish(step)
                value = stand_in(*run.args, **run.kwargs)
                return await value if hasattr(value, "__await__") else value


async def _attempt_async(run: Run, limit: float | None) -> None:
    after = run.attempts._hedge_after()
    if after is not None:
        from ._hedges import race

        return await race(run, limit, after)
    try:
        awaitable = run.function(*run.args, **run.kwargs)
        if not hasattr(awaitable, "__await__"):
            raise TypeError(
                f"the function is no coroutine function, it returned {type(awaitable).__name__}: "
                "write breaker.call(function, ...), without await"
            )
        result = await (awaitable if limit is None else within(limit, awaitable))
    except Expired as expired:
        assert limit is not None
        run.timed_out(limit, expired.__cause__)
    except BaseException as error:
        run.raised(error)
    else:
        run.returned(result)


async def _answer_async(run: Run, rung: str) -> None:
    try:
        with Asking(run.attempts.breaker):
            value = run.answer(rung)
            if hasattr(value, "__await__"):
                value = await value
    except Exception as error:
        run.failed_to_answer(rung, error)
    else:
        run.answered(rung, value)
