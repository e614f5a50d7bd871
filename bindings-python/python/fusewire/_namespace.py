"""Values whose attributes are what they were made with."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # To a checker `SimpleNamespace` has every attribute; a class that extends this one has those that it declares.
    class Namespace:
        def __init__(self, **values: Any) -> None: ...
else:
    #: ``types.SimpleNamespace``, without the import.
    Namespace = type(sys.implementation)
