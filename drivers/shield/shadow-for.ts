/** Which shadow a device gets, and the memory that its machine has for it, by what its specification says of descriptors. */
import type { Pointers } from './pointers.ts';
import { poolLayout } from './pool-layout.ts';
import { createPoolShadow } from './pool-shadow.ts';
import type { MemoryAccess } from './memory-access.ts';
import { createPlainMemory, createShadow, type Shadow } from './shadow.ts';

/** Bytes of memory of the device's machine: the guest's, and above it the RVM's. Without a shadow there is nothing else to reach. */
export function memoryBytes(pointers: Pointers, guestBytes: number): number {
  if (pointers.kind === 'pools') return poolLayout(pointers.plan, guestBytes).totalBytes;
  return pointers.kind === 'found' ? 2 * guestBytes : guestBytes;
}

/** @param onPublished a structure of a pool was judged and is the device's now */
export function shadowFor(
  pointers: Pointers,
  memory: MemoryAccess,
  guestBytes: number,
  onPublished?: (pool: string, address: number, bytes: Uint8Array) => void,
): Shadow {
  switch (pointers.kind) {
    case 'found':
      return createShadow(memory, guestBytes, pointers.fields);
    case 'pools': {
      const { plan } = pointers;
      const layout = poolLayout(plan, guestBytes);
      return createPoolShadow({ memory, layout, plan, ...(onPublished === undefined ? {} : { onPublished }) });
    }
    default:
      return createPlainMemory(memory, guestBytes);
  }
}
