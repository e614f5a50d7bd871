"""A line of logging for each transition, without set-up."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest
import structlog

from fusewire import CircuitBreaker, CircuitOpenError
from fusewire.testing import ManualClock


def boom():
    raise OSError("down")


def outage(name="payments"):
    """A breaker that opened, probed and closed."""
    clock = ManualClock()
    breaker = CircuitBreaker(name, failure_threshold=1, half_open_max_calls=1, recovery_timeout=1, clock=clock)
    with pytest.raises(OSError):
        breaker.call(boom)
    clock.advance(1)
    breaker.call(int)
    return breaker


def test_an_opening_is_a_warning_and_any_other_transition_information(caplog):
    caplog.set_level(logging.INFO, "fusewire")
    outage().trip(actor="ada", reason="maintenance")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "circuit breaker 'payments': closed -> open (failure_threshold)"),
        ("INFO", "circuit breaker 'payments': open -> half_open (recovery_timeout)"),
        ("INFO", "circuit breaker 'payments': half_open -> closed (probes_succeeded)"),
        ("WARNING", "circuit breaker 'payments': closed -> open (manual) by ada: maintenance"),
    ]
    assert {record.name for record in caplog.records} == {"fusewire"}
    told = caplog.records[0].circuit_breaker
    assert (told["breaker"], told["generation"], told["failures"]) == ("payments", 1, 1)


def test_a_program_that_set_nothing_up_sees_the_opening():
    program = "import fusewire; fusewire.CircuitBreaker('payments').trip(); fusewire.CircuitBreaker('quiet').reset()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "circuit breaker 'payments': closed -> open (manual)\n"
    assert done.stdout == ""


def test_logging_is_not_imported_before_there_is_something_to_say():
    program = "import sys, fusewire; fusewire.CircuitBreaker('x').call(int); sys.exit('logging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_line_says_how_many_before_it_were_missed(caplog):
    from fusewire._events import log_transition

    told = {"breaker": "busy", "from_state": "closed", "to_state": "open", "cause": "manual", "missed": 7}
    log_transition({**told, "actor": None, "reason": None})
    assert caplog.messages == ["circuit breaker 'busy': closed -> open (manual); 7 before it were missed"]


def test_a_level_that_is_not_asked_for_is_not_logged(caplog):
    caplog.set_level(logging.WARNING, "fusewire")
    outage()
    assert len(caplog.records) == 1


def logger_with(handler, level=logging.INFO):
    """Puts a handler on the package's logger; answers what takes it off again."""
    logger = logging.getLogger("fusewire")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)

    def stop():
        logger.removeHandler(handler)
        logger.setLevel(before)

    return stop


def test_structlog_shows_the_transition_as_fields():
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    stop = logger_with(handler)
    try:
        outage("structured")
    finally:
        stop()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["level"], line["circuit_breaker"]["to_state"]) for line in lines] == [
        ("warning", "open"),
        ("info", "half_open"),
        ("info", "closed"),
    ]
    assert lines[0]["event"] == "circuit breaker 'structured': closed -> open (failure_threshold)"
    assert lines[0]["circuit_breaker"] == {
        "breaker": "structured",
        "generation": 1,
        "from_state": "closed",
        "to_state": "open",
        "cause": "failure_threshold",
        "at": 0.0,
        "actor": None,
        "reason": None,
        "total": 1,
        "failures": 1,
        "slow": 0,
        "missed": 0,
    }


def test_a_handler_may_use_the_breaker_that_it_hears_of():
    breaker = CircuitBreaker("shipper", failure_threshold=1)
    heard = []

    class Shipper(logging.Handler):
        def emit(self, record):
            with pytest.raises(CircuitOpenError):
                breaker.call(boom)
            heard.append(record.getMessage())

    stop = logger_with(Shipper())
    try:
        with pytest.raises(OSError, match="down"):
            breaker.call(boom)
    finally:
        stop()
    assert heard == ["circuit breaker 'shipper': closed -> open (failure_threshold)"]


def test_a_handler_that_raises_does_not_harm_the_call(monkeypatch):
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    class Broken(logging.Handler):
        def emit(self, record):
            raise ValueError("no disk")

    stop = logger_with(Broken())
    try:
        with pytest.raises(OSError, match="down"):
            CircuitBreaker("unlogged", failure_threshold=1).call(boom)
    finally:
        stop()
    assert [str(what.exc_value) for what in lost] == ["no disk"]
