import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { benchMonitor } from './bench-monitor.ts';
import { hasCompiler } from '../dsslang/native.ts';
import { agreedVerdicts, begin, makeMonitors } from './contenders.ts';
import { freshRunner } from './event-runner.ts';
import { CHECK, EVENTS_DEFAULT, monitorEvents } from './monitor-events.ts';

// From dist/proptests/bench/ to the checkout.
const specification = await readFile(new URL('../../../drivers/e1000/e1000.dss', import.meta.url), 'utf8');

test('the stream is the same from the same seed, has its exact length, and contains every kind of operation', () => {
  const stream = monitorEvents(1);
  assert.equal(stream.length, EVENTS_DEFAULT);
  assert.equal(EVENTS_DEFAULT, 65_536);
  assert.deepEqual(monitorEvents(1), stream);
  assert.notDeepEqual(monitorEvents(2), stream);
  for (let kind = 0; kind <= CHECK; kind += 1) assert.ok(stream.kind.includes(kind), `kind ${kind}`);
  assert.ok(stream.now.every((now, at) => at === 0 || now > (stream.now[at - 1] ?? 0)));
});

test('compiled, hand-written, interpreted and XState monitors agree on every operation of the stream', async () => {
  const monitors = await makeMonitors(specification);
  for (const seed of [1, 2]) {
    const verdicts = agreedVerdicts(monitors, monitorEvents(seed));
    const denied = verdicts.reduce((sum, verdict) => sum + verdict, 0);
    assert.ok(denied > 0.015 * EVENTS_DEFAULT && denied < 0.025 * EVENTS_DEFAULT, `${denied} denied`);
    assert.deepEqual(monitors.emitted.snapshot(), monitors.interpreter.snapshot());
    assert.deepEqual(monitors.emitted.states(), monitors.interpreter.states());
  }
});

test('a contender that allows one operation too many is found and named', async () => {
  const monitors = await makeMonitors(specification);
  const lax = monitors.xstate;
  const store = lax.store.bind(lax);
  let stores = 0;
  lax.store = (...args) => {
    stores += 1;
    return stores === 100 ? 1 : store(...args);
  };
  assert.throws(() => agreedVerdicts(monitors, monitorEvents(1, 4096)), {
    code: 'BENCH_VERDICTS_DIFFER',
    message: /^xstate denies operation \d+ \(store .*\), which the interpreter allows$/,
  });
});

test('the compiled monitor allocates nothing while it judges, even with addresses and times above 2^32', async () => {
  const { emitted, interpreter } = await makeMonitors(specification);
  const stream = monitorEvents(1, 16_384);
  const grown = async (monitor: typeof emitted, rounds: number): Promise<number> => {
    const run = await freshRunner();
    const bytes: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      begin(monitor);
      const before = process.memoryUsage().heapUsed;
      run(monitor, stream, 0, stream.length);
      bytes.push(process.memoryUsage().heapUsed - before);
    }
    // A collection makes a round negative, a compilation makes one large: the median of the last is neither.
    return bytes.slice(-15).sort((a, b) => a - b)[7] ?? Infinity;
  };
  // Under one byte an operation; the least object has 16.
  assert.ok((await grown(emitted, 120)) < stream.length);
  assert.ok(Math.abs(await grown(interpreter, 3)) > 100 * stream.length, 'the measure itself');
});

const skip = hasCompiler('gcc') ? false : 'gcc is not installed; try `apt-get install gcc libc6-dev`';

test('a small benchmark gives a row for each contender, in order, and the verdicts', { skip }, async () => {
  const result = await benchMonitor({ specification, rounds: 2, warmups: 1, events: 4096, slowEvents: 512 });
  assert.deepEqual(
    result.rows.map((row) => row.name),
    ['emitted', 'hand-written', 'interpreter', 'xstate', 'loop alone', 'c emitted', 'c hand-written', 'js batch'],
  );
  assert.equal(result.rows[1]?.ratio, 1);
  assert.equal(result.verdicts.allowed + result.verdicts.denied, 4096);
  for (const row of result.rows) assert.ok(0 < row.min_ns && row.min_ns <= row.p20_ns && row.p20_ns <= row.median_ns);
});

test('a specification that does not compile is refused', async () => {
  await assert.rejects(benchMonitor({ specification: 'device {' }), { code: 'BENCH_SPECIFICATION' });
});
