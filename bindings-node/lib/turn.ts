// Turns of the event loop. What many calls of one turn have in common is done once, when the turn is over.

/** What has something to do then. @internal */
export interface Touched {
  endTurn(): void;
}

// As it is now: who puts a clock of their own in the place of Node's would stop the turns.
const { nextTick } = process;
const touched: Touched[] = [];
let isScheduled = false;

/** Has it called when the turn is over. @internal */
export function touch(what: Touched): void {
  touched.push(what);
  if (isScheduled) return;
  isScheduled = true;
  nextTick(end);
}

function end(): void {
  isScheduled = false;
  endTurn();
}

/** Ends the turn for all that were touched: before a clock is moved by hand, too. @internal */
export function endTurn(): void {
  while (touched.length > 0) touched.pop()!.endTurn();
}
