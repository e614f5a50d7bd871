"""What several tests need."""

from __future__ import annotations

import pytest

from fusewire import CircuitBreaker
from fusewire.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def breaker(clock):
    """A breaker that three failures in a row open for a minute."""
    return CircuitBreaker("case", failure_threshold=3, recovery_timeout=60, clock=clock)


def totals_of(breaker):
    """The totals that are not 0."""
    totals = vars(breaker.snapshot().totals)
    counts = {name: count for name, count in totals.items() if isinstance(count, int) and count}
    rejected = sum(vars(totals["rejected"]).values())
    return {**counts, "rejected": rejected} if rejected else counts


@pytest.fixture
def totals():
    return totals_of
