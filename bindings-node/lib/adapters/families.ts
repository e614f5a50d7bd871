// The package's own metrics text, read back for systems that have a text of their own.

/** One sample. */
export interface Sample {
  /** What follows the family's name: `_total`, `_bucket`, `_sum`, `_count` or nothing. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric. */
export interface Family {
  /** Without the suffix of its samples. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const META = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/;
const SAMPLE = /^([^#{ ]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([^=,]+)="((?:[^"\\]|\\.)*)"/g;

const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
const numberOf = (text: string): number => (text === '+Inf' ? Infinity : Number(text));

/** The families, each of which the text names even while it has no sample. */
export function familiesOf(text: string): Family[] {
  const families: { -readonly [K in keyof Family]: K extends 'samples' ? Sample[] : Family[K] }[] = [];
  for (const line of text.split('\n')) {
    const meta = META.exec(line);
    if (meta !== null) {
      const [, kind, name, rest] = meta;
      if (kind === 'TYPE') families.push({ name, type: rest as Family['type'], unit: '', help: '', samples: [] });
      else families[families.length - 1][kind === 'UNIT' ? 'unit' : 'help'] = rest;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) continue;
    const family = families[families.length - 1];
    const pairs = [...(sample[2] ?? '').matchAll(LABEL)];
    const labels = Object.fromEntries(pairs.map(([, name, value]) => [name, unescaped(value)]));
    family.samples.push({ suffix: sample[1].slice(family.name.length), labels, value: numberOf(sample[3]) });
  }
  return families;
}
