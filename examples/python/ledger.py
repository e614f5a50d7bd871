"""The client's own account of a breaker: its states as the transitions tell them, and the calls admitted in each.

It is kept apart from the breaker's counts, so that one can be held against the other and both against what the upstream
received. A transition is told before the call that caused it goes on, and each breaker is called by one thread alone, so
each call finds its own spell.
"""

from contextlib import contextmanager


class Spell:
    """From one transition to the next."""

    def __init__(self, state, generation, in_flight):
        self.state = state
        self.generation = generation
        #: Calls admitted before and not ended when it began.
        self.in_flight = in_flight
        self.admitted = 0
        self.failed = 0


class Ledger:
    """The spells of one breaker."""

    def __init__(self, name):
        self.name = name
        self.spells = [Spell("closed", 0, 0)]
        self._in_flight = 0

    def tag(self, index):
        """What the upstream counts the calls of a spell under."""
        return f"{self.name}-{index}"

    def turn(self, transition):
        """The breaker is in another state now."""
        spell = Spell(transition.to_state, transition.generation, self._in_flight)
        self.spells.append(spell)
        return spell

    @contextmanager
    def follow(self):
        """Around a call that the breaker let through: gives its tag, and notes how it ended."""
        index = len(self.spells) - 1
        spell = self.spells[index]
        spell.admitted += 1
        self._in_flight += 1
        try:
            yield self.tag(index)
        except BaseException:
            # What ends later than its spell was in flight as the next one began.
            if spell is self.spells[-1]:
                spell.failed += 1
            raise
        finally:
            self._in_flight -= 1

    def of(self, state):
        """The spells of a state, each with its index."""
        return [(index, spell) for index, spell in enumerate(self.spells) if spell.state == state]


@contextmanager
def unprotected():
    """Around a call without a breaker."""
    yield "unprotected"
