import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import { createConfigSpace } from './config-space.ts';
import { ShieldError, workNotDone } from './errors.ts';
import { createGuestInterrupts, PATIENCE } from './guest-interrupts.ts';
import { parseGuestLine } from './guest-script.ts';
import { packInitramfs } from './initramfs.ts';
import { dependenciesOf, moduleName } from './modules.ts';
import { EVENT_FACT, mouse, READY_FACT } from './outside/mouse.ts';
import { network } from './outside/network.ts';
import { findPointers } from './pointers.ts';
import { createProxyReader, encodeReturn, PAYLOAD_MAX_BYTES } from './proxy-messages.ts';

function message(command: number, payload: Uint8Array, size = BigInt(payload.length)): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(command, 0);
  header.writeBigUInt64LE(size, 8);
  return Buffer.concat([header, payload]);
}

function barMessage(command: number, address: bigint, value: bigint, width: number, memory: boolean): Buffer {
  const payload = Buffer.alloc(24);
  payload.writeBigUInt64LE(address, 0);
  payload.writeBigUInt64LE(value, 8);
  payload.writeUInt32LE(width, 16);
  payload.writeUInt8(memory ? 1 : 0, 20);
  return message(command, payload);
}

function configMessage(command: number, offset: number, value: number, width: number): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeUInt32LE(offset, 0);
  payload.writeUInt32LE(value, 4);
  payload.writeInt32LE(width, 8);
  return message(command, payload);
}

const refusedAsProtocol = (bytes: Buffer): void => {
  assert.throws(
    () => createProxyReader().push(bytes),
    (error) => error instanceof ShieldError && error.code === 'PROXY_PROTOCOL',
  );
};

test('requests are the same wherever the stream is cut', () => {
  const stream = Buffer.concat([
    message(0, new Uint8Array(192)),
    configMessage(3, 0x3c, 0, 1),
    barMessage(4, 0xfebc_0000n, 0x1_2345_6789n, 4, true),
    message(6, new Uint8Array(8)),
    barMessage(5, 0xc004n, 0n, 2, false),
    configMessage(2, 4, 0xdead_0107, 2),
    message(7, new Uint8Array(0)),
  ]);
  const whole = createProxyReader().push(stream);
  assert.deepEqual(whole, [
    { kind: 'config-read', offset: 0x3c, width: 1 },
    { kind: 'write', memory: true, address: 0xfebc_0000, width: 4, value: 0x2345_6789n },
    { kind: 'read', memory: false, address: 0xc004, width: 2 },
    { kind: 'config-write', offset: 4, width: 2, value: 0x0107 },
    { kind: 'reset' },
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (cuts) => {
      const reader = createProxyReader();
      const requests = [];
      let at = 0;
      for (const cut of cuts) requests.push(...reader.push(stream.subarray(at, (at += cut))));
      requests.push(...reader.push(stream.subarray(at)));
      assert.deepEqual(requests, whole);
    }),
  );
  assert.equal(
    encodeReturn(0xffff_ffffn).toString(),
    message(1, Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])).toString(),
  );
});

test('a message that is not the protocol is refused, at its limits and one past them', () => {
  refusedAsProtocol(message(8, new Uint8Array(0)));
  refusedAsProtocol(message(-1, new Uint8Array(0)));
  assert.deepEqual(createProxyReader().push(message(0, new Uint8Array(PAYLOAD_MAX_BYTES))), []);
  refusedAsProtocol(message(0, new Uint8Array(0), BigInt(PAYLOAD_MAX_BYTES) + 1n));
  refusedAsProtocol(message(0, new Uint8Array(0), 2n ** 64n - 1n));
  refusedAsProtocol(message(3, new Uint8Array(11)));
  refusedAsProtocol(message(7, new Uint8Array(1)));
  assert.equal(createProxyReader().push(configMessage(3, 252, 0, 4)).length, 1);
  refusedAsProtocol(configMessage(3, 253, 0, 4));
  refusedAsProtocol(configMessage(3, 0, 0, 3));
  refusedAsProtocol(configMessage(3, 0xffff_ffff, 0, 4));
  refusedAsProtocol(barMessage(5, 0n, 0n, 3, true));
  refusedAsProtocol(barMessage(5, 2n ** 52n, 0n, 4, true));
});

test('no stream of bytes makes the reader keep more than one message, or throw anything untyped', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
      const reader = createProxyReader();
      try {
        for (const chunk of chunks) reader.push(Buffer.from(chunk));
      } catch (error) {
        assert.ok(error instanceof ShieldError && error.code === 'PROXY_PROTOCOL');
      }
    }),
  );
});

const BARS = [
  { bar: 0, kind: 'memory', sizeBytes: 0x2_0000 },
  { bar: 1, kind: 'ports', sizeBytes: 64 },
] as const;

