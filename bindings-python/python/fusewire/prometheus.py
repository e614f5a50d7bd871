"""Circuit breakers in a registry of ``prometheus_client``, beside a service's own metrics.

from prometheus_client import REGISTRY
from fusewire.prometheus import CircuitBreakerCollector

REGISTRY.register(CircuitBreakerCollector())
"""

from __future__ import annotations

from ._exposition import families, registry_of, text_of

try:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError("fusewire.prometheus needs prometheus_client: pip install 'fusewire[prometheus]'") from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._exposition import Family
    from ._registry import Registry

__all__ = ["CircuitBreakerCollector"]


class CircuitBreakerCollector(Collector):
    """Shows the breakers of ``registry`` (the default one if not said) in a ``prometheus_client`` registry.

    They are read at each scrape. With ``pid=True`` each sample has a label ``pid``, the process that answers: under a
    prefork server every worker has breakers of its own.
    """

    def __init__(self, registry: Registry | None = None, *, pid: bool = False) -> None:
        self._registry = registry_of(registry)
        self._pid = pid

    def collect(self) -> list[Metric]:
        """The metrics, as ``prometheus_client`` asks for them."""
        return [_metric(family) for family in families(text_of(self._registry, self._pid))]

    def describe(self) -> Iterator[Metric]:
        """Their names, so that a second collector is refused before any breaker is read."""
        for metric in self.collect():
            metric.samples = []
            yield metric


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.help, family.type, family.unit)
    for sample in family.samples:
        metric.add_sample(*sample)
    return metric
