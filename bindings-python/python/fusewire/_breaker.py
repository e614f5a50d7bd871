"""The breaker as users see it: the native one, with what is Python's own."""

from __future__ import annotations

import sys
from sys import _getframe

from ._entered import enter, enter_async, leave, leave_async
from ._errors import AlreadySettledError, invalid
from ._events import Listeners
from ._fallback import check_names, taken_apart
from ._fork import lock
from ._native import Breaker, Permit, level_name
from ._snapshot import snapshot_of
from ._state import CircuitState, Mode
from ._taken import settle_oldest, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType
    from typing import Any, TypeVar
    from weakref import ReferenceType

    from typing_extensions import Self, Unpack

    from ._asking import Asking
    from ._cached import Cached
    from ._event_stream import EventStream
    from ._events import PolicyEvent, Transition
    from ._native import NativeRegistry
    from ._options import (
        Cost,
        Document,
        Failure,
        Instant,
        Level,
        Listener,
        Options,
        PolicyListener,
        PolicyOptions,
        RulesAndClock,
    )
    from ._policy import Policy
    from ._snapshot import Snapshot

    L = TypeVar("L", bound=Listener)
    P = TypeVar("P", bound=PolicyListener)

__all__ = ["CircuitBreaker"]

_COROUTINE = 0x80


