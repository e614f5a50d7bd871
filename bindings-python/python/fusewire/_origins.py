"""One breaker for each origin that is called."""

from __future__ import annotations

from inspect import iscoroutinefunction
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

from ._breaker import CircuitBreaker
from ._errors import CallTimeoutError, CircuitOpenError, RequestError
from ._native import level_name
from ._registry import Registry
from ._status import Call, Pause, Rules
from ._waiting import enter_async

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._native import Done, Permit
    from ._options import Level, Reason
    from ._retries import Tries

__all__ = ["MOST", "Origins", "Rejected", "origin_of"]

#: Breakers that one adapter keeps; then the one that was used least recently goes.
MOST = 1000

#: The longest name that a breaker can have. A host that long cannot be resolved: it need not be told from others.
_LONGEST = 255

_DEFAULT_PORTS = {"http": 80, "https": 443}

#: A WebSocket begins as a request like any other.
_SAME = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

#: The header that says how much a request matters: a level's name, or a number from 0 to 100.
PRIORITY_HEADER = "x-request-priority"

_NOT_HERE = {
    "fallback": "catch the CircuitOpenError",
    "failure_result": "is_failure=lambda status: ... says which answers are failures",
    "fall_back_on": "catch the CircuitOpenError",
    "rungs": "catch the CircuitOpenError",
    "cache": "a client has caches of its own",
    "hedge": "an answer that nobody wants would have to be closed",
}


def origin_of(scheme: str, host: str | None, port: int | None) -> str | None:
    """A URL's origin, the same for each spelling: lower case, without a default port. ``None`` if it is not of HTTP."""
    same = _SAME.get(scheme.lower())
    if same is None or not host:
        return None
    host = host.lower()
    if ":" in host:
        host = f"[{host}]"
    if port is None or port == _DEFAULT_PORTS[same]:
        return f"{same}://{host}"[:_LONGEST]
    return f"{same}://{host}:{port}"[:_LONGEST]


class Rejected(CircuitOpenError):
    """A request was turned away; nothing was sent. Each adapter has one that is also an error of its client."""

    #: Seconds until the service wants to be called again, by the ``Retry-After`` of its last answer, if that was a
    #: failure; ``None`` if it had none. ``retry_after`` is until the breaker's answer can differ.
    service_retry_after: float | None

    def _keep(
        self,
        breaker: CircuitBreaker | str,
        reason: Reason,
        retry_after: float | None,
        service_retry_after: float | None,
    ) -> None:
        # The client's own class has taken what it wanted for itself.
        self.args: tuple[CircuitBreaker | str, Reason, float | None] = (breaker, reason, retry_after)
        self.service_retry_after = service_retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.reason, self.retry_after, self.service_retry_after)


class _Entry:
    __slots__ = ("breaker", "pause", "used")

    def __init__(self, breaker: CircuitBreaker, used: int) -> None:
        self.breaker = breaker
        self.pause = Pause()
        self.used = used


