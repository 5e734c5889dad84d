/**
 * No call allocates when it allows (runtime.ts). Shown from outside: a process that makes millions of allowed operations
 * with a young generation of one megabyte would have to collect it; once warm, it never does.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../compile.ts';
import { emitJs } from './js.ts';

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/**
 * A driver's steady state: descriptors published around the ring, heads read, buffers stored, interrupts taken. The ring
 * lies below 2^31, where a number passed to a function needs no object of its own: what a caller's numbers cost is not the
 * monitor's. Buffers and the interrupts' credit lie beyond.
 */
const script = (leak: string): string => `
import { createMonitor } from './monitor.mjs';
const ring = new Uint8Array(64 * 16), base = 0x1234_0000;
const view = new DataView(ring.buffer);
for (let i = 0; i < 64; i += 1) {
  view.setBigUint64(i * 16, 0x7_0000_0000n + BigInt(i * 2048), true);
  view.setUint32(i * 16 + 8, 1500, true);
}
const memory = { fetch(address, length, target, at) {
  for (let i = 0; i < length; i += 1) target[at + i] = ring[address - base + i];
  return true;
} };
const monitor = createMonitor(memory);
let kept = [];
const must = (verdict) => { if (verdict !== 0) throw new Error(monitor.info.rules[verdict].reason); };
must(monitor.grant(base, ring.length, 1));
must(monitor.grant(0x7_0000_0000, 64 * 2048, 2));
must(monitor.write(0, 0x3800, 4, base >>> 0, 0, 0));
must(monitor.write(0, 0x3804, 4, base / 2 ** 32 >>> 0, 0, 0));
must(monitor.write(0, 0x3808, 4, 1024, 0, 0));
must(monitor.write(0, 0x3810, 4, 0, 0, 0));
must(monitor.write(0, 0x3818, 4, 0, 0, 0));
must(monitor.write(0, 0x400, 4, 2, 0, 0));
let now = 0, tail = 0;
function round() {
  now += 1000;
  must(monitor.store(base + tail * 16, 16, now));
  must(monitor.store(base + tail * 16 + 8, 8, now));
  tail = (tail + 1) % 64;
  must(monitor.write(0, 0x3818, 4, tail, 0, now));
  must(monitor.interrupt(now));
  must(monitor.read(0, 0xc0, 4, now));
  must(monitor.report(0, 0xc0, 4, 1, 0, now));
  must(monitor.check(now));
  must(monitor.read(0, 0x3810, 4, now));
  must(monitor.report(0, 0x3810, 4, tail, 0, now));
  must(monitor.write(1, 0, 4, 0x3820, 0, now));
  must(monitor.write(1, 4, 4, 0x1234, 0, now));
  must(monitor.write(6, 4, 2, 0x7, 0, now));
  ${leak}
}
for (let i = 0; i < 100_000; i += 1) round();
for (let part = 0; part < 4; part += 1) {
  console.log('part');
  for (let i = 0; i < 250_000; i += 1) round();
}
console.log('done');
`;

function run(leak: string): { collections: number; output: string } {
  const { program } = compile(readFileSync(join(root(), 'drivers/e1000/e1000.dss'), 'utf8'), 'e1000.dss');
  assert.ok(program !== undefined);
  const folder = mkdtempSync(join(tmpdir(), 'refmon-allocation-'));
  try {
    writeFileSync(join(folder, 'monitor.mjs'), emitJs(program));
    writeFileSync(join(folder, 'main.mjs'), script(leak));
    const child = spawnSync(process.execPath, ['--max-semi-space-size=1', '--trace-gc', join(folder, 'main.mjs')], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(child.status, 0, child.stderr);
    const output = child.stdout;
    assert.ok(output.includes('done'), output);
    // A busy machine may optimise late, and what is not optimised boxes numbers: one part without any collection is the
    // proof, for whatever allocates at each operation does so in every part.
    const [, ...parts] = (output.split('done')[0] ?? '').split('part\n');
    assert.equal(parts.length, 4);
    const counts = parts.map(
      (part) => part.split('\n').filter((line) => /Scavenge|Mark-Compact|Minor/.test(line)).length,
    );
    return { collections: Math.min(...counts), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('three million allowed operations on e1000 cause no garbage collection', (t) => {
  const { collections, output } = run('');
  t.diagnostic(`${collections} collections in the quietest quarter of 12 000 000 operations`);
  assert.equal(collections, 0, output);
});

test('the measurement notices one small object an operation', () => {
  assert.ok(run('kept[0] = { now };').collections > 0);
});
