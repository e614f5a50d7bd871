"""A call by the stepper, ``breaker.attempts()``."""

from math import ceil

from bench import nanos_of, shown

from fusewire import Call, Use, Wait


def stepped(bench):
    attempts, error = bench.breaker.attempts(**bench.request()), None
    while True:
        step = attempts.next()
        if isinstance(step, Call):
            bench.see("call", attempt=step.attempt, timeout=nanos_of(step.timeout))
            error = _attempt(bench, attempts, step.timeout)
        elif isinstance(step, Wait):
            bench.see("wait", **{"for": nanos_of(step.seconds)})
            bench.advance(step.seconds)
        elif isinstance(step, Use):
            bench.see("use", rung=step.rung)
            attempts.answered(step.rung in bench.call["rungs"])
        else:
            return _end(bench, step, error)


def _attempt(bench, attempts, timeout):
    """Makes an attempt, and settles it; why it has failed."""
    n, act = bench.next()
    if bench.is_task and timeout is not None and ceil(nanos_of(timeout) / 10**6) < act["takes"]:
        bench.advance(timeout)
        attempts.failure("timeout")
        return f"timeout of {nanos_of(timeout)}"
    bench.advance(act["takes"] / 1e3)
    if act["outcome"] == "success":
        attempts.success()
        return None
    if act["outcome"] == "ignored":
        attempts.ignore()
    else:
        after = act.get("retry_after")
        told = {"status": act.get("status"), "retry_after": None if after is None else after / 1e3}
        attempts.failure(act.get("error_type"), **told)
    return shown(n, act)


def _end(bench, done, error):
    """The core's own word for the end, and what a loop is to make of it."""
    names = ("outcome", "rung", "attempts", "rejected", "error_type")
    told = {name: getattr(done, name) for name in names}
    bench.see("done", **told, retry_after=nanos_of(done.retry_after))
    has_run = bench.made > 0
    own = str(bench.made) if has_run and error is None else None
    if not has_run and done.rejected is not None:
        error = f"rejected: {done.rejected}"
    rejected = done.rejected if has_run else None
    bench.see("over", value=done.rung or own, attempts=done.attempts, error=error, rejected=rejected)
