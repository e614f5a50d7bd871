"""The packages, each in its own idiom. A peer without a rule has no figure for it."""

import importlib
import importlib.metadata
import platform
from datetime import timedelta

MINUTE = 60

#: Documents of fusewire, by policy.
DOCUMENTS = {
    "default": {},
    "consecutive": {"failure_threshold": 5, "recovery_timeout": MINUTE, "sample_durations_every": 0},
    "timed": {"failure_threshold": 5, "recovery_timeout": MINUTE, "sample_durations_every": 1},
    "count": {"window": {"kind": "count", "size": 100, "min_calls": 20}, "sample_durations_every": 0},
    "time": {"window": {"kind": "time", "min_calls": 20}, "sample_durations_every": 0},
}


class Offer:
    """A decorator, the exception by which it turns calls away, a remark, and the breaker that must be kept."""

    def __init__(self, decorate, rejection, note=""):
        self.decorate = decorate
        self.rejection = rejection
        self.note = note


def fusewire(policy, is_async, name="bench"):
    from fusewire import CircuitBreaker, CircuitOpenError, circuit_breaker

    breaker = CircuitBreaker(name, **DOCUMENTS[policy])
    return Offer(circuit_breaker(breaker), CircuitOpenError)


def circuitbreaker(policy, is_async, name="bench"):
    from circuitbreaker import CircuitBreakerError, circuit

    # Its monitor keeps every breaker by name, and the decorated function's would be one for all.
    options = {"default": {}, "consecutive": {"failure_threshold": 5, "recovery_timeout": MINUTE}}
    return _if_known(options, policy, lambda given: Offer(circuit(name=name, **given), CircuitBreakerError))


_FACTORIES = {}


def purgatory(policy, is_async, name="bench"):
    from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
    from purgatory.domain.model import OpenedState

    options = {"default": {}, "consecutive": {"threshold": 5, "ttl": MINUTE}}
    make = AsyncCircuitBreakerFactory if is_async else SyncCircuitBreakerFactory
    # One factory makes many breakers; a benchmark of one wants its own.
    factory = make() if name == "bench" else _FACTORIES.setdefault(is_async, make())
    return _if_known(options, policy, lambda given: Offer(factory(name, **given), OpenedState))


def pybreaker(policy, is_async, name="bench"):
    from pybreaker import CircuitBreaker, CircuitBreakerError

    if is_async:
        return None  # Its async calls are those of Tornado's generators.
    options = {"default": {}, "consecutive": {"fail_max": 5, "reset_timeout": MINUTE}}
    return _if_known(options, policy, lambda given: Offer(CircuitBreaker(name=name, **given), CircuitBreakerError))


def aiobreaker(policy, is_async, name="bench"):
    from aiobreaker import CircuitBreaker, CircuitBreakerError

    options = {"default": {}, "consecutive": {"fail_max": 5, "timeout_duration": timedelta(seconds=MINUTE)}}
    return _if_known(options, policy, lambda given: Offer(CircuitBreaker(name=name, **given), CircuitBreakerError))


def hyx(policy, is_async, name="bench"):
    from hyx.circuitbreaker import consecutive_breaker
    from hyx.circuitbreaker.exceptions import BreakerFailing

    if not is_async:
        return None  # It has no calls but async ones.
    options = {"default": {}, "consecutive": {"failure_threshold": 5, "recovery_time_secs": MINUTE}}
    return _if_known(options, policy, lambda given: Offer(consecutive_breaker(**given), BreakerFailing))


def interlock_cb(policy, is_async, name="bench"):
    from interlock import CircuitBreaker, CircuitOpenError, Config
    from interlock.window import WindowType

    in_a_row = {"window_size": 5, "minimum_number_of_calls": 5, "failure_rate_threshold": 1.0}
    rates = {"minimum_number_of_calls": 20, "failure_rate_threshold": 0.5}
    options = {
        "default": {},
        "consecutive": in_a_row,
        "timed": in_a_row,
        "count": {**rates, "window_size": 100},
        "time": {**rates, "window_size": MINUTE, "window_type": WindowType.TIME_BASED},
    }
    notes = {
        "default": "a count window of 100; it always measures durations",
        "consecutive": "all of a count window of 5; it has no other rule for failures in a row",
    }
    make = lambda given: CircuitBreaker(name=name, config=Config(**given, wait_duration_in_open=MINUTE))  # noqa: E731
    return _if_known(options, policy, lambda given: Offer(make(given), CircuitOpenError, notes.get(policy, "")))


def _if_known(options, policy, make):
    return make(options[policy]) if policy in options else None


#: By the package's name.
PEERS = {
    "fusewire": fusewire,
    "circuitbreaker": circuitbreaker,
    "purgatory": purgatory,
    "pybreaker": pybreaker,
    "aiobreaker": aiobreaker,
    "hyx": hyx,
    "interlock-cb": interlock_cb,
}


def installed():
    """The peers that this Python has: each supports its own range."""
    return [peer for peer in PEERS if version_of(peer)]


def version_of(peer):
    if peer in ("bare", "noop", "semaphore"):
        return platform.python_version()
    if peer == "fusewire":
        return importlib.import_module(peer).__version__
    try:
        return importlib.metadata.version(peer)
    except importlib.metadata.PackageNotFoundError:
        return None
