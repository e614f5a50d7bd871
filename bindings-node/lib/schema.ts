// What the core's schema tells of the document's keys.

import { native } from './native';

interface Schema {
  properties?: Record<string, Schema>;
  /** Of a table whose keys are names. */
  additionalProperties?: Schema | false;
  oneOf?: Schema[];
  anyOf?: Schema[];
  pattern?: string;
}

/** Keys of the document, wherever they stand. @internal */
export const keys = new Set<string>();
/**
 * Dotted paths of keys whose value is a length of time: `max` is one of `backoff`, and none of `concurrency_limit`; `*` is any
 * name of a table of names. @internal */
export const durations = new Set<string>();

/** Dotted paths of tables whose keys are names that somebody has given, and not the document's. @internal */
export const tables = new Set<string>();

const isDuration = (schema: Schema): boolean => Boolean(schema.anyOf?.some((form) => form.pattern !== undefined));

(function collect(schema: Schema, path: string): void {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    keys.add(key);
    if (isDuration(value)) durations.add(path + key);
    collect(value, `${path}${key}.`);
  }
  const named = schema.additionalProperties;
  if (typeof named === 'object') {
    tables.add(path.slice(0, -1));
    if (isDuration(named)) durations.add(`${path}*`);
    collect(named, `${path}*.`);
  }
  for (const form of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) collect(form, path);
})(JSON.parse(native.schema()) as Schema, '');
