import { strict as assert } from 'node:assert';
import { before, describe, test } from 'node:test';
import { GRANT_FIRST_POOL, type MonitorModule } from '../../dsslang/runtime.ts';
import { loadMonitor } from '../monitor-module.ts';
import { ECHO_DMA_BASE, ECHO_DMA_BYTES, EchoDevice, createEchoState } from '../testing/echo-device.ts';
import { ECHO_MONITOR_SOURCE } from '../testing/echo-monitor.ts';
import { FRESH_BYTES_MAX, FreshStores } from './fresh-stores.ts';
import { Rvm } from './rvm.ts';

const numbered = (length: number, first = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);

describe('a run of fresh stores', () => {
  const known = (fresh: FreshStores, address: number, length: number): Uint8Array | undefined => {
    const bytes = new Uint8Array(length);
    return fresh.copy(address, length, bytes, 0) ? bytes : undefined;
  };

  test('is known whole and in part, and not one byte further', () => {
    const fresh = new FreshStores();
    fresh.note(1000, numbered(32));
    assert.deepEqual(known(fresh, 1000, 32), numbered(32));
    assert.deepEqual(known(fresh, 1016, 16), numbered(16, 17));
    assert.equal(known(fresh, 999, 16), undefined);
    assert.equal(known(fresh, 1017, 16), undefined);
    fresh.forget();
    assert.equal(known(fresh, 1000, 1), undefined);
  });

  test('grows to its limit; one byte more begins another, and a store past the limit is not kept', () => {
    const fresh = new FreshStores();
    fresh.note(0, numbered(FRESH_BYTES_MAX - 16));
    fresh.note(FRESH_BYTES_MAX - 16, numbered(16));
    assert.ok(known(fresh, 0, FRESH_BYTES_MAX));
    fresh.note(FRESH_BYTES_MAX, numbered(1));
    assert.equal(known(fresh, 0, 16), undefined);
    assert.deepEqual(known(fresh, FRESH_BYTES_MAX, 1), numbered(1));
    fresh.note(0, numbered(FRESH_BYTES_MAX));
    assert.ok(known(fresh, 0, FRESH_BYTES_MAX));
    fresh.note(0, numbered(FRESH_BYTES_MAX + 1));
    assert.equal(known(fresh, 0, 1), undefined);
  });

  test('a store that overlaps its beginning leaves nothing of it', () => {
    const fresh = new FreshStores();
    fresh.note(100, numbered(16));
    fresh.note(92, numbered(16));
    assert.deepEqual(known(fresh, 92, 16), numbered(16));
    assert.equal(known(fresh, 108, 8), undefined);
  });
});

