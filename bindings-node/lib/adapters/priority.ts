// How much a request matters, as services tell each other by a header.

import { type Priority, levelOf } from '../request';

const HEADER = 'x-request-priority';

/** Headers, in one of the forms that Node has for them. */
type HeadersLike =
  | { get(name: string): unknown }
  | Iterable<readonly [string, unknown] | string>
  | { readonly [name: string]: unknown };

/** What a header says, in whichever form there is. */
function written(headers: HeadersLike): unknown {
  if ('get' in headers && typeof headers.get === 'function') return (headers.get as (name: string) => unknown)(HEADER);
  if (!(Symbol.iterator in headers)) {
    const key = HEADER in headers ? HEADER : Object.keys(headers).find((name) => name.toLowerCase() === HEADER);
    return key === undefined ? undefined : (headers as { [name: string]: unknown })[key];
  }
  const list = [...(headers as Iterable<readonly [string, unknown] | string>)];
  // Names and values by turns, or pairs of them.
  const pairs = typeof list[0] === 'string' ? list.map((name, i) => (i % 2 === 0 ? [name, list[i + 1]] : [])) : list;
  return (pairs as unknown[][]).find(([name]) => String(name).toLowerCase() === HEADER)?.[1];
}

/**
 * What the header `x-request-priority` of a request says: a level, or a number from 0 to 100. `undefined` without it, and
 * when it says something else: it may come from anywhere.
 */
export function requestPriority(headers: HeadersLike | null | undefined): Priority | undefined {
  if (headers === undefined || headers === null) return undefined;
  const said = written(headers);
  const text: unknown = Array.isArray(said) ? said[0] : said;
  if (typeof text !== 'string' && typeof text !== 'number') return undefined;
  try {
    levelOf(text);
    return text as Priority;
  } catch {
    return undefined;
  }
}
