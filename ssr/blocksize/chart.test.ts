import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawSvg, sparkline } from './chart.ts';

test('a sparkline runs from the smallest to the largest value, and a flat one is flat', () => {
  assert.equal(sparkline([1, 10, 100]), '▁▄█');
  assert.equal(sparkline([8, 1, 8]), '█▁█');
  assert.equal(sparkline([5, 5, 5]), '▅▅▅');
});

test('a chart has the marks it was given, on logarithmic axes, inside the frame, and escapes its texts', async () => {
  const mark = { x: 128, y: 100, label: '<best> & only' };
  const svg = await drawSvg({
    title: 'a title',
    xLabel: 'size',
    yLabel: 'cost',
    line: [{ x: 16, y: 900 }, mark, { x: 4096, y: 2000 }],
    dots: [{ x: 64, y: 400 }],
    mark,
  });
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  for (const text of ['&lt;best&gt; &amp; only', 'a title', 'size', 'cost', '4K']) assert.ok(svg.includes(text), text);
  const line = svg.match(/<path[^>]* d="(M[^"]+)"/g)?.find((path) => /L.*L/.test(path)) ?? '';
  const points = [...line.matchAll(/([\d.]+),([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
  assert.equal(points.length, 3);
  for (const [x, y] of points) assert.ok(x >= 64 && x <= 720 && y >= 64 && y <= 420, `${x},${y}`);
  // 16 to 128 is three doublings of the eight to 4096.
  const [[left], [middle], [right]] = points as [
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
  ];
  assert.ok(Math.abs((middle - left) / (right - left) - 3 / 8) < 0.001);
  assert.equal(svg.match(/<circle/g)?.length, 2);
});
