from __future__ import annotations

import pytest
from clients import CLIENTS
from services import Bodies, Upstream, nobody


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    service = Upstream(tmp_path_factory.mktemp("upstream"))
    yield service
    service.close()


@pytest.fixture
def bodies():
    service = Bodies()
    yield service
    service.close()


@pytest.fixture
def nowhere():
    return nobody()


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request):
    """Makes guarded clients of an adapter's options; they end with the test."""
    made = []

    def make(**options):
        made.append(request.param(options))
        return made[-1]

    make.kind = request.param
    yield make
    for each in made:
        each.close()


class Told:
    """What is there to know of the only breaker of a client."""

    def __call__(self, guarded):
        (breaker,) = guarded.adapter.breakers.values()
        return breaker

    def outcomes(self, guarded):
        totals = self(guarded).snapshot().totals
        counts = {"success": totals.success, "failure": totals.failure, "ignored": totals.ignored}
        return {outcome: count for outcome, count in counts.items() if count}


@pytest.fixture
def only():
    return Told()
