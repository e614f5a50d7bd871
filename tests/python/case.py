"""One case: a document that must be refused, or a breaker that is led through steps."""

import traceback

import loop
from expect import Unexpected, refused
from steps import run as run_step
from waits import Waits
from ways import CLASSIFICATION, ONE_ATTEMPT, WAYS, Guarded

from fusewire import CircuitBreaker, ConfigError
from fusewire.testing import ManualClock


class Bench:
    """What a case keeps from step to step."""

    def __init__(self, given, document, way):
        self.clock = ManualClock()
        loop.by(self.clock)
        self.breaker = CircuitBreaker.from_document(
            given.get("service", "case"), document, clock=self.clock, **CLASSIFICATION
        )
        self.guarded = Guarded(self.breaker)
        self.permits = {}
        self.attempts = {}
        self.waits = Waits(self.breaker)
        self.events, self.policy_events = [], []
        self.breaker.add_listener(self.events.append)
        self.breaker.add_policy_listener(self.policy_events.append)
        #: When the last rejection said that the answer can differ, in nanoseconds.
        self.retry_at = None
        snapshot = self.breaker.snapshot()
        has_attempts = snapshot.retry or snapshot.fallbacks or snapshot.cache or snapshot.hedge
        self._ways = ONE_ATTEMPT.get(way, WAYS[way]) if has_attempts else WAYS[way]
        self._calls = 0

    def next_way(self):
        """Each call goes another way than the one before."""
        way = self._ways[self._calls % len(self._ways)]
        self._calls += 1
        return way


def run(given, way):
    """Runs a case; answers what is wrong, or `None`."""
    try:
        if "invalid_config" in given:
            _must_fail(given, way)
        else:
            _lead(given, way)
    except Unexpected as error:
        return str(error)
    except Exception:
        return traceback.format_exc().strip().replace("\n", " ")
    return None


def _must_fail(given, way):
    try:
        Bench(given, given["invalid_config"], way)
    except ConfigError as error:
        return refused(error, given["error"])
    raise Unexpected("the document was accepted")


def _lead(given, way):
    bench = Bench(given, given["config"], way)
    try:
        for number, step in enumerate(given["steps"], 1):
            try:
                run_step(bench, step)
            except Unexpected as error:
                raise Unexpected(f"step {number}: {error}") from None
    finally:
        bench.waits.close()
