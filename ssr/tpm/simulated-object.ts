/**
 * Keys and sealed objects of the simulated TPM (TPM 2.0 Part 3 §12, §18.4, §24).
 *
 * Three kinds only: P-256 storage and ECDSA signing keys as primaries, and sealed data as their children. Primary keys
 * follow from the hierarchy's seed and the template, so they are the same after each power cycle and others after Clear;
 * they are not the keys that swtpm would derive. Private blobs have the layout of Part 1 §22 (integrity, IV, ciphertext).
 */
import { ByteWriter, concatBytes, equalBytes, u16Bytes, u32Bytes } from './codec.ts';
import { kdfa } from './crypto.ts';
import type { EccPoint } from './crypto.ts';
import { objectOf } from './simulated-entity.ts';
import { Input, RC, Refusal, handleNumber, parameterNumber } from './simulated-input.ts';
import type { PcrSelection } from './simulated-input.ts';
import { pcrDigestOf, writeSelections } from './simulated-pcr.ts';
import {
  checkSealed,
  keyKind,
  nameFor,
  publicArea,
  qualifiedName,
  readPublic,
  readSensitive,
} from './simulated-public.ts';
import type { Template } from './simulated-public.ts';
import { draw, seedOf } from './simulated-state.ts';
import type { Machine, SimulatedObject } from './simulated-state.ts';
import * as spec from './spec.ts';

const EMPTY = new Uint8Array(0);
const OUTSIDE_INFO_MAX_BYTES = 66;
const PRIVATE_MAX_BYTES = 1024;

function occupySlot(machine: Machine, object: SimulatedObject): number {
  const { objects } = machine.volatile;
  for (let handle = 0x80000000; handle < 0x80000000 + spec.MAX_LOADED_OBJECTS; handle += 1) {
    if (objects.has(handle)) continue;
    objects.set(handle, object);
    return handle;
  }
  throw new Refusal(RC.OBJECT_MEMORY);
}

function checkSlots(machine: Machine): void {
  if (machine.volatile.objects.size >= spec.MAX_LOADED_OBJECTS) throw new Refusal(RC.OBJECT_MEMORY);
}

/** TPMS_CREATION_DATA, its digest and its ticket. */
function writeCreation(
  machine: Machine,
  writer: ByteWriter,
  made: {
    selections: readonly PcrSelection[];
    parentName: Uint8Array;
    parentQualifiedName: Uint8Array;
    outsideInfo: Uint8Array;
    hierarchy: number;
    name: Uint8Array;
  },
): ByteWriter {
  const parentAlgorithm = made.parentName.length === 4 ? spec.TPM_ALG_NULL : spec.TPM_ALG_SHA256;
  const data = writeSelections(new ByteWriter(), made.selections)
    .sized(pcrDigestOf(machine, made.selections))
    .u8(1)
    .u16(parentAlgorithm);
  const creation = data.sized(made.parentName).sized(made.parentQualifiedName).sized(made.outsideInfo).done();
  const digest = machine.crypto.sha256(creation);
  const proof = kdfa(machine.crypto, seedOf(machine, made.hierarchy), 'PROOF', EMPTY, EMPTY, 256);
  // As long as swtpm's, which hashes tickets with SHA-512; nothing checks a ticket here.
  const half = machine.crypto.hmacSha256(proof, u16Bytes(spec.TPM_ST_CREATION), made.name, digest);
  const ticket = concatBytes(half, machine.crypto.hmacSha256(proof, half));
  return writer.sized(creation).sized(digest).u16(spec.TPM_ST_CREATION).u32(made.hierarchy).sized(ticket);
}

/** The private scalar that seed, template and unique field determine: candidates until one is in the group's range. */
function derivePrimary(
  machine: Machine,
  hierarchy: number,
  template: Template,
  unique: Uint8Array,
): { scalar: Uint8Array; point: EccPoint } {
  const { crypto } = machine;
  if (crypto.ecc === undefined) throw new Refusal(RC.CURVE + parameterNumber(2));
  const context = crypto.sha256(publicArea(template, unique));
  for (let attempt = 0; ; attempt += 1) {
    const scalar = kdfa(crypto, seedOf(machine, hierarchy), 'PRIMARY', context, u32Bytes(attempt), 256).slice();
    const point = crypto.ecc.publicPoint(scalar);
    if (point !== undefined) return { scalar, point };
  }
}

