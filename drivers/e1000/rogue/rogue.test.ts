/** The rogue e1000 drivers with nobody watching: each is honest until its attack, and its attack is one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import type { DriverProgram } from '../../../kernel/abi.ts';
import { loadDeviceSpecification } from '../../devices.ts';
import { InlineDevice } from '../../inline/inline-device.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import { unwatched } from '../../inline/testing/unwatched.ts';
import type { RogueDriver } from '../../rogue/rogue-driver.ts';
import { E1000 } from '../entry.ts';
import { e1000Model } from '../model.ts';
import { E1000_ROGUES } from './catalogue.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SETTLE_US = 20_000;

function load(rogue: RogueDriver): DriverProgram {
  return runInThisContext(readFileSync(ROOT + rogue.program, 'utf8')) as DriverProgram;
}

const { info } = (await loadDeviceSpecification(E1000)).module;

interface Rig {
  readonly card: InlineDevice;
  readonly driver: InlineDomain;
  /** Frames that the card sent. */
  readonly wire: readonly Uint8Array[];
}

/** Runs a driver on a card, and lets it do whatever it does. */
function runUnwatched(program: DriverProgram): Rig {
  const card = new InlineDevice(e1000Model);
  const wire: Uint8Array[] = [];
  card.ends.wire?.onFrame((frame) => wire.push(frame));
  const driver = new InlineDomain({ device: card, program, monitor: unwatched(info) });
  driver.wait(SETTLE_US);
  return { card, driver, wire };
}

function attackUnwatched(name: string): Rig {
  const rogue = E1000_ROGUES.find((entry) => entry.name === name);
  assert.ok(rogue !== undefined);
  return runUnwatched(load(rogue));
}

/** Touches of the device that no grant allows: the oracle that knows no monitor. */
function touchesOutside({ card, driver }: Rig): number {
  const { touches } = card.memory.since(0);
  return touches.filter((touch) => {
    const purposes = touch.direction === 'read' ? ['commands', 'device-reads'] : ['commands', 'device-writes'];
    return !driver.grants.some(
      ({ address, sizeBytes, purpose }) =>
        purposes.includes(purpose) && address <= touch.address && touch.address + touch.length <= address + sizeBytes,
    );
  }).length;
}

function kinds({ driver }: Rig): string[] {
  return driver.messages.map((message) => message.kind);
}

describe('a rogue e1000 driver', () => {
  it('behaves honestly until its attack: the card comes up, whatever the attack is', () => {
    for (const rogue of E1000_ROGUES) {
      const program = load(rogue);
      let saidHonest = false;
      // The attack is cut off at the first word after the honest part.
      const stopAtHonest: DriverProgram = (io) =>
        program({
          ...io,
          send(message) {
            saidHonest = message.kind === 'honest';
            throw new Error('stop here');
          },
        });
      const { fault } = runUnwatched(stopAtHonest).driver;
      assert.ok(fault?.kind === 'crashed' && fault.message === 'stop here', rogue.name);
      assert.ok(saidHonest, rogue.name);
    }
  });

  const reachesOut = [
    'transmit-dma-outside-grant',
    'transmit-ring-base-outside-grant',
    'transmit-from-write-only-grant',
    'one-byte-past-grant',
    'reset-through-io-window-then-attack',
    'enable-before-programming',
    'catches-the-refusal-and-continues',
  ];
  for (const name of reachesOut) {
    it(`reaches foreign memory if nobody watches: ${name}`, () => {
      const rig = attackUnwatched(name);
      assert.ok(kinds(rig).includes('attacked'));
      assert.ok(touchesOutside(rig) > 0);
    });
  }

  const reachesOutOnReceive = [
    'receive-dma-outside-grant',
    'receive-ring-base-outside-grant',
    'descriptor-changed-after-doorbell',
  ];
  for (const name of reachesOutOnReceive) {
    it(`lets the network reach foreign memory if nobody watches: ${name}`, () => {
      const rig = attackUnwatched(name);
      assert.equal(touchesOutside(rig), 0);
      rig.card.ends.wire?.send(new Uint8Array(100).fill(0xff));
      assert.ok(touchesOutside(rig) > 0);
    });
  }

  it('lets the network write descriptors if nobody watches: rx-buffer-over-own-ring', () => {
    const { card, driver } = attackUnwatched('rx-buffer-over-own-ring');
    const ring = driver.grants[2];
    assert.ok(ring?.purpose === 'commands');
    card.ends.wire?.send(new Uint8Array(100).fill(0xff));
    const second = card.memory.bytes.subarray(ring.address + 16, ring.address + 24);
    assert.deepEqual([...second], new Array(8).fill(0xff));
  });

  it('sends memory up to the very end of its grant, and no further: exactly-at-grant-end', () => {
    const rig = attackUnwatched('exactly-at-grant-end');
    assert.equal(touchesOutside(rig), 0);
    assert.deepEqual(Buffer.from(rig.wire[1] ?? []), Buffer.alloc(1000, 0x5a));
    assert.deepEqual(kinds(rig), ['honest', 'attacked']);
  });

  for (const name of ['interrupt-never-acknowledged', 'interrupt-storm']) {
    it(`keeps the processor busy for ever if nobody watches: ${name}`, () => {
      assert.equal(attackUnwatched(name).driver.fault?.kind, 'unresponsive');
    });
  }
});
