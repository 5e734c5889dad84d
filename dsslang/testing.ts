/** What the tests of the language share: small devices, their diagnostics, and both kinds of monitor for one text. */
import { compile } from './compile.ts';
import { emitJs } from './emit/js.ts';
import { InterpretedMonitor } from './interpreter/monitor.ts';
import { renderDiagnostics } from './render.ts';
import type { DescriptorMemory, Monitor, MonitorModule } from './runtime.ts';

/** A device with one region `regs` (BAR 0, 64 KiB) and a reset, and in it what `body` declares. */
export function device(body: string): string {
  return `device d { match pci 8086:100e region regs = bar 0 memory 64K reset { delay 1ms }\n${body}\n}`;
}

/** The codes of what is wrong or looks wrong in `device(body)`, in the order of their places. */
export function codes(body: string): string[] {
  return compile(device(body)).diagnostics.map((each) => each.code);
}

/** Descriptor memory where nothing can be read. */
export const noMemory: DescriptorMemory = { fetch: () => false };

/** A flat piece of memory at `base`. */
export function flatMemory(base: number, bytes: Uint8Array): DescriptorMemory {
  return {
    fetch(address, length, target, at) {
      const from = address - base;
      if (from < 0 || from + length > bytes.length) return false;
      target.set(bytes.subarray(from, from + length), at);
      return true;
    },
  };
}

/** An emitted module, loaded as what it is: an ES module without imports. */
export async function load(text: string): Promise<MonitorModule> {
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`;
  return (await import(url)) as MonitorModule;
}

/** Interpreter and emitted JavaScript of `device(body)`: what holds for one must hold for both. */
export async function monitors(body: string, memory = noMemory): Promise<readonly Monitor[]> {
  const { program, diagnostics } = compile(device(body));
  if (program === undefined) throw new Error(renderDiagnostics(diagnostics));
  const emitted = await load(emitJs(program));
  return [new InterpretedMonitor(program, memory), emitted.createMonitor(memory)];
}

/** The reason of a verdict in words; 'allowed' for 0. */
export function reason(monitor: Monitor, verdict: number): string {
  return verdict === 0 ? 'allowed' : (monitor.info.rules[verdict]?.reason ?? `no rule ${verdict}`);
}

/** The value of a state variable by name. */
export function variable(monitor: Monitor, name: string): bigint | undefined {
  return monitor.snapshot()[monitor.info.variables.indexOf(name)];
}
