// What the core's schema tells of the document's keys.

import { native } from './native';

interface Schema {
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
  pattern?: string;
}

/** Keys of the document, wherever they stand. @internal */
export const keys = new Set<string>();
/** Dotted paths of keys whose value is a length of time: `max` is one of `backoff`, and none of `concurrency_limit`. @internal */
export const durations = new Set<string>();

(function collect(schema: Schema, path: string): void {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    keys.add(key);
    if (value.anyOf?.some((form) => form.pattern !== undefined)) durations.add(path + key);
    collect(value, `${path}${key}.`);
  }
  for (const form of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) collect(form, path);
})(JSON.parse(native.schema()) as Schema, '');
