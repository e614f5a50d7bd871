"""A service with room for four calls at a time is offered three times as many. Who matters more goes first, and who
matters least is turned away.

    python examples/python/priorities.py
"""

import asyncio
import random
from collections import Counter

from fusewire import CircuitBreaker, CircuitOpenError, Priority, circuit_breaker

SLOTS = 4
#: How long one call takes, in seconds.
WORK = 0.005
CALLS = 600

breaker = CircuitBreaker(
    "orders",
    bulkhead={
        "max_concurrent": SLOTS,
        # One slot is always there for who matters most.
        "reserved": {"critical": 1},
        "max_queue": 16,
        "queue_timeout": {"critical": "1s", "high": "200ms", "normal": "100ms", "low": "50ms", "bulk": "20ms"},
    },
)


@circuit_breaker(breaker, priority=lambda number, level: level)
async def order(number, level):
    await asyncio.sleep(WORK)
    return number


async def user(number, level, served, refused):
    try:
        await order(number, level)
        served[level] += 1
    except CircuitOpenError as error:
        refused[level, error.reason] += 1


async def main():
    dice, served, refused, tasks = random.Random(1), Counter(), Counter(), []
    for number in range(CALLS):
        level = dice.choices(list(Priority), weights=[6, 3, 2, 1, 1])[0]
        tasks.append(asyncio.ensure_future(user(number, level, served, refused)))
        # Three calls come in the time that the service has for one.
        await asyncio.sleep(WORK / SLOTS / 3)
    await asyncio.gather(*tasks)
    print(f"{'level':10}{'served':>8}{'refused':>9}  why")
    for level in sorted(Priority, reverse=True):
        why = {reason: count for (of, reason), count in refused.items() if of is level}
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(why.items()))
        print(f"{level:10}{served[level]:8}{sum(why.values()):9}  {told}")


if __name__ == "__main__":
    asyncio.run(main())