class Origins:
    """The breakers of one adapter.

    No lock is held: it would be copied locked by a fork, and met again by a finaliser that makes a call.
    """

    def __init__(
        self,
        rejected: Callable[..., Rejected],
        misuse: tuple[type[BaseException], ...],
        timed_out: Callable[..., CallTimeoutError] | None = None,
        *,
        breaker: CircuitBreaker | Callable[[str], Mapping[str, Any]] | None,
        key: Callable[[Any], str] | None,
        registry: Registry | None,
        is_failure: Callable[[int], bool] | None,
        whole_body: bool,
        options: Mapping[str, Any],
    ) -> None:
        options = dict(options)
        # A mapping is the breakers' own table.
        priority = None if hasattr(options.get("priority"), "items") else options.pop("priority", None)
        feature = options.pop("feature", None)
        asked = {"priority": priority, "feature": feature}
        _check(breaker, key, registry, is_failure, options)
        if priority is not None and not callable(priority):
            raise TypeError(f"priority is a function of a request, or the breakers' table, not {priority!r}")
        if feature is not None and not isinstance(feature, str) and not callable(feature):
            raise TypeError(f"feature is a text, or a function of a request, not {feature!r}")
        self._priority: Callable[[Any], Level | None] | None = priority
        self._feature: str | Callable[[Any], str | None] | None = feature
        self._misuse = misuse
        self._given = {
            "breaker": breaker,
            "key": key,
            "registry": registry,
            "is_failure": is_failure,
            "whole_body": whole_body,
            "options": {**options, **{name: said for name, said in asked.items() if said is not None}},
        }
        self._rejected = rejected
        self._timed_out = timed_out
        self._rules = Rules(misuse, is_failure, bool(whole_body))
        self._key = key
        self._registry = registry
        self._options = options
        self._options_of = None if isinstance(breaker, CircuitBreaker) else breaker
        self._only = _Entry(breaker, 0) if isinstance(breaker, CircuitBreaker) else None
        #: Whether a breaker of these may try a request once more.
        self._may_retry = breaker is not None or options.get("retry") is not None
        self._entries: dict[str, _Entry] = {}
        self._uses = count(1)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy has breakers of its own.
        return _again, (self._rejected, self._misuse, self._timed_out, self._given)

    @property
    def breakers(self) -> dict[str, CircuitBreaker]:
        """The breakers by key, the one that was used last at the end."""
        if self._only is not None:
            return {self._only.breaker.name: self._only.breaker}
        entries = sorted(self._entries.items(), key=lambda item: item[1].used)
        return {key: entry.breaker for key, entry in entries}

    def begin(self, origin: str | None, request: Any) -> Call | None:
        """Asks leave to make a call; ``None`` for one that is not of HTTP, which nobody guards."""
        entry = self._entry_of(origin, request)
        if entry is None:
            return None
        try:
            return Call(self._acquire(entry, request).__enter__(), self._rules, entry.pause)
        except CircuitOpenError as error:
            reason, retry_after = error.reason, error.retry_after
        return self._turn_away(entry, request, reason, retry_after)

    async def begin_async(self, origin: str | None, request: Any) -> Call | None:
        """As ``begin``, in an event loop."""
        entry = self._entry_of(origin, request)
        if entry is None:
            return None
        try:
            permit = self._acquire(entry, request)
            if permit.waiting or permit.wait > 0.0:
                await enter_async(permit)
            return Call(permit, self._rules, entry.pause)
        except CircuitOpenError as error:
            reason, retry_after = error.reason, error.retry_after
        return self._turn_away(entry, request, reason, retry_after)

    def tries(
        self,
        origin: str | None,
        request: Any,
        can_be_sent_again: Callable[[], bool],
        as_told: Callable[[BaseException], BaseException] | None = None,
    ) -> Tries | None:
        """The attempts of a request; ``None`` for one that is one attempt and no more."""
        if not self._may_retry:
            return None
        entry = self._entry_of(origin, request)
        if entry is None or not entry.breaker._has_course:
            return None
        from ._retries import Tries

        attempts = entry.breaker.attempts(
            priority=self._level(request),
            feature=self._feature_of(request),
            method=request.method,
            once=not can_be_sent_again(),
        )

        def turn_away(done: Done) -> BaseException | None:
            if done.rejected is None:
                return None
            rejected: Any = self._rejected
            left = entry.pause.left()
            error: BaseException = rejected(entry.breaker, done.rejected, done.retry_after, left, request=request)
            return error

        def time_out(limit: float) -> CallTimeoutError:
            if self._timed_out is None:
                return CallTimeoutError(entry.breaker, limit)
            return self._timed_out(entry.breaker, limit, request=request)

        return Tries(attempts, self._rules, entry.pause, turn_away, time_out, as_told)

    def _entry_of(self, origin: str | None, request: Any) -> _Entry | None:
        if origin is None:
            return None
        return self._only or self._entry(origin if self._key is None else self._key(request))

    def _acquire(self, entry: _Entry, request: Any) -> Permit:
        breaker, feature = entry.breaker, self._feature_of(request)
        if feature is None and not breaker._is_gated:
            return breaker.acquire()
        return breaker.acquire(priority=self._level(request), feature=feature)

    def _feature_of(self, request: Any) -> str | None:
        return self._feature(request) if callable(self._feature) else self._feature

    def _level(self, request: Any) -> Level | None:
        """What the user's function says, else the request's header. What the header says in vain is no reason not to make
        the call: it is one of the usual level then."""
        if self._priority is not None:
            return self._priority(request)
        said = request.headers.get(PRIORITY_HEADER)
        if said is None:
            return None
        try:
            text = said.decode("ascii", "replace") if isinstance(said, bytes) else said
            return level_name(text.strip().lower())
        except RequestError:
            return None

    def _turn_away(self, entry: _Entry, request: Any, reason: Reason, retry_after: float | None) -> NoReturn:
        rejected = self._rejected(entry.breaker, reason, retry_after, entry.pause.left(), request=request)
        try:
            raise rejected
        finally:
            # As a rejection of the native part: it keeps nothing alive, neither what is being handled nor itself.
            rejected.__context__ = None
            del rejected

    def _entry(self, key: str) -> _Entry:
        entry = self._entries.get(key)
        if entry is not None:
            entry.used = next(self._uses)
            return entry
        entry = self._entries.setdefault(key, _Entry(self._make(key), next(self._uses)))
        while len(self._entries) > MOST:
            self._forget_oldest()
        return entry

    def _make(self, key: str) -> CircuitBreaker:
        options = self._options if self._options_of is None else _adapted(self._options_of(key))
        if self._registry is None:
            return CircuitBreaker(key, **options)
        return self._registry.get_or_create(key, **options)

    def _forget_oldest(self) -> None:
        key, entry = min(list(self._entries.items()), key=lambda item: item[1].used)
        registry = self._registry
        if self._entries.pop(key, None) is not entry or registry is None:
            return
        # The name may be another breaker's by now.
        if registry.get(key) is entry.breaker:
            registry.remove(key)


