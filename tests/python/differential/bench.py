"""One breaker that is led through a script, its clock, and what was seen of it."""

from fusewire import CircuitBreaker
from fusewire.testing import ManualClock

_MILLISECOND = 10**6


def nanos_of(seconds):
    """The package's seconds in nanoseconds."""
    return None if seconds is None else round(seconds * 1e9)


class Broken(Exception):
    """What the function fails with."""

    def __init__(self, n, act):
        super().__init__(shown(n, act))
        self.act = act
        if "status" in act:
            self.status = act["status"]
        if "retry_after" in act:
            self.headers = {"Retry-After": str(act["retry_after"] // 1000)}


def shown(n, act):
    """How an error is shown in reports."""
    return f"{n}: {act.get('error_type') or act.get('status') or act['outcome']}"


_CLASSIFICATION = {
    "ignore": lambda error: isinstance(error, Broken) and error.act["outcome"] == "ignored",
    "error_type": lambda error: error.act.get("error_type") or "",
}


class Bench:
    """What a script keeps from call to call."""

    def __init__(self, document, host):
        self.clock = ManualClock()
        self.steps = []
        #: A thread wakes on time, a task's timer rings at whole milliseconds.
        self.is_task = host == "task"
        rungs = {name: lambda name=name: self.answer(name) for name in ("first", "second")}
        self.breaker = CircuitBreaker.from_document("case", document, clock=self.clock, rungs=rungs, **_CLASSIFICATION)

    def now(self):
        """Nanoseconds on the clock."""
        return nanos_of(self.clock.now())

    def see(self, what, **more):
        """Notes what happened, and when."""
        self.steps.append({"is": what, "at": self.now(), **more})

    def advance(self, seconds):
        """Lets so much time pass."""
        now = self.now()
        until = now + nanos_of(seconds)
        if self.is_task:
            until = -(-until // _MILLISECOND) * _MILLISECOND
        self.clock.advance((until - now) / 1e9)

    def begin(self, call):
        """The next call begins."""
        self.call, self.made = call, 0

    def request(self):
        """What the call asks for now."""
        request = dict(self.call["request"])
        if "deadline" in request:
            request["deadline"] = self.clock.now() + request["deadline"] / 1e3
        return request

    def next(self):
        """The number of the function's call that begins now, and what it does."""
        acts = self.call["acts"]
        self.made += 1
        return self.made, acts[min(self.made, len(acts)) - 1]

    def answer(self, rung):
        """A rung is used."""
        self.see("use", rung=rung)
        if rung not in self.call["rungs"]:
            raise LookupError("empty")
        return rung

    def end(self):
        """Notes everything that was counted."""
        lines = self.breaker.metrics().splitlines()
        counted = [line for line in lines if not line.startswith("#") and not line.endswith(" 0")]
        self.see("read", metrics=counted)

    def take(self, step):
        """What an operator does, and time that passes."""
        to, breaker = step.get("to"), self.breaker
        acts = {
            "advance": lambda: self.advance(to / 1e3),
            "trip": lambda: breaker.trip(None if to is None else to / 1e3),
            "reset": breaker.reset,
            "half_open": breaker.half_open,
            "poll": breaker.poll,
            "mode": lambda: breaker.set_mode(to),
            "utilisation": lambda: breaker.set_utilisation(to),
        }
        acts[step["do"]]()
