// Turns a trace of example 1 into the binary records of main.c: grants first, then descriptors before the write that
// publishes them, then the write. `node records.mjs TRACE > records`.
import { readFileSync } from 'node:fs';

const RECORD_BYTES = 32;

function record(kind, { space = 0, width = 0, offset = 0, value = 0n, now = 0 }) {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.write(kind, 0, 'latin1');
  bytes[1] = space;
  bytes[2] = width;
  bytes.writeBigUInt64LE(BigInt(offset), 8);
  bytes.writeBigUInt64LE(BigInt(value), 16);
  bytes.writeBigUInt64LE(BigInt(now), 24);
  return bytes;
}

const lines = readFileSync(process.argv[2], 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const records = [
  record('g', { offset: 0x100000, value: 0x80n, width: 1 }),
  record('g', { offset: 0x110000, value: 0x1000n, width: 2 }),
];
lines.forEach((line, index) => {
  for (let next = index + 1; line.k === 'w' && lines[next]?.k === 'dma'; next += 1) {
    const bytes = Buffer.from(lines[next].hex, 'hex');
    for (let at = 0; at + 8 <= bytes.length; at += 8)
      records.push(record('m', { offset: lines[next].a + at, value: bytes.readBigUInt64LE(at) }));
  }
  const access = { space: line.bar, width: line.s, offset: line.o };
  if (line.k === 'w') records.push(record('w', { ...access, value: line.v }));
  if (line.k === 'r') records.push(record('r', access), record('p', { ...access, value: line.v }));
});
process.stdout.write(Buffer.concat(records));
