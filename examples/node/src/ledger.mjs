// The client's own account of the breaker: its states as the events tell them, and the calls admitted in each.
//
// It is kept apart from the breaker's counts, so that one can be held against the other and both against what the
// upstream received. An event is delivered before the call that caused it goes on, so each call finds its own spell.

/** What the upstream counts the calls of a spell under. */
export const tag = (index) => `spell-${index}`;

export class Ledger {
  /** From one event to the next. `inFlight`: calls admitted before and not ended when it began. */
  spells = [{ state: 'closed', generation: 0, inFlight: 0, admitted: 0, failed: 0 }];
  #inFlight = 0;

  /** The breaker said that it is in another state now. */
  turn({ to, generation }) {
    const spell = { state: to, generation, inFlight: this.#inFlight, admitted: 0, failed: 0 };
    this.spells.push(spell);
    return spell;
  }

  /** Makes a call that the breaker let through, and notes how it ended. */
  async follow(send) {
    const index = this.spells.length - 1;
    const spell = this.spells[index];
    let ok = false;
    spell.admitted++;
    this.#inFlight++;
    try {
      const answer = await send(tag(index));
      ok = answer.ok;
      return answer;
    } finally {
      this.#inFlight--;
      // What ends later than its spell was in flight as the next one began.
      if (!ok && spell === this.spells.at(-1)) spell.failed++;
    }
  }

  of(state) {
    return this.spells.map((spell, index) => ({ ...spell, index })).filter((spell) => spell.state === state);
  }
}
