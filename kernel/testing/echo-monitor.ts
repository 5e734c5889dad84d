/**
 * The echo device's specification, written by hand as the text of a monitor module: what a compiler would emit.
 *
 * It is kept as text because that is how a monitor reaches an IPD. It implements `Monitor` faithfully: default deny,
 * all or nothing, no allocation when it allows, private copies of descriptors, the whole interrupt automaton.
 */
export const ECHO_DEADLINE_US = 20_000;
export const ECHO_RATE_MAX = 200;

export const ECHO_MONITOR_SOURCE = String.raw`
const DEADLINE_US = ${ECHO_DEADLINE_US};
const RATE_MAX = ${ECHO_RATE_MAX};
const reasons = [
  ['', 'fault', ''],
  ['no register here', 'fault', 'device echo'],                                           // 1
  ['this register is read-only', 'fault', 'register ID ro'],                              // 2
  ['access must be 4 bytes wide', 'fault', 'u32'],                                        // 3
  ['secret values stay with the device', 'fault', 'on report SECRET'],                    // 4
  ['the ring must lie in command memory', 'fault', 'device.fetches(v, 128)'],             // 5
  ['tail index is outside the ring', 'fault', 'v < 8'],                                   // 6
  ['buffer is outside the memory granted to this driver', 'fault', 'device.reads(d.source, d.length)'], // 7
  ['the device owns this descriptor', 'fault', 'frozen ring[head ..< tail]'],             // 8
  ['interrupt not acknowledged', 'fault', 'acknowledge within 20ms'],                     // 9
  ['too many interrupts', 'fault', 'at most 200 per second'],                             // 10
  ['grant overlaps or is too many', 'deny', 'grants'],                                    // 11
  ['scratch value 13 is unlucky', 'deny', 'v != 13'],                                     // 12
  ['scratch value 14 is noted', 'log', 'v != 14'],                                        // 13
  ['the device must be enabled first', 'fault', 'CTRL.ENABLE'],                           // 14
];
const R = (name, offset, access) => ({ name, space: 0, offset, width: 4, count: 1, stride: 4, access });
export const info = {
  device: 'echo',
  specificationHash: '00'.repeat(32),
  pci: [{ vendor: 0x1234, device: 0xec0e }],
  bars: [{ bar: 0, kind: 'memory', sizeBytes: 4096 }],
  registers: [R('ID', 0, 'ro'), R('CTRL', 4, 'rw'), R('CAUSE', 8, 'rc'), R('MASK', 12, 'rw'), R('BASE', 16, 'rw'),
    R('HEAD', 20, 'ro'), R('TAIL', 24, 'rw'), R('SCRATCH', 28, 'rw'), R('SECRET', 32, 'ro'), R('KICK', 36, 'wo'), R('DEATH', 40, 'wo')],
  rules: reasons.map(([reason, action, text], i) => ({ reason, action, text, file: 'echo.dss', line: 10 + i, column: 5 })),
  machines: [
    { name: 'power', states: ['Off', 'Running'] },
    { name: 'irq', states: ['NULL', 'CARD_NOT_CHECKED', 'NOT_MINE', 'MINE_NOT_ACKED', 'MINE_ACKED'] },
  ],
  interrupt: { deadlineUs: DEADLINE_US, mask: [{ step: 'write', space: 0, offset: 12, width: 4, value: 0 }] },
  progress: [{ space: 0, offset: 20, width: 4 }],
  reset: [
    { step: 'write', space: 0, offset: 4, width: 4, value: 0x80000000 },
    { step: 'wait', space: 0, offset: 4, width: 4, mask: 0x80000000, equals: 0, timeoutUs: 2000 },
  ],
  pools: [],
  variables: ['base', 'head', 'tail'],
};
export function createMonitor(memory) {
  let power = 0, irq = 0, base = 0, head = 0, tail = 0, count = 0, windowStart = 0, grantCount = 0;
  const starts = new Float64Array(64), ends = new Float64Array(64), flags = new Uint8Array(64);
  const descriptor = new Uint8Array(16), view = new DataView(descriptor.buffer);
  const covered = (address, length, flag) => {
    for (let i = 0; i < grantCount; i++) if ((flags[i] & flag) !== 0 && address >= starts[i] && address + length <= ends[i]) return true;
    return false;
  };
  return {
    info,
    read(space, offset, width) {
      if (space !== 0 || offset > 32 || (offset & 3) !== 0) return 1;
      return width === 4 ? 0 : 3;
    },
    report(space, offset, width, lo) {
      if (offset === 32 && lo === 0xdead) return 4;
      if (offset === 20) { if (lo > 7) return 6; head = lo; }
      if (offset === 8 && irq !== 0) irq = lo === 0 ? 2 : 4;
      return 0;
    },
    write(space, offset, width, lo) {
      if (space !== 0 || offset > 40 || (offset & 3) !== 0) return 1;
      if (width !== 4) return 3;
      switch (offset) {
        case 4: power = lo & 1; return 0;
        case 12: case 36: case 40: return 0;
        case 16: if (!covered(lo, 128, 1)) return 5; base = lo; return 0;
        case 24: {
          if (power !== 1) return 14;
          if (lo > 7) return 6;
          for (let i = tail; i !== lo; i = (i + 1) % 8) {
            if (!memory.fetch(base + i * 16, 16, descriptor, 0)) return 5;
            if (!covered(view.getUint32(0, true), view.getUint32(8, true), 2)) return 7;
            if (!covered(view.getUint32(4, true), view.getUint32(8, true), 4)) return 7;
          }
          tail = lo; return 0;
        }
        case 28: return lo === 13 ? 12 : lo === 14 ? 13 : 0;
        default: return 2;
      }
    },
    store(address, length) {
      for (let i = head; i !== tail; i = (i + 1) % 8) {
        const at = base + i * 16;
        if (address < at + 16 && at < address + length) return 8;
      }
      return 0;
    },
    grant(address, length, purposes) {
      if (grantCount === 64 || length === 0) return 11;
      for (let i = 0; i < grantCount; i++) if (address < ends[i] && starts[i] < address + length) return 11;
      starts[grantCount] = address; ends[grantCount] = address + length; flags[grantCount] = purposes; grantCount++;
      return 0;
    },
    interrupt(now) {
      if (now - windowStart >= 1e6) { windowStart = now; count = 0; }
      if (count >= RATE_MAX) return 10;
      count++; irq = 1; return 0;
    },
    check() { return irq === 1 || irq === 3 || irq === 0 ? 9 : 0; },
    reset() { power = irq = base = head = tail = count = windowStart = grantCount = 0; },
    states() { return [power, irq]; },
    snapshot() { return [BigInt(base), BigInt(head), BigInt(tail)]; },
  };
}
`;
