/** The twelve comparisons of TPM2_PolicyNV (TPM 2.0 Part 2 §6.11): big-endian numbers of equal length, `a` from NV. */
import { TPM_EO } from './spec.ts';

/** Negative, zero or positive as `a` is below, equal to or above `b`, both unsigned. */
function unsignedOrder(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isNegative(value: Uint8Array): boolean {
  return ((value[0] ?? 0) & 0x80) !== 0;
}

/**
 * As the reference code has it: of two negative numbers the one with the larger bytes counts as the smaller one, as if
 * the bytes were sign and magnitude. In two's complement it would be the other way round; swtpm answers like this, and so
 * may chips. Do not seal to signed comparisons.
 */
function signedOrder(a: Uint8Array, b: Uint8Array): number {
  if (isNegative(a) !== isNegative(b)) return isNegative(a) ? -1 : 1;
  return isNegative(a) ? unsignedOrder(b, a) : unsignedOrder(a, b);
}

export function compareNv(a: Uint8Array, b: Uint8Array, operation: number): boolean {
  switch (operation) {
    case TPM_EO.eq:
      return unsignedOrder(a, b) === 0;
    case TPM_EO.neq:
      return unsignedOrder(a, b) !== 0;
    case TPM_EO.signedGt:
      return signedOrder(a, b) > 0;
    case TPM_EO.unsignedGt:
      return unsignedOrder(a, b) > 0;
    case TPM_EO.signedLt:
      return signedOrder(a, b) < 0;
    case TPM_EO.unsignedLt:
      return unsignedOrder(a, b) < 0;
    case TPM_EO.signedGe:
      return signedOrder(a, b) >= 0;
    case TPM_EO.unsignedGe:
      return unsignedOrder(a, b) >= 0;
    case TPM_EO.signedLe:
      return signedOrder(a, b) <= 0;
    case TPM_EO.unsignedLe:
      return unsignedOrder(a, b) <= 0;
    case TPM_EO.bitSet:
      return b.every((bits, i) => ((a[i] ?? 0) & bits) === bits);
    case TPM_EO.bitClear:
      return b.every((bits, i) => ((a[i] ?? 0) & bits) === 0);
    default:
      return false;
  }
}
