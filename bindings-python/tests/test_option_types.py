"""The types of options, the help and the snapshot's classes, against what the core says of itself."""

from __future__ import annotations

import ast
import json
import pathlib
import pydoc

import pytest

import fusewire
from fusewire import CircuitBreaker, _snapshot, _state

SCHEMA = json.loads(fusewire.schema())["properties"]
OPTIONS = ast.parse((pathlib.Path(fusewire.__file__).parent / "_options.py").read_text(encoding="utf-8"))
CLASSES = {node.name: node for node in OPTIONS.body if isinstance(node, ast.ClassDef)}

#: The tables of the document: the class that describes each, with the table's schema.
TABLES = {
    "Document": SCHEMA,
    "Backoff": SCHEMA["backoff"]["properties"],
    "Ramp": SCHEMA["ramp"]["properties"],
    **{
        {"count": "CountWindow", "time": "TimeWindow", "adaptive": "AdaptiveWindow"}[
            one["properties"]["kind"]["const"]
        ]: one["properties"]
        for one in SCHEMA["window"]["oneOf"]
    },
}

#: Where one key bounds another, the schema has the widest range.
BOUND = {
    "half_open_concurrency": "1 to ``half_open_max_calls``",
    "success_threshold": "1 to ``half_open_max_calls``",
    "max": "``recovery_timeout`` to 1680 h",
    "seed": "0 to 2**53 - 1",
    "floor": "above 0 and up to ``failure_rate``",
    "baseline": "0 to ``failure_rate``",
}


def keys_of(name):
    """The keys of an option table, with what is written under each."""
    node = CLASSES[name]
    found = {}
    for base in node.bases:
        if base.id in CLASSES:
            found.update(keys_of(base.id))
    for entry, below in zip(node.body, [*node.body[1:], None]):
        if isinstance(entry, ast.AnnAssign):
            is_told = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            found[entry.target.id] = (ast.unparse(entry.annotation), below.value.value if is_told else "")
    return found


def range_of(table, key, schema):
    """The range of a key, as it is written for people; ``None`` where there is none."""
    if key in BOUND:
        return BOUND[key]
    if table == "CountWindow" and key == "min_calls":
        return "1 to ``size``"
    numbers = [one for one in (schema, *schema.get("anyOf", ())) if "minimum" in one or "exclusiveMinimum" in one]
    if not numbers:
        return None
    if "anyOf" in schema:
        return {(0.001, 604800.0): "1 ms to 168 h", (0.001, 86400.0): "1 ms to 24 h", (1.0, 86400.0): "1 s to 24 h"}[
            numbers[0]["minimum"], numbers[0]["maximum"]
        ]
    least, most = (schema.get(end, schema.get("exclusive" + end.title())) for end in ("minimum", "maximum"))
    least, most = (f"{int(bound):,}" for bound in (least, most))
    if "exclusiveMinimum" in schema:
        return f"above {least} and {'below' if 'exclusiveMaximum' in schema else 'up to'} {most}"
    if "exclusiveMaximum" in schema:
        return f"from {least} and below {most}"
    return f"{least} to {most}"


@pytest.mark.parametrize("table", TABLES)
def test_the_options_are_the_keys_of_the_document(table):
    assert set(keys_of(table)) == set(TABLES[table])


@pytest.mark.parametrize(("table", "key"), [(table, key) for table in TABLES for key in TABLES[table] if key != "kind"])
def test_what_is_written_under_an_option_has_its_range(table, key):
    _, told = keys_of(table)[key]
    wanted = range_of(table, key, TABLES[table][key])
    assert told
    assert wanted is None or wanted in told


