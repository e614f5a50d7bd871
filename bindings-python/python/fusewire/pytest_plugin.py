"""Fixtures for pytest, which finds them by itself where fusewire is installed: ``manual_clock``,
``circuit_breakers`` and ``reset_circuit_breakers``."""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._native import ManualClock
    from ._registry import Registry

__all__ = ["circuit_breakers", "manual_clock", "reset_circuit_breakers"]


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that moves only when the test says so: ``manual_clock.advance(30)``, in seconds."""
    from fusewire.testing import ManualClock

    return ManualClock()


@pytest.fixture
def circuit_breakers(manual_clock: ManualClock) -> Registry:
    """A registry of this test's own; its breakers go by ``manual_clock``."""
    from fusewire import Registry

    return Registry(clock=manual_clock)


@pytest.fixture
def reset_circuit_breakers() -> Iterator[Registry]:
    """The default registry, whose breakers begin the test closed, with nothing counted and in the mode that they are
    configured with, and are left so. What they counted in all stays.

    For code whose breakers were made when it was imported. ``pytestmark = pytest.mark.usefixtures(
    "reset_circuit_breakers")`` holds for a module.
    """
    from fusewire import registry

    _reset(registry)
    yield registry
    _reset(registry)


def _reset(registry: Registry) -> None:
    import json

    for breaker in registry:
        breaker.set_mode(json.loads(breaker.document())["mode"], actor="fusewire.pytest_plugin")
        breaker.reset(actor="fusewire.pytest_plugin")