export function createPrimary(
  machine: Machine,
  handles: readonly number[],
  input: Input,
): { handle: number; parameters: Uint8Array } {
  const [hierarchy = 0] = handles;
  const sensitive = readSensitive(input.parameter(1));
  const template = readPublic(input.parameter(2));
  const outsideInfo = input.parameter(3).sized(OUTSIDE_INFO_MAX_BYTES);
  const selections = input.parameter(4).pcrSelections();
  input.end();
  checkSlots(machine);
  const kind = keyKind(template);
  if (sensitive.data.length !== 0) throw new Refusal(RC.ATTRIBUTES + parameterNumber(2));
  const { scalar, point } = derivePrimary(machine, hierarchy, template, template.unique);
  const area = publicArea(template, new ByteWriter().sized(point.x).sized(point.y).done());
  const name = nameFor(machine, area);
  const parent = u32Bytes(hierarchy);
  const { attributes, authPolicy } = template;
  const handle = occupySlot(machine, {
    kind,
    hierarchy,
    publicArea: area,
    name,
    qualifiedName: qualifiedName(machine, parent, name),
    attributes,
    authPolicy,
    authValue: sensitive.authValue,
    secret: scalar,
    point,
  });
  const answer = new ByteWriter().sized(area);
  writeCreation(machine, answer, {
    selections,
    parentName: parent,
    parentQualifiedName: parent,
    outsideInfo,
    hierarchy,
    name,
  });
  return { handle, parameters: answer.sized(name).done() };
}

function parentOf(machine: Machine, handle: number): SimulatedObject {
  const parent = objectOf(machine, handle);
  if (parent.kind !== 'storage') throw new Refusal(RC.TYPE + handleNumber(1));
  return parent;
}

/** Keys that protect the children of a storage key; only who can load the parent has them. */
function wrapKeys(
  machine: Machine,
  parent: SimulatedObject,
  name: Uint8Array,
): { encrypt: Uint8Array; integrity: Uint8Array } {
  const seed = kdfa(machine.crypto, parent.secret, 'CHILDREN', EMPTY, EMPTY, 256);
  return {
    encrypt: kdfa(machine.crypto, seed, 'STORAGE', name, EMPTY, 128),
    integrity: kdfa(machine.crypto, seed, 'INTEGRITY', EMPTY, EMPTY, 256),
  };
}

/** TPM2B_PRIVATE contents: outer HMAC over (IV, ciphertext, Name), then IV, then the encrypted sensitive area. */
function wrap(machine: Machine, parent: SimulatedObject, name: Uint8Array, sensitive: Uint8Array): Uint8Array {
  const keys = wrapKeys(machine, parent, name);
  const iv = draw(machine, 16);
  const inner = new ByteWriter()
    .sized(iv)
    .bytes(machine.crypto.aes128Cfb('encrypt', keys.encrypt, iv, sensitive))
    .done();
  return new ByteWriter()
    .sized(machine.crypto.hmacSha256(keys.integrity, inner, name))
    .bytes(inner)
    .done();
}

function unwrap(machine: Machine, parent: SimulatedObject, name: Uint8Array, wrapped: Uint8Array): Input {
  const keys = wrapKeys(machine, parent, name);
  const input = new Input(wrapped);
  input.blame = parameterNumber(1);
  const hmac = input.sized(spec.MAX_DIGEST_SIZE_BYTES);
  const inner = input.rest();
  if (!equalBytes(hmac, machine.crypto.hmacSha256(keys.integrity, inner, name))) throw input.refuse(RC.INTEGRITY);
  const iv = input.sized(16);
  const opened = new Input(machine.crypto.aes128Cfb('decrypt', keys.encrypt, iv, input.rest()));
  opened.blame = parameterNumber(1);
  return opened;
}