test('a guest sizes and moves its own BARs, and its addresses become BAR and offset', () => {
  const config = createConfigSpace(BARS);
  config.write(0x10, 4, 0xffff_ffff);
  assert.equal(config.read(0x10, 4), 0xfffe_0000);
  config.write(0x14, 4, 0xffff_ffff);
  assert.equal(config.read(0x14, 4), 0xffff_ffc1);
  config.write(0x18, 4, 0xffff_ffff);
  assert.equal(config.read(0x18, 4), 0, 'a BAR that the specification does not name does not exist');
  config.write(0x28, 4, 0xffff_ffff);
  config.write(0x30, 4, 0xffff_ffff);
  assert.equal(config.read(0x28, 4) + config.read(0x30, 4), 0);
  config.write(0x10, 4, 0xfeb8_0000);
  config.write(0x14, 4, 0xc040);
  assert.deepEqual(config.locate(true, 0xfeb8_3818, 4), { bar: 0, offset: 0x3818 });
  assert.deepEqual(config.locate(true, 0xfeb9_fffc, 4), { bar: 0, offset: 0x1_fffc });
  assert.equal(config.locate(true, 0xfeb9_fffd, 4), undefined);
  assert.equal(config.locate(false, 0xfeb8_3818, 4), undefined);
  assert.deepEqual(config.locate(false, 0xc044, 4), { bar: 1, offset: 4 });
  assert.equal(config.locate(false, 0xc03c, 8), undefined);
});

test('capabilities are hidden and the interrupt line is the guest firmware’s', () => {
  const config = createConfigSpace(BARS);
  config.write(0x3c, 1, 11);
  assert.equal(config.interruptLine, 11);
  assert.equal(config.present(0x04, 4, 0x02b0_0007), 0x02a0_0007);
  assert.equal(config.present(0x06, 2, 0x0290), 0x0280);
  assert.equal(config.present(0x3c, 4, 0x00ff_0107), 0x00ff_010b);
  assert.ok(config.isPlatform(0x34, 1) && config.isPlatform(0x0f, 2) && !config.isPlatform(0x2c, 4));
  assert.equal(config.read(0x34, 1), 0);
});

test('an archive has the form that Linux unpacks', () => {
  const archive = gunzipSync(
    packInitramfs([
      { path: 'bin', content: 'folder' },
      { path: 'init', content: Buffer.from('hello') },
    ]),
  );
  assert.equal(archive.length % 4, 0);
  const text = archive.toString('latin1');
  assert.equal(text.slice(0, 6), '070701');
  assert.match(text, /000041ed.*bin\0/);
  assert.match(text, /000081ed[^]*0000000500000000[^]*init\0[^]*hello\0+070701[^]*TRAILER!!!/);
});

test('a module says by text what it needs', () => {
  assert.deepEqual(
    dependenciesOf(Buffer.from(['', 'license=GPL', 'depends=snd-pcm,ac97_bus', 'name=x', ''].join('\0'))),
    ['snd_pcm', 'ac97_bus'],
  );
  assert.deepEqual(dependenciesOf(Buffer.from('\0depends=\0', 'latin1')), []);
  assert.deepEqual(dependenciesOf(Buffer.from('no modinfo')), []);
  assert.equal(moduleName('snd-intel8x0.ko.xz'), 'snd_intel8x0');
});

test('lines of the guest are told from the noise of its kernel', () => {
  assert.deepEqual(parseGuestLine('refmon: phase probe'), { kind: 'phase', phase: 'probe' });
  assert.deepEqual(parseGuestLine('[1.0] refmon: fact ping 56 3'), { kind: 'fact', name: 'ping', value: '56 3' });
  assert.deepEqual(parseGuestLine('refmon: done'), { kind: 'done' });
  assert.equal(parseGuestLine('refmon: phase').kind, 'other');
  assert.equal(parseGuestLine('Kernel panic - not syncing').kind, 'other');
});

test('the registers that name descriptors are found in the specification', async () => {
  const { program } = await loadSpecification(inPackage('drivers/e1000/e1000.dss'));
  const pointers = findPointers(program);
  assert.ok(pointers.kind === 'found');
  assert.deepEqual(pointers.registers.map(({ name }) => name).sort(), ['RDBAL', 'TDBAL']);
  assert.deepEqual(pointers.fields, []);
});

test('a pointer inside a descriptor is found, with what lies before the entries that it leads to', async () => {
  const { program } = await loadSpecification(inPackage('dsslang/testing/ahci-chain.dss'));
  const pointers = findPointers(program);
  assert.ok(pointers.kind === 'found');
  assert.deepEqual(
    pointers.registers.map(({ name }) => name),
    ['PxCLB'],
  );
  assert.deepEqual(pointers.fields, [{ structBytes: 32, offset: 8, bytes: 8, lead: 128 }]);
});

test('an index into a list is no pointer, also for an array of engines', async () => {
  const { program } = await loadSpecification(inPackage('drivers/ac97/ac97.dss'));
  const pointers = findPointers(program);
  assert.ok(pointers.kind === 'found');
  assert.deepEqual(
    pointers.registers.map(({ name, count, stride }) => ({ name, count, stride })),
    [{ name: 'bm.BDBAR', count: 3, stride: 16 }],
  );
});

