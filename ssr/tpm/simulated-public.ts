/**
 * Public and sensitive areas of the simulated TPM's objects: what may be in them, and the Names that follow from them.
 *
 * Templates of P-256 storage and signing keys and of sealed data pass, with the refusals of TPM 2.0 Part 3 §12.1 and Part 2
 * §12.2 for the rest. Nothing here changes the TPM.
 */
import { ByteWriter, concatBytes, stripTrailingZeros, u16Bytes } from './codec.ts';
import { RC, Refusal, parameterNumber } from './simulated-input.ts';
import type { Input } from './simulated-input.ts';
import type { Machine, SimulatedObject } from './simulated-state.ts';
import * as spec from './spec.ts';

export interface Template {
  readonly type: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  /** Algorithm parameters as they were read, to be written back. */
  readonly parameters: Uint8Array;
}

/** TPMT_PUBLIC of one of the kinds known here; the unique field is read and dropped. */
export function readPublic(input: Input): Template & { readonly unique: Uint8Array } {
  return input.sizedStructure(() => {
    const type = input.u16();
    if (type !== spec.TPM_ALG_ECC && type !== spec.TPM_ALG_KEYEDHASH) throw input.refuse(RC.TYPE);
    if (input.hashAlgorithm() !== spec.TPM_ALG_SHA256) throw input.refuse(RC.HASH);
    const attributes = input.u32();
    if ((attributes & spec.TPMA_OBJECT_RESERVED) !== 0) throw input.refuse(RC.RESERVED_BITS);
    const authPolicy = input.sized(spec.MAX_DIGEST_SIZE_BYTES);
    const parameters = type === spec.TPM_ALG_ECC ? readEccParameters(input) : readSealParameters(input);
    const unique =
      type === spec.TPM_ALG_ECC
        ? concatBytes(input.sized(66), input.sized(66))
        : input.sized(spec.MAX_DIGEST_SIZE_BYTES);
    return { type, attributes, authPolicy, parameters, unique };
  });
}

function readEccParameters(input: Input): Uint8Array {
  const read = new ByteWriter();
  const symmetric = input.u16();
  read.u16(symmetric);
  if (symmetric === spec.TPM_ALG_AES) {
    const bits = input.u16();
    if (bits !== 128) throw input.refuse(RC.VALUE);
    const mode = input.u16();
    if (mode !== spec.TPM_ALG_CFB) throw input.refuse(RC.MODE);
    read.u16(bits).u16(mode);
  } else if (symmetric !== spec.TPM_ALG_NULL) throw input.refuse(RC.SYMMETRIC);
  const scheme = input.u16();
  read.u16(scheme);
  if (scheme === spec.TPM_ALG_ECDSA) read.u16(input.hashAlgorithm());
  else if (scheme !== spec.TPM_ALG_NULL) throw input.refuse(RC.SCHEME);
  const curve = input.u16();
  if (curve !== spec.TPM_ECC_NIST_P256) throw input.refuse(RC.CURVE);
  const kdf = input.u16();
  if (kdf !== spec.TPM_ALG_NULL) throw input.refuse(RC.VALUE);
  return read.u16(curve).u16(kdf).done();
}

function readSealParameters(input: Input): Uint8Array {
  const scheme = input.u16();
  if (scheme !== spec.TPM_ALG_NULL) throw input.refuse(RC.VALUE);
  return u16Bytes(scheme);
}

export function readSensitive(input: Input): { authValue: Uint8Array; data: Uint8Array } {
  return input.sizedStructure(() => {
    const authValue = input.sized(spec.MAX_DIGEST_SIZE_BYTES);
    return { authValue: stripTrailingZeros(authValue).slice(), data: input.sized(spec.MAX_SYM_DATA_BYTES) };
  });
}

export function publicArea(template: Template, unique: Uint8Array): Uint8Array {
  const writer = new ByteWriter().u16(template.type).u16(spec.TPM_ALG_SHA256).u32(template.attributes);
  return writer.sized(template.authPolicy).bytes(template.parameters).bytes(unique).done();
}

export function nameFor(machine: Machine, area: Uint8Array): Uint8Array {
  return concatBytes(u16Bytes(spec.TPM_ALG_SHA256), machine.crypto.sha256(area));
}

/** Part 1 §16.3: the Names of all ancestors, hashed together. */
export function qualifiedName(machine: Machine, parent: Uint8Array, name: Uint8Array): Uint8Array {
  return concatBytes(u16Bytes(spec.TPM_ALG_SHA256), machine.crypto.sha256(parent, name));
}

const KEY_NEEDS = spec.TPMA_OBJECT_SENSITIVE_DATA_ORIGIN;
const KEY_USES = spec.TPMA_OBJECT_SIGN | spec.TPMA_OBJECT_DECRYPT | spec.TPMA_OBJECT_RESTRICTED;

export function keyKind(template: Template): SimulatedObject['kind'] {
  if (template.type !== spec.TPM_ALG_ECC) throw new Refusal(RC.TYPE + parameterNumber(2));
  const uses = template.attributes & KEY_USES;
  const isFixed = (bit: number): boolean => (template.attributes & bit) !== 0;
  if (
    (template.attributes & KEY_NEEDS) === 0 ||
    isFixed(spec.TPMA_OBJECT_FIXED_TPM) !== isFixed(spec.TPMA_OBJECT_FIXED_PARENT)
  ) {
    throw new Refusal(RC.ATTRIBUTES + parameterNumber(2));
  }
  if (uses === (spec.TPMA_OBJECT_DECRYPT | spec.TPMA_OBJECT_RESTRICTED)) return 'storage';
  if (uses === (spec.TPMA_OBJECT_SIGN | spec.TPMA_OBJECT_RESTRICTED)) return 'signing';
  throw new Refusal(RC.ATTRIBUTES + parameterNumber(2));
}

/** Sealed data only: no key use, no origin inside the TPM, and fixed to TPM and parent together. */
export function checkSealed(template: Template, data: Uint8Array): void {
  if (template.type !== spec.TPM_ALG_KEYEDHASH) throw new Refusal(RC.TYPE + parameterNumber(2));
  const { attributes } = template;
  // One use without a scheme; two uses would need none but are for keys.
  const isOneUse = ((attributes & spec.TPMA_OBJECT_SIGN) !== 0) !== ((attributes & spec.TPMA_OBJECT_DECRYPT) !== 0);
  if (data.length === 0) throw new Refusal(RC.ATTRIBUTES + parameterNumber(2));
  if (isOneUse) throw new Refusal(RC.SCHEME + parameterNumber(2));
  const forbidden = KEY_USES | spec.TPMA_OBJECT_SENSITIVE_DATA_ORIGIN | spec.TPMA_OBJECT_ENCRYPTED_DUPLICATION;
  const isFixedTpm = (attributes & spec.TPMA_OBJECT_FIXED_TPM) !== 0;
  const isFixedParent = (attributes & spec.TPMA_OBJECT_FIXED_PARENT) !== 0;
  if ((attributes & forbidden) !== 0 || isFixedTpm !== isFixedParent)
    throw new Refusal(RC.ATTRIBUTES + parameterNumber(2));
  const { length } = template.authPolicy;
  if (length !== 0 && length !== spec.SHA256_SIZE_BYTES) throw new Refusal(RC.SIZE + parameterNumber(2));
}
