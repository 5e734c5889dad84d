/** The e1000 driver behind its monitor on the inline model, in virtual time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkConformance } from '../class/network-conformance.ts';
import { inlineNetwork } from '../class/testing/network-under-test.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import e1000Driver, { FEATURES, RING_COUNT } from './driver.ts';
import { E1000 } from './entry.ts';
import { e1000Model } from './model.ts';
import * as r from './registers.ts';

const specification = await loadDeviceSpecification(E1000);
const model = { macAddress: Uint8Array.of(0x02, 0xab, 0x00, 0x00, 0x10, 0x7f) };

describe('the e1000 driver on the inline model conforms to the network class:', () => {
  const start = () => Promise.resolve(inlineNetwork(E1000, specification, model));
  for (const check of networkConformance(start, FEATURES)) it(check.name, () => check.run());
});

interface Rig {
  /** Used past the driver and its monitor. */
  readonly card: InlineDevice;
  readonly driver: InlineDomain;
  /** Frames that the card sent. */
  readonly wire: readonly Uint8Array[];
  readonly receive: (frame: Uint8Array) => void;
}

function fresh(): Rig {
  const card = new InlineDevice(e1000Model, { model });
  const driver = new InlineDomain({ device: card, program: e1000Driver, monitor: specification.module });
  const wire: Uint8Array[] = [];
  card.ends.wire?.onFrame((frame) => wire.push(frame));
  return { card, driver, wire, receive: (frame) => card.ends.wire?.send(frame) };
}

function started(): Rig {
  const rig = fresh();
  rig.driver.wait(20_000);
  assert.deepEqual(rig.driver.messages, [{ kind: 'up', mac: '02:ab:00:00:10:7f', features: FEATURES }]);
  return rig;
}

describe('the e1000 driver', () => {
  it('touches by DMA only memory that it was granted, each grant in its own direction', () => {
    const { card, driver, receive } = started();
    for (let index = 0; index < 200; index += 1) {
      driver.send({ kind: 'transmit', frame: new Uint8Array(60 + 7 * index).fill(index) });
      receive(new Uint8Array(60 + index).fill(0xff));
      driver.poll();
    }
    const { touches, missed } = card.memory.since(0);
    assert.equal(missed, 0);
    assert.ok(touches.length > 1000);
    for (const touch of touches) {
      const grant = driver.grants.find(
        ({ address, sizeBytes }) => address <= touch.address && touch.address + touch.length <= address + sizeBytes,
      );
      const wanted = touch.direction === 'read' ? ['commands', 'device-reads'] : ['commands', 'device-writes'];
      assert.ok(grant !== undefined && wanted.includes(grant.purpose), JSON.stringify(touch));
    }
  });

  it('says `full` when its ring is full, takes the same frame later and loses none', () => {
    const { card, driver, wire } = started();
    // Switching the transmitter off behind the driver's back makes the ring fill up.
    const tctl = card.read(r.BAR_REGISTERS, r.TCTL, 4);
    card.write(r.BAR_REGISTERS, r.TCTL, 4, 0);
    const frame = new Uint8Array(100);
    for (let index = 0; index < RING_COUNT - 1; index += 1) driver.send({ kind: 'transmit', frame });
    assert.equal(driver.messages.length, 1);
    driver.send({ kind: 'transmit', frame });
    assert.deepEqual(driver.messages.at(-1), { kind: 'full' });
    card.write(r.BAR_REGISTERS, r.TCTL, 4, tctl);
    driver.send({ kind: 'transmit', frame });
    assert.deepEqual(
      driver.messages.slice(2).map((message) => message['count']),
      [RING_COUNT - 1, 1],
    );
    assert.equal(wire.length, RING_COUNT);
  });

  it('waits for the link, and says `up` when it comes', () => {
    const { card, driver } = fresh();
    const restart = r.PHY_CTRL_AUTONEG | r.PHY_CTRL_RESTART_AUTONEG;
    const mdic = r.MDIC_OP_WRITE | (r.PHY_ADDRESS << r.MDIC_PHY_SHIFT) | restart;
    driver.wait(9000);
    card.write(r.BAR_REGISTERS, r.MDIC, 4, mdic);
    const restartedUs = card.now();
    driver.wait(400_000);
    assert.equal(driver.messages.length, 0);
    driver.wait(restartedUs + 501_000 - card.now());
    assert.deepEqual(
      driver.messages.map((message) => message.kind),
      ['up'],
    );
  });

  it('does not believe a device that claims a frame longer than its buffer', () => {
    const { card, driver, receive } = started();
    const ring = driver.grants[2];
    assert.ok(ring !== undefined && ring.purpose === 'commands');
    // Half the ring and one frame more before the driver looks: then half of it is given back at once.
    for (let index = 0; index <= RING_COUNT / 2; index += 1) receive(new Uint8Array(100).fill(0xff));
    card.writeMemory(ring.address + r.RXD_LENGTH, Uint8Array.of(0xff, 0xff));
    driver.poll();
    assert.equal(driver.messages.filter(({ kind }) => kind === 'receive').length, RING_COUNT / 2);
    assert.equal(card.memory.bytes[ring.address + r.RXD_STATUS], 0);
    assert.equal(card.read(r.BAR_REGISTERS, r.RDT, 4), RING_COUNT / 2);
    assert.equal(driver.fault, undefined);
  });
});
