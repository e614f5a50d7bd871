"""The core's metrics text on its way to whoever asks for it: as it is, with a ``pid``, or read back."""

from __future__ import annotations

import os
import re

from ._native import METRICS_CONTENT_TYPE
from ._registry import Registry
from ._registry import registry as default_registry

__all__ = ["CONTENT_TYPE", "Family", "families", "registry_of", "text_of"]

CONTENT_TYPE = METRICS_CONTENT_TYPE

# Every sample has labels, and none has a line break in them that is not escaped.
_LABELS_BEGIN = re.compile(r"^([a-z_]+\{)", re.MULTILINE)
_LINE = re.compile(r"^(?:# (TYPE|UNIT|HELP) (\S+) (.*)|([^#{ ]+)\{(.*)\} (\S+))$", re.MULTILINE)
_LABEL = re.compile(r'([^=,]+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def registry_of(given: Registry | None) -> Registry:
    """The registry that was named, or the default one."""
    if given is None:
        return default_registry
    if not isinstance(given, Registry):
        raise TypeError(f"registry is a fusewire.Registry, or None for the default one, not {given!r}")
    return given


def text_of(registry: Registry, pid: bool = False) -> str:
    """The metrics of a registry as OpenMetrics text; with ``pid`` each sample says which process it is of."""
    text = registry.metrics()
    if pid:
        text = _LABELS_BEGIN.sub(rf'\g<1>pid="{os.getpid()}",', text)
    return text


class Family:
    """One metric: ``name`` without the suffix of its samples, ``type``, ``unit``, ``help``, and ``samples``: each a
    name, a dict of labels and a value."""

    __slots__ = ("help", "name", "samples", "type", "unit")

    def __init__(self, name: str, type: str) -> None:
        self.name, self.type = name, type
        self.unit = self.help = ""
        self.samples: list[tuple[str, dict[str, str], float]] = []


def families(text: str) -> list[Family]:
    """The metrics that a text names, with or without samples."""
    found: list[Family] = []
    for kind, name, rest, sample, labels, value in _LINE.findall(text):
        if kind == "TYPE":
            found.append(Family(name, rest))
        elif kind == "UNIT":
            found[-1].unit = rest
        elif kind == "HELP":
            found[-1].help = rest
        else:
            found[-1].samples.append((sample, _labels(labels), int(value) if value.isdigit() else float(value)))
    return found


def _labels(text: str) -> dict[str, str]:
    if "\\" not in text:
        return dict(_LABEL.findall(text))
    return {name: _ESCAPED.sub(_unescaped, value) for name, value in _LABEL.findall(text)}


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
