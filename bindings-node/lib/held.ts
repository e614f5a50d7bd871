// Permits that hold what others wait for, such as a slot, and that nobody settled.

import { deliverWaiting } from './events';
import { At, isolate, words } from './host';
import type { Slip } from './slip';

/** In the word of a slip's engine: the native part keeps what it holds. `src/isolate/held.rs` has the same. */
const HELD = 0x8000_0000;

interface Holding {
  /** Keeps its slot until the permit is gone. */
  breaker: object;
  engine: number;
  turn: number;
}

const permits = new FinalizationRegistry<Holding>(({ engine, turn }) => {
  isolate.abandon(engine, turn);
  deliverWaiting();
});

/** Gives back what a permit holds when it is collected before it was settled. @internal */
export function giveBackWhenCollected(permit: { readonly breaker: object }, { engine }: Slip): void {
  if (engine < HELD) return;
  words[At.Engine] = engine;
  permits.register(permit, { breaker: permit.breaker, engine, turn: isolate.held() });
}
