"""The reference's names for recovery. Each is the core's table or a breaker under another name; none has a rule."""

from __future__ import annotations

from enum import Enum

from ._errors import invalid
from ._fallback import Constant
from ._policies import Table, alone, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any, Literal, TypeVar

    from typing_extensions import ParamSpec, Self

    from ._asking import Asking
    from ._breaker import CircuitBreaker
    from ._native import Permit
    from ._options import Duration
    from ._policy import FallbackResult, Policy

    P = ParamSpec("P")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = [
    "BackoffConfig",
    "BackoffStrategy",
    "ExponentialBackoffPattern",
    "FallbackChain",
    "FeatureConfig",
    "PartialRecoveryManager",
    "PartialRecoveryPattern",
]


class BackoffStrategy(str, Enum):
    """How the wait before a retry grows. Each is equal to its name as text."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    FIBONACCI = "fibonacci"
    DECORRELATED_JITTER = "decorrelated_jitter"
    RESOURCE_SENSITIVE = "resource_sensitive"
    PATTERN_BASED = "pattern_based"
    ADAPTIVE = "adaptive"

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]


class BackoffConfig(Table):
    """A ``retry.backoff`` as arguments: ``BackoffConfig("exponential", base=0.1, max=5)``. They are its keys, with their units,
    ranges and defaults: ``docs/configuration.md``.

    ``strategy``: a ``BackoffStrategy`` or its name.
    """

    def __init__(
        self,
        strategy: BackoffStrategy | str | None = None,
        *,
        base: Duration | None = None,
        max: Duration | None = None,  # the core's key
        multiplier: float | None = None,
        jitter: float | None = None,
    ) -> None:
        kind = None if strategy is None else str(strategy)
        super().__init__(kind=kind, base=base, max=max, multiplier=multiplier, jitter=jitter)


class FeatureConfig(Table):
    """One of ``features`` as keyword arguments, which are its keys: ``FeatureConfig(priority=100, requires=["login"])``."""

    def __init__(
        self,
        *,
        priority: int | None = None,
        requires: list[str] | tuple[str, ...] | None = None,
        min_health: float | None = None,
        test_duration: Duration | None = None,
        min_calls: int | None = None,
        required: bool | None = None,
    ) -> None:
        if isinstance(requires, str):
            raise invalid("requires", requires, f"a list of names: requires=[{requires!r}]")
        super().__init__(
            priority=priority,
            requires=None if requires is None else list(requires),
            min_health=min_health,
            test_duration=test_duration,
            min_calls=min_calls,
            required=required,
        )


class PartialRecoveryPattern:
    """A service recovers feature by feature: ``features`` as keyword arguments, for ``recovery_pattern``.

        PartialRecoveryPattern(feature_priorities={"critical_feature": 100, "optional_feature": 50})

    ``feature_priorities``: by name, the priority: features of a higher one recover first. ``features``: by name a
    ``FeatureConfig``, for what else there is to say of one.
    """

    def __init__(
        self,
        feature_priorities: Mapping[str, int] | None = None,
        *,
        features: Mapping[str, FeatureConfig] | None = None,
    ) -> None:
        for key, given in (("feature_priorities", feature_priorities), ("features", features)):
            if given is not None and not hasattr(given, "items"):
                raise invalid(key, given, "a dict by the names of features")
        self._features: dict[str, dict[str, Any]] = {
            name: _feature(name, config) for name, config in (features or {}).items()
        }
        for name, priority in (feature_priorities or {}).items():
            self._features.setdefault(name, {})["priority"] = priority

    def table(self) -> dict[str, Any]:
        """The core's keys."""
        return {"features": {name: dict(table) for name, table in self._features.items()}}

    def __repr__(self) -> str:
        return f"PartialRecoveryPattern(features={self._features!r})"


def _feature(name: str, given: object) -> dict[str, Any]:
    table: Any = plain(given)
    if not isinstance(table, dict):
        allowed = (
            "a fusewire.FeatureConfig or its table; a number is feature_priorities={...} of a PartialRecoveryPattern"
        )
        raise invalid(f"features.{name}", given, allowed)
    return dict(table)


class ExponentialBackoffPattern:
    """An open breaker waits longer each time that it opens again: ``recovery_timeout`` and ``backoff`` as arguments, for
    ``recovery_pattern``.

    ``base``: how long it is open at first; ``max``, ``multiplier``, ``jitter`` and ``reset_after`` are the keys of ``backoff``.
    """

    def __init__(
        self,
        base: Duration | None = None,
        *,
        max: Duration | None = None,  # the core's key
        multiplier: float | None = None,
        jitter: float | None = None,
        reset_after: Duration | None = None,
    ) -> None:
        given = {"max": max, "multiplier": multiplier, "jitter": jitter, "reset_after": reset_after}
        self._base = base
        self._backoff = {key: value for key, value in given.items() if value is not None}

    def table(self) -> dict[str, Any]:
        """The core's keys."""
        table: dict[str, Any] = {"backoff": {"kind": "exponential", **self._backoff}}
        return table if self._base is None else {"recovery_timeout": self._base, **table}

    def __repr__(self) -> str:
        return f"ExponentialBackoffPattern({self.table()!r})"


