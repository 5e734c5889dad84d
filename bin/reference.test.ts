import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { program, registerCommands } from './program.ts';
import { referenceOf } from './reference.ts';
import { EXIT } from './terminal.ts';

test('docs/cli.md has the help of every command, and every exit code', async () => {
  await registerCommands(undefined);
  const made = referenceOf(program);
  const page = new URL('../../docs/cli.md', import.meta.url);
  if (process.env['UPDATE'] === '1') writeFileSync(page, made);
  assert.equal(readFileSync(page, 'utf8'), made, 'run this test with UPDATE=1');
  for (const code of Object.values(EXIT)) assert.match(made, new RegExp(`^\\| ${code} \\|`, 'm'));
});
