// One row for each figure, and the file they are written to.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { versionOf } from './peers.mjs';

const PATH = fileURLToPath(new URL('../../../../build/bench/node.jsonl', import.meta.url));

const round = (figure) => Math.round(figure * 1000) / 1000;

/** `line` and `column` are its cell in the table, and not written. */
export function row(peer, name, { ns = null, ns_min = null, ns_total = null, bytes = null, note = '', line = name, column = peer }) {
  const figures = { ns: ns && round(ns), ns_min: ns_min && round(ns_min), ns_total: ns_total && round(ns_total), bytes };
  return { lang: 'node', peer, version: versionOf(peer), case: name, threads: 1, ...figures, note: note || null, line, column };
}

/** A rejection never makes the bare call, so it is not compared with one. */
export function compared(subjects, samples, name) {
  const bare = samples[0];
  return subjects.map((subject, i) => {
    const { peer, note } = subject;
    const whole = peer === 'bare' || name.endsWith('_rejected');
    const over = (figure) => samples[i][figure] - (whole ? 0 : bare[figure]);
    const figures = { ns: over('median'), ns_min: over('min'), ns_total: samples[i].median };
    return row(peer, subject.case ?? name, { ...figures, note, line: subject.line ?? subject.case ?? name, column: subject.column });
  });
}

export function write(rows) {
  const path = process.env.FUSEWIRE_BENCH_OUT ?? PATH;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, rows.map(({ line, column, ...row }) => `${JSON.stringify(row)}\n`).join(''));
}
