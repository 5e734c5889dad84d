/** Escapes: each title is an attack from inside the compartment, and what it must find. */
import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { evaluateInside, runDriver, runProgram, runToEnd } from './testing/run-driver.ts';

/** Each expression is evaluated inside; the text is what a driver learns. */
const attacks: [string, string, RegExp][] = [
  [
    'reaches the global object by a constructed function',
    '(function () {}).constructor("return process")()',
    /^threw /,
  ],
  [
    'reaches it by a generator’s constructor',
    '(function* () {}).constructor("return process")().next().value',
    /^threw /,
  ],
  ['reaches it by an async function’s constructor', '(async () => {}).constructor("return process")', /^threw /],
  [
    'evaluates: finds only the compartment',
    'typeof (0, eval)("typeof process === \'undefined\' ? 1 : process")',
    /^number$/,
  ],
  [
    'uses Function: finds only the compartment',
    'Function("return typeof process + typeof require + typeof globalThis.setTimeout")()',
    /^(undefined){3}$/,
  ],
  ['climbs from io to a host function', 'io.read32.constructor("return process")()', /^threw /],
  ['climbs from io’s own constructor', 'io.constructor.constructor("return process")()', /^threw /],
  ['climbs from a DMA region', 'io.allocate(16, "commands").read8.constructor("return process")()', /^threw /],
  [
    'climbs from an error that io throws',
    '(() => { try { io.read32("x", 0); } catch (e) { return e.constructor.constructor("return process")(); } })()',
    /^threw /,
  ],
  [
    'climbs from copied bytes',
    'io.allocate(16, "commands").copyOut(0, 4).constructor.constructor("return process")()',
    /^threw /,
  ],
  [
    'finds a Buffer behind copied bytes',
    'io.allocate(16, "commands").copyOut(0, 4).constructor === Uint8Array',
    /^true$/,
  ],
  ['finds more memory behind copied bytes', 'io.allocate(16, "commands").copyOut(0, 4).buffer.byteLength', /^4$/],
  ['looks for this in an io function', '(() => { const f = io.now; return typeof f.call(globalThis); })()', /^number$/],
  ['constructs an io function', 'new io.now()', /^threw TypeError/],
  ['reads its caller', '(function f() { return f.caller; })()', /^(undefined|threw TypeError.*)$/],
  [
    'reads the stack of an error',
    '(() => { try { io.read32("x", 0); } catch (e) { return "stack:" + e.stack; } })()',
    /^stack:$/,
  ],
  ['looks for file names in its own errors', 'String(new Error("x").stack).includes("/")', /^false$/],
  [
    'prepares stack traces itself',
    '(() => { Error.prepareStackTrace = (e, frames) => frames; const s = new Error("x").stack; return typeof s === "object" && s !== null && typeof s[0].getThis; })()',
    /^(false|threw .*)$/,
  ],
  ['changes io', '(() => { "use strict"; io.read32 = () => 1; })()', /^threw TypeError/],
  [
    'changes an error that io threw',
    '(() => { "use strict"; try { io.read32("x", 0); } catch (e) { e.message = "y"; } })()',
    /^threw TypeError/,
  ],
  ['adds to io', '(() => { "use strict"; io.extra = 1; })()', /^threw TypeError/],
  ['pollutes Object.prototype', '(() => { "use strict"; Object.prototype.polluted = 1; })()', /^threw TypeError/],
  ['pollutes by __proto__', '(() => { "use strict"; ({}).__proto__.polluted = 1; })()', /^threw TypeError/],
  [
    'poisons Function.prototype.call',
    '(() => { "use strict"; Function.prototype.call = () => io; })()',
    /^threw TypeError/,
  ],
  ['poisons Array.prototype.push', '(() => { "use strict"; Array.prototype.push = () => 0; })()', /^threw TypeError/],
  [
    'poisons Promise.prototype.then',
    '(() => { "use strict"; Promise.prototype.then = () => 0; })()',
    /^threw TypeError/,
  ],
  [
    'poisons Uint8Array.prototype.set',
    '(() => { "use strict"; Uint8Array.prototype.set = () => 0; })()',
    /^threw TypeError/,
  ],
  [
    'poisons the iterator prototype',
    '(() => { "use strict"; Object.getPrototypeOf([][Symbol.iterator]()).next = () => 0; })()',
    /^threw TypeError/,
  ],
  ['reads the clock around io', 'Date.now()', /^(NaN|threw .*)$/],
  ['draws a random number', 'Math.random()', /^threw /],
  [
    'looks for ambient names',
    '["process","require","module","setTimeout","setImmediate","queueMicrotask","console","fetch","Buffer","performance","SharedArrayBuffer","Atomics","WebAssembly","structuredClone","MessageChannel","WeakRef","FinalizationRegistry","Compartment","lockdown","parentPort","Worker"].filter((name) => name in globalThis || typeof globalThis[name] !== "undefined").join()',
    /^$/,
  ],
];

