/**
 * A driver's view of one specification, for tests: memory to lay structures in, and the interpreter as monitor.
 *
 * Verdicts are given as the reason of the rule, so that a test reads like the log of the monitor. No device is behind it.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile } from '../compile.ts';
import { loadFrom } from '../load.ts';
import { InterpretedMonitor } from '../interpreter/monitor.ts';
import { renderDiagnostics } from '../render.ts';
import { GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Verdict } from '../runtime.ts';

/** The checkout: compiled tests run from `dist/`, specifications stay in the source tree. */
export function languageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'dsslang');
}

/** The text of a specification in `dsslang/testing`. */
export const specification = (name: string): string => readFileSync(join(languageFolder(), 'testing', name), 'utf8');

export interface DeviceBench {
  readonly monitor: InterpretedMonitor;
  /** Little-endian fields of 1 to 8 bytes, one behind the other. */
  lay(address: number, ...fields: readonly (readonly [bytes: number, value: number | bigint])[]): void;
  /** Why the write of a register is refused; `allowed` if it is not. */
  write(register: string, value: number | bigint): string;
  report(register: string, value: number): string;
  store(address: number, length: number): string;
  grant(address: number, length: number, ...purposes: readonly ('commands' | 'reads' | 'writes')[]): string;
}

const purposeBits = { commands: GRANT_COMMANDS, reads: GRANT_READS, writes: GRANT_WRITES };

/** @param text a specification that compiles without a word */
export function bench(text: string, file = 'test.dss', memoryBytes = 1 << 20): DeviceBench {
  const { program, diagnostics } = compile(text, file, {
    load: loadFrom(join(languageFolder(), 'testing', file), file),
  });
  if (program === undefined || diagnostics.length > 0) throw new Error(`\n${renderDiagnostics(diagnostics)}`);
  const memory = new Uint8Array(memoryBytes);
  const view = new DataView(memory.buffer);
  const monitor = new InterpretedMonitor(program, {
    fetch(address, length, target, at) {
      if (address + length > memory.length) return false;
      target.set(memory.subarray(address, address + length), at);
      return true;
    },
  });
  const reason = (verdict: Verdict): string =>
    verdict === 0 ? 'allowed' : (program.rules[Math.abs(verdict)]?.reason ?? '?');
  const find = (name: string): (typeof program.registers)[number] => {
    const register = program.registers.find((each) => each.name === name);
    if (register === undefined) throw new Error(`no register ${name}`);
    return register;
  };
  return {
    monitor,
    lay(address, ...fields) {
      let at = address;
      for (const [bytes, value] of fields) {
        for (let index = 0; index < bytes; index += 1)
          view.setUint8(at + index, Number((BigInt(value) >> BigInt(8 * index)) & 0xffn));
        at += bytes;
      }
    },
    write(name, value) {
      const { space, offset, width } = find(name);
      const low = Number(BigInt.asUintN(32, BigInt(value)));
      return reason(monitor.write(space, offset, width, low, Number(BigInt(value) >> 32n), 0));
    },
    report(name, value) {
      const { space, offset, width } = find(name);
      return reason(monitor.report(space, offset, width, value, 0, 0));
    },
    store: (address, length) => reason(monitor.store(address, length, 0)),
    grant: (address, length, ...purposes) =>
      reason(
        monitor.grant(
          address,
          length,
          purposes.reduce((sum, each) => sum | purposeBits[each], 0),
        ),
      ),
  };
}
