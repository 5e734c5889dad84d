import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NetworkUnderTest } from '../class/network-conformance.ts';
import { networkConformance } from '../class/network-conformance.ts';
import { formatMac } from '../class/network.ts';
import e1000Driver, { FEATURES, RING_COUNT } from './driver.ts';
import * as r from './registers.ts';
import type { InlineDriver } from './testing/inline-io.ts';
import { runInline } from './testing/inline-io.ts';

const MAC = Uint8Array.of(0x02, 0xab, 0x00, 0x00, 0x10, 0x7f);
const VIRTUAL_STEP_US = 1000;

function startInline(): Promise<NetworkUnderTest> {
  const driver = runInline(e1000Driver, { macAddress: MAC });
  return Promise.resolve({
    mac: formatMac(MAC),
    send: (message) => {
      driver.send(message);
    },
    messages: driver.messages,
    sendFrame: (frame) => {
      driver.receiveFrame(frame);
    },
    frames: driver.wire,
    idle: () => {
      driver.advance(VIRTUAL_STEP_US);
    },
    close: () => Promise.resolve(),
  });
}

describe('the e1000 driver on the inline model conforms to the network class:', () => {
  for (const check of networkConformance(startInline, FEATURES)) it(check.name, () => check.run());
});

function started(): InlineDriver {
  const driver = runInline(e1000Driver, { macAddress: MAC });
  driver.advance(20_000);
  assert.deepEqual(driver.messages, [{ kind: 'up', mac: '02:ab:00:00:10:7f', features: FEATURES }]);
  return driver;
}

describe('the e1000 driver', () => {
  it('touches by DMA only memory that it was granted, each grant in its own direction', () => {
    const driver = started();
    for (let index = 0; index < 200; index += 1) {
      driver.send({ kind: 'transmit', frame: new Uint8Array(60 + 7 * index).fill(index) });
      driver.receiveFrame(new Uint8Array(60 + index).fill(0xff));
    }
    const { touches, missed } = driver.model.memory.since(0);
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
    const driver = started();
    // Switching the transmitter off behind the driver's back makes the ring fill up.
    const tctl = driver.model.read(r.BAR_REGISTERS, r.TCTL, 4);
    driver.model.write(r.BAR_REGISTERS, r.TCTL, 4, 0);
    const frame = new Uint8Array(100);
    for (let index = 0; index < RING_COUNT - 1; index += 1) driver.send({ kind: 'transmit', frame });
    assert.equal(driver.messages.length, 1);
    driver.send({ kind: 'transmit', frame });
    assert.deepEqual(driver.messages.at(-1), { kind: 'full' });
    driver.model.write(r.BAR_REGISTERS, r.TCTL, 4, tctl);
    driver.send({ kind: 'transmit', frame });
    assert.deepEqual(
      driver.messages.slice(2).map((message) => message['count']),
      [RING_COUNT - 1, 1],
    );
    assert.equal(driver.wire.length, RING_COUNT);
  });

  it('waits for the link, and says `up` when it comes', () => {
    const driver = runInline(e1000Driver, { macAddress: MAC });
    const restart = r.PHY_CTRL_AUTONEG | r.PHY_CTRL_RESTART_AUTONEG;
    const mdic = r.MDIC_OP_WRITE | (r.PHY_ADDRESS << r.MDIC_PHY_SHIFT) | restart;
    driver.advance(5000);
    driver.model.write(r.BAR_REGISTERS, r.CTRL, 4, 0);
    driver.advance(5000 - 1);
    driver.model.write(r.BAR_REGISTERS, r.MDIC, 4, mdic);
    driver.advance(400_000);
    assert.equal(driver.messages.length, 0);
    driver.advance(100_000);
    assert.deepEqual(
      driver.messages.map((message) => message.kind),
      ['up'],
    );
  });

  it('does not believe a device that claims a frame longer than its buffer', () => {
    const driver = started();
    const ring = driver.grants[2];
    assert.ok(ring !== undefined && ring.purpose === 'commands');
    const view = new DataView(driver.model.memory.bytes.buffer);
    view.setUint16(ring.address + r.RXD_LENGTH, 0xffff, true);
    view.setUint8(ring.address + r.RXD_STATUS, r.RXD_STATUS_DD | r.RXD_STATUS_EOP);
    driver.model.write(r.BAR_REGISTERS, r.ICS, 4, r.INT_RXT0);
    driver.advance(0);
    driver.send({ kind: 'no such message' });
    assert.equal(driver.messages.length, 1);
    // It was taken, for the next one is waited for: what fills half the ring is given back at once.
    for (let index = 1; index < RING_COUNT / 2; index += 1) {
      view.setUint8(ring.address + 16 * index + r.RXD_STATUS, r.RXD_STATUS_DD | r.RXD_STATUS_EOP);
    }
    driver.model.write(r.BAR_REGISTERS, r.ICS, 4, r.INT_RXT0);
    driver.send({ kind: 'no such message' });
    assert.equal(driver.messages.length, 1);
    assert.equal(view.getUint8(ring.address + r.RXD_STATUS), 0);
    assert.equal(driver.model.read(r.BAR_REGISTERS, r.RDT, 4), RING_COUNT / 2 - 1);
  });
});
