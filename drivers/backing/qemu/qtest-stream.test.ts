import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLineCutter, LINE_MAX_CHARS, parseQtestLine, quoteLine, type QtestLine } from './qtest-stream.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

function linesOf(chunks: readonly Uint8Array[]): QtestLine[] {
  const cutter = createLineCutter();
  const lines: QtestLine[] = [];
  for (const chunk of chunks) {
    cutter.push(chunk);
    for (let line = cutter.next(); line !== undefined; line = cutter.next()) lines.push(line);
  }
  return lines;
}

test('reads every form of line that QEMU sends', () => {
  assert.deepEqual(parseQtestLine('OK'), { kind: 'ok', value: undefined });
  assert.deepEqual(parseQtestLine('OK 0x00000000ffffffff'), { kind: 'ok', value: 0xffff_ffff });
  assert.deepEqual(parseQtestLine('OK 0x0a5f'), { kind: 'ok', value: 0xa5f });
  assert.deepEqual(parseQtestLine('IRQ raise 11'), { kind: 'irq', line: 11, level: 1 });
  assert.deepEqual(parseQtestLine('IRQ lower 0'), { kind: 'irq', line: 0, level: 0 });
  assert.deepEqual(parseQtestLine("FAIL Unknown command 'x'"), { kind: 'fail', text: "Unknown command 'x'" });
});

test('takes for garbage what merely resembles an answer', () => {
  for (const text of [
    '',
    'OK ',
    'OK 0x',
    'ok',
    'OK 0x1g',
    'OK 12',
    'OK 0x00000000000000000',
    'OK 0xffffffffffffffff',
  ]) {
    assert.deepEqual(parseQtestLine(text), { kind: 'garbage', text }, text);
  }
  for (const text of ['IRQ raise', 'IRQ raise -1', 'IRQ raise 12345', 'IRQ up 3', 'FAIL', ' OK', 'OK\r']) {
    assert.deepEqual(parseQtestLine(text), { kind: 'garbage', text }, text);
  }
});

test('accepts a line of exactly the limit and cuts one that is one character longer', () => {
  const longest = `FAIL ${'x'.repeat(LINE_MAX_CHARS - 5)}`;
  assert.deepEqual(
    linesOf([bytes(`${longest}\nOK\n`)]).map((line) => line.kind),
    ['fail', 'ok'],
  );
  assert.deepEqual(
    linesOf([bytes(`${longest}x\nOK\n`)]).map((line) => line.kind),
    ['garbage', 'ok'],
  );
  assert.deepEqual(
    linesOf([bytes(`${longest}x`), bytes('y\nOK\n')]).map((line) => line.kind),
    ['garbage', 'ok'],
  );
});

test('an endless line is reported once and held in constant space', () => {
  const cutter = createLineCutter();
  const kinds: string[] = [];
  for (let count = 0; count < 1000; count += 1) {
    cutter.push(bytes('z'.repeat(1000)));
    for (let line = cutter.next(); line !== undefined; line = cutter.next()) kinds.push(line.kind);
  }
  assert.deepEqual(kinds, ['garbage']);
  cutter.push(bytes('\nOK 0x1\n'));
  assert.deepEqual(cutter.next(), { kind: 'ok', value: 1 });
});

test('the lines do not depend on where the chunks end', () => {
  const line = fc.oneof(
    fc.constantFrom('OK', 'IRQ raise 11', 'IRQ lower 11', 'FAIL no', '', 'x'.repeat(LINE_MAX_CHARS)),
    fc.nat().map((value) => `OK 0x${value.toString(16).padStart(16, '0')}`),
    fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', ' ')),
  );
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat({ max: 400 })), (lines, cuts) => {
      const whole = bytes(lines.map((text) => `${text}\n`).join(''));
      const chunks: Uint8Array[] = [];
      let from = 0;
      for (const cut of cuts) {
        chunks.push(whole.subarray(from, from + cut));
        from += cut;
      }
      chunks.push(whole.subarray(from));
      assert.deepEqual(linesOf(chunks), linesOf([whole]));
      assert.equal(linesOf([whole]).length, lines.length);
    }),
  );
});

test('no bytes at all make the cutter throw or hold more than a line', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600 })), (chunks) => {
      for (const line of linesOf(chunks)) {
        if (line.kind === 'garbage' || line.kind === 'fail') assert.ok(line.text.length <= LINE_MAX_CHARS);
      }
    }),
  );
});

test('a quoted line is printable and short', () => {
  assert.equal(quoteLine('a\u0000b'), '"a\\u0000b"');
  assert.ok(quoteLine('y'.repeat(LINE_MAX_CHARS)).length < 100);
});