test('an interrupt that stays up for the whole of the guest’s time is asked about, one that falls is not', async () => {
  const levels: number[] = [];
  let checks = 0;
  const interrupts = createGuestInterrupts({
    deadlineUs: 1000,
    raise: () => true,
    check: () => (checks += 1),
    setLine: (level) => levels.push(level),
    carry: () => undefined,
  });
  interrupts.edge(1);
  interrupts.edge(1);
  interrupts.edge(0);
  await new Promise((resolve) => setTimeout(resolve, 2 * PATIENCE));
  assert.equal(checks, 0);
  interrupts.edge(1);
  await new Promise((resolve) => setTimeout(resolve, 2 * PATIENCE));
  assert.equal(checks, 1);
  interrupts.silence();
  assert.deepEqual(levels, [1, 0, 1, 0]);
  assert.equal(interrupts.delivered, 2);
});

test('a ping without an answer is told by its size and its set, and as an error by the boot', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-work-'));
  try {
    const { wrong } = network(folder).judge(
      new Map([['ping', ['56 3', '1400 3', '6000 2', '56 ', '1400 3', '6000 3']]]),
    );
    assert.deepEqual(wrong, [
      '2 of 3 pings of 6000 bytes were answered in time (set 3 of 6)',
      '0 of 3 pings of 56 bytes were answered in time (set 4 of 6)',
      'the file arrived changed, or not at all',
    ]);
    const error = workNotDone('round 2, the boot behind the monitor', wrong.slice(0, 1), { denied: 0, interrupts: 7 });
    assert.equal(error.code, 'GUEST_WORK');
    assert.equal(
      error.message,
      "round 2, the boot behind the monitor: the guest's work was not done: 2 of 3 pings of 6000 bytes were answered in time " +
        '(set 3 of 6) (0 operations denied, 7 interrupts delivered)',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the time of an interrupt counts from its own rise, though one timer serves many', async () => {
  const checks: number[] = [];
  const interrupts = createGuestInterrupts({
    deadlineUs: 2000,
    raise: () => true,
    check: () => checks.push(performance.now()),
    setLine: () => undefined,
    carry: () => undefined,
  });
  const patienceMs = 2 * PATIENCE;
  interrupts.edge(1);
  await new Promise((resolve) => setTimeout(resolve, patienceMs / 2));
  interrupts.edge(0);
  const risen = performance.now();
  interrupts.edge(1);
  await new Promise((resolve) => setTimeout(resolve, 4 * patienceMs));
  assert.equal(checks.length, 1, 'asked once for each time that it stays up');
  assert.ok((checks[0] ?? 0) - risen >= patienceMs - 1);
  interrupts.silence();
});

test('what the device has written follows its interrupt, and a refused one has nothing to follow', () => {
  const order: string[] = [];
  let allowed = true;
  const interrupts = createGuestInterrupts({
    deadlineUs: undefined,
    raise: () => allowed,
    check: () => undefined,
    setLine: (level) => order.push(`line ${level}`),
    carry: () => order.push('carry'),
  });
  interrupts.edge(1);
  interrupts.edge(0);
  allowed = false;
  interrupts.edge(1);
  assert.deepEqual(order, ['line 1', 'carry', 'line 0']);
});

test('a mouse in the guest is compared with the hand: each movement, each change of a button', () => {
  const outside = mouse();
  const events: string[] = [];
  const moved = { x: 0, y: 0, wheel: 0 };
  const keys = { left: 0x110, right: 0x111, middle: 0x112 };
  const hand = {
    move: (x: number, y: number, wheel = 0): void => {
      [moved.x, moved.y, moved.wheel] = [moved.x + x, moved.y + y, moved.wheel + wheel];
    },
    press: (button: keyof typeof keys, down: boolean): void => void events.push(`1 ${keys[button]} ${down ? 1 : 0}`),
  };
  outside.hear?.('note', { hand });
  assert.deepEqual(events, [], 'the hand waits for the guest');
  outside.hear?.(READY_FACT, { hand });
  // In pieces, with synchronisation and scan codes between them, as Linux reports it.
  const motion = [`2 0 ${moved.x - 1}`, '0 0 0', '2 0 1', `2 1 ${moved.y}`, `2 8 ${0 - moved.wheel}`, '4 4 1'];
  const judged = (said: readonly string[], times = 1): readonly string[] =>
    outside.judge(
      new Map([
        [READY_FACT, new Array<string>(times).fill('/dev/input/event1')],
        [EVENT_FACT, said],
      ]),
    ).wrong;
  assert.deepEqual(judged([...motion, ...events]), []);
  assert.deepEqual(judged([...motion, ...events, ...events, ...motion], 2), []);
  assert.match(judged([...motion.slice(1), ...events]).join(), /^the mouse moved by 1, /);
  assert.match(judged([...motion, ...events.slice(1)]).join(), /^the buttons did 272=0,/);
  assert.match(judged([...motion, ...events.toReversed()]).join(), /^the buttons did/);
  assert.match(judged([], 0).join(), /^the guest never listened/);
});
