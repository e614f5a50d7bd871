// Error types by number: a text that crosses the boundary with every failure costs more than the failure.

import { isolate } from './host';

/** Numbers are kept for good, so they are few; what comes later crosses as a text. A breaker counts fewer by name. */
const MOST = 256;
/** In UTF-16 units; the core counts no more bytes of a type. */
const LONGEST = 64;

const numbers = new Map<string, number>();

/** The number by which the native part knows the type; 0 when it is to be told the text. @internal */
export function numberOf(errorType: string): number {
  return numbers.get(errorType) ?? give(errorType);
}

function give(errorType: string): number {
  if (numbers.size >= MOST || errorType.length > LONGEST) return 0;
  // A copy: of a text that was cut out of a longer one V8 keeps the longer one.
  const kept = Buffer.from(errorType).toString();
  // Half a character does not survive that; the native part reads it in the same way.
  if (kept !== errorType) return 0;
  const number = isolate.addErrorType(kept);
  numbers.set(kept, number);
  return number;
}
