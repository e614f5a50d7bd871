"""Exceptions. Their texts come from the core."""

from __future__ import annotations

from . import _native
from ._namespace import Namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._breaker import CircuitBreaker
    from ._options import Reason
    from ._snapshot import LastFailure

__all__ = [
    "AlreadySettledError",
    "BreakerClosedError",
    "BulkheadFullError",
    "CallTimeoutError",
    "CircuitBreakerError",
    "CircuitOpenError",
    "ConfigError",
    "ConflictError",
    "FeatureDisabledError",
    "LimitReachedError",
    "QueueTimeoutError",
    "RateLimitedError",
    "RequestError",
    "ShedError",
    "UnknownBreakerError",
]


class CircuitBreakerError(Exception):
    """What every exception of this package is."""

    __slots__ = ()


class CircuitOpenError(CircuitBreakerError):
    """A call was turned away; nothing ran. Calls that a policy turns away raise what extends this class.

    ``CircuitOpenError(breaker, reason, retry_after)``, for tests of code that catches it: a breaker or its name, a reason,
    and seconds or ``None``.
    """

    # Raising one must cost as little as raising any exception: it has no __init__ and no __dict__ of its own, and what
    # it was given is looked at when somebody asks.
    __slots__ = ()

    if TYPE_CHECKING:
        args: tuple[CircuitBreaker | str, Reason, float | None]

        def __init__(self, breaker: CircuitBreaker | str, reason: Reason, retry_after: float | None) -> None: ...

    @property
    def breaker(self) -> CircuitBreaker | str:
        """The breaker, or its name where the exception has crossed a process."""
        return self.args[0]

    @property
    def name(self) -> str:
        """The breaker's name."""
        breaker = self.args[0]
        return breaker if isinstance(breaker, str) else breaker.name

    @property
    def reason(self) -> Reason:
        """Why: ``"open"``, ``"half_open_full"``, ``"ramp"`` or ``"forced_open"``; or a policy's reason."""
        return self.args[1]

    @property
    def retry_after(self) -> float | None:
        """Seconds until the answer can differ; ``None`` when that is unknown."""
        return self.args[2]

    @property
    def last_failure(self) -> LastFailure | None:
        """The breaker's last failure, when this is asked: ``error_type`` and ``at``; ``None`` if there was none."""
        breaker = self.args[0]
        return None if isinstance(breaker, str) else breaker.snapshot().last_failure

    def __str__(self) -> str:
        return _native.rejection_message(self.name, self.reason, self.retry_after)

    def __reduce__(self) -> tuple[type[CircuitOpenError], tuple[str, Reason, float | None]]:
        return type(self), (self.name, self.reason, self.retry_after)


class ShedError(CircuitOpenError):
    """Reason ``"shed"``: the call's level is below ``priority.min``."""

    __slots__ = ()


class RateLimitedError(CircuitOpenError):
    """Reason ``"rate_limited"``: calls come faster than ``rate_limit`` admits. ``retry_after`` is ``None`` when the call
    would never be admitted at its level, or past its deadline."""

    __slots__ = ()


class BulkheadFullError(CircuitOpenError):
    """Reason ``"bulkhead_full"``: no slot for a call of this level, and no place in the queue."""

    __slots__ = ()


class QueueTimeoutError(CircuitOpenError):
    """Reason ``"queue_timeout"``: the call waited for a slot as long as it may."""

    __slots__ = ()


class LimitReachedError(CircuitOpenError):
    """Reason ``"limit_reached"``: as ``BulkheadFullError``, of a ``concurrency_limit``."""

    __slots__ = ()


class BreakerClosedError(CircuitOpenError):
    """Reason ``"closed"``: the breaker was closed for good, by ``close()``."""

    __slots__ = ()


class FeatureDisabledError(CircuitOpenError):
    """Reason ``"feature_disabled"``: the service recovers, or is ill, feature by feature, and the call's is not let in now."""

    __slots__ = ("_feature",)

    if TYPE_CHECKING:
        _feature: str

    @property
    def feature(self) -> str | None:
        """The feature that is off; ``None`` when that is not known."""
        return getattr(self, "_feature", None)

    def __str__(self) -> str:
        text, feature = super().__str__(), self.feature
        return text if feature is None else text.replace("this feature", f"the feature {feature!r}", 1)

    def __reduce__(self) -> Any:
        return (*super().__reduce__(), {} if self.feature is None else {"_feature": self.feature})


