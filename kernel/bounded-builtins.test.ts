/** Built-in functions that never look up: each must be refused quickly, inside a real domain. */
import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { evaluateInside } from './testing/run-driver.ts';

const sparse = '(() => { const a = []; a.length = 2 ** 32 - 1; return a; })()';
const endless: [string, string][] = [
  ...[
    'indexOf',
    'includes',
    'lastIndexOf',
    'reverse',
    'sort',
    'slice',
    'fill',
    'join',
    'copyWithin',
    'toSorted',
    'shift',
  ].flatMap((name): [string, string][] => [
    [`${name} of an array-like`, `Array.prototype.${name}.call({ length: 2 ** 53 - 1 }, 1)`],
    [`${name} of a sparse array`, `${sparse}.${name}(1)`],
  ]),
  ['forEach of a sparse array', `${sparse}.forEach(() => {})`],
  [
    'map of a Proxy',
    'Array.prototype.map.call(new Proxy([], { get: (t, k) => k === "length" ? 2 ** 53 : 0 }), () => 1)',
  ],
  ['splice of a sparse array', `${sparse}.splice(0, 1, 1, 2)`],
  ['concat of a sparse array', `[].concat(${sparse})`],
  ['flat of a sparse array within', `[${sparse}].flat()`],
  ['split of a vast text', '"x".repeat(2 ** 29 - 24).split("")'],
  ['match of a vast text', '"x".repeat(2 ** 28).match(/x/g)'],
  ['replace in a vast text', '/x/g[Symbol.replace]("x".repeat(2 ** 28), "yy")'],
  ['keys of a vast text', 'Object.keys("x".repeat(2 ** 28))'],
  ['keys of a vast text object', 'Reflect.ownKeys(Object("x".repeat(2 ** 28)))'],
  ['JSON.parse of a vast text', 'JSON.parse("[" + "1,".repeat(2 ** 27) + "1]")'],
  ['JSON.stringify by a sparse list', `JSON.stringify({}, ${sparse})`],
];

describe('a built-in function is refused', () => {
  for (const [title, expression] of endless) {
    test(title, async () => assert.match(await evaluateInside(expression), /^threw (RangeError|TypeError)/));
  }
});

describe('a built-in function whose loop can be stopped is stopped by the watchdog', () => {
  const loops: [string, string][] = [
    ['Array.from of an array-like', 'Array.from({ length: 2 ** 53 - 1 })'],
    ['String.raw of an array-like', 'String.raw({ raw: { length: 2 ** 53 - 1 } })'],
    ['Uint8Array.from of a sparse array', `Uint8Array.from(${sparse})`],
    ['spreading a sparse array', `[...${sparse}]`],
  ];
  for (const [title, expression] of loops) {
    test(title, async () => assert.match(await evaluateInside(expression), /^faulted: (unresponsive|out-of-memory)/));
  }
});

describe('a built-in function within its bounds means what it always meant', () => {
  const same: [string, unknown][] = [
    ['[3, 1, 2].sort().join()', '1,2,3'],
    ['[1, [2, [3, [4]]]].flat(2).length', 4],
    ['[1, , 2].flat().length', 2],
    ['[1, 2].concat([3], 4, [[5]]).length', 5],
    ['[1, 2].flatMap((x, i) => [x, i]).join()', '1,0,2,1'],
    ['Array.from("abc").join()', 'a,b,c'],
    ['Array.from({ length: 3 }, (_, i) => i * 2).join()', '0,2,4'],
    ['Array.from(new Set([1, 1, 2])).length', 2],
    ['Uint8Array.from([1, 2, 3], (x) => x + 1).join()', '2,3,4'],
    ['String.raw`a${1}\\n`', 'a1\\n'],
    ['"a-b-c".split("-").length', 3],
    ['"aXbX".replaceAll("X", "y")', 'ayby'],
    ['"abc".replace(/(b)/, "[$1]")', 'a[b]c'],
    ['[..."x1y2".matchAll(/\\d/g)].length', 2],
    ['"abc".padStart(5, "*").toUpperCase()', '**ABC'],
    ['JSON.stringify({ a: [1, { b: 2 }], c: 3 }, ["a", "b"])', '{"a":[1,{"b":2}]}'],
    ['JSON.parse("[1,2]", (k, v) => v).length', 2],
    ['Object.assign({}, { a: 1 }).a + Object.keys("ab").length', 3],
    ['Array.prototype.map.call(new Uint8Array(2), (x) => x + 1).join()', '1,1'],
    ['[].indexOf.name + [].indexOf.length', 'indexOf1'],
    ['new Array(2 ** 20).fill(0).length', 2 ** 20],
  ];
  for (const [expression, value] of same) {
    test(expression, async () => assert.equal(await evaluateInside(expression), String(value)));
  }

  test('one element past the bound is refused', async () => {
    assert.match(await evaluateInside('new Array(2 ** 20 + 1).fill(0).length'), /^threw RangeError/);
  });
});
