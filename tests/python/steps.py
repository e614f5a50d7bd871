"""The steps of a case, each through the package's public API."""

import attempts
from expect import Unexpected, duration, equal, nanos, nanos_of, part, refused, shown
from waits import request_of
from ways import Thrown

from fusewire import AlreadySettledError, CircuitOpenError, ConfigError, RequestError


def run(b, step):
    """Runs one step and checks what it expects. `b` is the case's `Bench`."""
    act = _ACTIONS.get(step.get("do", "expect"))
    if act is None:
        raise Unexpected(f"unknown step {step['do']}")
    act(b, step)
    b.waits.collect(step, b.permits)
    if step.get("do") in _CHECK_THE_SNAPSHOT and "expect" in step:
        _snapshot(b, step)


_CHECK_THE_SNAPSHOT = {
    "advance",
    "call",
    "drop",
    "trip",
    "half_open",
    "reset",
    "mode",
    "poll",
    "set_min_priority",
    "set_reserved",
    "set_rate",
    "set_limit",
    "raise",
    "close",
    "set_utilisation",
}


def _refusable(step, act):
    expected = step.get("error")
    try:
        act()
    except (ConfigError, RequestError) as error:
        if expected is None:
            raise
        return refused(error, expected)
    if expected is not None:
        raise Unexpected(f"expected the error {shown(expected)}")


def _by(step):
    return {key: step[key] for key in ("actor", "reason") if key in step}


def _permit_of(b, step):
    try:
        return b.permits[step["permit"]]
    except KeyError:
        raise Unexpected(f"no permit {step['permit']}") from None


def _tick(b, ns):
    b.clock.advance(ns / 1e9)


def _now(b):
    return nanos_of(b.clock.now())


def _advance(b, step):
    if "by" in step:
        return _tick(b, nanos(step["by"]))
    now = _now(b)
    if b.retry_at is not None and b.retry_at > now:
        return _tick(b, b.retry_at - now)
    after = nanos_of(b.breaker.snapshot().retry_after)
    if after is None:
        raise Unexpected("there is no retry_after")
    _tick(b, after)


def _call(b, step):
    outcome = step["outcome"]

    def body():
        if "duration" in step:
            _tick(b, nanos(step["duration"]))
        if outcome != "success":
            raise Thrown(outcome, step.get("error_type"))

    for _ in range(step.get("times", 1)):
        try:
            b.next_way()(b, body, request_of(step))
        except Thrown:
            continue
        except CircuitOpenError as error:
            raise Unexpected(f"expected to be admitted, got {error}") from None
        if outcome != "success":
            raise Unexpected("what the call raised did not reach its caller")


def _acquire(b, step):
    times, name = step.get("times", 1), step.get("as")
    for i in range(times):
        expected = step.get("expect", {})
        if isinstance(expected, list):
            expected = expected[i] if i < len(expected) else {}
        try:
            _acquire_one(b, step, f"{name}{i + 1}" if name and times > 1 else name, expected)
        except Unexpected as error:
            raise Unexpected(f"acquire {i + 1}: {error}" if times > 1 else str(error)) from None


def _ask(b, step, name):
    """A permit, or `None` for one that waits."""
    if step.get("wait"):
        if name is None:
            raise Unexpected("a wait without a name")
        return b.waits.begin(name, step)
    return b.breaker.acquire(**request_of(step), wait=False)


def _acquire_one(b, step, name, expected):
    permit, wrong = None, expected.get("error")
    try:
        permit = _ask(b, step, name)
    except RequestError as error:
        if wrong is None:
            raise
        return refused(error, wrong)
    except CircuitOpenError as error:
        after = nanos_of(error.retry_after)
        b.retry_at = None if after is None else _now(b) + after
        got = {"admitted": False, "rejected": error.reason, "retry_after": after}
    else:
        got = {"admitted": False, "queued": True} if permit is None else _told(permit)
    if wrong is not None:
        raise Unexpected(f"expected the error {shown(wrong)}")
    if permit is not None:
        if name is None:
            what = f"expected {shown(expected)}, was admitted" if "rejected" in expected else "a permit without a name"
            raise Unexpected(what)
        b.permits[name] = permit
    for key, value in expected.items():
        if key not in got:
            raise Unexpected(f"expected {key} {shown(value)}, got {shown(got)}")
        check = duration if key in ("retry_after", "wait", "timeout") else equal
        check(key, value, got[key])


