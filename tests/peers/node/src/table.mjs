// The table: a line for each case, a column for each peer.

import { versionOf } from './peers.mjs';

const COLUMNS = ['fusewire', 'cockatiel', 'opossum', 'mollitia', 'bare'];

function cell(rows, line, column) {
  const row = rows.find((row) => row.line === line && row.column === column);
  if (row === undefined) return '-';
  if (row.bytes !== null) return `${row.bytes} B`;
  if (row.ns >= 1e6) return `${(row.ns / 1e6).toFixed(3)} ms`;
  return row.ns >= 10_000 ? `${(row.ns / 1e3).toFixed(1)} us` : `${row.ns.toFixed(1)} (${row.ns_min.toFixed(1)})`;
}

export function print(rows) {
  const lines = [...new Set(rows.map((row) => row.line))];
  const head = Math.max(...lines.map((line) => line.length));
  const cells = COLUMNS.map((column) => [column, ...lines.map((line) => cell(rows, line, column))]);
  const widths = cells.map((column) => Math.max(...column.map((text) => text.length)) + 2);
  const peers = COLUMNS.filter((column) => column !== 'bare').map((peer) => `${peer} ${versionOf(peer)}`);
  console.log(`Node ${process.versions.node}, ${peers.join(', ')}`);
  console.log('Nanoseconds of a call over the bare call, median (minimum); bare calls and rejections whole\n');
  ['', ...lines].forEach((line, i) => {
    console.log(line.padEnd(head) + cells.map((column, c) => column[i].padStart(widths[c])).join(''));
  });
  notes(rows);
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
