// Compares what a vector expects with what there is.

import { camel } from './fusewire.mjs';

/** What a case throws when something is not as it is written. */
export class Unexpected extends Error {}

export function check(isFine, message) {
  if (!isFine) throw new Unexpected(message());
}

const UNITS = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n };

/** Nanoseconds of a duration as vectors write it: text with a unit, or a number of seconds. */
export function nanos(value) {
  if (typeof value === 'number') return Math.round(value * 1e9);
  const [, whole, fraction = '', unit] = /^(\d*)(?:\.(\d+))?(ns|us|ms|s|m|h)$/.exec(value) ?? [];
  check(unit !== undefined, () => `${JSON.stringify(value)} is no duration`);
  const parts = BigInt(fraction || 0) * UNITS[unit];
  return Number(BigInt(whole || 0) * UNITS[unit] + parts / 10n ** BigInt(fraction.length));
}

/** The package's milliseconds in nanoseconds. */
export const nanosOf = (milliseconds) => (milliseconds === null ? null : Math.round(milliseconds * 1e6));

export const isTable = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const shown = (value) => JSON.stringify(value);

/** A duration, absent or in a range. */
export function duration(what, expected, got) {
  const isIn = ({ min, max }) => (min === undefined || got >= nanos(min)) && (max === undefined || got <= nanos(max));
  const fits =
    expected === null || got === null
      ? expected === got
      : isTable(expected)
        ? isIn(expected)
        : nanos(expected) === got;
  check(fits, () => `${what}: expected ${shown(expected)}, got ${got === null ? 'null' : `${got}ns`}`);
}

/** A value that must be equal; numbers within 1e-9, or in a range. */
export function equal(what, expected, got) {
  let fits = expected === got;
  if (typeof got === 'number' && typeof expected === 'number') {
    fits ||= !(Number.isInteger(expected) && Number.isInteger(got)) && Math.abs(expected - got) <= 1e-9;
  } else if (typeof got === 'number' && isTable(expected)) {
    fits = got >= (expected.min ?? -Infinity) && got <= (expected.max ?? Infinity);
  }
  check(fits, () => `${what}: expected ${shown(expected)}, got ${shown(got)}`);
}

/** Every key that is written must be as it is written; what is left out is not checked. */
export function part(what, expected, got) {
  if (!isTable(expected) || !isTable(got)) return equal(what, expected, got);
  for (const [key, value] of Object.entries(expected)) {
    const path = `${what}.${key}`;
    // Names that somebody has given, and those of kinds and categories, stay as they are.
    const found = got[key] ?? got[camel(key)];
    check(found !== undefined, () => `${path}: there is no such key in ${shown(got)}`);
    if (['retry_after', 'at', 'timeout', 'after'].includes(key)) duration(path, value, nanosOf(found));
    else if (key === 'rejected' || key === 'would_reject') reasons(path, value, found);
    else if (key === 'reserved') levels(path, value, found);
    else part(path, value, found);
  }
}

/** Slots by level: a level that is left out has none. */
function levels(what, expected, got) {
  for (const level of Object.keys({ ...expected, ...got })) equal(`${what}.${level}`, expected[level] ?? 0, got[level] ?? 0);
}

/** Counts by reason: a reason that is left out is 0. */
function reasons(what, expected, got) {
  for (const [reason, count] of Object.entries(got)) equal(`${what}.${reason}`, expected[reason] ?? 0, count);
  for (const reason of Object.keys(expected)) check(reason in got, () => `${what}: unknown reason ${reason}`);
}
