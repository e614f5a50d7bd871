"""Breakers by name."""

from __future__ import annotations

from ._breaker import CircuitBreaker
from ._fork import lock
from ._native import NativeRegistry

__all__ = ["Registry", "registry"]


class Registry:
    """Breakers by name, one of each. ``clock``: a ``ManualClock`` for all of them. ``duration_bounds``: the upper bounds
    of their histograms of call durations, in seconds, ascending; 1 to 64."""

    def __init__(self, *, clock=None, duration_bounds=None):
        if clock is not None and duration_bounds is not None:
            raise TypeError("clock, or duration_bounds: a manual clock is for tests, which need no bounds of their own")
        self._native = NativeRegistry(clock, duration_bounds)
        self._breakers = {}

    def get_or_create(self, name, **options):
        """The breaker of that name, built if there is none; the same for every thread.

        Raises ``ConflictError`` when it exists with another configuration. What classifies is that of the first call.
        """
        return self._keep(CircuitBreaker._in(self._native, name, options, None))

    def get_or_create_from_document(self, name, document, **options):
        """As ``get_or_create``, with a document as every language reads it."""
        return self._keep(CircuitBreaker._in(self._native, name, options, document))

    def _keep(self, breaker):
        with lock:
            known = self._breakers.setdefault(breaker.name, breaker)
            if not known.is_same(breaker):
                # It was removed and made anew in between.
                known = self._breakers[breaker.name] = breaker
            return known

    def get(self, name):
        """The breaker of that name, or ``None``."""
        return self._breakers.get(name)

    def reconfigure(self, name, *, actor=None, reason=None, **options):
        """Swaps the rules of the breaker of that name; ``False`` when they are the same. ``UnknownBreakerError`` when
        there is none."""
        return self[name].reconfigure(actor=actor, reason=reason, **options)

    def remove(self, name):
        """Takes the breaker out, and out of the metrics; whether there was one. Calls in flight settle harmlessly."""
        with lock:
            self._breakers.pop(name, None)
            return self._native.remove(name)

    def metrics(self):
        """The metrics of all breakers as OpenMetrics 1.0 text."""
        return self._native.metrics()

    def names(self):
        """The names of all breakers, sorted."""
        return sorted(self._breakers)

    def __getitem__(self, name):
        found = self._breakers.get(name)
        if found is None:
            self._native.require(name)
        return found

    def __contains__(self, name):
        return name in self._breakers

    def __iter__(self):
        return iter(list(self._breakers.values()))

    def __len__(self):
        return len(self._breakers)

    def __repr__(self):
        return f"<Registry of {len(self)} circuit breakers>"


#: The registry that is used when no other is named.
registry = Registry()
