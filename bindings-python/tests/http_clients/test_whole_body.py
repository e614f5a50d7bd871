"""When a call is settled: at the headers or, with `whole_body`, at the end of the body, whichever client it is."""

from __future__ import annotations

import contextlib

import pytest
from clients import error_types

from fusewire.testing import ManualClock


def test_a_call_is_settled_at_the_headers(client, bodies, only):
    guarded = client()
    answer = guarded.open(f"{bodies.origin}/endless")
    assert only.outcomes(guarded) == {"success": 1}
    answer.close()
    assert only.outcomes(guarded) == {"success": 1}


def test_a_body_that_breaks_later_changes_nothing(client, bodies, only):
    guarded = client()
    answer = guarded.open(f"{bodies.origin}/broken")
    bodies.go.release()
    with pytest.raises(guarded.error):
        answer.read()
    assert only.outcomes(guarded) == {"success": 1}


@pytest.mark.parametrize("path", ["whole", "chunked"])
def test_with_whole_body_a_call_is_settled_at_the_end_of_the_body(client, bodies, only, path):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/{path}")
    assert answer.read() == b"first second"
    assert only.outcomes(guarded) == {"success": 1}
    answer.close()
    assert only.outcomes(guarded) == {"success": 1}


@pytest.mark.parametrize("path", ["broken", "short"])
def test_with_whole_body_a_body_that_breaks_is_a_failure(client, bodies, only, path):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/{path}")
    assert answer.some() == b"first"
    assert only.outcomes(guarded) == {}
    bodies.go.release()
    # Until version 2, urllib3 keeps silent about a short one; its breaker hears of it all the same.
    with contextlib.suppress(guarded.error):
        answer.read()
    answer.close()
    assert only.outcomes(guarded) == {"failure": 1}
    assert set(error_types(only(guarded))) <= set(guarded.broken)


def test_with_whole_body_a_body_that_is_closed_early_says_nothing(client, bodies, only):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/endless")
    assert only.outcomes(guarded) == {}
    answer.close()
    assert only.outcomes(guarded) == {"ignored": 1}


def test_with_whole_body_a_body_that_is_read_partly_says_nothing(client, bodies, only):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/endless")
    assert answer.some() == b"first"
    answer.close()
    assert only.outcomes(guarded) == {"ignored": 1}


def test_with_whole_body_a_body_closed_after_cancelled_after_is_a_failure(client, bodies, only):
    clock = ManualClock()
    guarded = client(whole_body=True, cancelled_after=5, clock=clock)
    answer = guarded.open(f"{bodies.origin}/endless")
    clock.advance(5)
    answer.close()
    assert error_types(only(guarded)) == {"timeout": 1}


def test_with_whole_body_a_timeout_within_the_body_is_a_failure(client, bodies, only):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/endless", timeout=0.05)
    with pytest.raises(guarded.error):
        answer.read()
    answer.close()
    assert only.outcomes(guarded) == {"failure": 1}


def test_with_whole_body_a_failing_status_is_known_before_the_body_ends(client, upstream, only):
    guarded = client(whole_body=True)
    upstream.phase("errors")
    answer = guarded.open(upstream.work)
    assert only.outcomes(guarded) == {"failure": 1}
    answer.close()
    assert only.outcomes(guarded) == {"failure": 1}


@pytest.mark.parametrize(("method", "path"), [("HEAD", "whole"), ("GET", "empty")])
def test_with_whole_body_an_answer_without_a_body_is_settled_at_its_headers(client, bodies, only, method, path):
    guarded = client(whole_body=True)
    answer = guarded.open(f"{bodies.origin}/{path}", method=method)
    assert only.outcomes(guarded) == {"success": 1}
    answer.close()
