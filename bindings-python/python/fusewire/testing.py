"""For tests of code that uses breakers."""

from __future__ import annotations

from ._native import ManualClock

__all__ = ["ManualClock"]
