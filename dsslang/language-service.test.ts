/** What an editor asks: symbols, definitions, references; for whole files, for broken ones, and fast. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { analyse, type Analysis } from './language-service.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();
const text = `/// A card.
device d {
  match pci 1234:0001
  region regs = bar 0 memory 4K
  /// Turns the card on.
  /// And off.
  register CTRL at regs+0x0 : u32 rw { EN = [0], RST = [1] }
  register TAIL[4] at regs+0x10 : u32 rw
  struct Work size 16 { address : u64 at 0, flags : u32 at 8 { LAST = [0] } }
  machine tx { Off, On }
  machine rx { Off, On }
  var base : u64
  var tail : u16 max 15
  const COUNT = 16
  ring work : Work { base base, count COUNT, owned 0 ..< tail when tx == On }
  on write CTRL(v) { if v.EN { tx -> On } else if CTRL.written == 3 { rx -> Off  tx -> Off } else { rx -> On } }
  in tx.On | tx.Off {
    on write TAIL[i](v) {
      let next = v
      require next < COUNT and i < 3 and rx == On  "no"
      for w in work[tail ..< next] { require w.flags.LAST and w.address != 0  "no" }
      tail = next  base = v
    }
  }
  reset { write CTRL = 0  wait until CTRL.RST == 0 for at most 1ms }
}
`;
const analysis = analyse(text, 'd.dss');

/** What the \`nth\` occurrence of \`word\` after \`context\` stands for: \`state tx.On in line 10\`. */
function meaning(context: string, word: string, of: Analysis = analysis): string {
  const from = of.source.text.indexOf(context);
  assert.notEqual(from, -1, context);
  const offset = from + context.lastIndexOf(word);
  const symbol = of.definitionAt(offset);
  assert.equal(of.definitionAt(offset + word.length), symbol, 'the end of a name belongs to it');
  if (symbol === undefined) return 'nothing';
  const { line } = of.source.position(symbol.span.start);
  const outer = symbol.container === undefined ? '' : `${symbol.container.name}.`;
  return `${symbol.kind} ${outer}${symbol.name} in line ${line}`;
}

const expected: readonly (readonly [context: string, word: string, means: string])[] = [
  ['at regs+0x0', 'regs', 'region regs in line 4'],
  ['on write CTRL', 'CTRL', 'register CTRL in line 7'],
  ['if v', 'v', 'local v in line 16'],
  ['v.EN', 'EN', 'field CTRL.EN in line 7'],
  ['tx -> On', 'tx', 'machine tx in line 10'],
  ['tx -> On', 'On', 'state tx.On in line 10'],
  ['rx -> Off', 'Off', 'state rx.Off in line 11'],
  ['if CTRL.written', 'CTRL', 'register CTRL in line 7'],
  ['if CTRL.written', 'written', 'nothing'],
  ['when tx == On', 'On', 'state tx.On in line 10'],
  ['rx == On', 'On', 'state rx.On in line 11'],
  ['in tx.On', 'On', 'state tx.On in line 10'],
  ['tx.On | tx.Off', 'Off', 'state tx.Off in line 10'],
  ['base base', 'base', 'var base in line 12'],
  ['count COUNT', 'COUNT', 'const COUNT in line 14'],
  ['work : Work', 'Work', 'struct Work in line 9'],
  ['let next = v', 'v', 'local v in line 18'],
  ['require next', 'next', 'local next in line 19'],
  ['and i', 'i', 'local i in line 18'],
  ['in work', 'work', 'ring work in line 15'],
  ['work[tail ..< next]', 'tail', 'var tail in line 13'],
  ['require w.flags', 'w', 'local w in line 21'],
  ['w.flags', 'flags', 'field Work.flags in line 9'],
  ['w.flags.LAST', 'LAST', 'field flags.LAST in line 9'],
  ['w.address', 'address', 'field Work.address in line 9'],
  ['tail = next', 'next', 'local next in line 19'],
  ['until CTRL.RST', 'RST', 'field CTRL.RST in line 7'],
  ['require', 'require', 'nothing'],
];

for (const [context, word, means] of expected) {
  test(`\`${word}\` in \`${context}\` is ${means}`, () => assert.equal(meaning(context, word), means));
}