export function create(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [parentHandle = 0] = handles;
  const { authValue, data } = readSensitive(input.parameter(1));
  const template = readPublic(input.parameter(2));
  const outsideInfo = input.parameter(3).sized(OUTSIDE_INFO_MAX_BYTES);
  const selections = input.parameter(4).pcrSelections();
  input.end();
  const parent = parentOf(machine, parentHandle);
  // The new object is built in a slot, even though it is not left there.
  checkSlots(machine);
  checkSealed(template, data);
  if (authValue.length > spec.SHA256_SIZE_BYTES) throw new Refusal(RC.SIZE + parameterNumber(1));
  // The unique field binds public to private: the hash of an obfuscation seed and the data (Part 1 §27.5.3).
  const obfuscation = draw(machine, spec.SHA256_SIZE_BYTES);
  const unique = new ByteWriter().sized(machine.crypto.sha256(obfuscation, data)).done();
  const area = publicArea(template, unique);
  const name = nameFor(machine, area);
  const padded = new Uint8Array(spec.SHA256_SIZE_BYTES);
  padded.set(authValue);
  const sensitive = new ByteWriter().u16(spec.TPM_ALG_KEYEDHASH).sized(padded).sized(obfuscation).sized(data).done();
  const answer = new ByteWriter()
    .sized(wrap(machine, parent, name, new ByteWriter().sized(sensitive).done()))
    .sized(area);
  const { hierarchy, name: parentName, qualifiedName: parentQualifiedName } = parent;
  return writeCreation(machine, answer, {
    selections,
    parentName,
    parentQualifiedName,
    outsideInfo,
    hierarchy,
    name,
  }).done();
}

export function load(
  machine: Machine,
  handles: readonly number[],
  input: Input,
): { handle: number; parameters: Uint8Array } {
  const [parentHandle = 0] = handles;
  const wrapped = input.parameter(1).sized(PRIVATE_MAX_BYTES);
  const template = readPublic(input.parameter(2));
  input.end();
  checkSlots(machine);
  if (wrapped.length === 0) throw new Refusal(RC.SIZE + parameterNumber(1));
  const parent = parentOf(machine, parentHandle);
  const unique = new ByteWriter().sized(template.unique).done();
  const area = publicArea(template, unique);
  const name = nameFor(machine, area);
  const opened = unwrap(machine, parent, name, wrapped);
  const [authValue, data] = opened.sizedStructure(() => {
    opened.u16();
    const auth = opened.sized(spec.MAX_DIGEST_SIZE_BYTES);
    opened.sized(spec.MAX_DIGEST_SIZE_BYTES);
    return [auth, opened.sized(spec.MAX_SYM_DATA_BYTES)];
  });
  const { attributes, authPolicy } = template;
  const handle = occupySlot(machine, {
    kind: 'sealed',
    hierarchy: parent.hierarchy,
    publicArea: area,
    name,
    qualifiedName: qualifiedName(machine, parent.qualifiedName, name),
    attributes,
    authPolicy,
    authValue: authValue ?? EMPTY,
    secret: data ?? EMPTY,
    point: undefined,
  });
  return { handle, parameters: new ByteWriter().sized(name).done() };
}

export function unseal(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [handle = 0] = handles;
  input.end();
  const object = objectOf(machine, handle);
  if (object.kind !== 'sealed') throw new Refusal(RC.TYPE + handleNumber(1));
  return new ByteWriter().sized(object.secret).done();
}

export function quote(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [handle = 0] = handles;
  const extraData = input.parameter(1).sized(OUTSIDE_INFO_MAX_BYTES);
  const scheme = input.parameter(2).u16();
  if (scheme === spec.TPM_ALG_ECDSA) input.hashAlgorithm();
  else if (scheme !== spec.TPM_ALG_NULL) throw input.refuse(RC.SCHEME);
  const selections = input.parameter(3).pcrSelections();
  input.end();
  const key = objectOf(machine, handle);
  if (key.kind !== 'signing' || machine.crypto.ecc === undefined) throw new Refusal(RC.KEY + handleNumber(1));
  const { clockMs, resetCount } = machine.permanent;
  const attested = new ByteWriter()
    .u32(spec.TPM_GENERATED_VALUE)
    .u16(spec.TPM_ST_ATTEST_QUOTE)
    .sized(key.qualifiedName)
    .sized(extraData);
  attested.u64(clockMs).u32(resetCount).u32(0).u8(1).u64(0n);
  writeSelections(attested, selections).sized(pcrDigestOf(machine, selections));
  const bytes = attested.done();
  const { r, s } = machine.crypto.ecc.sign(key.secret, bytes);
  return new ByteWriter().sized(bytes).u16(spec.TPM_ALG_ECDSA).u16(spec.TPM_ALG_SHA256).sized(r).sized(s).done();
}
