// The tables: a line for each case, a column for each peer.

import * as gates from './gates.mjs';
import { versionOf } from './peers.mjs';
import * as recovering from './recovering.mjs';

const COLUMNS = ['fusewire', 'cockatiel', 'opossum', 'mollitia', 'bare'];

function cell(rows, line, column) {
  const row = rows.find((row) => row.line === line && row.column === column);
  if (row === undefined) return '-';
  if (row.bytes !== null) return `${row.bytes} B`;
  if (row.ns >= 1e6) return `${(row.ns / 1e6).toFixed(3)} ms`;
  return row.ns >= 10_000 ? `${(row.ns / 1e3).toFixed(1)} us` : `${row.ns.toFixed(1)} (${row.ns_min.toFixed(1)})`;
}

export function print(rows) {
  const named = new Set([...COLUMNS, ...rows.map((row) => row.peer)]);
  const peers = [...named].filter((peer) => peer !== 'bare' && peer !== 'noop').map((peer) => `${peer} ${versionOf(peer)}`);
  console.log(`Node ${process.versions.node}, ${peers.join(', ')}`);
  console.log('Nanoseconds of a call over the bare call, median (minimum); bare calls and rejections whole');
  const isGate = ({ line }) => gates.has(line);
  const recovers = ({ line }) => recovering.has(line);
  grid(rows.filter((row) => !isGate(row) && !recovers(row)), COLUMNS);
  if (rows.some(isGate)) {
    console.log('\nGates. without: the call through a breaker without the gate; peers: their gate around the bare call');
  }
  grid(rows.filter(isGate), gates.COLUMNS);
  if (rows.some(recovers)) console.log('\nCalls that recover. without: through a breaker without the policies; noop: an empty wrapper');
  grid(rows.filter(recovers), recovering.COLUMNS);
  notes(rows);
}

function grid(rows, columns) {
  if (rows.length === 0) return;
  const lines = [...new Set(rows.map((row) => row.line))];
  const head = Math.max(...lines.map((line) => line.length));
  const cells = columns.map((column) => [column, ...lines.map((line) => cell(rows, line, column))]);
  const widths = cells.map((column) => Math.max(...column.map((text) => text.length)) + 2);
  console.log();
  ['', ...lines].forEach((line, i) => {
    console.log(line.padEnd(head) + cells.map((column, c) => column[i].padStart(widths[c])).join(''));
  });
}

/** What stands beside the figures, each remark once. */
function notes(rows) {
  console.log('\nNotes');
  const said = new Set();
  for (const { peer, line, note } of rows) {
    if (note === null || said.has(peer + note)) continue;
    said.add(peer + note);
    console.log(`  ${peer}, ${line}: ${note}`);
  }
}