describe('what the monitor is shown of entries that were just stored', () => {
  let echo: MonitorModule;
  before(async () => {
    echo = await loadMonitor(ECHO_MONITOR_SOURCE);
  });

  class CountingDevice extends EchoDevice {
    looks = 0;
    override readMemory(address: number, into: Uint8Array): void {
      this.looks += 1;
      super.readMemory(address, into);
    }
  }

  interface Asking {
    readonly rvm: Rvm;
    readonly device: CountingDevice;
    /** The device, behind the driver's back. */
    readonly memory: Uint8Array;
    /** What the next write of a register shows to the monitor of `[address, address + length)`; and whether memory was looked at. */
    readonly shown: (address: number, length: number) => { bytes: Uint8Array; looked: boolean };
  }

  interface Verdicts {
    /** On every store. */
    readonly store: number;
    /** Whether entries of a ring, or of a frozen table, are asked for. */
    readonly frozen: boolean;
    readonly action: 'fault' | 'log';
  }

  function asking({ store = 0, frozen = true, action = 'fault' }: Partial<Verdicts> = {}): Asking {
    const state = createEchoState();
    const device = new CountingDevice(state);
    let into = new Uint8Array(0);
    const pool = { name: 'pool', purpose: GRANT_FIRST_POOL, structureBytes: 16, filled: 0 };
    const rules = echo.info.rules.map((rule) => ({ ...rule, action }));
    const info = { ...echo.info, rules, pools: [pool] };
    const monitor: MonitorModule = {
      info,
      createMonitor: (memory) => ({
        ...echo.createMonitor(memory),
        info,
        read: () => 0,
        grant: () => 0,
        store: () => store,
        interrupt: () => 0,
        check: () => 0,
        write: (_space, _offset, _width, place) => {
          if (into.length > 0) assert.ok(memory.fetch(place, into.length, into, 0, frozen));
          return 0;
        },
      }),
    };
    const dma = { base: ECHO_DMA_BASE, sizeBytes: ECHO_DMA_BYTES };
    const rvm = new Rvm({ device, monitor, dma, ipd: 1, driver: 'echo' });
    const shown: Asking['shown'] = (address, length) => {
      into = new Uint8Array(length);
      const looks = device.looks;
      rvm.write(0, 0x1c, 4, address);
      const bytes = into;
      into = new Uint8Array(0);
      return { bytes, looked: device.looks !== looks };
    };
    return { rvm, device, memory: new Uint8Array(state.memory), shown };
  }

  test('are the bytes of the store, once: after the write of any register they are looked up', () => {
    const { rvm, shown } = asking();
    const { address } = rvm.allocate(64, 'commands');
    rvm.writeMemory(address, numbered(16));
    rvm.writeMemory(address + 16, numbered(16, 17));
    assert.deepEqual(shown(address, 32), { bytes: numbered(32), looked: false });
    assert.deepEqual(shown(address, 32), { bytes: numbered(32), looked: true });
  });

  for (const length of [FRESH_BYTES_MAX, FRESH_BYTES_MAX + 1]) {
    test(`${length} of them are ${length > FRESH_BYTES_MAX ? 'looked up' : 'known'}`, () => {
      const { rvm, shown } = asking();
      const { address } = rvm.allocate(length, 'commands');
      rvm.writeMemory(address, numbered(length));
      assert.deepEqual(shown(address, length), { bytes: numbered(length), looked: length > FRESH_BYTES_MAX });
    });
  }

  test('a half that was not stored is looked up, with all of the entry', () => {
    const { rvm, memory, shown } = asking();
    const { address } = rvm.allocate(64, 'commands');
    rvm.writeMemory(address, numbered(16));
    rvm.write(0, 0x1c, 4, 0);
    memory.fill(0xee, address - ECHO_DMA_BASE, address - ECHO_DMA_BASE + 16);
    rvm.writeMemory(address + 8, numbered(8));
    assert.deepEqual(shown(address, 16), {
      bytes: Uint8Array.of(...new Uint8Array(8).fill(0xee), ...numbered(8)),
      looked: true,
    });
  });

  const events: [string, (asked: Asking) => void][] = [
    ['the read of a register', ({ rvm }) => void rvm.read(0, 0, 4)],
    ['the write of a register', ({ rvm }) => rvm.write(0, 0x1c, 4, 0)],
    [
      'an interrupt',
      ({ device }) => {
        device.write(0, 0x0c, 4, 2);
        device.write(0, 0x24, 4, 1);
        device.write(0, 0x0c, 4, 0);
      },
    ],
    ['a grant', ({ rvm }) => void rvm.allocate(16, 'commands')],
  ];
  for (const [title, happen] of events) {
    test(`${title} makes them forgotten`, async () => {
      const asked = asking();
      const { address } = asked.rvm.allocate(64, 'commands');
      asked.rvm.writeMemory(address, numbered(16));
      happen(asked);
      await new Promise(setImmediate); // an edge is heard between operations
      asked.memory.fill(0xee, address - ECHO_DMA_BASE, address - ECHO_DMA_BASE + 16);
      assert.deepEqual(asked.shown(address, 16), { bytes: new Uint8Array(16).fill(0xee), looked: true });
    });
  }

  test('a store that a rule refused and only took note of is not known, and makes the others forgotten', () => {
    const { rvm, shown } = asking({ store: 1, action: 'log' });
    const { address } = rvm.allocate(64, 'commands');
    rvm.writeMemory(address, numbered(16));
    assert.deepEqual(shown(address, 16), { bytes: numbered(16), looked: true });
  });

  test('a table that nothing freezes, a list or a pool is always looked up: nothing says when the device may change it', () => {
    const table = asking({ frozen: false });
    const { address } = table.rvm.allocate(64, 'commands');
    table.rvm.writeMemory(address, numbered(16));
    assert.equal(table.shown(address, 16).looked, true);
    const pool = asking();
    const inPool = pool.rvm.allocate(64, 'commands', 'pool').address;
    pool.rvm.writeMemory(inPool, numbered(16));
    assert.equal(pool.shown(inPool, 16).looked, true);
  });
});
