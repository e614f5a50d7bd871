"""The table of both runs, and what the breakers promise held against what the upstream received.

No bound of the check rests on how fast the machine is: the upstream counts each call under the spell of the breaker that
admitted it, and the client knows how many it sent and had in flight.
"""

from load import count, millis, percentile

#: The phases in which no call can succeed: in the second one an answer takes longer than a call waits.
OUTAGE = ("errors", "slow")
#: Probes of one half-open spell: the breaker's default.
PROBES = 3

HEAD = "phase      run          calls  answered  failures  of these rejected  upstream received  wasted       p50       p99"
FOOT = """
A rejected call is a failure for its user too, but one known at once, which can be answered with something else.
wasted: calls that the upstream received in vain, with an error or no answer in time; their users waited.
jobs are those of the worker's thread; all others are requests of users and jobs together."""


def _row(phase, name, calls, received):
    wasted, rejected = count(calls, "failed"), count(calls, "rejected")
    numbers = [len(calls), count(calls, "answered"), wasted + rejected, rejected, received, wasted]
    columns = [phase.ljust(9), name.ljust(11)]
    columns += [str(number).rjust(width) for number, width in zip(numbers, (5, 8, 8, 17, 17, 6))]
    return "  ".join([*columns, *(millis(percentile(calls, percent)).rjust(8) for percent in (50, 99))])


def table(bare, guarded):
    """Every phase, both runs one below the other, then the jobs, and the sums."""
    runs = (("unprotected", bare), ("protected", guarded))
    rows = [
        _row(phase, name, [call for call in run.calls if call.phase == phase], run.received["by_phase"].get(phase, 0))
        for phase in bare.phases
        for name, run in runs
    ]
    for name, run in runs:
        jobs = [call for call in run.calls if call.kind == "job"]
        rows.append(_row("jobs", name, jobs, len(jobs) - count(jobs, "rejected")))
    rows += [_row("all", name, run.calls, run.received["total"]) for name, run in runs]
    return "\n".join([HEAD, *rows, FOOT])


def _of_one(kind, breaker, ledger, run):
    """What was promised of one breaker, and whether it was kept."""

    def beyond(spells, allowed):
        received = run.received["by_tag"]
        through = [(max(spell.admitted, received.get(ledger.tag(n), 0)), n) for n, spell in spells]
        wrong = [f"{calls} in spell {n}" for calls, n in through if calls > allowed]
        return not wrong, f", but it received {', '.join(wrong)}" if wrong else ""

    spells, totals = ledger.spells, breaker.snapshot().totals
    yield (
        all(spell.generation == n for n, spell in enumerate(spells)),
        f"each of the {len(spells) - 1} transitions was told, in order",
    )
    opened = len(ledger.of("open"))
    yield (
        opened > 0 and spells[-1].state == "closed",
        f"the breaker opened in the outage and closed after it ({opened} times open, in the end {spells[-1].state})",
    )
    kept, but = beyond(ledger.of("open"), 0)
    yield kept, f"the upstream received no call that was made while open{but}"
    kept, but = beyond(ledger.of("half_open"), PROBES)
    yield kept, f"the upstream received at most {PROBES} probes each time it was half open{but}"
    calls = [call for call in run.calls if call.kind == kind]
    users = [count(calls, ending) for ending in ("answered", "failed", "rejected")]
    counted = [totals.success, totals.failure, sum(vars(totals.rejected).values())]
    yield (
        users == counted and totals.ignored == 0,
        "the breaker counted {} successes, {} failures and {} rejections; users saw {}, {} and {}".format(
            *counted, *users
        ),
    )


def verify(bare, guarded, parts):
    """What was promised, and whether it was kept; `parts` are kind, breaker and ledger of each."""
    for kind, breaker, ledger in parts:
        for kept, text in _of_one(kind, breaker, ledger, guarded):
            yield kept, f"{breaker.name}: {text}"

    ledgers = [ledger for _, _, ledger in parts]
    admitted = sum(spell.admitted for ledger in ledgers for spell in ledger.spells)
    total, answered = guarded.received["total"], count(guarded.calls, "answered")
    yield (
        answered <= total <= admitted,
        f"of {admitted} calls admitted the upstream received {total}, of which {answered} were answered",
    )
    instead, arrived = (sum(run.received["by_phase"].get(phase, 0) for phase in OUTAGE) for run in (bare, guarded))
    failed = sum(spell.failed for ledger in ledgers for _, spell in ledger.of("closed"))
    probes = sum(spell.admitted for ledger in ledgers for _, spell in ledger.of("half_open"))
    in_flight = sum(
        spell.in_flight
        for ledger in ledgers
        for n, spell in ledger.of("open")
        if ledger.spells[n - 1].state == "closed"
    )
    yield (
        arrived <= failed + in_flight + probes,
        f"while nothing could succeed the upstream received {arrived} calls instead of {instead}; allowed were "
        f"{failed + in_flight + probes} ({failed} failed while closed, {in_flight} were in flight as it opened, {probes} "
        "were probes)",
    )
