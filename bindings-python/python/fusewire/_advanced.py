"""``AdvancedCircuitBreaker``: the breaker under the reference's names."""

from __future__ import annotations

from ._breaker import CircuitBreaker
from ._fallback import taken_apart
from ._figures import figures_of
from ._native import Breaker
from ._strategies import Arguments, Default, strategy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from ._native import NativeRegistry
    from ._options import Cost, Duration, Failure, Level, StrategyDocument, StrategyRest, StrategyType

__all__ = ["AdvancedCircuitBreaker"]


class AdvancedCircuitBreaker(CircuitBreaker):
    """A ``CircuitBreaker`` that is told its rules by a strategy, and asked and told by coroutines.

        breaker = AdvancedCircuitBreaker(
            service_id="my_service",
            strategy_type="adaptive",
            failure_threshold=5,
            success_threshold=3,
        )

        @circuit_breaker(breaker)
        async def service_call(): ...

    - ``service_id``: its name, 1 to 255 bytes.
    - ``strategy_type``: what opens it.
      ``"basic"``: failures in a row; ``"count_window"``: the failure rate of the last calls; ``"time_window"``: that of
      the last minute; ``"adaptive"``: one that is high beside the service's own history; ``"gradual"``: as ``"basic"``,
      and after the probes it admits a growing share of the calls before it closes. Default ``"basic"``.
    - ``failure_threshold``: the fewest failures that open it, 1 to 1,000,000. With ``"basic"`` and ``"gradual"`` so many
      in a row; with ``"adaptive"`` it is ``min_failures``; with the windows it makes ``min_calls`` as large as so many
      failures need. ``window`` may say it otherwise. Default 5.
    - ``success_threshold``: successful probes that close it, 1 to 64. As many probes are admitted, so the first that
      fails opens it again; ``half_open_max_calls`` admits more, and then forgives as many failures. Default 3.
    - ``timeout``: how long it stays open (``recovery_timeout``), 1 ms to 168 h. Default 30.0 seconds.
    - ``half_open_timeout``: how long one probe may take before it counts as failed, 1 ms to 168 h. Default 5.0 seconds.

    - ``backoff_config``: a ``BackoffConfig``, for ``retry.backoff``. ``recovery_pattern``: a ``PartialRecoveryPattern``, an
      ``ExponentialBackoffPattern``, a ``FallbackChain``, or a list of them.
    - ``call_timeout``: how long a call may take: what ``timeout`` is elsewhere.
    - ``rate_limit_config``, ``priority_config``: a ``RateLimitConfig`` and a ``PriorityConfig``, for ``rate_limit``, and for
      ``priority`` and ``bulkhead``.

    All other options are those of ``CircuitBreaker``; ``window`` and ``ramp`` are the strategy's, without ``kind``:
    ``window={"size": 50, "failure_rate": 0.3}``. The defaults above are this class's own, all others are the core's.

    Raises ``ConfigError``, which names the argument, the value and what is allowed.
    """

    __slots__ = ()

    def __new__(
        cls,
        service_id: str,
        strategy_type: StrategyType | None = "basic",
        failure_threshold: int | None = 5,
        success_threshold: int | None = Default(3),
        timeout: Duration | None = 30.0,
        half_open_timeout: Duration | None = 5.0,
        **options: Unpack[StrategyRest],
    ) -> Self:
        arguments = {
            **options,
            "strategy_type": strategy_type,
            "failure_threshold": failure_threshold,
            "success_threshold": success_threshold,
            "timeout": timeout,
            "half_open_timeout": half_open_timeout,
        }
        return cls._in(None, service_id, arguments, None)

    @classmethod
    def _in(
        cls,
        registry: NativeRegistry | None,
        name: str,
        options: Mapping[str, object],
        document: str | Mapping[str, object] | None,
    ) -> Self:
        if document is not None:
            return Breaker.__new__(cls, name, taken_apart(options), document, registry)
        arguments = _arguments(options)
        return arguments.told(lambda options: Breaker.__new__(cls, name, taken_apart(options), None, registry))

    # ---- calls ----

    async def should_allow_request(
        self, priority: Level | None = None, *, cost: Cost | None = None, feature: str | None = None
    ) -> bool:
        """Whether a call may be made now. If it may, a permit is taken; ``record_success`` or ``record_failure`` of the
        same task settles it. The arguments are those of ``acquire``."""
        return self.can_execute(priority, cost=cost, feature=feature)

    async def record_success(self) -> None:  # type: ignore[override]
        """Settles the oldest permit that the current task took by ``should_allow_request``, as a success.

        If there is none it counts as an outcome while the breaker is closed, and in the totals only otherwise.
        """
        CircuitBreaker.record_success(self)

    async def record_failure(self, error: Failure = None) -> None:  # type: ignore[override]
        """As ``record_success``, for a call that failed.

        ``error``: the exception, and the rules (``ignore``, ``failure``) say what it counts as; or an exception class, a
        short text or nothing, which are failures.
        """
        CircuitBreaker.record_failure(self, error)

    # ---- life ----

    async def start(self) -> None:
        """Does nothing: a breaker has no task and no thread of its own. Something may be due when it is started (an open
        spell that is over, say); ``poll`` carries that out at any time, and every call does."""

    async def stop(self) -> None:
        """Does nothing, for the same reason: a breaker that nobody refers to is gone."""

    # ---- by hand ----

    def reconfigure(  # type: ignore[override]
        self, *, actor: str | None = None, reason: str | None = None, **options: Unpack[StrategyDocument]
    ) -> bool:
        """Swaps the rules of the machine atomically; ``False`` when they are the same. The options are those of the
        class, with its defaults for what is left out. What classifies stays."""
        change = super().reconfigure
        return _arguments(options).told(lambda options: change(actor=actor, reason=reason, **options))

    # ---- reading ----

    @property
    def service_id(self) -> str:
        """The name."""
        return self.name

    @property
    def strategy_type(self) -> StrategyType:
        """The strategy that is in force."""
        return strategy_of(self)

    async def get_metrics(self) -> dict[str, Any]:
        """What there is to know in figures, as a dict of plain values; see ``docs/python-reference-names.md``."""
        return figures_of(self)


_ARGUMENTS = ("strategy_type", "failure_threshold", "success_threshold", "timeout", "half_open_timeout")


def _arguments(options: Mapping[str, object]) -> Arguments:
    """The arguments, with the class's defaults for those that are left out, or `None`."""
    defaults = zip(_ARGUMENTS, AdvancedCircuitBreaker.__new__.__defaults__ or ())
    given = {key: value for key, value in options.items() if value is not None}
    return Arguments({**dict(defaults), **given})