def _again(rejected: Any, misuse: Any, timed_out: Any, given: Mapping[str, Any]) -> Origins:
    return Origins(rejected, misuse, timed_out, **given)


def _check(breaker: Any, key: Any, registry: Any, is_failure: Any, options: Mapping[str, Any]) -> None:
    """So that a wrong option is told here, not by the first call."""
    for name, given, example in (("key", key, "request"), ("is_failure", is_failure, "status")):
        if given is not None and not callable(given):
            raise TypeError(f"{name} is a function, not {given!r}: {name}=lambda {example}: ...")
        if iscoroutinefunction(given):
            raise TypeError(f"{name} must answer at once: write def, not async def")
    if registry is not None and not isinstance(registry, Registry):
        raise TypeError(f"registry is a fusewire.Registry, not {registry!r}")
    if isinstance(breaker, CircuitBreaker):
        for name, given in (("key", key), ("registry", registry), *options.items()):
            if given is not None:
                raise TypeError(f"{name} is for breakers that the adapter makes; breaker= is one for every request")
    elif callable(breaker):
        for name in options:
            raise TypeError(f"{name} belongs into what breaker= answers: breaker=lambda key: dict({name}=...)")
    elif breaker is not None:
        raise TypeError(
            f"breaker is a CircuitBreaker for every request, or a function from a key to options, not {breaker!r}: "
            "breaker=lambda key: dict(failure_threshold=3)"
        )
    else:
        CircuitBreaker("options", **_adapted(options))


def _adapted(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, instead in _NOT_HERE.items():
        if name in options:
            raise TypeError(f"{name} is not for adapters: {instead}")
    return options
