"""Circuit breakers on a lock-free core: the same rules in every language.

    from fusewire import circuit_breaker

    @circuit_breaker("payments", failure_threshold=3)
    async def pay(order): ...

After three failures in a row calls are turned away for a minute with ``CircuitOpenError``; then a few probe, and the
breaker closes again. See ``help(fusewire.circuit_breaker)`` and ``help(fusewire.CircuitBreaker)``.
"""

from __future__ import annotations

from . import _native
from ._adaptive import AdaptiveBackoff, AdaptiveTimeout, ContextRetryManager
from ._advanced import AdvancedCircuitBreaker
from ._breaker import CircuitBreaker
from ._decorator import circuit_breaker
from ._errors import (
    AlreadySettledError,
    Attached,
    BreakerClosedError,
    BulkheadFullError,
    CallTimeoutError,
    CircuitBreakerError,
    CircuitOpenError,
    ConfigError,
    ConflictError,
    FeatureDisabledError,
    LimitReachedError,
    QueueTimeoutError,
    RateLimitedError,
    RequestError,
    ShedError,
    UnknownBreakerError,
    attached,
)
from ._events import PolicyEvent, Transition
from ._fallback import Constant
from ._manager import CircuitBreakerManager
from ._native import Attempts, Call, Done, Permit, Use, Wait, __version__, schema
from ._policies import (
    PriorityConfig,
    PriorityManager,
    RateLimitAlgorithm,
    RateLimitConfig,
    RateLimitingStrategy,
    RequestPriority,
)
from ._policy import FallbackResult, Policy
from ._recovery import (
    BackoffConfig,
    BackoffStrategy,
    ExponentialBackoffPattern,
    FallbackChain,
    FeatureConfig,
    PartialRecoveryManager,
    PartialRecoveryPattern,
)
from ._registry import Registry, registry
from ._snapshot import Snapshot
from ._state import CircuitState, Mode, Priority

_native.require_main_interpreter()

__all__ = [
    "AdaptiveBackoff",
    "AdaptiveTimeout",
    "AdvancedCircuitBreaker",
    "AlreadySettledError",
    "Attached",
    "Attempts",
    "BackoffConfig",
    "BackoffStrategy",
    "BreakerClosedError",
    "BulkheadFullError",
    "Call",
    "CallTimeoutError",
    "CircuitBreaker",
    "CircuitBreakerError",
    "CircuitBreakerManager",
    "CircuitOpenError",
    "CircuitState",
    "ConfigError",
    "ConflictError",
    "Constant",
    "ContextRetryManager",
    "Done",
    "ExponentialBackoffPattern",
    "FallbackChain",
    "FallbackResult",
    "FeatureConfig",
    "FeatureDisabledError",
    "LimitReachedError",
    "Mode",
    "PartialRecoveryManager",
    "PartialRecoveryPattern",
    "Permit",
    "Policy",
    "PolicyEvent",
    "Priority",
    "PriorityConfig",
    "PriorityManager",
    "QueueTimeoutError",
    "RateLimitAlgorithm",
    "RateLimitConfig",
    "RateLimitedError",
    "RateLimitingStrategy",
    "Registry",
    "RequestError",
    "RequestPriority",
    "ShedError",
    "Snapshot",
    "Transition",
    "UnknownBreakerError",
    "Use",
    "Wait",
    "__version__",
    "attached",
    "circuit_breaker",
    "registry",
    "schema",
]
