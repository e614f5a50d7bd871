"""The guarded function, and the loops that call it: one for each scenario, the same for every peer."""

BAD = 0


class Refused(Exception):
    """An ordinary exception."""


def work_sync(request):
    if request == BAD:
        raise ConnectionError("the guarded function failed")
    return request


async def work_async(request):
    if request == BAD:
        raise ConnectionError("the guarded function failed")
    return request


def refuse_sync(request):
    raise Refused("refused")


async def refuse_async(request):
    raise Refused("refused")


#: What the loops do with a number that is 1 and higher; `AWAIT` is nothing in those that call functions.
BODIES = {
    "success": "AWAIT guard(i)",
    "failures": """
        try:
            AWAIT guard(i % 100)
        except ConnectionError:
            pass""",
    "rejected": """
        try:
            AWAIT guard(i)
        except rejection:
            pass
        else:
            raise RuntimeError('it let a call through')""",
    "raised": """
        try:
            raise rejection('refused')
        except rejection:
            pass""",
}

SOURCE = """
DEF run(calls):
    TURN
    start = now()
    for i in range(1, calls + 1):
        {body}
    return now() - start
"""


def loop(scenario, is_async, guard, rejection, takes_turns=False):
    """A loop of its own for each subject, which answers nanoseconds: what the interpreter learns of one peer does not
    reach the next. It times itself, so that the event loop's own work is outside. Where guards take turns, `guard` says
    which one it is for so many calls."""
    from time import perf_counter_ns

    source = SOURCE.format(body=BODIES[scenario].strip())
    source = source.replace("TURN", "guard = turns(calls)" if takes_turns else "pass")
    source = source.replace("DEF", "async def" if is_async else "def").replace("AWAIT", "await" if is_async else "")
    names = {"guard": guard, "rejection": rejection, "now": perf_counter_ns}
    # Local names are as fast as a function's own; globals would be looked up for each call.
    source = f"def make({'turns' if takes_turns else 'guard'}, rejection, now):{source.replace(chr(10), chr(10) + '    ')}\n    return run\n"
    exec(compile(source, f"<{scenario}>", "exec"), names)
    return names["make"](guard, rejection, perf_counter_ns)
