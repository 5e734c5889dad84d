/**
 * A monitor that allows everything: what a driver does if nobody watches.
 *
 * It shows that an attack is one: behind it the device does what the driver told it. The RVM still keeps the driver's own
 * loads and stores inside its regions, as page tables would.
 */
import { ALLOWED, type MonitorInfo, type MonitorModule } from '../../../dsslang/index.ts';

/** @param info of the device's specification: what the RVM must know of pools and of the reset */
export function unwatched(info: MonitorInfo): MonitorModule {
  const allow = (): number => ALLOWED;
  const blind: MonitorInfo = { ...info, interrupt: undefined, progress: [] };
  return {
    info: blind,
    createMonitor: () => ({
      info: blind,
      read: allow,
      report: allow,
      write: allow,
      store: allow,
      grant: allow,
      place: allow,
      tick: allow,
      interrupt: allow,
      check: allow,
      valueLo: () => 0,
      valueHi: () => 0,
      reset: () => undefined,
      states: () => [],
      snapshot: () => [],
    }),
  };
}
