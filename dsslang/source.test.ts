import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, compileBytes } from './compile.ts';
import { renderDiagnostics } from './render.ts';
import { join, Source, span } from './source.ts';

test('positions go both ways for every offset, whatever the line ends', () => {
  for (const text of ['', 'a', '\n', 'a\n', '\n\nab\n\tc', 'a\r\nb\r\n', '\uFEFFx\ny', 'a\u{1F600}b\nc']) {
    const source = new Source('t', text);
    for (let offset = 0; offset <= text.length; offset += 1) {
      const position = source.position(offset);
      assert.equal(source.offset(position), offset, JSON.stringify(text));
      assert.equal(position.line, text.slice(0, offset).split('\n').length);
      assert.equal(position.column, offset - text.slice(0, offset).lastIndexOf('\n'));
    }
  }
});

test('positions beyond the text are its end', () => {
  const source = new Source('t', 'ab\nc');
  assert.equal(source.offset({ line: 9, column: 1 }), 4);
  assert.equal(source.offset({ line: 2, column: 99 }), 4);
});

test('lines come without their ends, the last one whole', () => {
  const source = new Source('t', 'one\r\ntwo\n\nlast');
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((line) => source.line(line)),
    ['one', 'two', '', 'last', ''],
  );
});

test('spans join to the smallest that holds both', () => {
  assert.deepEqual(join(span(5, 7), span(2, 3)), span(2, 7));
  assert.equal(new Source('t', 'abcdef').slice(span(1, 3)), 'bc');
});

test('a byte order mark shifts no column and changes no meaning', () => {
  const text = 'device d { match pci 8086:100e reset { delay 1ms } }';
  const plain = new TextEncoder().encode(text);
  const marked = new Uint8Array([0xef, 0xbb, 0xbf, ...plain]);
  assert.notEqual(compileBytes(marked).program, undefined);
  assert.equal(compileBytes(marked).program?.specificationHash, compileBytes(plain).program?.specificationHash);
  const wrong = new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode('device 5')]);
  assert.deepEqual(
    compileBytes(wrong).diagnostics.map((each) => each.span),
    [span(7, 8)],
  );
});

test('the same file with CRLF has the same messages in the same columns', () => {
  const text = 'device d {\n\tvar x : u0\n  region r = config 256\n  reset { wait }\n}\n';
  assert.equal(
    renderDiagnostics(compile(text.replaceAll('\n', '\r\n')).diagnostics),
    renderDiagnostics(compile(text).diagnostics),
  );
});

test('a tab is one column wide in the frame, so that the underline stays below what it means', () => {
  const lines = renderDiagnostics(compile('device d {\n\tvar\tx : u0\n}').diagnostics).split('\n');
  const at = lines.findIndex((line) => line.startsWith('2 |'));
  assert.equal(lines[at], '2 |  var x : u0');
  assert.equal(lines[at + 1], '  |          ^^');
});

test('two marks on one very long line are both drawn below what they mean', () => {
  const filler = ' '.repeat(500);
  const text = `device d { var first : u8 ${filler} var first : u8 reset { delay 1ms } match pci 8086:100e }`;
  const rendered = renderDiagnostics(compile(text).diagnostics.filter((each) => each.code === 'DSS102')).split('\n');
  for (const sign of ['-', '^']) {
    const at = rendered.findIndex((line) => new RegExp(`^ +\\| +\\${sign}`).test(line));
    const from = rendered[at]?.indexOf(sign) ?? 0;
    const frame = rendered.slice(0, at).findLast((line) => /^1 \|/.test(line)) ?? '';
    assert.equal(frame.slice(from, from + 5), 'first', rendered.join('\n'));
  }
});
