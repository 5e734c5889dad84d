import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import type { DriverProgram } from '../../../kernel/abi.ts';
import type { InlineDriver } from '../testing/inline-io.ts';
import { runInline } from '../testing/inline-io.ts';
import type { RogueDriver } from '../../rogue/rogue-driver.ts';
import { E1000_ROGUES } from './catalogue.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SETTLE_US = 20_000;

function load(rogue: RogueDriver): DriverProgram {
  return runInThisContext(readFileSync(ROOT + rogue.program, 'utf8')) as DriverProgram;
}

/** Runs a rogue on a card without any monitor. */
function attackUnwatched(name: string): InlineDriver {
  const rogue = E1000_ROGUES.find((entry) => entry.name === name);
  assert.ok(rogue !== undefined);
  const driver = runInline(load(rogue));
  driver.advance(SETTLE_US);
  return driver;
}

/** Touches of the device that no grant allows: the oracle that knows no monitor. */
function touchesOutside(driver: InlineDriver): number {
  const { touches } = driver.model.memory.since(0);
  return touches.filter((touch) => {
    const purposes = touch.direction === 'read' ? ['commands', 'device-reads'] : ['commands', 'device-writes'];
    return !driver.grants.some(
      ({ address, sizeBytes, purpose }) =>
        purposes.includes(purpose) && address <= touch.address && touch.address + touch.length <= address + sizeBytes,
    );
  }).length;
}

function kinds(driver: InlineDriver): string[] {
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
      assert.throws(() => runInline(stopAtHonest).advance(SETTLE_US), /stop here/, rogue.name);
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
      const driver = attackUnwatched(name);
      assert.ok(kinds(driver).includes('attacked'));
      assert.ok(touchesOutside(driver) > 0);
    });
  }

  const reachesOutOnReceive = [
    'receive-dma-outside-grant',
    'receive-ring-base-outside-grant',
    'descriptor-changed-after-doorbell',
  ];
  for (const name of reachesOutOnReceive) {
    it(`lets the network reach foreign memory if nobody watches: ${name}`, () => {
      const driver = attackUnwatched(name);
      assert.equal(touchesOutside(driver), 0);
      driver.receiveFrame(new Uint8Array(100).fill(0xff));
      assert.ok(touchesOutside(driver) > 0);
    });
  }

  it('lets the network write descriptors if nobody watches: rx-buffer-over-own-ring', () => {
    const driver = attackUnwatched('rx-buffer-over-own-ring');
    const ring = driver.grants[2];
    assert.ok(ring?.purpose === 'commands');
    driver.receiveFrame(new Uint8Array(100).fill(0xff));
    const second = driver.model.memory.bytes.subarray(ring.address + 16, ring.address + 24);
    assert.deepEqual([...second], new Array(8).fill(0xff));
  });

  it('sends memory up to the very end of its grant, and no further: exactly-at-grant-end', () => {
    const driver = attackUnwatched('exactly-at-grant-end');
    assert.equal(touchesOutside(driver), 0);
    assert.deepEqual(Buffer.from(driver.wire[1] ?? []), Buffer.alloc(1000, 0x5a));
    assert.deepEqual(kinds(driver), ['honest', 'attacked']);
  });

  for (const name of ['interrupt-never-acknowledged', 'interrupt-storm']) {
    it(`keeps the processor busy for ever if nobody watches: ${name}`, () => {
      assert.throws(() => attackUnwatched(name), /does not acknowledge/);
    });
  }
});
