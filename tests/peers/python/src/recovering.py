"""Calls that recover: with a timeout, retries and a fallback configured, of a function that succeeds at once. fusewire
beside itself without them, beside an empty decorator, and beside packages that have such policies."""

from cases import Group, Subject, empty, empty_async
from gates import WITHOUT, is_installed
from work import Refused, loop, work_async, work_sync

CASE = "recovering"

ATTEMPTS = 3
SECONDS = 1.0

#: The same in fusewire's document.
KEYS = {"timeout": "1s", "retry": {"max_attempts": ATTEMPTS}, "fallback": [0]}


def _fusewire(keys, work):
    from fusewire import CircuitBreaker, circuit_breaker

    breaker = CircuitBreaker("bench", sample_durations_every=0)
    return breaker.policy(**keys)(work) if keys else circuit_breaker(breaker)(work)


def _tenacity(work):
    from tenacity import retry, stop_after_attempt

    return retry(stop=stop_after_attempt(ATTEMPTS), retry_error_callback=lambda state: 0)(work)


def _interlock(work):
    from interlock import CircuitBreaker
    from interlock.integrations.tenacity import RetryStrategy
    from interlock.pipeline import CircuitBreakerStrategy, FallbackStrategy, Pipeline, TimeoutStrategy

    return Pipeline(
        FallbackStrategy(lambda error: 0),
        RetryStrategy(attempts=ATTEMPTS),
        CircuitBreakerStrategy(CircuitBreaker(name="bench")),
        TimeoutStrategy(SECONDS),
    )(work)


#: For functions and for coroutine functions: package, how it guards a function, and a remark.
PEERS = {
    False: [
        ("tenacity", _tenacity, "its retry with a fallback; no timeout, no breaker"),
        (
            "interlock-cb",
            _interlock,
            "its pipeline of a fallback, tenacity's retry, a breaker and a timeout, a thread a call",
        ),
    ],
    True: [
        ("tenacity", _tenacity, "its retry with a fallback; no timeout, no breaker"),
        ("interlock-cb", _interlock, "its pipeline of a fallback, tenacity's retry, a breaker and a timeout"),
    ],
}

#: Columns of the table.
COLUMNS = ["fusewire", WITHOUT, "noop", "tenacity", "interlock-cb", "bare"]


def groups():
    return [_group(is_async) for is_async in (False, True)]


def has(case):
    """Whether a case is one of these, which have a table of their own."""
    return case.removeprefix("async_") == CASE


def _group(is_async):
    work, wrapper = (work_async, empty_async) if is_async else (work_sync, empty)

    def subject(peer, guard, note="", column=""):
        return Subject(peer, lambda: loop("success", is_async, guard(work), Refused), note, column=column)

    subjects = [
        subject("bare", lambda work: work),
        subject("noop", wrapper, "an empty decorator"),
        subject("fusewire", lambda work: _fusewire({}, work), "the same call without the policies", WITHOUT),
        subject("fusewire", lambda work: _fusewire(KEYS, work)),
    ]
    subjects += [subject(peer, guard, note) for peer, guard, note in PEERS[is_async] if is_installed(peer)]
    return Group(("async_" if is_async else "") + CASE, is_async, subjects)
