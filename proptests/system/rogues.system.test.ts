/**
 * Every rogue driver against the compiled specification, on the model and on QEMU: refused, for the right reason, and with
 * no byte of foreign memory touched. The model tells what its DMA engine did; around the grants on QEMU lie canaries.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { OpenModelBacking } from '../../drivers/backing/model/model-backing.ts';
import { runRogue } from '../../drivers/demo/rogues.ts';
import { exchangeFrames, whenUp } from '../../drivers/demo/traffic.ts';
import { ROGUE_DRIVERS, type RogueDriver } from '../../drivers/rogue/catalogue.ts';
import { GRANTS_MAX } from '../../dsslang/index.ts';
import { Kernel, PAGE_BYTES, type OpenBacking } from '../../kernel/index.ts';
import { openModel, openQemu, QEMU_MISSING, SPECIFICATION, spawnHonest } from './support.ts';

/** What each rogue must be refused for. Another reason would mean that its attack was never tried. */
const REASONS: Readonly<Record<string, RegExp>> = {
  'transmit-dma-outside-grant': /^transmit buffer is outside the memory granted/,
  'receive-dma-outside-grant': /^receive buffer is outside the memory granted/,
  'transmit-ring-base-outside-grant': /^the transmit ring is outside the memory granted for commands/,
  'receive-ring-base-outside-grant': /^the receive ring is outside the memory granted for commands/,
  'ring-longer-than-grant': /^the transmit ring is outside the memory granted for commands/,
  'transmit-from-write-only-grant': /^transmit buffer is outside the memory granted/,
  'one-byte-past-grant': /^transmit buffer is outside the memory granted/,
  'exactly-at-grant-end': /^nothing is wrong with it/,
  'rx-buffer-over-own-ring': /^receive buffer is outside the memory granted/,
  'descriptor-changed-after-doorbell': /^an entry of `rxRing` belongs to the device/,
  'ring-moved-while-running': /^the transmit ring cannot move while the engine runs/,
  'enable-before-programming': /^program the (receive|transmit) ring before enabling the engine|^program base, length/,
  'tail-past-the-ring': /^tail index is outside the transmit ring/,
  'reserved-bits': /^reserved bits of `RCTL` must be written as 0/,
  'unlisted-register': /^`PACKET_BUFFER` cannot be written/,
  'wrong-width': /^`TDT` takes whole accesses of 32 bits/,
  'moves-a-bar': /^only the platform may change `BARS`/,
  'reset-through-io-window-then-attack': /^stop both engines before a reset/,
  'interrupt-never-acknowledged': /^the interrupt's cause was not read from `ICR` in time/,
  'interrupt-storm': /^more than 20000 interrupts a second/,
  'endless-loop': /^an entry took longer than 250 ms/,
  'memory-bomb': /^an entry took longer than 250 ms|^it held more memory than/,
  'buffer-bomb': /^an entry took longer than 250 ms|^it held more memory than/,
  'grant-bomb': /^too many grants/,
  'escape-constructor': /^its compartment holds nothing but `io`/,
  'escape-dynamic-import': /^its compartment holds nothing but `io`/,
  'escape-prototype-pollution': /^its compartment holds nothing but `io`/,
  'escape-process': /^its compartment holds nothing but `io`/,
  'catches-the-refusal-and-continues': /^tail index is outside the transmit ring/,
};
const OUTCOMES: Readonly<Record<RogueDriver['expects'], string>> = {
  refused: 'refused',
  stopped: 'refused',
  contained: 'refused',
  allowed: 'allowed',
};

it('has a reason for every rogue driver, and for nothing else', () => {
  assert.deepEqual(Object.keys(REASONS).sort(), ROGUE_DRIVERS.map((rogue) => rogue.name).sort());
});

async function attack(kernel: Kernel, open: OpenBacking, rogue: RogueDriver): Promise<void> {
  const result = await runRogue(kernel, SPECIFICATION, open, rogue);
  assert.equal(result.outcome, OUTCOMES[rogue.expects], result.reason);
  assert.ok(result.asExpected, `by ${result.by ?? 'nothing'}: ${result.reason}`);
  assert.match(result.reason, REASONS[rogue.name] ?? /^$/);
  if (result.fault !== undefined) assert.deepEqual(result.fault.reset, { done: 'reset' });
}

async function exchangeFifty(kernel: Kernel, open: OpenBacking): Promise<void> {
  const ipd = await spawnHonest(kernel, open);
  const { sent, received } = await exchangeFrames(ipd, open, await whenUp(ipd), 50);
  assert.deepEqual({ sent, received, fault: ipd.fault }, { sent: 50, received: 50, fault: undefined });
  await ipd.stop();
}

interface Range {
  readonly address: number;
  readonly sizeBytes: number;
}
interface Grant extends Range {
  readonly device: readonly ('read' | 'write')[];
}

/** What rogues ask for beyond the honest four regions: all for reading, but rings. */
const MORE: Readonly<
  Record<string, { readonly sizeBytes: number; readonly regions: number; readonly ring?: boolean }>