describe('a driver in its compartment', () => {
  for (const [title, expression, expected] of attacks) {
    test(title, async () => assert.match(await evaluateInside(expression), expected));
  }

  test('cannot write import() in its program', async () => {
    const { fault } = await runToEnd('return { init() {}, message() { import("node:fs"); } };');
    assert.ok(fault?.kind === 'crashed');
    assert.match(fault.message, /import/);
  });

  test('cannot write import() where a filter would not look', async () => {
    const { fault } = await runToEnd('return { init() { (0, eval)("imp" + "ort(\'node:fs\')"); } };');
    assert.ok(fault?.kind === 'crashed');
  });

  test('cannot be a module', async () => {
    const run = await runProgram('import fs from "node:fs"; () => ({ init() {} })');
    assert.equal(run.ipd.fault?.kind, 'crashed');
  });

  test('sees an import.meta of nothing', async () => {
    const run = await runProgram('(io) => ({ init() { io.log(import.meta.url); } })');
    assert.equal(run.ipd.fault?.kind, 'crashed');
  });
});

describe('what a driver hands over', () => {
  const refused: [string, string][] = [
    ['a function', '{ kind: "x", f() {} }'],
    ['a symbol', '{ kind: "x", s: Symbol() }'],
    ['a symbol key', '{ kind: "x", [Symbol.iterator]: 1 }'],
    ['a getter', '{ kind: "x", get y() { return 1; } }'],
    ['a getter as kind', '{ get kind() { return "x"; } }'],
    ['a Proxy', 'new Proxy({ kind: "x" }, { get() { throw 1; }, ownKeys() { for (;;); } })'],
    ['a Proxy within', '{ kind: "x", y: new Proxy([], { get() { for (;;); } }) }'],
    ['a Proxy of bytes', '{ kind: "x", y: new Proxy(new Uint8Array(4), {}) }'],
    ['a class instance', '{ kind: "x", y: new (class Z {})() }'],
    ['a Map', '{ kind: "x", y: new Map() }'],
    ['an Error', '{ kind: "x", y: new Error("e") }'],
    ['a promise', '{ kind: "x", y: Promise.resolve(1) }'],
    ['an array with a getter', '{ kind: "x", y: Object.defineProperty([1], 0, { get() { return 1; } }) }'],
    ['an own __proto__', 'JSON.parse(\'{"kind":"x","__proto__":{"admin":true}}\')'],
    ['a cycle', '(() => { const a = { kind: "x" }; a.a = a; return a; })()'],
    ['a text that is too long', '{ kind: "x", y: "x".repeat(2 ** 20) }'],
    ['a vast sparse array', '(() => { const y = []; y.length = 2 ** 32 - 1; return { kind: "x", y }; })()'],
    ['too many values', '{ kind: "x", y: Array.from({ length: 4097 }, () => 1) }'],
    ['a bigint of a million bits', '{ kind: "x", y: 1n << 1000000n }'],
    ['no kind', '{}'],
    ['a kind that is no text', '{ kind: { toString() { return "x"; } } }'],
    ['no object', '"x"'],
    ['null', 'null'],
  ];
  for (const [title, message] of refused) {
    test(`as a message is refused if it holds ${title}`, async () => {
      assert.match(await evaluateInside(`io.send(${message})`), /^threw (TypeError|RangeError)/);
    });
  }

  const nonsense: [string, string][] = [
    ['an object with valueOf as offset', 'io.read32(0, { valueOf() { return 0; } })'],
    ['a bigint as value', 'io.write32(0, 0x1c, 1n)'],
    ['bytes that are a Proxy', 'io.allocate(16, "commands").copyIn(0, new Proxy(new Uint8Array(4), {}))'],
    [
      'bytes that only look like it',
      'io.allocate(16, "commands").copyIn(0, { length: 4, __proto__: Uint8Array.prototype })',
    ],
    ['words instead of bytes', 'io.allocate(16, "commands").copyIn(0, new Uint16Array(4))'],
    ['a length of 2 ** 53', 'io.allocate(16, "commands").copyOut(0, 2 ** 53)'],
    ['a purpose with toString', 'io.allocate(16, { toString() { return "commands"; } })'],
    ['a delay of NaN', 'io.setTimer(NaN)'],
    ['a log line that is an object', 'io.log({ toString() { return "x"; } })'],
    ['nothing at all', 'io.write32()'],
    ['one past the end of a region', 'io.allocate(16, "commands").write32(13, 0)'],
    ['a negative offset into a region', 'io.allocate(16, "commands").read8(-1)'],
    ['a fraction of an offset', 'io.allocate(16, "commands").read8(0.5)'],
    ['a byte of 256', 'io.allocate(16, "commands").write8(0, 256)'],
  ];
  for (const [title, operation] of nonsense) {
    test(`to io is refused if it is ${title}`, async () => {
      assert.match(await evaluateInside(operation), /^threw (TypeError|RangeError)/);
    });
  }

  test('exactly at the end of a region is taken', async () => {
    const text = await evaluateInside(
      '(() => { const r = io.allocate(16, "commands"); r.write32(12, 0xfffffffe); r.write16(10, 0x1234); r.write8(9, 0x56); r.copyIn(16, new Uint8Array(0)); return [r.read32(12), r.read16(10), r.read8(9), r.copyOut(16, 0).length, r.read32(8)].join(); })()',
    );
    assert.equal(text, [0xfffffffe, 0x1234, 0x56, 0, 0x12345600].join());
  });

  test('with a subclass of Uint8Array runs none of its code', async () => {
    const text = await evaluateInside(
      '(() => { let ran = 0; class B extends Uint8Array { get length() { ran += 1; return 99; } static get [Symbol.species]() { ran += 1; return B; } slice() { ran += 1; } } const r = io.allocate(16, "commands"); r.copyIn(0, new B([1, 2, 3])); return ran + ":" + r.copyOut(0, 4).join(); })()',
    );
    assert.equal(text, '0:1,2,3,0');
  });

  test('is copied: later changes on either side are not seen on the other', async () => {
    const run = await runDriver(`
      return { init() {}, message({ bytes }) {
        const message = { kind: 'copy', bytes, list: [1] };
        io.send(message);
        bytes[0] = 9; message.list.push(2);
      } };`);
    const bytes = new Uint8Array([1]);
    run.ipd.send({ kind: 'go', bytes });
    bytes[0] = 5;
    assert.deepEqual(await run.next(), { kind: 'copy', bytes: new Uint8Array([1]), list: [1] });
    await run.kernel.shutdown();
  });

  test('to a driver is refused at its user’s side already', async () => {
    const run = await runDriver('return { init() {} };');
    assert.throws(() => run.ipd.send({ kind: 'x', f: () => 1 }), TypeError);
    assert.throws(() => run.ipd.send(null as never), TypeError);
    await run.kernel.shutdown();
  });

  test('entries are read once, and thenables among them are not awaited', async () => {
    const run = await runProgram(`(io) => {
      let reads = 0;
      return {
        get init() { reads += 1; return () => ({ then(f) { io.send({ kind: 'awaited' }); f(); } }); },
        message() { io.send({ kind: 'reads', reads }); },
      };
    }`);
    run.ipd.send({ kind: 'go' });
    assert.deepEqual(await run.next(), { kind: 'reads', reads: 1 });
    await run.kernel.shutdown();
  });
});
