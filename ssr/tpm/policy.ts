/**
 * Policies: what must be true of PCRs and NV values before the TPM opens a sealed blob (TPM 2.0 Part 1 §19.7).
 *
 * A policy digest is a chain of hashes, one link for each assertion. The functions here extend it as the TPM does, so
 * data can be sealed to a state that the machine is not in yet; `satisfy` makes a live session walk the same chain.
 * A test holds both to a trial session on a real TPM.
 */
import { ByteWriter, encodePcrSelection, u32Bytes } from './codec.ts';
import type { Tpm } from './client.ts';
import { policyNv, policyPcr } from './commands.ts';
import type { Entity } from './commands.ts';
import type { TpmCrypto } from './crypto.ts';
import { NO_PASSWORD } from './session.ts';
import type { Authorization, Session } from './session.ts';
import { COMMANDS, SHA256_SIZE_BYTES, TPM_EO } from './spec.ts';

/** One assertion of a policy. */
export type PolicyStep =
  | {
      readonly kind: 'pcr';
      /** PCRs of the SHA-256 bank. */
      readonly pcrs: readonly number[];
      /** Their values in ascending order of PCR: what the blob is sealed to. */
      readonly values: readonly Uint8Array[];
    }
  | {
      readonly kind: 'nv';
      /** With the Name it has once written. */
      readonly index: Entity;
      readonly operand: Uint8Array;
      readonly offset?: number;
      readonly operation: keyof typeof TPM_EO;
    };

/** The digest that PCR values contribute: the hash of all of them in ascending order of PCR. */
export function pcrValuesDigest(crypto: TpmCrypto, values: readonly Uint8Array[]): Uint8Array {
  return crypto.sha256(...values);
}

function extend(crypto: TpmCrypto, digest: Uint8Array, step: PolicyStep): Uint8Array {
  if (step.kind === 'pcr') {
    const selection = encodePcrSelection(step.pcrs);
    return crypto.sha256(digest, u32Bytes(COMMANDS.PolicyPCR.code), selection, pcrValuesDigest(crypto, step.values));
  }
  const argument = new ByteWriter()
    .bytes(step.operand)
    .u16(step.offset ?? 0)
    .u16(TPM_EO[step.operation])
    .done();
  return crypto.sha256(digest, u32Bytes(COMMANDS.PolicyNV.code), crypto.sha256(argument), step.index.name);
}

/** The authPolicy of an object that all `steps`, in this order, shall open. */
export function policyDigest(crypto: TpmCrypto, steps: readonly PolicyStep[]): Uint8Array {
  let digest: Uint8Array = new Uint8Array(SHA256_SIZE_BYTES);
  for (const step of steps) digest = extend(crypto, digest, step);
  return digest;
}

/**
 * Makes `session` satisfy the steps in order. `nvAuthorization` authorizes the reads of NV steps by the index itself.
 * @throws TpmError `TPM_RC_VALUE` if PCRs differ, `TPM_RC_POLICY` if an NV comparison is false
 */
export async function satisfy(
  tpm: Tpm,
  session: Session,
  steps: readonly PolicyStep[],
  nvAuthorization: Authorization = NO_PASSWORD,
): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'pcr') {
      await tpm.run(policyPcr(session.handle, step.pcrs, pcrValuesDigest(tpm.crypto, step.values)));
    } else {
      await tpm.run(policyNv({ ...step, session: session.handle }), [nvAuthorization]);
    }
  }
}