> = {
  'exactly-at-grant-end': { sizeBytes: 4096, regions: 1 },
  'one-byte-past-grant': { sizeBytes: 4096, regions: 1 },
  'ring-longer-than-grant': { sizeBytes: 256, regions: 1, ring: true },
  'ring-moved-while-running': { sizeBytes: 256, regions: 1, ring: true },
  'grant-bomb': { sizeBytes: 4096, regions: GRANTS_MAX - 4 },
};

/** The grants of a rogue, in the order and places that the kernel gives: each on a page, a guard page behind it. */
function grantsOf(base: number, rogue: RogueDriver): readonly Grant[] {
  const grants: Grant[] = [];
  let free = base;
  const add = (sizeBytes: number, device: Grant['device']): void => {
    grants.push({ address: free, sizeBytes, device });
    free = Math.ceil((free + sizeBytes) / PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES;
  };
  add(16 * 16, ['read', 'write']);
  add(16 * 2048, ['read']);
  add(16 * 16, ['read', 'write']);
  add(16 * 2048, ['write']);
  const more = MORE[rogue.name];
  for (let count = 0; count < (more?.regions ?? 0); count += 1) {
    add(more?.sizeBytes ?? 0, more?.ring === true ? ['read', 'write'] : ['read']);
  }
  return grants;
}

describe('rogue drivers on the model', () => {
  const kernel = Kernel.boot();
  let open: OpenModelBacking;
  before(async () => {
    open = await openModel();
  });
  after(async () => {
    await kernel.shutdown();
    await open.close();
  });
  for (const rogue of ROGUE_DRIVERS) {
    it(`${rogue.expects}, and no foreign byte touched: ${rogue.name}`, async () => {
      const { total } = open.dmaRecord();
      await attack(kernel, open, rogue);
      const { touches, missed } = open.dmaRecord(total);
      assert.equal(missed, 0);
      const grants = grantsOf(open.dma.base, rogue);
      for (const { address, length, direction } of touches) {
        const granted = grants.some(
          (grant) =>
            grant.device.includes(direction) &&
            address >= grant.address &&
            address + length <= grant.address + grant.sizeBytes,
        );
        assert.ok(granted, `the device touched (${direction}) ${length} bytes at 0x${address.toString(16)}`);
      }
    });
  }
  it('leaves the device to the honest driver, which exchanges 50 frames each way', async () => {
    assert.ok(open.dmaRecord().total > ROGUE_DRIVERS.length, 'the record was kept: most rogues sent a frame');
    await exchangeFifty(kernel, open);
  });
});

describe('rogue drivers on QEMU', { skip: QEMU_MISSING }, () => {
  const kernel = Kernel.boot();
  const sent: Uint8Array[] = [];
  let open: OpenBacking;
  before(async () => {
    open = await openQemu();
    open.wire?.onFrame((frame) => sent.push(frame));
  });
  after(async () => {
    await kernel.shutdown();
    await open.close();
  });
  for (const rogue of ROGUE_DRIVERS.filter(({ only }) => only === undefined)) {
    it(`${rogue.expects}, and every canary alive: ${rogue.name}`, async () => {
      const canaries = canariesAround(open, rogue);
      paint(open, canaries);
      sent.length = 0;
      await attack(kernel, open, rogue);
      assertAlive(open, canaries);
      // Nothing but what rogues write into their own buffers has left the machine.
      for (const frame of sent)
        assert.deepEqual(
          [...new Set(frame)].filter((byte) => byte !== 0 && byte !== 0x5a),
          [],
        );
    });
  }
  it('leaves the device to the honest driver, which exchanges 50 frames each way', () => exchangeFifty(kernel, open));
});

/** Beyond everything that the driver is granted: the memory that most rogues aim at, and the end of the range. */
function canariesAround({ dma }: OpenBacking, rogue: RogueDriver): readonly Range[] {
  const last = grantsOf(dma.base, rogue).at(-1) ?? { address: 0, sizeBytes: 0 };
  // The guard page itself is zeroed with the grants.
  const behind = (Math.ceil((last.address + last.sizeBytes) / PAGE_BYTES) + 1) * PAGE_BYTES;
  const end = dma.base + dma.sizeBytes;
  return [behind, end - 16 * PAGE_BYTES].map((address) => ({ address, sizeBytes: 16 * PAGE_BYTES }));
}

/** Bytes that follow from their address, so that a copy from elsewhere does not look alive. */
function canary({ address, sizeBytes }: Range): Uint8Array {
  return Uint8Array.from(
    { length: sizeBytes },
    (_, index) => ((address + index) * 151 + ((address + index) >> 8)) & 0xff,
  );
}

function paint(open: OpenBacking, ranges: readonly Range[]): void {
  const device = open.attachHere();
  for (const range of ranges) device.writeMemory(range.address, canary(range));
  device.detach();
}

function assertAlive(open: OpenBacking, ranges: readonly Range[]): void {
  const device = open.attachHere();
  for (const range of ranges) {
    const seen = new Uint8Array(range.sizeBytes);
    device.readMemory(range.address, seen);
    assert.equal(Buffer.compare(seen, canary(range)), 0, `canary at 0x${range.address.toString(16)} has changed`);
  }
  device.detach();
}
