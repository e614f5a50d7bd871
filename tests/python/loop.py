"""The runner's event loop, and `time.sleep`: both live by the clock of the case. What would wait, moves the clock instead."""

import asyncio
import selectors
import time


class _Selector(selectors.DefaultSelector):
    def select(self, timeout=None):
        if timeout:
            LOOP.clock.advance(timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    clock = None

    def time(self):
        return 0.0 if self.clock is None else self.clock.now()

    def turn(self):
        """Runs what is ready, and what that makes ready; timers whose time has come too. The clock stands."""
        for _ in range(6):
            self.call_soon(self.stop)
            self.run_forever()


LOOP = _Loop(_Selector())


def by(clock):
    """From now on time is that clock's."""
    LOOP.clock = clock
    time.sleep = clock.advance
