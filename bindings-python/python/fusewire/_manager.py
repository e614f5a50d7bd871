"""``CircuitBreakerManager``: the breakers of a registry, under the reference's name."""

from __future__ import annotations

from ._advanced import AdvancedCircuitBreaker
from ._breaker import CircuitBreaker
from ._errors import invalid
from ._figures import figures_of, summed
from ._fork import lock
from ._registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic, overload

    from typing_extensions import TypeVar, Unpack

    from ._options import Document, Listener, Options, StrategyDocument, StrategyOptions

    A = TypeVar("A", bound=AdvancedCircuitBreaker)
    B = TypeVar("B", bound=CircuitBreaker, covariant=True)
    L = TypeVar("L", bound=Listener)
else:
    from ._generic import Generic

    B = None

__all__ = ["CircuitBreakerManager"]

#: Options that a breaker is made with and that its configuration does not hold.
_FIXED = frozenset({"ignore", "failure", "failure_result", "error_type", "fallback", "fall_back_on", "rungs", "clock"})


class CircuitBreakerManager(Generic[B]):
    """Makes breakers when they are asked for, changes their configuration, tells of their transitions, and sums them up.

        manager = CircuitBreakerManager(failure_threshold=3)
        breaker = manager.get_breaker("payments", recovery_timeout=10)
        manager.update_config("payments", failure_threshold=8)

    - ``registry``: where the breakers are; one of its own if left out. ``CircuitBreakerManager(fusewire.registry)``
      manages those of ``@circuit_breaker("name")``.
    - ``breaker_class``: what it makes, ``CircuitBreaker`` or ``AdvancedCircuitBreaker``, whose options and methods its
      breakers have then.
    - All other options are the configuration of a breaker that is asked for without one, and are filled in where one is
      asked for with less.

    Only ``start`` and ``stop`` are coroutines: nothing else here has anything to wait for, and any thread may call it.

    Raises ``ConfigError``, which names the option, the value and what is allowed.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: CircuitBreakerManager[CircuitBreaker],
            registry: Registry | None = None,
            **defaults: Unpack[Options],
        ) -> None: ...
        @overload
        def __init__(
            self: CircuitBreakerManager[A],
            registry: Registry | None = None,
            *,
            breaker_class: type[A],
            **defaults: Unpack[StrategyOptions],
        ) -> None: ...
        @overload
        def __init__(
            self, registry: Registry | None = None, *, breaker_class: type[B], **defaults: Unpack[Options]
        ) -> None: ...

    def __init__(
        self, registry: Registry | None = None, *, breaker_class: type[Any] = CircuitBreaker, **defaults: Any
    ) -> None:
        if registry is not None and not isinstance(registry, Registry):
            raise invalid("registry", registry, "a fusewire.Registry, or nothing")
        if not (isinstance(breaker_class, type) and issubclass(breaker_class, CircuitBreaker)):
            allowed = "CircuitBreaker, AdvancedCircuitBreaker, or a class of yours that extends one"
            raise invalid("breaker_class", breaker_class, allowed)
        # A wrong default is told now, not when the first breaker is asked for.
        breaker_class("defaults", **defaults)
        #: Where the breakers are.
        self.registry: Registry = Registry() if registry is None else registry
        self._class: type[CircuitBreaker] = breaker_class
        self._defaults = defaults
        #: By name: a breaker that this manager made, its configuration as it was asked for, and as it is now.
        self._made: dict[str, tuple[CircuitBreaker, dict[str, Any] | None, dict[str, Any]]] = {}

    # ---- breakers ----

    if TYPE_CHECKING:

        @overload
        def get_breaker(
            self: CircuitBreakerManager[AdvancedCircuitBreaker], service_id: str, **config: Unpack[StrategyOptions]
        ) -> AdvancedCircuitBreaker: ...
        @overload
        def get_breaker(self, service_id: str, **config: Unpack[Options]) -> B: ...

    def get_breaker(self, service_id: str, **config: Any) -> Any:
        """The breaker of that name, made if there is none; the same for every thread.

        Without ``config`` it is taken as it is. With the one that it was made with, too, also when ``update_config`` has
        changed it since. Raises ``ConflictError`` when it exists with another.
        """
        known = self.registry.get(service_id)
        if known is not None and not config:
            return known
        options = {**self._defaults, **config}
        asked = {key: value for key, value in options.items() if key not in _FIXED}
        made = self._made.get(service_id)
        if known is not None and made is not None and made[0] is known and made[1] == asked:
            return known
        breaker = self.registry.of_class(self._class, service_id, options)
        with lock:
            made = self._made.get(service_id)
            if made is None or made[0] is not breaker:
                self._made[service_id] = breaker, asked, asked
            elif made[1] is None:
                self._made[service_id] = breaker, asked, made[2]
        return breaker

    if TYPE_CHECKING:

        @overload
        def update_config(
            self: CircuitBreakerManager[AdvancedCircuitBreaker],
            service_id: str,
            *,
            actor: str | None = None,
            reason: str | None = None,
            **changes: Unpack[StrategyDocument],
        ) -> bool: ...
        @overload
        def update_config(
            self,
            service_id: str,
            *,
            actor: str | None = None,
            reason: str | None = None,
            **changes: Unpack[Document],
        ) -> bool: ...

    def update_config(
        self, service_id: str, *, actor: str | None = None, reason: str | None = None, **changes: Any
    ) -> bool:
        """Changes keys of a breaker's configuration at run time; what is not named stays, ``None`` takes the default
        again. ``False`` when that changes nothing.

        The swap is atomic, keeps totals and an open spell's deadline, and is a transition with cause ``reconfigured``;
        ``actor`` and ``reason`` are told with it. What classifies (``ignore``, ``failure`` and so on) stays as it was
        made. Raises ``UnknownBreakerError`` when there is no such breaker, ``ConfigError`` when the result is wrong, and
        changes nothing then.
        """
        breaker = self.registry[service_id]
        for key in _FIXED.intersection(changes):
            raise invalid(key, changes[key], "absent: what classifies calls is given when the breaker is made")
        while True:
            base = self._made.get(service_id)
            if base is None or base[0] is not breaker:
                base = breaker, None, _written(breaker)
            merged = {**base[2], **changes}
            # Not under the lock: listeners hear of it before it returns.
            changed = breaker.reconfigure(actor=actor, reason=reason, **merged)
            with lock:
                known = self._made.get(service_id, base)
                if known is base or known[0] is not breaker:
                    self._made[service_id] = breaker, base[1], merged
                    return changed
            # Another thread was faster: these changes go on top of its own.

    def remove_breaker(self, service_id: str) -> bool:
        """Takes the breaker out, and out of the metrics; whether there was one. Calls in flight settle harmlessly."""
        with lock:
            self._made.pop(service_id, None)
        return self.registry.remove(service_id)

    def names(self) -> list[str]:
        """The names of all breakers, sorted."""
        return self.registry.names()

    # ---- events ----

    def add_listener(self, listener: L) -> L:
        """Calls ``listener(transition)`` for each transition of every breaker, those that are made later too, in each
        one's order and by the thread that caused it; answers the listener, so that this is a decorator too. One that
        raises is logged and disturbs nobody."""
        return self.registry.add_listener(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Ends what ``add_listener`` began; ``ValueError`` when it is not listening."""
        self.registry.remove_listener(listener)

    # ---- reading ----

    def get_metrics(self) -> dict[str, Any]:
        """All breakers in figures: how many there are, in which state, the sums of their counts, and under ``breakers``
        each one's own; see ``docs/python-reference-names.md``."""
        return summed({breaker.name: figures_of(breaker) for breaker in self.registry})

    def metrics(self) -> str:
        """The metrics of all breakers as OpenMetrics 1.0 text."""
        return self.registry.metrics()

    # ---- life ----

    async def start(self) -> None:
        """Starts each breaker that can be started. Those of this package have nothing to start."""
        await self._each("start")

    async def stop(self) -> None:
        """Stops each breaker that can be stopped. They stay where they are, and go on deciding."""
        await self._each("stop")

    async def _each(self, what: str) -> None:
        for breaker in self.registry:
            method = getattr(breaker, what, None)
            if method is not None:
                await method()

    def __repr__(self) -> str:
        return f"<CircuitBreakerManager of {len(self.registry)} circuit breakers>"


def _written(breaker: CircuitBreaker) -> dict[str, Any]:
    """The configuration of a breaker that somebody else made, in a shared registry: all of it, with its defaults."""
    from json import loads

    document: dict[str, Any] = loads(breaker.document())
    # It says the mode that the breaker began in; written out, it would be set again.
    del document["mode"]
    if isinstance(breaker, AdvancedCircuitBreaker):
        document["timeout"] = document.pop("recovery_timeout")
        document["strategy_type"] = breaker.strategy_type
    return document
