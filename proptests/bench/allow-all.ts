/**
 * A monitor of the emitted shape that allows everything: what the RVM costs with no specification behind it.
 *
 * For measuring only. It keeps the specification's identity and reset, so that the kernel treats the device the same, and
 * drops its rules, its interrupt plan and its state.
 */
import type { MonitorInfo } from '../../dsslang/index.ts';

/** The source text of a `MonitorModule` for the same device as `info`. */
export function allowAllSource(info: MonitorInfo): string {
  const bare: MonitorInfo = {
    ...info,
    registers: [],
    rules: info.rules.slice(0, 1),
    machines: [],
    interrupt: undefined,
    progress: [],
    variables: [],
  };
  return `export const info = ${JSON.stringify(bare)};
export function createMonitor() {
  return {
    info,
    read: () => 0,
    report: () => 0,
    write: () => 0,
    store: () => 0,
    grant: () => 0,
    interrupt: () => 0,
    check: () => 0,
    reset: () => undefined,
    states: () => [],
    snapshot: () => [],
  };
}
`;
}