class CircuitBreaker(Breaker):
    """Guards one dependency.

        breaker = CircuitBreaker("payments", failure_threshold=3, recovery_timeout=30)

    It is used by ``@circuit_breaker(breaker)``, ``with breaker:`` and ``async with breaker:``, ``breaker.call(function,
    ...)`` and ``await breaker.call_async(function, ...)``, or by permits: ``acquire``, ``try_acquire``. Any thread and
    task may use it at the same time.

    Closed, it lets calls pass and counts. Open, it turns them away: ``CircuitOpenError``. When it has been open for
    ``recovery_timeout`` it is half-open: a few calls pass as probes, whose outcomes close it or open it again.

    ``name``: 1 to 255 bytes, for people and metrics. The options are keyword arguments; lengths of time are seconds, a
    ``timedelta`` or a text such as ``"250ms"``; shares are numbers up to 1. What is left out, or ``None``, takes its
    default; the defaults, and what goes together, are those of every language:
    https://github.com/fusewire/fusewire/blob/main/docs/configuration.md

    When it opens:

    - ``failure_threshold``: consecutive failures that open it, 1 to 1,000,000. Not beside ``window``.
    - ``window``: judges by rates instead. A dict with its ``kind``: ``"count"``, the last ``size`` calls; ``"time"``, those
      of the last ``period``; ``"adaptive"``, against the service's own history. ``{"kind": "time", "failure_rate": 0.25}``.
    - ``slow_call_duration``: a call that took at least this long is slow, 1 ms to 168 h; the window's ``slow_call_rate``
      is the share of them that opens.
    - ``cancelled_after``: a call that is cancelled after at least this long is a failure, 1 ms to 168 h; before, it is
      ignored.
    - ``sample_durations_every``: measures every n-th call of a thread, 0 to 1,000,000; 0 none.

    For how long, and how it closes:

    - ``recovery_timeout``: how long it stays open, 1 ms to 168 h.
    - ``backoff``: how repeated openings lengthen that: ``{"kind": "exponential", "jitter": 0.2}``.
    - ``half_open_max_calls``: probes that decide, 1 to 64.
    - ``half_open_concurrency``: how many of them at the same time, 1 to ``half_open_max_calls``.
    - ``success_threshold``: successful probes that close it, 1 to ``half_open_max_calls``.
    - ``half_open_timeout``: how long a probe may take before it counts as failed, 1 ms to 168 h.
    - ``ramp``: after the probes admits a growing share of the calls before it closes; ``{}`` turns it on.
    - ``mode``: who decides at first, a ``Mode`` or its name; ``"shadow"`` rejects nothing and counts what it would.
    - ``seed``: of the jitter, 0 to 2**53 - 1; written, a run can be repeated.

    Who may come, in front of that; each says nothing unless it is written:

    - ``rate_limit``: how fast calls may come: ``{"rate": 100, "burst": 50}``; its ``algorithm`` is ``"token_bucket"``,
      ``"leaky_bucket"`` (paces: calls wait for their turn), ``"fixed_window"`` or ``"sliding_window"``.
    - ``priority``: who is let in when not all are: levels ``min``, ``half_open_min``, ``open_bypass``.
    - ``bulkhead``: how many calls may run at the same time, ``{"max_concurrent": 20}``, and with ``max_queue`` how many
      wait for a slot, the highest level first.
    - ``concurrency_limit``: the same with a limit that finds itself, ``{"kind": "aimd"}`` or ``"gradient"``.

    What is done around a call that fails or takes long (docs/python-recovery.md); each says nothing unless it is written:

    - ``timeout``: how long a call may take, 1 ms to 24 h, or a dict that learns it, ``{"kind": "percentile"}``. A coroutine
      that takes longer is cancelled and raises ``CallTimeoutError``; a plain function that did counts as a failure, and its
      result is passed on.
    - ``retry``: tries a call that failed once more: ``{"max_attempts": 3, "backoff": {"base": "100ms"}}``. Plain functions
      wait in their thread, coroutines in their loop.
    - ``fallback``: a list of rungs that answer, in this order, when the call failed, timed out or was turned away: functions
      of the call's arguments, functions that are guarded by another breaker, constants, names. See below for a function.
    - ``cache``: values of earlier calls answer those that name the same ``key``: ``{"mode": "read_through", "ttl": 60}``.
    - ``hedge``: begins another attempt beside one that takes long: ``{"after": "100ms"}``. Coroutines only.
    - ``features``: parts of the service, by name, that recover and are turned off one by one:
      ``{"search": {"priority": 100}, "tips": {"requires": ["search"]}}``.

    What counts as what; these are Python's own:

    - ``ignore``: exceptions that say nothing about the dependency: a class, a predicate, or a tuple of them.
    - ``failure``: exceptions that are failures; all others are successes then. Without it every exception is a failure.
    - ``failure_result``: a predicate of a result; what it is true of is a failure.
    - ``error_type``: a function from an exception to a short text under which it is counted; ``None`` leaves it to what is
      known of its class, and ``""`` counts it under none.
    - A function as ``fallback``: called in place of a call that is turned away, with the same arguments.
    - ``fall_back_on``: failures that rungs answer for, as ``failure`` is written; all of them if left out.
    - ``rungs``: functions and constants by the names of rungs, where ``fallback`` is written as names.
    - ``clock``: a ``fusewire.testing.ManualClock``, for tests.

    Raises ``ConfigError``, which names the key, the value and what is allowed.
    """

    __slots__ = ("_kept", "_listeners", "_policy_listeners")

    if TYPE_CHECKING:
        _kept: Cached
        _listeners: Listeners
        _policy_listeners: Listeners

    def __new__(cls, name: str = "unnamed", **options: Unpack[Options]) -> Self:
        return super().__new__(cls, name, taken_apart(options))

    @classmethod
    def from_document(cls, name: str, document: str | Mapping[str, object], **options: Unpack[RulesAndClock]) -> Self:
        """A breaker from a configuration document as every language reads it: JSON text, or a mapping.

        ``options`` are those that no document has: ``ignore``, ``failure``, ``failure_result``, ``error_type``,
        ``fallback`` and ``clock``. Raises ``ConfigError``; here ``null`` is an error, too.
        """
        return Breaker.__new__(cls, name, taken_apart(options), document)

    @classmethod
    def _in(
        cls,
        registry: NativeRegistry | None,
        name: str,
        options: Mapping[str, object],
        document: str | Mapping[str, object] | None,
    ) -> Self:
        """The breaker of that name in a native registry."""
        return Breaker.__new__(cls, name, taken_apart(options), document, registry)

    # ---- calls ----

    # To checkers it is the native one on every version.
    if not TYPE_CHECKING and sys.version_info < (3, 10):

        def call_async(self, function, /, *args, **kwargs):
            """Calls the coroutine function under the breaker, when it is awaited."""
            from ._streams import call_async

            return call_async(self, function, args, kwargs)

    def at(
        self,
        priority: Level | None = None,
        *,
        cost: Cost | None = None,
        deadline: Instant | None = None,
        feature: str | None = None,
        method: str | None = None,
        idempotent: bool | None = None,
        once: bool | None = None,
        key: str | None = None,
    ) -> Asking:
        """This breaker, asked for calls of that priority and cost: ``breaker.at("high").call(function, ...)``; see
        ``acquire`` for the arguments."""
        from ._asking import Asking

        asked = {
            "priority": priority,
            "cost": cost,
            "deadline": deadline,
            "feature": feature,
            "method": method,
            "idempotent": idempotent,
            "once": once,
            "key": key,
        }
        return Asking(self, asked)

    def policy(self, **options: Unpack[PolicyOptions]) -> Policy:
        """What is done around calls, as an object that decorates functions and calls them:

            search = breaker.policy(retry={"max_attempts": 3}, timeout="1s", fallback=[from_disk, []])

            @search
            def find(text): ...

            found = search.result(find_all, "x")
            if found.degraded: ...

        ``timeout``, ``retry``, ``fallback``, ``cache``, ``hedge`` and ``features`` are keys of the breaker's document: those
        that are given here are changed for all of its calls (a transition with cause ``reconfigured``, if that is another
        document), the others stay. Functions and constants as rungs are this policy's alone: those that others fall back on
        stay theirs, and the document has the names of all. All else belongs to the calls of this policy: ``ignore``,
        ``failure`` and so on, and ``priority``, ``cost``, ``feature``, ``method``, ``idempotent``, ``once`` and ``key``, each a
        constant or a function of the call's arguments. Raises ``ConfigError``.
        """
        from ._policy import Policy

        return Policy(self, options)

    def __enter__(self) -> Permit:
        """Asks for a permit for the block, and waits where calls wait; raises ``CircuitOpenError`` when it is turned away.
        In an event loop it does not wait in a queue: write ``async with``."""
        return enter(self, _getframe(1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Settles it by what the block raised."""
        leave(self, _getframe(1), error)

    def __aenter__(self) -> Coroutine[Any, Any, Permit]:
        """As ``__enter__``."""
        # No coroutine function, nor the other: the frame that runs the block calls them, and need not be the one that
        # awaits.
        return enter_async(self, _getframe(1))

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Coroutine[Any, Any, None]:
        """As ``__exit__``."""
        return leave_async(self, _getframe(1), error)

    def can_execute(
        self, priority: Level | None = None, *, cost: Cost | None = None, feature: str | None = None
    ) -> bool:
        """Whether a call may be made now. If it may, a permit is taken; ``record_success`` or ``record_failure`` of the
        same context settles it. A context keeps 1,024 permits of a breaker; then the oldest counts as ignored. The arguments
        are those of ``acquire``."""
        return take(self, priority=priority, cost=cost, feature=feature)

    def record_success(self) -> None:
        """Settles the oldest permit that the current context took by ``can_execute``, as a success.

        If there is none it counts as an outcome while the breaker is closed, and in the totals only otherwise.
        """
        if not settle_oldest(self, Permit.settle):
            self.record()

    def record_failure(self, error: Failure = None) -> None:
        """As ``record_success``, for a call that failed.

        ``error``: the exception, and the rules (``ignore``, ``failure``) say what it counts as; or an exception class, a
        short text or nothing, which are failures.
        """
        if isinstance(error, BaseException):
            if not settle_oldest(self, lambda permit: permit.settle(error)):
                self.record(error)
            return
        name = _error_type(error)
        if not settle_oldest(self, lambda permit: _fail(permit, name)):
            self.record_failed(name)

    # ---- by hand ----

    def reconfigure(self, *, actor: str | None = None, reason: str | None = None, **options: Unpack[Document]) -> bool:
        """Swaps the rules of the machine atomically; ``False`` when they are the same. What classifies stays.

        ``options`` are all of the new configuration: a key left out takes its default. ``actor`` and ``reason`` say who
        does it and why; they are told with the transition, cause ``reconfigured``. Totals stay, and an open breaker
        keeps its deadline. Raises ``ConfigError``, and changes nothing then.
        """
        check_names(options.get("fallback"))
        return self._reconfigure(dict(taken_apart(options)), None, actor, reason)

    def _reconfigure(
        self,
        options: Mapping[str, object],
        document: str | Mapping[str, object] | None,
        actor: str | None,
        reason: str | None,
    ) -> bool:
        changed = super()._reconfigure(options, document, actor, reason)
        cached: Cached | None = getattr(self, "_kept", None)
        if changed and cached is not None:
            cached.vacate(self)
        return changed

    def reconfigure_document(
        self, document: str | Mapping[str, object], *, actor: str | None = None, reason: str | None = None
    ) -> bool:
        """As ``reconfigure``, with a document as every language reads it: JSON text, or a mapping."""
        return self._reconfigure({}, document, actor, reason)

    def set_slots(
        self,
        max_concurrent: int | None = None,
        *,
        reserved: Mapping[Level, int] | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> bool:
        """Replaces the bulkhead's table of slots, and grants what has become free; whether it is another.

        ``max_concurrent``: slots in all; what is left out stays. ``reserved``: slots that are kept for a level, by level; left
        out, none are. Nobody in flight is cut off. It holds until a document says another one. Raises ``ConfigError``.
        """
        return self._set_slots({"max_concurrent": max_concurrent, "reserved": _by_name(reserved)}, actor, reason)

    # ---- reading ----

    @property
    def state(self) -> CircuitState:
        """The effective state: open past its deadline reads half_open."""
        return CircuitState(self.state_name)

    @property
    def mode(self) -> Mode:
        """Who decides: the machine, or an operator."""
        return Mode(super().mode)

    def snapshot(self) -> Snapshot:
        """Everything there is to know, at one moment; see ``help(fusewire.Snapshot)``."""
        return snapshot_of(self._snapshot())

    # ---- events ----

    def add_listener(self, listener: L) -> L:
        """Calls ``listener(transition)`` for each transition from now on, in order, by the thread that caused it,
        before its call returns; answers the listener, so that this is a decorator too.

        A listener may use the breaker. One that raises is logged and disturbs nobody. It is called in the middle of
        somebody's call: what takes long belongs to a reader of ``events()``.
        """
        _check_listener(listener, "events", "transition")
        self._listening().functions.append(listener)
        return listener

    def remove_listener(self, listener: Listener) -> None:
        """Ends what ``add_listener`` began; ``ValueError`` when it is not listening."""
        self._unhear(self._listening(), listener)

    def events(self) -> EventStream[Transition]:
        """The transitions from now on, for a reader who comes when it likes.

        ``async for transition in breaker.events()`` under asyncio and trio, ``for transition in ...`` in a thread of its
        own, ``drain()`` for those that wait.

        They come in order, whichever thread made them. 1,024 are kept; how many were lost after that, the next one's
        ``missed`` tells. The stream ends by ``close()``, or with the ``with`` block that it opened, or when nobody has
        it any more.
        """
        from ._event_stream import EventStream

        return EventStream(self, self.add_listener, self.remove_listener)

    def add_policy_listener(self, listener: P) -> P:
        """As ``add_listener``, for ``listener(event)`` that hears of each change of the policies, a ``PolicyEvent``: of what
        is done by hand (``set_min_priority``, ``set_slots``, ``set_limit``, ``set_rate``, ``close``), and of a rate that
        changes by itself."""
        _check_listener(listener, "policy_events")
        self._hearing("_policy_listeners", self.listen_policies).functions.append(listener)
        return listener

    def remove_policy_listener(self, listener: PolicyListener) -> None:
        """Ends what ``add_policy_listener`` began; ``ValueError`` when it is not listening."""
        self._unhear(self._hearing("_policy_listeners", self.listen_policies), listener)

    def policy_events(self) -> EventStream[PolicyEvent]:
        """As ``events()``, of the changes of the policies."""
        from ._event_stream import EventStream

        return EventStream(self, self.add_policy_listener, self.remove_policy_listener)

    @property
    def _cached(self) -> Cached:
        """The values of its calls, and those who wait for one; made when they are first asked for."""
        try:
            return self._kept
        except AttributeError:
            pass
        from ._cached import Cached

        with lock:
            if not hasattr(self, "_kept"):
                self._kept = Cached()
            return self._kept

    def _listening(self) -> Listeners:
        return self._hearing("_listeners", self.listen)

    def _unhear(self, listeners: Listeners, listener: object) -> None:
        try:
            listeners.functions.remove(listener)  # type: ignore[arg-type]
        except ValueError:
            raise ValueError(f"{listener!r} does not listen to the breaker '{self.name}'") from None

    def _hearing(self, slot: str, listen: Callable[[ReferenceType[Listeners]], None]) -> Listeners:
        """The listeners in that slot, made when they are first asked for."""
        try:
            known: Listeners = getattr(self, slot)
            return known
        except AttributeError:
            pass
        with lock:
            try:
                return getattr(self, slot)  # type: ignore[no-any-return]
            except AttributeError:
                listeners = Listeners()
                listen(listeners.weak)
                setattr(self, slot, listeners)
                return listeners

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}' {self.state_name}, {self.mode}>"


def _check_listener(listener: object, stream: str, event: str = "event") -> None:
    if not callable(listener):
        raise TypeError(f"a listener is a function of one {event}, not {listener!r}")
    if getattr(getattr(listener, "__code__", None), "co_flags", 0) & _COROUTINE:
        raise TypeError(
            f"nobody would await {listener!r}: a listener is a plain function; a coroutine reads "
            f"`async for {event} in breaker.{stream}()`"
        )


def _error_type(error: type[BaseException] | str | None) -> str | None:
    if error is None or isinstance(error, str):
        return error
    if isinstance(error, type) and issubclass(error, BaseException):
        return error.__name__
    raise invalid("error", error, "an exception, its class, a short text, or nothing")


def _fail(permit: Permit, error_type: str | None) -> bool:
    try:
        permit.failure(error_type)
    except AlreadySettledError:
        return False
    return True


def _by_name(levels: Mapping[Level, int] | None) -> dict[str, int] | None:
    """A table by the levels' names."""
    return None if levels is None else {_level(level): slots for level, slots in levels.items()}


def _level(level: Level) -> str:
    # What is no name the core tells, with its key.
    return level if isinstance(level, str) else level_name(level)
