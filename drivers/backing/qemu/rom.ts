/**
 * The boot ROM of a machine that must not run: the processor halts at its first instruction and stays halted.
 *
 * QEMU's device models keep time by the running machine, so the machine is started (and not frozen with `-S`), but
 * there must be no guest software that touches the device besides the driver under watch. An x86 processor begins at
 * the last 16 bytes of the ROM (Intel SDM vol. 3, 10.1.4 "First Instruction Executed").
 */

/** The smallest ROM that QEMU maps: a multiple of 64 KiB. */
export const ROM_SIZE_BYTES = 0x10000;
const RESET_VECTOR = 0xfff0;
const HLT = 0xf4;
/** cli; hlt; jmp back to the hlt, for a non-maskable interrupt wakes even a processor with interrupts off. */
const HALT_FOREVER = [0xfa, HLT, 0xeb, 0xfd];

/** 64 KiB of `hlt` with the endless halt at the reset vector. */
export function haltRom(): Uint8Array {
  const rom = new Uint8Array(ROM_SIZE_BYTES).fill(HLT);
  rom.set(HALT_FOREVER, RESET_VECTOR);
  return rom;
}
