"""What an HTTP call means for its breaker, and when that is known."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from ._errors import AlreadySettledError
from ._events import log_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._native import Permit

__all__ = ["Call", "Rules", "has_body", "is_failure_status"]


def is_failure_status(status: int) -> bool:
    """Whether a status says that the service is in trouble: 500 and above, 429, and 408."""
    return status >= 500 or status in (408, 429)


def has_body(method: str, status: int, length: str | None) -> bool:
    """Whether a body follows these headers; an upgraded connection is none. ``length``: the `Content-Length`."""
    if method == "HEAD" or status < 200 or status in (204, 304):
        return False
    return length != "0" and not (method == "CONNECT" and status < 300)


class Rules:
    """What one adapter counts as what."""

    __slots__ = ("is_failure", "misuse", "whole_body")

    def __init__(
        self,
        misuse: tuple[type[BaseException], ...],
        is_failure: Callable[[int], bool] | None,
        whole_body: bool,
    ) -> None:
        #: Errors of the client's own that say that it was called wrongly.
        self.misuse = misuse
        self.is_failure = is_failure
        self.whole_body = whole_body

    def fails(self, breaker: str, status: int) -> bool:
        """Whether an answer is a failure."""
        if self.is_failure is None:
            return is_failure_status(status)
        try:
            return bool(self.is_failure(status))
        except Exception as error:
            log_error("is_failure", breaker, error)
            return is_failure_status(status)

    def is_misuse(self, error: BaseException) -> bool:
        """Whether it says nothing about the service: the request could not even be sent."""
        if isinstance(error, self.misuse):
            return True
        # A certificate that is refused is both; it is the service's.
        return isinstance(error, (TypeError, ValueError)) and not isinstance(error, OSError)


class Pause:
    """How long a service asked to be left alone, by `Retry-After`."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: float | None = None

    def heard(self, text: str | None) -> None:
        """The header of a failing answer, if it had one."""
        seconds = None if text is None else seconds_of(text)
        self._until = None if seconds is None else monotonic() + seconds

    def over(self) -> None:
        """The service answers again."""
        if self._until is not None:
            self._until = None

    def left(self) -> float | None:
        """Seconds that are left of it; ``None`` if it asked for nothing."""
        until = self._until
        return None if until is None else max(0.0, until - monotonic())


def seconds_of(text: str) -> float | None:
    """The seconds of a `Retry-After`, which is seconds or an HTTP date; `None` for what is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else None
    from datetime import datetime, timezone
    from email.utils import parsedate_to_datetime

    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())


class Call:
    """A call that was admitted, until it is settled. Only the first word about its end counts."""

    __slots__ = ("_pause", "_permit", "_rules")

    def __init__(self, permit: Permit, rules: Rules, pause: Pause) -> None:
        self._permit = permit
        self._rules = rules
        self._pause = pause

    def answered(self, status: int, retry_after: str | None, body: bool) -> bool:
        """The headers are there. Whether the body decides."""
        if self._rules.fails(self._permit.breaker.name, status):
            self._pause.heard(retry_after)
            self._permit.failure(str(status))
            return False
        self._pause.over()
        if self._rules.whole_body and body:
            return True
        self._permit.settle()
        return False

    def ended(self) -> None:
        """The body has ended."""
        self._permit.settle()

    def failed(self, error: BaseException) -> None:
        """There was no answer, or its body broke; or the caller was cancelled, which drops the permit."""
        if not self._rules.is_misuse(error):
            self._permit.settle(error)
        elif not self._permit.settled:
            # By another thread, just now.
            with suppress(AlreadySettledError):
                self._permit.ignore()

    def dropped(self) -> None:
        """The caller wants no more of the body."""
        # What ends a generator is a permit that is dropped. Letting go of this one would not do: others may hold it.
        self._permit.settle(GeneratorExit())
