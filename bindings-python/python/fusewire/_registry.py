"""Breakers by name."""

from __future__ import annotations

from ._breaker import CircuitBreaker
from ._events import Listeners
from ._fork import lock
from ._native import NativeRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, TypeVar

    from typing_extensions import Unpack

    from ._native import ManualClock
    from ._options import Document, Listener, Options, RulesAndClock

    B = TypeVar("B", bound=CircuitBreaker)
    L = TypeVar("L", bound=Listener)

__all__ = ["Registry", "registry"]


class Registry:
    """Breakers by name, one of each: ``registry["payments"]``, ``"payments" in registry``, ``for breaker in registry``.

    - ``clock``: a ``fusewire.testing.ManualClock`` for all of them.
    - ``duration_bounds``: the upper bounds of their histograms of call durations: 1 to 64, in seconds or as ``timedelta``,
      ascending. Those that hold when it is left out are in ``docs/configuration.md``.

    ``fusewire.registry`` is the one that is used when no other is named. Raises ``ConfigError`` for wrong bounds.
    """

    def __init__(
        self, *, clock: ManualClock | None = None, duration_bounds: Sequence[float | timedelta] | None = None
    ) -> None:
        if clock is not None and duration_bounds is not None:
            raise TypeError("clock, or duration_bounds: a manual clock is for tests, which need no bounds of their own")
        self._native = NativeRegistry(clock, duration_bounds)
        self._breakers: dict[str, CircuitBreaker] = {}
        self._listeners: Listeners | None = None

    def get_or_create(self, name: str, **options: Unpack[Options]) -> CircuitBreaker:
        """The breaker of that name, built if there is none; the same for every thread. ``options`` are those of
        ``CircuitBreaker``.

        Raises ``ConfigError`` when one is wrong, and ``ConflictError`` when it exists with another configuration. What classifies is that of the first call.
        """
        return self.of_class(CircuitBreaker, name, options)

    def of_class(self, breaker_class: type[B], name: str, options: Mapping[str, object]) -> B:
        """As ``get_or_create``, made as a class that extends ``CircuitBreaker``; ``options`` are that class's.

        One that is there already is of the class that it was made as.
        """
        return self._keep(breaker_class._in(self._native, name, options, None))

    def get_or_create_from_document(
        self, name: str, document: str | Mapping[str, object], **options: Unpack[RulesAndClock]
    ) -> CircuitBreaker:
        """As ``get_or_create``, with a document as every language reads it."""
        return self._keep(CircuitBreaker._in(self._native, name, options, document))

    def _keep(self, breaker: B) -> B:
        with lock:
            known: Any = self._breakers.get(breaker.name)
            # Not the same when it was removed and made anew in between.
            if known is None or not known.is_same(breaker):
                known = self._breakers[breaker.name] = breaker
                if self._listeners is not None:
                    breaker.listen(self._listeners.weak)
            kept: B = known
            return kept

    def get(self, name: str) -> CircuitBreaker | None:
        """The breaker of that name, or ``None``."""
        return self._breakers.get(name)

    def reconfigure(
        self, name: str, *, actor: str | None = None, reason: str | None = None, **options: Unpack[Document]
    ) -> bool:
        """Swaps the rules of the breaker of that name; ``False`` when they are the same. ``UnknownBreakerError`` when
        there is none."""
        return self[name].reconfigure(actor=actor, reason=reason, **options)

    def remove(self, name: str) -> bool:
        """Takes the breaker out, and out of the metrics; whether there was one. Calls in flight settle harmlessly."""
        with lock:
            self._breakers.pop(name, None)
            return self._native.remove(name)

    def add_listener(self, listener: L) -> L:
        """Calls ``listener(transition)`` for each transition of every breaker, those that are made later too; as
        ``CircuitBreaker.add_listener``."""
        if not callable(listener):
            raise TypeError(f"a listener is a function of one transition, not {listener!r}")
        with lock:
            if self._listeners is None:
                self._listeners = Listeners()
                for breaker in self._breakers.values():
                    breaker.listen(self._listeners.weak)
            self._listeners.functions.append(listener)
        return listener

    def remove_listener(self, listener: Listener) -> None:
        """Ends what ``add_listener`` began; ``ValueError`` when it is not listening."""
        with lock:
            if self._listeners is None:
                raise ValueError(f"{listener!r} is not listening")
            self._listeners.functions.remove(listener)

    def metrics(self) -> str:
        """The metrics of all breakers as OpenMetrics 1.0 text."""
        return self._native.metrics()

    def names(self) -> list[str]:
        """The names of all breakers, sorted."""
        return sorted(self._breakers)

    def __getitem__(self, name: str) -> CircuitBreaker:
        """The breaker of that name; ``UnknownBreakerError``, which is a ``KeyError``, when there is none."""
        found = self._breakers.get(name)
        if found is None:
            self._native.require(name)
            return self._breakers[name]
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._breakers

    def __iter__(self) -> Iterator[CircuitBreaker]:
        return iter(list(self._breakers.values()))

    def __len__(self) -> int:
        return len(self._breakers)

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} circuit breakers>"


#: The registry that is used when no other is named.
registry: Registry = Registry()
