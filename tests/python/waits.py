"""Calls that wait in a queue: each a task of the runner's loop that awaits its permit."""

from expect import Unexpected, equal, nanos
from loop import LOOP

from fusewire import CircuitOpenError, RequestError


def request_of(step):
    """The arguments of `acquire` for a step's request."""
    asked = dict(step.get("request", {}))
    if "deadline" in asked:
        asked["deadline"] = nanos(asked["deadline"]) / 1e9
    return asked


class Waits:
    """The calls of one case that wait, and those whose wait has ended since somebody asked, in that order."""

    def __init__(self, breaker):
        self.breaker = breaker
        #: By name, the permit that waits and its task.
        self.waiting = {}
        self.ended = []
        #: The names of those that were turned away while they waited: nothing of them is left to drop.
        self.refused = set()

    def begin(self, name, step):
        """Asks in the waiting form; answers the permit, or `None` when it waits. Raises why it gets none."""

        async def call():
            try:
                # Outside a loop it would wait here.
                permit = self.breaker.acquire(**request_of(step))
                self.waiting[name][0] = permit
                self.ended.append((name, await permit))
            except (CircuitOpenError, RequestError) as error:
                self.ended.append((name, error))
            finally:
                self.waiting.pop(name, None)

        self.waiting[name] = [None, LOOP.create_task(call())]
        LOOP.turn()
        mine = [end for end in self.ended if end[0] == name]
        if not mine:
            return None
        self.ended.remove(mine[0])
        if isinstance(mine[0][1], Exception):
            raise mine[0][1]
        return mine[0][1]

    def raise_priority(self, name, to):
        if name not in self.waiting:
            raise Unexpected(f"{name} does not wait")
        self.waiting[name][0].raise_priority(to)

    def cancel(self, name):
        """Cancels a call that waits, or whose wait is over; whether there was one."""
        found = self.waiting.pop(name, None)
        if found is not None:
            found[1].cancel()
            LOOP.turn()
        return found is not None or name in self.refused

    def close(self):
        """Leaves nothing behind in the loop."""
        for name in list(self.waiting):
            self.cancel(name)

    def collect(self, step, permits):
        """Compares what became of calls that waited with what the step says; what it leaves out has not happened."""
        LOOP.turn()
        granted, timed_out, refused = [], [], {}
        for name, end in self.ended:
            if isinstance(end, CircuitOpenError):
                self.refused.add(name)
            if not isinstance(end, CircuitOpenError):
                permits[name] = end
                granted.append(name)
            elif end.reason == "queue_timeout":
                timed_out.append(name)
            else:
                refused[name] = end.reason
        del self.ended[:]
        equal("granted", step.get("granted", []), granted)
        equal("timed_out", step.get("timed_out", []), timed_out)
        equal("refused", step.get("refused", {}), refused)
