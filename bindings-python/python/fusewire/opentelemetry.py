"""Circuit breakers in OpenTelemetry: transitions and rejections in the current span, states and counts as metrics.

from fusewire.opentelemetry import instrument

stop = instrument()
"""

from __future__ import annotations

from _thread import allocate_lock
from weakref import WeakKeyDictionary

from . import _events
from ._exposition import families, registry_of
from ._native import __version__, hear_rejections
from ._registry import Registry

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError("fusewire.opentelemetry needs the API: pip install 'fusewire[opentelemetry]'") from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.util.types import AttributeValue

    from ._events import Transition
    from ._options import Reason

    Sample = tuple[str, dict[str, str], float]

__all__ = ["instrument"]

_lock = allocate_lock()
#: What each meter observes. A meter takes callbacks only with the first instrument of a name, and never lets go of
#: them.
_observed: WeakKeyDictionary[metrics.Meter, _Observed] = WeakKeyDictionary()
#: The same of the global provider's meter; a provider that is set later takes over what was made before.
_default: _Observed | None = None
#: Instrumentations that run and tell spans.
_tracing = 0


def instrument(
    registry: Registry | None = None, *, meter: metrics.Meter | None = None, spans: bool = True
) -> Callable[[], None]:
    """Shows the breakers of ``registry`` (the default one if not said) to OpenTelemetry; answers what ends it.

    Metrics are the gauges and counters of the metrics text, named ``circuit_breaker.state``,
    ``circuit_breaker.requests`` and so on, with the same labels as attributes. Its histograms are summed up already,
    which OpenTelemetry has no instrument for. ``meter`` makes the instruments; the global provider's meter ``fusewire``
    if not said. Several registries may share a meter.

    With ``spans`` each transition and each call that is turned away, of whichever breaker, is an event of the span that
    is current in the thread or task where it happens, and leaves its attributes there.
    """
    home = registry_of(registry)
    with _lock:
        observed = _observed_by(meter)
        observed.registries.append(home)
    if spans:
        _trace(1)
    has_ended = False

    def stop() -> None:
        nonlocal has_ended
        with _lock:
            if has_ended:
                return
            has_ended = True
            observed.registries.remove(home)
        if spans:
            _trace(-1)

    return stop


def _observed_by(meter: metrics.Meter | None) -> _Observed:
    global _default
    if meter is None:
        _default = _default or _Observed(metrics.get_meter("fusewire", __version__))
        return _default
    if meter not in _observed:
        _observed[meter] = _Observed(meter)
    return _observed[meter]


class _Observed:
    """The registries that one meter observes. It asks each of its instruments by itself."""

    def __init__(self, meter: metrics.Meter) -> None:
        self.registries: list[Registry] = []
        self._lock = allocate_lock()
        self._read: dict[str, list[Sample]] = {}
        for family in families(Registry().metrics()):
            if family.type == "histogram":
                continue
            is_counter = family.type == "counter"
            create = meter.create_observable_counter if is_counter else meter.create_observable_gauge
            name = family.name.replace("circuit_breaker_", "circuit_breaker.", 1)
            create(name, [self._asks(family.name)], family.unit, family.help)

    def _asks(self, name: str) -> Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]:
        def observe(_options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            return [metrics.Observation(value, labels) for _, labels, value in self._take(name)]

        return observe

    def _take(self, name: str) -> list[Sample]:
        """The samples of one metric. A collection asks for each once: what they tell is of one instant."""
        with self._lock:
            if name not in self._read:
                read: dict[str, list[Sample]] = {}
                self._read = read
                for registry in tuple(self.registries):
                    for family in families(registry.metrics()):
                        read.setdefault(family.name, []).extend(family.samples)
            return self._read.pop(name, [])


def _trace(by: int) -> None:
    global _tracing
    with _lock:
        _tracing += by
        if by == 1 and _tracing == 1:
            _events.watchers.append(_on_transition)
            _events.rejection_watchers.append(_on_rejection)
            hear_rejections(True)
        elif by == -1 and _tracing == 0:
            hear_rejections(False)
            _events.watchers.remove(_on_transition)
            _events.rejection_watchers.remove(_on_rejection)


def _on_transition(transition: Transition) -> None:
    span = trace.get_current_span()
    if not span.is_recording():
        return
    span.set_attributes({"circuit_breaker.name": transition.breaker, "circuit_breaker.state": str(transition.to_state)})
    told: dict[str, AttributeValue] = {
        "circuit_breaker.name": transition.breaker,
        "circuit_breaker.generation": transition.generation,
        "circuit_breaker.from_state": str(transition.from_state),
        "circuit_breaker.to_state": str(transition.to_state),
        "circuit_breaker.cause": transition.cause,
    }
    if transition.actor is not None:
        told["circuit_breaker.actor"] = transition.actor
    if transition.reason is not None:
        told["circuit_breaker.actor_reason"] = transition.reason
    span.add_event("circuit_breaker.state_change", told)


def _on_rejection(breaker: str, reason: Reason, retry_after: float | None) -> None:
    span = trace.get_current_span()
    if not span.is_recording():
        return
    attributes: dict[str, AttributeValue] = {"circuit_breaker.name": breaker, "circuit_breaker.reason": reason}
    span.set_attributes(attributes)
    if retry_after is not None:
        attributes["circuit_breaker.retry_after_ms"] = retry_after * 1000
    span.add_event("circuit_breaker.rejected", attributes)