def _told(permit):
    return {
        "admitted": True,
        "would_reject": permit.would_reject,
        "wait": nanos_of(permit.wait),
        "bypassed": permit.bypassed,
        "timeout": nanos_of(permit.timeout),
    }


def _settle(b, step):
    permit, outcome = _permit_of(b, step), step["outcome"]
    lasted = nanos(step.get("duration", "0s")) / 1e9
    try:
        if outcome == "failure":
            settled = permit.failure(step.get("error_type"), duration=lasted)
        else:
            settled = {"success": permit.success, "ignored": permit.ignore}[outcome](duration=lasted)
    except AlreadySettledError:
        settled = "already_settled"
    equal("settled", step.get("expect", settled), settled)


def _drop(b, step):
    if b.waits.cancel(step["permit"]):
        return
    _permit_of(b, step)
    del b.permits[step["permit"]]


def _events(b, step):
    _in_order(step["expect"], b.events)


def _in_order(expected, heard):
    got = heard[:]
    del heard[:]
    if len(expected) != len(got):
        raise Unexpected(f"expected {len(expected)} events, got {len(got)}: {got}")
    for i, event in enumerate(expected):
        part(f"event {i}", event, got[i])


def _metrics(b, step):
    text = b.breaker.metrics()
    lines = text.split("\n")
    for wanted in step.get("contains", ()):
        if wanted not in lines:
            raise Unexpected(f"metrics lack the line {wanted}")
    for unwanted in step.get("lacks", ()):
        if unwanted in text:
            line = next(line for line in lines if unwanted in line)
            raise Unexpected(f'metrics have "{unwanted}" in the line {line}')


def _snapshot(b, step):
    if "expect" not in step:
        raise Unexpected("a step without `do` needs `expect`")
    part("snapshot", step["expect"], b.breaker.snapshot())


def _renamed(event):
    names = {"from": "from_value", "to": "to_value"}
    return {names.get(key, key): value for key, value in event.items()}


_ACTIONS = {
    "expect": _snapshot,
    "advance": _advance,
    "call": _call,
    "acquire": _acquire,
    "settle": _settle,
    "drop": _drop,
    "trip": lambda b, step: _refusable(step, lambda: b.breaker.trip(step.get("duration"), **_by(step))),
    "set_min_priority": lambda b, step: _refusable(step, lambda: b.breaker.set_min_priority(step["to"], **_by(step))),
    "set_reserved": lambda b, step: _refusable(
        step,
        lambda: b.breaker.set_slots(step.get("max_concurrent"), reserved=step.get("reserved"), **_by(step)),
    ),
    "set_rate": lambda b, step: _refusable(step, lambda: b.breaker.set_rate(step["to"], **_by(step))),
    "set_limit": lambda b, step: _refusable(step, lambda: b.breaker.set_limit(step["to"], **_by(step))),
    "raise": lambda b, step: b.waits.raise_priority(step["permit"], step["to"]),
    "close": lambda b, step: b.breaker.close(**_by(step)),
    "policy_events": lambda b, step: _in_order([_renamed(event) for event in step["expect"]], b.policy_events),
    "attempt": attempts.run,
    "set_utilisation": lambda b, step: _refusable(step, lambda: b.breaker.set_utilisation(step["to"])),
    "half_open": lambda b, step: b.breaker.half_open(**_by(step)),
    "reset": lambda b, step: b.breaker.reset(**_by(step)),
    "mode": lambda b, step: b.breaker.set_mode(step["to"], **_by(step)),
    "poll": lambda b, step: b.breaker.poll(),
    "reconfigure": lambda b, step: _refusable(
        step, lambda: b.breaker.reconfigure_document(step["config"], **_by(step))
    ),
    "events": _events,
    "metrics": _metrics,
}