class FallbackChain(tuple):  # type: ignore[type-arg]
    """Rungs that answer, in this order, when a call does not: ``FallbackChain(from_disk, "cache", Constant("none"))``. It is
    what ``fallback`` takes, and calls functions by itself, under a breaker that turns nobody away: that one keeps no values,
    and goes past the rung ``"cache"``. ``FallbackChain([f, g])`` is ``FallbackChain(f, g)``."""

    __slots__ = ()

    def __new__(cls, *rungs: Any) -> Self:
        listed = rungs[0] if len(rungs) == 1 and isinstance(rungs[0], (list, tuple)) else ()
        # A list without anything that is called is a constant.
        if any(callable(rung) or isinstance(rung, Constant) for rung in listed):
            rungs = tuple(listed)
        return super().__new__(cls, rungs)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function answers, or else the first rung that does."""
        return self._policy().call(function, *args, **kwargs)

    async def call_async(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``call``, of a coroutine function."""
        return await self._policy().call_async(function, *args, **kwargs)

    def result(self, function: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> FallbackResult:
        """As ``call``, and tells who has answered."""
        return self._policy().result(function, *args, **kwargs)

    async def result_async(
        self, function: Callable[P, Awaitable[Any]], /, *args: P.args, **kwargs: P.kwargs
    ) -> FallbackResult:
        """As ``result``, of a coroutine function."""
        return await self._policy().result_async(function, *args, **kwargs)

    def _policy(self) -> Policy:
        rungs = [rung for rung in self if not (isinstance(rung, str) and rung == "cache")]
        return alone("fallback_chain", {"fallback": rungs} if rungs else {}, None).policy()

    def __repr__(self) -> str:
        return f"FallbackChain({', '.join(map(repr, self))})"


class PartialRecoveryManager:
    """A breaker whose features recover, and are turned off, one by one. ``breaker`` is that breaker.

        manager = PartialRecoveryManager("shop", {"pay": FeatureConfig(priority=100), "tips": FeatureConfig(requires=["pay"])})
        manager.call("tips", suggest, customer)

    ``features``: by name a ``FeatureConfig``, or a ``PartialRecoveryPattern``. ``options``: those of ``CircuitBreaker``.
    """

    def __init__(
        self, service_id: str, features: Mapping[str, FeatureConfig] | PartialRecoveryPattern, **options: Any
    ) -> None:
        from ._breaker import CircuitBreaker

        pattern = (
            features if isinstance(features, PartialRecoveryPattern) else PartialRecoveryPattern(features=features)
        )
        self.breaker: CircuitBreaker = CircuitBreaker(service_id, **options, **pattern.table())

    def acquire(self, feature: str) -> Permit:
        """As ``CircuitBreaker.acquire``, for a call of that feature."""
        return self.breaker.acquire(feature=feature)

    def call(self, feature: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As ``CircuitBreaker.call``, for a call of that feature."""
        return self._at(feature).call(function, *args, **kwargs)

    async def call_async(
        self, feature: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``CircuitBreaker.call_async``, for a call of that feature."""
        return await self._at(feature).call_async(function, *args, **kwargs)

    def _at(self, feature: str) -> Asking:
        if not isinstance(feature, str):
            raise TypeError(f"the name of a feature comes first: manager.call('name', {feature!r})")
        return self.breaker.at(feature=feature)

    def states(self) -> dict[str, Literal["enabled", "testing", "disabled"]]:
        """The state of each feature."""
        return {name: feature.state for name, feature in (self.breaker.snapshot().features or {}).items()}

    def is_enabled(self, feature: str) -> bool:
        """Whether it is on and not being tested. ``KeyError`` when there is no such feature."""
        return self.states()[feature] == "enabled"

    def health(self, feature: str) -> float | None:
        """The share of successes among its calls in its present state; ``None`` while there is none."""
        return (self.breaker.snapshot().features or {})[feature].health


def take_recovery(options: dict[str, Any]) -> None:
    """Puts the core's tables in the place of ``backoff_config`` and ``recovery_pattern``."""
    config = options.pop("backoff_config", None)
    if config is not None:
        if not isinstance(config, BackoffConfig):
            raise invalid("backoff_config", config, "a fusewire.BackoffConfig")
        retry = options.get("retry") or {}
        if "backoff" in retry:
            raise invalid("backoff_config", config, "absent beside retry.backoff: it says the same")
        options["retry"] = {**retry, "backoff": config.table()}
    given = options.pop("recovery_pattern", None)
    for pattern in given if isinstance(given, (list, set)) else (given,):
        if isinstance(pattern, FallbackChain):
            _put(options, pattern, {"fallback": list(pattern)})
        elif isinstance(pattern, (ExponentialBackoffPattern, PartialRecoveryPattern)):
            _put(options, pattern, pattern.table())
        elif pattern is not None:
            allowed = "an ExponentialBackoffPattern, a PartialRecoveryPattern, a FallbackChain, or a list of them"
            raise invalid("recovery_pattern", pattern, allowed)


def _put(options: dict[str, Any], pattern: object, tables: Mapping[str, Any]) -> None:
    for key, table in tables.items():
        own = "timeout" if key == "recovery_timeout" else key
        if own != "timeout" and options.get(own) is not None:
            raise invalid("recovery_pattern", pattern, f"absent beside {own}: it says the same")
        options[own] = table