def test_the_names_that_a_checker_knows_are_those_of_the_core():
    named = {
        node.targets[0].id: ast.literal_eval(node.value.slice)
        for node in OPTIONS.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Literal[")
    }
    kinds, _ = keys_of("Backoff")["kind"]
    totals = CircuitBreaker().snapshot().totals
    assert set(named["ModeName"]) == {mode.value for mode in _state.Mode} == set(SCHEMA["mode"]["enum"])
    assert set(named["StateName"]) == {state.value for state in _state.CircuitState}
    assert set(named["Reason"]) == set(vars(totals.rejected)) == set(vars(totals.would_reject))
    assert all(f"'{kind}'" in kinds for kind in SCHEMA["backoff"]["properties"]["kind"]["enum"])


def test_the_names_of_strategies_are_those_that_exist():
    from fusewire._strategies import KINDS

    named = next(node for node in OPTIONS.body if isinstance(node, ast.Assign) and node.targets[0].id == "StrategyType")
    assert ast.literal_eval(named.value.slice) == tuple(KINDS)


# ---- help ----


@pytest.mark.parametrize("key", SCHEMA)
def test_the_help_tells_each_option_with_its_range(key):
    told = " ".join(CircuitBreaker.__doc__.split())
    assert f"- ``{key}``:" in told
    entry = told.split(f"- ``{key}``:")[1].split(" - ``")[0]
    wanted = range_of("Document", key, SCHEMA[key])
    assert wanted is None or wanted in entry


def test_the_help_tells_no_default_that_the_core_has():
    told = CircuitBreaker.__doc__ + fusewire.circuit_breaker.__doc__
    assert "default is" not in told
    assert "docs/configuration.md" in told


@pytest.mark.parametrize("name", sorted(set(fusewire.__all__) - {"__version__", "registry"}))
def test_everything_public_and_its_methods_have_help(name):
    thing = getattr(fusewire, name)
    assert pydoc.getdoc(thing)
    if isinstance(thing, type):
        members = {key: getattr(thing, key) for key in vars(thing) if not key.startswith("_")}
        untold = [key for key, value in members.items() if not (pydoc.getdoc(value) or isinstance(value, thing))]
        assert untold == []


# ---- what is told ----


def assert_has_what_is_declared(value):
    declared = type(value).__annotations__
    assert set(vars(value)) == set(declared), type(value)
    for name, inner in vars(value).items():
        wanted = declared[name].split(" | ")
        assert type(inner).__name__.replace("NoneType", "None") in [one.split("[")[0] for one in wanted], name
        if type(inner).__module__ == _snapshot.__name__:
            assert_has_what_is_declared(inner)


def test_a_snapshot_is_what_its_classes_declare(clock):
    window = {"kind": "adaptive", "slow_call_rate": 0.5}
    breaker = CircuitBreaker("x", window=window, slow_call_duration=1, ramp={}, recovery_timeout=60, clock=clock)
    assert_has_what_is_declared(breaker.snapshot())
    breaker.acquire().failure("boom")
    breaker.trip()
    assert_has_what_is_declared(breaker.snapshot())
    clock.advance(60)
    for _ in range(3):
        breaker.acquire().success()
    ramping = breaker.snapshot()
    assert ramping.ramp is not None and ramping.last is not None and ramping.last_failure is not None
    assert_has_what_is_declared(ramping)
    assert_has_what_is_declared(CircuitBreaker("y").snapshot())


def test_a_transition_is_what_its_class_declares(breaker):
    seen = []
    breaker.add_listener(seen.append)
    breaker.trip(actor="me", reason="a test")
    breaker.reset()
    for transition in seen:
        assert set(vars(transition)) == set(fusewire.Transition.__annotations__)
        assert type(transition.to_state) is fusewire.CircuitState
    assert [transition.to_state for transition in seen] == ["open", "closed"]


def test_states_and_modes_are_told_as_the_same_enums_everywhere(breaker):
    snapshot = breaker.snapshot()
    assert snapshot.state is breaker.state is fusewire.CircuitState.CLOSED
    assert snapshot.mode is breaker.mode is fusewire.Mode.AUTO
    breaker.trip()
    assert breaker.snapshot().last.to_state is fusewire.CircuitState.OPEN
    assert json.dumps([breaker.state, breaker.mode]) == '["open", "auto"]'
