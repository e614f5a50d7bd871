"""What ``typing.Generic`` is at run time, without the import."""

from __future__ import annotations


class Generic:
    """A class that extends it may be written with the type that it is of: ``CircuitBreakerManager[CircuitBreaker]``."""

    def __class_getitem__(cls, _of: object) -> type[Generic]:
        return cls