class CallTimeoutError(CircuitBreakerError, TimeoutError):
    """An attempt took longer than it may and was cancelled. Its ``__cause__`` is what the function raised then, if it did."""

    def __init__(self, breaker: CircuitBreaker | str, limit: float) -> None:
        super().__init__(_native.timeout_message(breaker if isinstance(breaker, str) else breaker.name, limit))
        #: The breaker, or its name where the exception has crossed a process.
        self.breaker = breaker
        #: How long it may have taken, in seconds; 0: its deadline had passed before it could begin.
        self.limit = limit

    @property
    def name(self) -> str:
        """The breaker's name."""
        return self.breaker if isinstance(self.breaker, str) else self.breaker.name

    def __str__(self) -> str:
        return _native.timeout_message(self.name, self.limit)

    def __reduce__(self) -> tuple[type[CallTimeoutError], tuple[str, float]]:
        return type(self), (self.name, self.limit)


def timed_out(breaker: CircuitBreaker, limit: float, cause: BaseException | None) -> CallTimeoutError:
    """The error of an attempt that was cut off, and has raised ``cause`` then."""
    error = CallTimeoutError(breaker, limit)
    error.__cause__ = cause
    return error


class Attached(Namespace):
    """What a call with policies was through before it raised; see ``attached``: how many ``attempts`` there were, which are
    askings of the breaker; the ``rejection`` of the last retry, if it was turned away; the ``rungs`` that could not answer
    either, each with the exception that says why."""

    attempts: int
    rejection: CircuitOpenError | None
    rungs: tuple[tuple[str, Exception], ...]


def attached(error: BaseException) -> Attached | None:
    """What the last call with ``retry``, ``fallback`` or ``cache`` that raised this exception was through: the exception itself is
    the one that the function raised last. ``None`` where nothing is known."""
    found = getattr(error, _ATTACHED, None)
    return found if isinstance(found, Attached) else None


_ATTACHED = "__fusewire__"


def attach(
    error: BaseException, rejection: CircuitOpenError | None, rungs: list[tuple[str, Exception]], attempts: int
) -> None:
    """Notes what the call was through. An exception of a class that takes no attributes goes without."""
    try:
        setattr(error, _ATTACHED, Attached(attempts=attempts, rejection=rejection, rungs=tuple(rungs)))
    except Exception:  # whatever its class says to that
        pass


def attach_one(error: BaseException) -> None:
    """As ``attach``, of a call that was one attempt and nothing else. For the native part."""
    attach(error, None, [], 1)


class RequestError(CircuitBreakerError, ValueError):
    """What a call asks for cannot be: nothing was asked, and nothing counts."""

    def __init__(self, field: str, value: str, allowed: str, message: str) -> None:
        super().__init__(field, value, allowed, message)
        #: What is wrong: ``"priority"``, ``"cost"``, ``"feature"``, ``"method"`` or ``"key"``.
        self.field = field
        #: What it was.
        self.value = value
        #: What it may be.
        self.allowed = allowed

    def __str__(self) -> str:
        return str(self.args[3])


class ConfigError(CircuitBreakerError, ValueError):
    """The configuration is wrong; nothing was made or changed."""

    def __init__(self, key: str, value: str, allowed: str, message: str) -> None:
        super().__init__(key, value, allowed, message)
        #: The option, as a dotted path.
        self.key = key
        #: What it was.
        self.value = value
        #: What it may be.
        self.allowed = allowed

    def __str__(self) -> str:
        return str(self.args[3])


class ConflictError(CircuitBreakerError, ValueError):
    """The name is taken by a breaker with another configuration."""

    def __init__(self, name: str, existing: str, requested: str, message: str) -> None:
        super().__init__(name, existing, requested, message)
        #: The breaker's name.
        self.name = name
        #: The document of the breaker that exists, as JSON text.
        self.existing = existing
        #: The document that was asked for, as JSON text.
        self.requested = requested

    def __str__(self) -> str:
        return str(self.args[3])


class UnknownBreakerError(CircuitBreakerError, KeyError):
    """No breaker has that name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        #: The name.
        self.name = name

    def __str__(self) -> str:
        return str(self.args[1])


class AlreadySettledError(CircuitBreakerError, RuntimeError):
    """A permit was settled a second time; the first outcome counts."""

    def __str__(self) -> str:
        return "this permit was settled already; call exactly one of success(), failure(error) and ignore(), once"


def invalid(key: str, value: object, allowed: str) -> ConfigError:
    """The exception for a wrong value of what belongs to Python alone, told like one of the document."""
    return ConfigError(key, repr(value), allowed, f"{key}: {value!r} is not allowed; allowed is {allowed}")
