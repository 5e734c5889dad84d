import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { numberList, seconds, sizeInBytes, wholeNumber } from './numbers.ts';

const refused = { code: 'commander.invalidArgument' };

void test('a whole number within its limits, and nothing else', () => {
  const parse = wholeNumber(0, 100);
  for (const [text, value] of [['0', 0], ['100', 100], ['7', 7], ['1e2', 100]] as const) assert.equal(parse(text), value); // prettier-ignore
  for (const text of ['', ' ', '101', '-1', '1.5', 'NaN', 'Infinity', 'three', '1,2', '0x']) {
    assert.throws(() => parse(text), { ...refused, message: 'give a whole number from 0 to 100.' }, text);
  }
});

void test('seconds may be parts of one, but neither none nor too many', () => {
  const parse = seconds(60);
  assert.deepEqual(['0.5', '60', '2'].map(parse), [0.5, 60, 2]);
  for (const text of ['', '0', '-1', '60.001', 'NaN', 'Infinity', 'soon']) {
    assert.throws(() => parse(text), { ...refused, message: 'give seconds, more than 0 and at most 60.' }, text);
  }
});

void test('a size has a unit or none, and is whole bytes', () => {
  const sizes = {
    '1': 1,
    '65536': 65_536,
    '512KiB': 524_288,
    '64 mib': 2 ** 26,
    '1.5GiB': 1.5 * 2 ** 30,
    '1024TiB': 2 ** 50,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(sizeInBytes(text), bytes, text);
  for (const text of ['', '0', '-1', '0.3', '1.5', '64XB', 'MiB', '1025TiB', '1e6', '1 000']) {
    assert.throws(() => sizeInBytes(text), refused, text);
  }
});

void test('a list has as many numbers as are wanted', () => {
  assert.deepEqual(numberList('arities')('2,4,8'), [2, 4, 8]);
  assert.deepEqual(numberList('two numbers', 2)('0,1.5'), [0, 1.5]);
  for (const text of ['', '1', '1,2,3', '1,', '1,-2', '1,x', '1,1e9']) {
    assert.throws(() => numberList('two numbers', 2)(text), { ...refused, message: /give two numbers/ }, text);
  }
});

void test('how long, how many frames, how many children: what is no such number is refused before anything runs', () => {
  const refmon = fileURLToPath(new URL('../../bin/refmon.cjs', import.meta.url));
  const mistakes: readonly (readonly [string[], RegExp])[] = [
    [['run', '--seconds', 'soon'], /give seconds, more than 0 and at most 86400/],
    [['run', '--frames', '1.5'], /give a whole number from 0 to 10000/],
    [['run', '--frames', '-1'], /give a whole number from 0 to 10000/],
    [['shield', '--timeout', 'NaN'], /give seconds, more than 0 and at most 3600/],
    [['ssr', 'create', '/does/not/exist', '--arity', '2.5'], /give a whole number from 2 to 4096/],
  ];
  for (const [args, message] of mistakes) {
    const run = spawnSync(process.execPath, [refmon, ...args], { encoding: 'utf8' });
    assert.deepEqual([run.status, run.stdout], [2, ''], args.join(' '));
    assert.match(run.stderr, message);
  }
});
