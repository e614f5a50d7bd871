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
/** Keys whose value is a length of time. @internal */
export const durations = new Set<string>();

(function collect(schema: Schema): void {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    keys.add(key);
    if (value.anyOf?.some((form) => form.pattern !== undefined)) durations.add(key);
    collect(value);
  }
  for (const form of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) collect(form);
})(JSON.parse(native.schema()) as Schema);
