/** What a program says about itself, in the form that runs beside every monitor. Plain data; no behaviour. */
import type { Program } from './ir.ts';
import type { MonitorInfo } from './runtime.ts';

export function monitorInfo(program: Program): MonitorInfo {
  return {
    device: program.device,
    specificationHash: program.specificationHash,
    pci: program.pci,
    bars: program.bars,
    registers: program.registers.map(({ name, space, offset, width, count, stride, access }) => ({
      name,
      space,
      offset,
      width,
      count,
      stride,
      access,
    })),
    rules: program.rules,
    machines: program.machines.map(({ name, states }) => ({ name, states })),
    interrupt: program.interruptPlan,
    progress: program.progress,
    reset: program.reset,
    pools: program.pools,
    variables: [
      ...program.scalars.map((scalar) => scalar.name),
      ...program.arrays.flatMap(({ name, count }) => Array.from({ length: count }, (_, index) => `${name}[${index}]`)),
    ],
  };
}
