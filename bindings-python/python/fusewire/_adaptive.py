"""The reference's names for what adapts, each by itself: the core decides, under a breaker that nobody else calls."""

from __future__ import annotations

import time

from ._errors import attach, invalid
from ._native import TIMEOUT, Breaker, Call, ManualClock, Use, Wait
from ._recovery import BackoffConfig
from ._waiting import ask_async, ask_here, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Any, Literal, TypeVar

    from typing_extensions import ParamSpec, Unpack

    from ._breaker import CircuitBreaker
    from ._native import Attempts, Done
    from ._options import Duration
    from ._recovery_options import Retry

    P = ParamSpec("P")
    T = TypeVar("T")

__all__ = ["AdaptiveBackoff", "AdaptiveTimeout", "ContextRetryManager"]

#: So many failures in a row that these breakers never open by them.
_NEVER = 1_000_000


def _lone(name: str, **options: Any) -> CircuitBreaker:
    from ._breaker import CircuitBreaker

    return CircuitBreaker(name, failure_threshold=_NEVER, **options)


class AdaptiveBackoff:
    """How long to wait before each retry, for code that retries by itself.

        backoff = AdaptiveBackoff(BackoffConfig("adaptive", base=0.1))
        delay = backoff.next_delay()  # after a failure
        backoff.success()             # the row of failures has ended

    ``config``: a ``BackoffConfig``. ``seed``: as that of ``CircuitBreaker``. One object is for one row of attempts at a time.
    """

    def __init__(self, config: BackoffConfig | None = None, *, seed: int | None = None) -> None:
        if config is not None and not isinstance(config, BackoffConfig):
            raise invalid("config", config, "a fusewire.BackoffConfig")
        self._clock = ManualClock()
        # It counts to a hundred and begins again; nothing but the wait is asked of it.
        retry = {
            "max_attempts": 100,
            "max_elapsed": "168h",
            "budget": False,
            "backoff": {} if config is None else config.table(),
        }
        self._breaker = _lone("adaptive_backoff", retry=retry, clock=self._clock, seed=seed)
        self._attempts: Attempts | None = None

    def next_delay(self) -> float:
        """The attempt has failed: seconds to wait before the next."""
        while True:
            attempts = self._attempts = self._attempts or self._breaker.attempts()
            attempts.next()
            attempts.failure(TIMEOUT)
            step = attempts.next()
            if isinstance(step, Wait):
                self._clock.advance(step.seconds)
                return step.seconds
            # As many as a row may have.
            self._attempts = None

    def success(self) -> None:
        """The attempt has succeeded: the next failure is the first of a row, and what is adaptive learns from it."""
        if self._attempts is not None:
            self._attempts.next()
            self._attempts.success()
            self._attempts = None

    def set_utilisation(self, to: float) -> None:
        """As ``CircuitBreaker.set_utilisation``."""
        self._breaker.set_utilisation(to)

    @property
    def scores(self) -> dict[str, float] | None:
        """By strategy, how well each of an adaptive one's has done, 0 to 1; ``None`` of any other."""
        retry = self._breaker.snapshot().retry
        return None if retry is None else retry.scores


