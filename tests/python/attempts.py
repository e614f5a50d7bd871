"""Calls that are made step by step."""

from expect import Unexpected, duration, equal, nanos, nanos_of, part, refused, shown
from waits import request_of

from fusewire import Call, RequestError, Use, Wait


def run(b, step):
    """Begins a call, tells how an attempt or a rung came out, or asks what is to be done now."""
    name, expected = step["as"], step.get("expect", {})
    if "begin" in step:
        try:
            b.attempts[name] = b.breaker.attempts(**request_of(step["begin"]))
        except RequestError as error:
            if "error" not in expected:
                raise
            return refused(error, expected["error"])
        if "error" in expected:
            raise Unexpected(f"expected the error {shown(expected['error'])}")
    attempts = b.attempts.get(name)
    if attempts is None:
        raise Unexpected(f"{name} was not begun")
    if "result" in step:
        _tell(attempts, step["result"])
    got = _told(attempts.next())
    for key, value in expected.items():
        if key not in got:
            raise Unexpected(f"expected {key} {shown(value)}, got {shown(got)}")
        if key == "wait":
            duration(key, value, got[key])
        elif key == "done":
            for of, one in value.items():
                equal(f"done.{of}", one, got[key][of])
        elif key == "call":
            for of, one in value.items():
                check = duration if of == "timeout" else equal
                check(f"call.{of}", one, got[key][of])
        else:
            part(key, value, got[key])


def _tell(attempts, result):
    outcome = result["outcome"]
    if isinstance(attempts.next(), Use):
        return attempts.answered(outcome == "success")
    lasted = {"duration": nanos(result.get("duration", "0s")) / 1e9}
    if outcome == "success":
        return attempts.success(**lasted)
    if outcome == "ignored":
        return attempts.ignore(result.get("error_type"), **lasted)
    told = {"status": result.get("status"), **lasted}
    if "retry_after" in result:
        told["retry_after"] = nanos(result["retry_after"]) / 1e9
    return attempts.failure(result.get("error_type"), **told)


def _told(step):
    if isinstance(step, Call):
        return {"call": {"attempt": step.attempt, "timeout": nanos_of(step.timeout)}}
    if isinstance(step, Wait):
        return {"wait": nanos_of(step.seconds)}
    if isinstance(step, Use):
        return {"use": step.rung}
    names = ("outcome", "attempts", "rejected", "error_type")
    return {"done": {name: getattr(step, name) for name in names}}
