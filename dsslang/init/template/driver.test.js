// The driver on its device behind the monitor, and drivers that misbehave: each must be stopped by the rule that is there
// for it. Run with `node --test`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { compile, emitJs, renderDiagnostics } from 'refmon/dsslang';
import { Kernel } from 'refmon/kernel';
import { openDevice } from './device.js';

const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8');
const driver = read('./driver.js');
const { program, diagnostics } = compile(read('./example_device.dss'), 'example_device.dss');
assert.ok(program !== undefined, renderDiagnostics(diagnostics));
const monitorModule = emitJs(program);

/** Runs a driver until `use` is done with it; says how it ended. */
async function run(source, use = async () => {}) {
  const kernel = Kernel.boot();
  const device = openDevice();
  const ipd = await kernel.spawn({ name: 'example_device', program: source, monitorModule, backing: device });
  await use(ipd);
  await kernel.shutdown();
  const { fault } = await ipd.exited;
  return { fault, copies: device.copies() };
}

test('the driver copies through its device', async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  let copied;
  const { fault, copies } = await run(driver, async (ipd) => {
    const answer = new Promise((resolve) => ipd.onMessage((message) => message.kind === 'copied' && resolve(message)));
    ipd.send({ kind: 'copy', bytes });
    copied = await Promise.race([answer, ipd.exited]);
  });
  assert.equal(fault, undefined);
  assert.deepEqual(copied.bytes, bytes);
  assert.equal(copies, 1);
});

for (const [title, from, to, reason] of [
  ['copies from memory it does not have', 'source.address', '0xdead_0000', /source lies outside/],
  ['copies past the end of its memory', 'target.address', 'target.address + 4092', /target lies outside/],
  ['copies more than the engine can', 'bytes.length);', '4097);', /at most 4096 bytes/],
]) {
  test(`a driver that ${title} is stopped before the device moves`, async () => {
    assert.ok(driver.includes(from));
    const { fault, copies } = await run(driver.replace(from, to), async (ipd) => {
      ipd.send({ kind: 'copy', bytes: Uint8Array.of(1, 2, 3, 4, 5) });
      await ipd.exited;
    });
    assert.match(fault.rule.reason, reason);
    assert.equal(copies, 0);
  });
}
