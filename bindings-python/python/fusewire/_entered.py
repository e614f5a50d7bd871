"""Permits of ``with breaker:``.

A breaker is shared, so a block's permit is found again by the frame that runs the block: a generator keeps its frame
whichever thread, task or context resumes it, and interleaved ones keep theirs apart. An ``ExitStack`` enters and leaves
in frames of its own: its permits are the innermost of the context.
"""

from __future__ import annotations

from _contextvars import ContextVar

from ._waiting import enter_async as enter_in_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from ._breaker import CircuitBreaker
    from ._native import Permit

    Key = tuple[int, int, int]

#: The blocks that this context is in, the innermost last.
_inside: ContextVar[tuple[_Block, ...]] = ContextVar("fusewire_inside", default=())
#: The blocks that frames are in, by `_key`, the innermost last.
_running: dict[Key, list[_Block]] = {}


class _Block:
    __slots__ = ("breaker", "key", "permit")

    def __init__(self, breaker: CircuitBreaker, key: Key, permit: Permit) -> None:
        self.breaker = breaker
        self.key = key
        self.permit = permit

    @property
    def is_open(self) -> bool:
        return self in _running.get(self.key, ())


def _key(breaker: CircuitBreaker, frame: FrameType) -> Key:
    # The code tells a frame from a later one at the same place in memory.
    return id(frame), id(frame.f_code), id(breaker)


def enter(breaker: CircuitBreaker, frame: FrameType) -> Permit:
    """Asks for a permit, and keeps it until the block ends."""
    return _kept(breaker, frame, breaker.acquire().__enter__())


def _kept(breaker: CircuitBreaker, frame: FrameType, permit: Permit) -> Permit:
    block = _Block(breaker, _key(breaker, frame), permit)
    _running.setdefault(block.key, []).append(block)
    _inside.set((*_open_blocks(), block))
    return permit


async def enter_async(breaker: CircuitBreaker, frame: FrameType) -> Permit:
    """As ``enter``."""
    permit = breaker.acquire()
    if permit.waiting or permit.wait > 0.0:
        permit = await enter_in_loop(permit)
    return _kept(breaker, frame, permit)


def leave(breaker: CircuitBreaker, frame: FrameType, error: BaseException | None) -> None:
    """Settles the innermost permit of that breaker."""
    blocks = _running.get(_key(breaker, frame)) or [block for block in _open_blocks() if block.breaker is breaker]
    if not blocks:
        raise RuntimeError(f"the breaker '{breaker.name}' was not entered here: write `with breaker:`")
    block = blocks[-1]
    _running[block.key].remove(block)
    if not _running[block.key]:
        del _running[block.key]
    _inside.set(_open_blocks())
    block.permit.settle(error)


async def leave_async(breaker: CircuitBreaker, frame: FrameType, error: BaseException | None) -> None:
    """As ``leave``."""
    leave(breaker, frame, error)


def _open_blocks() -> tuple[_Block, ...]:
    """The blocks that this context is in. One that was left elsewhere, by a generator that moved, is not among them."""
    return tuple(block for block in _inside.get() if block.is_open)
