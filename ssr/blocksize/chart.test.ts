import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawSvg, sparkline } from './chart.ts';

test('a sparkline runs from the smallest to the largest value, and a flat one stays low', () => {
  assert.equal(sparkline([1, 10, 100]), '▁▅█');
  assert.equal(sparkline([8, 1, 8]), '█▁█');
  assert.equal(sparkline([5, 5, 5]), '▁▁▁');
});

test('a chart places its points inside the frame and escapes its texts', () => {
  const mark = { x: 128, y: 100, label: '<best> & only' };
  const svg = drawSvg({
    title: 't',
    xLabel: 'x',
    yLabel: 'y',
    line: [{ x: 16, y: 900 }, mark, { x: 4096, y: 2000 }],
    dots: [],
    mark,
  });
  assert.ok(svg.includes('&lt;best&gt; &amp; only'));
  for (const [, x, y] of svg.matchAll(/([\d.]+),([\d.]+)/g)) {
    assert.ok(Number(x) >= 0 && Number(x) <= 720 && Number(y) >= 0 && Number(y) <= 420, `${x},${y}`);
  }
});