class AdaptiveTimeout:
    """A timeout that is learned from how long calls take. The arguments are the keys of ``timeout``, with their units, ranges
    and defaults: ``docs/configuration.md``."""

    def __init__(
        self,
        kind: Literal["percentile", "adaptive", "hybrid"] | None = None,
        *,
        percentile: float | None = None,
        factor: float | None = None,
        min: Duration | None = None,  # the core's key
        max: Duration | None = None,  # the core's key
        window: int | None = None,
        initial: Duration | None = None,
    ) -> None:
        given = {
            "kind": kind,
            "percentile": percentile,
            "factor": factor,
            "min": min,
            "max": max,
            "window": window,
            "initial": initial,
        }
        self._breaker = _lone("adaptive_timeout", timeout=given)

    @property
    def timeout(self) -> float:
        """Seconds that a call may take now."""
        found = self._breaker.snapshot().timeout
        assert found is not None
        return found

    def record(self, duration: float) -> None:
        """A call took so many seconds; one that took the timeout or longer has timed out."""
        self._breaker.acquire().success(duration=duration)

    def record_timeout(self) -> None:
        """A call was ended at its timeout."""
        self._breaker.acquire().failure(TIMEOUT)

    async def run(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a coroutine function, which is cancelled at the timeout: ``CallTimeoutError``; learns from it."""
        return await self._breaker.call_async(function, *args, **kwargs)


class ContextRetryManager:
    """Retries of a block of code, which is no function:

        retries = ContextRetryManager(max_attempts=3)
        ...
        for attempt in retries:
            with attempt:
                answer = fetch()

    It is made once, beside the code, and used for all its blocks: they share its budget of retries, and one that is made anew
    for each block limits nothing. In a coroutine ``async for`` waits in the loop. A block that raises what is retried runs
    once more; the last error is raised, as it is. ``breaker``: the breaker whose ``retry`` holds and that each attempt asks;
    without one the keyword arguments are ``retry``. ``attempt.timeout`` is for the block to heed: nothing cuts it off.
    """

    def __init__(self, breaker: CircuitBreaker | None = None, **retry: Unpack[Retry]) -> None:
        if breaker is not None and not isinstance(breaker, Breaker):
            raise TypeError(f"a breaker, or keyword arguments: ContextRetryManager(max_attempts={breaker!r})")
        if breaker is not None and retry:
            raise TypeError("retry is the breaker's: CircuitBreaker('x', retry={...})")
        self._breaker = _lone("context_retry", retry=dict(retry)) if breaker is None else breaker

    def __iter__(self) -> Iterator[Attempt]:
        with self._breaker.attempts() as attempts:
            attempt = None
            while True:
                step = attempts._next()
                if step is None:
                    ask_here(attempts)
                elif isinstance(step, Call):
                    attempt = Attempt(attempts, step)
                    yield attempt
                    attempt._left()
                elif isinstance(step, Wait):
                    time.sleep(step.seconds)
                elif isinstance(step, Use):
                    # A block has no arguments to call a rung with.
                    attempts.answered(False)
                else:
                    return _end(attempts, step, attempt)

    async def __aiter__(self) -> AsyncIterator[Attempt]:
        with self._breaker.attempts() as attempts:
            attempt = None
            while True:
                step = attempts._next()
                if step is None:
                    await ask_async(attempts)
                elif isinstance(step, Call):
                    attempt = Attempt(attempts, step)
                    yield attempt
                    attempt._left()
                elif isinstance(step, Wait):
                    await sleep(step.seconds)
                elif isinstance(step, Use):
                    attempts.answered(False)
                else:
                    _end(attempts, step, attempt)
                    return


class Attempt:
    """One attempt of a ``ContextRetryManager``, which a ``with`` settles: ``number``, from 1, and ``timeout``, in seconds."""

    def __init__(self, attempts: Attempts, step: Call) -> None:
        self._attempts = attempts
        #: How often the breaker was asked.
        self.number = step.attempt
        #: Seconds that it may take, or ``None``.
        self.timeout = step.timeout
        self._error: BaseException | None = None
        self._is_settled = False

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, _class: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        self._is_settled = True
        if not self._attempts.settle(error) or not isinstance(error, Exception):
            return False
        self._error = error
        return True

    def _left(self) -> None:
        if not self._is_settled:
            raise RuntimeError("the attempt was not made: write `with attempt:` in the loop")


def _end(attempts: Attempts, done: Done, attempt: Attempt | None) -> None:
    """Raises what the attempts came to, if that was no success."""
    own = None if attempt is None else attempt._error
    if own is None and done.outcome != "rejected":
        return
    rejection = attempts._rejection()
    error = own or rejection
    assert error is not None
    attach(error, rejection if own is not None else None, [], done.attempts)
    if attempt is not None:
        attempt._error = None
    raise error
