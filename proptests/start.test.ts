/** How the command starts: from V8's code cache, with only the room whose command is wanted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { packageRoot } from '../drivers/package-root.ts';

const bundle = join(packageRoot(), 'dist/cli/refmon.js');

function refmon(...args: string[]): { readonly status: number | null; readonly stdout: string } {
  const done = spawnSync(process.execPath, [join(packageRoot(), 'bin/refmon.cjs'), ...args], { encoding: 'utf8' });
  return { status: done.status, stdout: done.stdout };
}

test('the code cache fits the bundle and this V8, and a damaged one is refused', () => {
  const text = readFileSync(bundle, 'latin1');
  const cachedData = readFileSync(`${bundle}.cache`);
  assert.equal(new Script(text, { cachedData }).cachedDataRejected, false);
  assert.equal(new Script(`${text} `, { cachedData }).cachedDataRejected, true, 'another text');
  const other = Buffer.from(cachedData);
  other.writeUInt32LE((other.readUInt32LE(4) ^ 1) >>> 0, 4);
  assert.equal(new Script(text, { cachedData: other }).cachedDataRejected, true, 'another version of V8');
});

test('every command that help lists is found when only its room is loaded', () => {
  const listed = [...refmon('--help').stdout.matchAll(/^ {2}(\w+)(?: \[options\])?(?: [[<].*)? {2,}\S/gm)]
    .map((match) => match[1] ?? '')
    .filter((command) => command !== 'help');
  assert.ok(listed.includes('check') && listed.includes('demo') && listed.includes('ssr') && listed.includes('bench'));
  for (const command of listed) {
    const { status, stdout } = refmon('--format', 'plain', command, '--help');
    assert.equal(status, 0, command);
    assert.match(stdout, new RegExp(`^Usage: refmon ${command}`), command);
  }
});