test('the specification of the test has no mistakes, and documentation belongs to its symbol', () => {
  assert.deepEqual(
    analysis.diagnostics.map((each) => each.message),
    [],
  );
  const docs = new Map(analysis.symbols.map((symbol) => [symbol.name, symbol.doc]));
  assert.equal(docs.get('d'), 'A card.');
  assert.equal(docs.get('CTRL'), 'Turns the card on.\nAnd off.');
  assert.equal(docs.get('TAIL'), '');
});

test('references to a symbol are its declaration and all uses, in order', () => {
  const ctrl = analysis.symbols.find((each) => each.name === 'CTRL');
  assert.ok(ctrl !== undefined);
  const places = analysis.referencesTo(ctrl);
  assert.equal(places.length, text.match(/\bCTRL\b/g)?.length);
  assert.equal(places[0]?.isDeclaration, true);
  assert.ok(places.every(({ span }) => analysis.source.slice(span) === 'CTRL'));
});

test('locals are in reach inside their handler only', () => {
  const names = (offset: number): string[] => analysis.symbolsAt(offset).map((each) => each.name);
  const inside = text.indexOf('tail = next');
  assert.ok(['next', 'v', 'i', 'tail', 'CTRL'].every((name) => names(inside).includes(name)));
  assert.ok(!names(inside).includes('w'));
  const outside = text.indexOf('reset {');
  assert.ok(!names(outside).some((name) => ['next', 'v', 'i', 'w', 'On', 'EN'].includes(name)));
});

test('a broken file keeps the symbols that can be read', () => {
  const broken = analyse(text.replace('tx -> On', 'tx ->').replace('require next <', 'require <'), 'd.dss');
  assert.ok(broken.diagnostics.some((each) => each.code === 'DSS001'));
  assert.equal(meaning('tail = next', 'tail', broken), 'var tail in line 13');
  for (const input of ['', '}', 'device', 'device d { register', 'device d { in tx. { on', '\u0000'.repeat(9)]) {
    assert.ok(analyse(input).diagnostics.length > 0, input);
  }
});

test('every name of every shipped and golden specification that compiles is found, once', () => {
  const folders = ['drivers', 'examples', 'dsslang/ui/ok'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.dss'))
      .map((name) => join(folder, name)),
  );
  assert.ok(files.length >= 3);
  for (const file of files) {
    const { symbols, references, source } = analyse(readFileSync(join(root, file), 'utf8'), file);
    for (const symbol of symbols) assert.equal(source.slice(symbol.span), symbol.name, file);
    for (const [index, { span, symbol }] of references.entries()) {
      assert.equal(source.slice(span), symbol.name, file);
      assert.ok(span.start >= (references[index - 1]?.span.end ?? 0), file);
    }
    for (const symbol of symbols.filter((each) => ['var', 'const', 'struct', 'ring'].includes(each.kind)))
      assert.ok(references.filter((each) => each.symbol === symbol).length > 1, `${file}: ${symbol.name} is used`);
  }
});

test('analyses do not know of each other', () => {
  const other = analyse(text.replaceAll('CTRL', 'CONTROL'), 'other.dss');
  assert.deepEqual(analyse(text, 'd.dss').symbols, analysis.symbols);
  assert.ok(other.symbols.every((each) => each.name !== 'CTRL'));
});

test('re-analysis of the largest shipped specification takes an editor no noticeable time', (t) => {
  const e1000 = readFileSync(join(root, 'drivers/e1000/e1000.dss'), 'utf8');
  const padded = `${e1000}${'// one more line\n'.repeat(Math.max(0, 500 - e1000.split('\n').length))}`;
  const times: number[] = [];
  for (let round = 0; round < 40; round += 1) {
    const start = performance.now();
    analyse(`${padded}// ${round}\n`, 'e1000.dss');
    times.push(performance.now() - start);
  }
  // The best round: a test runs beside others. The goal is 10 ms; a busy machine must not fail the build.
  const best = Math.min(...times);
  t.diagnostic(`${padded.split('\n').length} lines: ${best.toFixed(2)} ms`);
  assert.ok(best < 50, `${best} ms`);
});
