/**
 * Law: whatever the bytes, compiling ends soon, never throws, and says why there is no program.
 *
 * Mutations of the shipped specifications, byte by byte and token by token, and inputs built to exhaust stack or time.
 * `REFMON_SEED` and `REFMON_RUNS` as everywhere.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileBytes } from '../dsslang/compile.ts';
import { emitJs } from '../dsslang/emit/js.ts';
import { renderDiagnostics } from '../dsslang/render.ts';
import { SOURCE_BYTES_MAX } from '../dsslang/source.ts';
import { device } from '../dsslang/testing.ts';
import { tokenize } from '../dsslang/lexer.ts';
import { campaign, Random } from './dsslang/random.ts';

const { seed, scale } = campaign();
const again = `repeat: REFMON_SEED=${seed} REFMON_RUNS=${scale} node --test dist/proptests/dsslang-fuzz.prop.test.js`;
/** Processor time for one hostile file of the largest size; generous, for a slow machine. */
const TIME_MS_MAX = 8_000;

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const seeds = ['drivers', join('dsslang', 'ui')].flatMap((folder) =>
  readdirSync(join(root(), folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.dss'))
    .map((name) => readFileSync(join(root(), folder, name))),
);

/** The law, for one input. @returns the time it took, in milliseconds */
function holds(bytes: Uint8Array, what: string): number {
  // Of the processor, not by the clock: other tests run beside this one.
  const begun = process.cpuUsage();
  const { program, diagnostics, dropped } = compileBytes(bytes, 'fuzz.dss');
  const { user, system } = process.cpuUsage(begun);
  const time = (user + system) / 1000;
  const text = renderDiagnostics(diagnostics, dropped);
  if (program === undefined)
    assert.ok(
      diagnostics.some((each) => each.severity === 'error'),
      `${what}: refused without a word`,
    );
  else assert.equal(typeof emitJs(program), 'string');
  for (const { span, labels, source, code, message } of diagnostics) {
    for (const place of [span, ...labels.map((label) => label.span)]) {
      const inside = place.start >= 0 && place.start <= place.end && place.end <= source.text.length;
      assert.ok(inside, `${what}: ${code} at ${place.start}..${place.end} of ${source.text.length}`);
    }
    assert.ok(
      message.length < 1000 && !message.includes('undefined') && !message.includes('NaN'),
      `${what}: ${message}`,
    );
  }
  assert.ok(text.length < 400_000, `${what}: ${text.length} characters of messages`);
  assert.ok(time < TIME_MS_MAX, `${what}: ${Math.round(time)} ms`);
  return time;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('mutated bytes of shipped specifications', (t) => {
  const random = new Random(seed);
  const runs = Math.ceil(400 * scale);
  let slowest = 0;
  for (let run = 0; run < runs; run += 1) {
    const bytes = [...random.pick(seeds)];
    for (let edit = random.below(8); edit >= 0; edit -= 1) {
      const at = random.below(bytes.length + 1);
      switch (random.below(5)) {
        case 0:
          bytes.splice(at, 1 + random.below(30));
          break;
        case 1:
          bytes.splice(at, 0, ...bytes.slice(random.below(bytes.length), random.below(bytes.length)).slice(0, 300));
          break;
        case 2:
          bytes.splice(at, 0, random.pick([0, 0xff, 0xc3, 0x7b, 0x7d, 0x28, 0x29, 0x22, 0x2f, 0x2a, 0x0d, 0x0a]));
          break;
        default:
          bytes[at] = random.oneIn(3) ? random.below(256) : 0x20 + random.below(0x5f);
      }
    }
    slowest = Math.max(slowest, holds(new Uint8Array(bytes), `run ${run}; ${again}`));
  }
  t.diagnostic(`seed ${seed}: ${runs} mutants, slowest ${Math.round(slowest)} ms; ${again}`);
});

test('mutated tokens of shipped specifications', (t) => {
  const random = new Random(seed + 1);
  const runs = Math.ceil(800 * scale);
  const streams = seeds.map((bytes) => tokenize(bytes.toString()).tokens.map((token) => token.image));
  const codes = new Set<string>();
  let compiled = 0;
  for (let run = 0; run < runs; run += 1) {
    const stream = [...random.pick(streams)];
    const other = random.pick(streams);
    for (let edit = random.below(3); edit >= 0; edit -= 1) {
      const at = random.below(stream.length + 1);
      const word = other[random.below(other.length)] ?? 'x';
      switch (random.below(5)) {
        case 0:
          stream.splice(at, 1 + random.below(3));
          break;
        case 1:
          stream.splice(at, 0, word);
          break;
        case 2:
          stream.splice(at, 0, ...other.slice(random.below(other.length)).slice(0, random.below(40)));
          break;
        default:
          stream[at] = word;
      }
    }
    const bytes = bytesOf(stream.join(random.oneIn(2) ? ' ' : '\n'));
    holds(bytes, `run ${run}; ${again}`);
    const result = compileBytes(bytes);
    if (result.program !== undefined) compiled += 1;
    for (const { code } of result.diagnostics) codes.add(code);
  }
  t.diagnostic(`seed ${seed}: ${runs} mutants, ${compiled} compiled, ${codes.size} different codes; ${again}`);
  assert.ok(codes.size > 15);
});

test('random bytes', () => {
  const random = new Random(seed + 2);
  for (let run = 0; run < 200; run += 1) {
    const bytes = Uint8Array.from({ length: random.below(2000) }, () => random.below(random.pick([256, 128])));
    holds(bytes, `run ${run}; ${again}`);
  }
});

const handler = (body: string): string => device(`var x : u64 register R at regs+0 : u32 rw on write R(v) { ${body} }`);
/** As many repetitions as fit a file of the largest size. */
const fill = (piece: (index: number) => string, before = '', after = ''): string => {
  const parts = [before];
  let length = before.length + after.length;
  for (let index = 0; ; index += 1) {
    const text = piece(index);
    length += text.length;
    if (length > 500_000) break;
    parts.push(text);
  }
  return [...parts, after].join('');
};
const inHandler = (piece: (index: number) => string): string => {
  const [before = '', after = ''] = handler('HERE').split('HERE');
  return fill(piece, before, after);
};
const inDevice = (piece: (index: number) => string): string => {
  const [before = '', after = ''] = device('HERE').split('HERE');
  return fill(piece, before, after);
};

const hostile: readonly (readonly [name: string, text: () => string])[] = [
  ['ten megabytes', () => 'x'.repeat(10_000_000)],
  ['NUL bytes', () => '\0'.repeat(500_000)],
  ['one line of half a megabyte', () => `device d { ${'x '.repeat(250_000)}}`],
  ['one name of half a megabyte', () => `device ${'x'.repeat(500_000)} { reset { delay 1ms } }`],
  ['two long names that differ', () => handler(`x = ${'y'.repeat(200_000)} let ${'z'.repeat(200_000)} = 1`)],
  ['one number of half a megabyte', () => handler(`x = ${'9'.repeat(500_000)}`)],
  ['one text of half a megabyte', () => handler(`deny "${'a'.repeat(500_000)}"`)],
  ['one open text of half a megabyte', () => handler(`deny "${'a'.repeat(500_000)}`)],
  ['one open comment', () => `device d { /*${'*'.repeat(500_000)}`],
  ['many open comments', () => '/* '.repeat(150_000)],
  ['unknown characters', () => '@ '.repeat(250_000)],
  ['quotes', () => '"\n'.repeat(250_000)],
  ['10 000 nested parentheses', () => handler(`x = ${'('.repeat(10_000)}v${')'.repeat(10_000)}`)],
  ['10 000 not', () => handler(`require ${'not '.repeat(10_000)} true "r"`)],
  ['10 000 ~', () => handler(`x = ${'~'.repeat(10_000)} v`)],
  ['not in brackets at every level', () => handler(`require ${'(not not not '.repeat(60)}true${')'.repeat(60)} "r"`)],
  ['deep first operands', () => handler(`x = ${'('.repeat(60)}v${`${' | v'.repeat(250)})`.repeat(60)}`)],
  ['100 000 operators in a row', () => handler(`x = v ${'| v '.repeat(100_000)}`)],
  ['100 000 members', () => handler(`x = v${'.a'.repeat(100_000)}`)],
  ['100 000 indices', () => handler(`x = v${'[0]'.repeat(100_000)}`)],
  ['20 000 else if', () => handler(`if v == 1 { } ${'else if v == 2 { x = 1 } '.repeat(20_000)}`)],
  ['else if with separators to recover from', () => handler(`if v == 1 { } ${'else ; if v == 2 ; { x = 1 } '.repeat(15_000)}`)],
  ['if then else without end', () => handler(`x = ${'if v == 1 then 1 else '.repeat(20_000)} 2`)],
  ['deep in', () => device(`machine m { A, B } ${'in m.A { '.repeat(20_000)}`)],
  ['closing brackets', () => `device d ${'}'.repeat(500_000)}`],
  ['opening and closing brackets', () => inDevice(() => '}{')],
  ['arrows', () => inHandler(() => '-> ')],
  ['keywords in disorder', () => inDevice((index) => ['on ', 'in ', 'write ', 'ring ', '{ ', '} ', 'if '][(index * index) % 7] ?? '')],
  ['unknown statements', () => inHandler(() => 'a b ')],
  ['unknown names', () => inHandler((index) => `x=q${index} `)],
  ['unknown names among many known', () => inHandler((index) => (index < 15_000 ? `let l${index}=1 ` : `x=m${index} `))],
  ['many requirements', () => inHandler((index) => `require v<${index + 5}+x "" `)],
  ['many facts and branches', () => inHandler((index) => `if x<${index + 9} {}`)],
  ['many bindings and blocks', () => inHandler((index) => (index < 15_000 ? `let l${index}=1 ` : 'if v<9 {}'))],
  ['many assignments', () => inHandler((index) => `x=x&${index} `)],
  ['comparisons of comparisons', () => handler(`require ${Array.from({ length: 60 }, () => '(v == 1) == (').join('')}true${')'.repeat(60)} "r"`)],
  ['a chain of comparisons', () => handler(`require (v == 1)${' == (v == 1)'.repeat(250)} "r"`)],
  ['choices of choices', () => handler(`require ${'if if v == 1 then v == 2 else v == 3 then v == 4 else '.repeat(60)}true "r"`)],
  ['many handlers of one register', () => inDevice((index) => (index === 0 ? 'register R at regs+0 : u32 rw ' : 'on write R{}'))],
  ['many handlers in states', () => inDevice((index) => (index === 0 ? `machine m { ${Array.from({ length: 1000 }, (_, state) => `s${state}`).join(' ')} } register R at regs+0 : u32 rw ` : `in m.s${index % 1000} {on write R{}}`))],
  ['many states', () => inDevice((index) => (index === 0 ? 'machine m { ' : `s${index} `)).replace(/\}$/, '}}')],
  ['many machines', () => inDevice((index) => `machine m${index} {A} `)],
  ['many constants', () => inDevice((index) => `const c${index}=${index} `)],
  ['constants in reverse', () => inDevice((index) => `const c${index}=c${index + 1} `)],
  ['many variables', () => inDevice((index) => `var x${index}:u8 `)],
  ['many registers', () => inDevice((index) => `register r${index} at regs+${index * 4}:u32 rw `)],
  ['many registers in one place', () => inDevice((index) => `register r${index} at regs+0:u32 rw `)],
  ['many interleaved arrays', () => device(`region big = bar 1 memory 16M ${Array.from({ length: 4096 }, (_, index) => `register r${index}[16] at big+${index * 8} stride 32768:u32 rw `).join('')}`)],
  ['arrays of the largest size', () => device(`region big = bar 1 memory 1G ${Array.from({ length: 4096 }, (_, index) => `register r${index}[65536] at big+${index} stride 8192:u8 rw `).join('')}`)],
  ['many areas', () => inDevice((index) => `area a${index} at regs+${index} size 1:ro `)],
  ['areas over each other', () => inDevice((index) => `area a${index} at regs+0 size ${60000 - index}:rw `)],
  ['many regions', () => inDevice((index) => `region p${index}=ports ${index} size 1 `)],
  ['many windows', () => inDevice((index) => (index === 0 ? 'region io = bar 1 ports 64K register S at io+0 : u32 rw ' : `window w${index} at io+${index * 4}:u32 into regs by S `))],
  ['many structs', () => inDevice((index) => `struct s${index} size 8{} `)],
  ['many fields', () => inDevice((index) => (index === 0 ? 'register R at regs+0 : u32 rw { ' : `f${index}=[${index % 32}]`)).replace(/\}$/, '}}')],
  ['many rings', () => inDevice((index) => (index === 0 ? 'struct S size 8 { a : u64 at 0 } var n : u8 ' : `ring r${index}:S{base n count n owned n..<n}`))],
  ['many steps', () => `device d { match pci 8086:100e reset { ${'delay 1us '.repeat(45_000)}} }`],
  ['many devices', () => fill((index) => `device d${index} {} `)],
  ['many matches', () => inDevice(() => 'match pci 8086:100e ')],
  ['many interrupts', () => inDevice(() => 'interrupt {} ')],
  ['many invariants', () => inDevice(() => 'invariant "i" {1<2}')],
  ['documentation', () => fill(() => '///\n', '', 'device d { }')],
]; // prettier-ignore

for (const [name, text] of hostile) {
  test(`hostile: ${name}`, (t) => {
    const bytes = bytesOf(text());
    assert.ok(bytes.length <= SOURCE_BYTES_MAX || name === 'ten megabytes', 'must reach the parser');
    t.diagnostic(`${Math.round(holds(bytes, name))} ms`);
  });
}

test('a file of the largest useful kind, 4096 registers with fields and handlers, compiles in time', () => {
  const registers = Array.from(
    { length: 4096 },
    (_, index) =>
      `register r${index} at regs+${index * 4} : u32 rw { A = [3:0], reserved [31:20] }\non write r${index}(v) { require v.A < 9 "r" x = v }`,
  );
  const bytes = bytesOf(device(`var x : u32\n${registers.join('\n')}`));
  assert.ok(bytes.length < SOURCE_BYTES_MAX);
  assert.notEqual(compileBytes(bytes).program, undefined);
  holds(bytes, '4096 registers');
});
