"""Requests of an HTTP client that are tried once more. The core decides when; here they are sent again.

One whose body cannot be sent again is asked for as one attempt.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ._errors import CallTimeoutError, attach
from ._limits import Expired, within
from ._native import TIMEOUT, Wait
from ._native import Call as CallStep
from ._native import Use as UseStep
from ._status import Call, seconds_of
from ._waiting import ask_async, ask_here, sleep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    from ._breaker import CircuitBreaker
    from ._native import Attempts, Done
    from ._status import Pause, Rules

    R = TypeVar("R")


class _Attempt:
    """What a ``Call`` settles, as it settles a permit."""

    __slots__ = ("_attempts", "breaker", "hint", "is_given_up", "settled")

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self.breaker: CircuitBreaker = attempts.breaker
        self.settled = False
        #: Whether it was cancelled.
        self.is_given_up = False
        #: The `Retry-After` of the answer.
        self.hint: str | None = None

    def failure(self, error_type: str) -> None:
        self.settled = True
        wait = None if self.hint is None else seconds_of(self.hint)
        self._attempts.failure(error_type, status=int(error_type), retry_after=wait)

    def settle(self, error: BaseException | None = None) -> bool:
        if self.settled:
            return False
        self.settled = True
        self.is_given_up = not self._attempts.settle(error)
        return True

    def ignore(self) -> None:
        self.settled = True
        self._attempts.ignore()


class Tries:
    """The attempts of one request."""

    def __init__(
        self,
        attempts: Attempts,
        rules: Rules,
        pause: Pause,
        turn_away: Callable[[Done], BaseException | None],
        time_out: Callable[[float], CallTimeoutError],
        as_told: Callable[[BaseException], BaseException] | None = None,
    ) -> None:
        self._attempts, self._rules, self._pause = attempts, rules, pause
        self._turn_away, self._time_out = turn_away, time_out
        self._as_told = as_told
        self._response: Any = None
        self._error: BaseException | None = None

    def send(
        self,
        send: Callable[[], R],
        look: Callable[[Call, R], object],
        discard: Callable[[R], object],
    ) -> R:
        """Sends the request until the core has enough. ``look`` settles a call by its answer, or by its body later, and tells
        whether it is a body that decides; ``discard`` lets go of an answer for which there will be another."""
        while True:
            step = self._attempts._next()
            if step is None:
                ask_here(self._attempts)
            elif isinstance(step, CallStep):
                if self._response is not None:
                    discard(self._response)
                attempt, call = self._begin()
                try:
                    response = send()
                except BaseException as error:
                    self._failed(attempt, call, error)
                else:
                    if self._answered(attempt, call, response, look):
                        return response
            elif isinstance(step, Wait):
                time.sleep(step.seconds)
            elif isinstance(step, UseStep):
                self._attempts.answered(False)
            else:
                last: R = self._end(step)
                return last

    async def send_async(
        self,
        send: Callable[[], Awaitable[R]],
        look: Callable[[Call, R], object],
        discard: Callable[[R], Awaitable[object]],
    ) -> R:
        """As ``send``, in a loop."""
        while True:
            step = self._attempts._next()
            if step is None:
                await ask_async(self._attempts)
            elif isinstance(step, CallStep):
                if self._response is not None:
                    await discard(self._response)
                attempt, call = self._begin()
                try:
                    response = await (send() if step.timeout is None else within(step.timeout, send()))
                except Expired as expired:
                    self._timed_out(attempt, step.timeout or 0.0, expired)
                except BaseException as error:
                    self._failed(attempt, call, error)
                else:
                    if self._answered(attempt, call, response, look):
                        return response
            elif isinstance(step, Wait):
                await sleep(step.seconds)
            elif isinstance(step, UseStep):
                self._attempts.answered(False)
            else:
                last: R = self._end(step)
                return last

    def _begin(self) -> tuple[_Attempt, Call]:
        attempt = _Attempt(self._attempts)
        self._response = self._error = None
        return attempt, Call(attempt, self._rules, self._pause)  # type: ignore[arg-type]

    def _failed(self, attempt: _Attempt, call: Call, error: BaseException) -> None:
        told = error if self._as_told is None else self._as_told(error)
        call.failed(told)
        if attempt.is_given_up or told is not error:
            # What the client itself has ended is over, whatever the core would say.
            raise error
        self._error = error

    def _timed_out(self, attempt: _Attempt, limit: float, expired: Expired) -> None:
        self._error = self._time_out(limit)
        self._error.__cause__ = expired.__cause__
        attempt.settled = True
        self._attempts.failure(TIMEOUT)

    def _answered(self, attempt: _Attempt, call: Call, response: Any, look: Callable[[Call, Any], object]) -> bool:
        self._response = response
        headers = response.headers
        attempt.hint = headers.get("Retry-After")
        return bool(look(call, response))

    def _end(self, done: Done) -> Any:
        """The last answer, whatever it says; or raises why there is none."""
        if self._response is not None:
            return self._response
        rejection = self._turn_away(done) if done.rejected is not None else None
        # Neither sent nor turned away: the deadline has left no time for it.
        error: BaseException | None = self._error or rejection or CallTimeoutError(self._attempts.breaker, 0.0)
        assert error is not None
        attach(error, self._attempts._rejection() if self._error is not None else None, [], done.attempts)
        try:
            raise error
        finally:
            # As a rejection of the native part: it keeps nothing alive.
            self._error = error = rejection = None
