/** The memory that a guest, its device and the mirror between them share. */

/** Guest and mirror in one file; addresses are offsets in it. */
export interface MemoryAccess {
  read(address: number, into: Uint8Array): void;
  write(address: number, from: Uint8Array): void;
}
