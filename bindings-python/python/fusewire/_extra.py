"""Packages that only an adapter needs."""

from __future__ import annotations

__all__ = ["missing"]


def missing(name: str) -> ModuleNotFoundError:
    """The error for an adapter whose package is not installed; the extra has the package's name."""
    return ModuleNotFoundError(f"fusewire.{name} needs {name}: pip install 'fusewire[{name}]'", name=name)
