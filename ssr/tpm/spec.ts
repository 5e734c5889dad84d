/**
 * Numbers of the TPM 2.0 Library Specification, revision 1.59: Part 2 (structures) and Part 3 (commands).
 *
 * Constants only, with the names the specification uses; this file imports nothing and decides nothing.
 * Limits that an implementation may choose are those of a common chip (and of swtpm): see the last block.
 */

// Part 2 §6.9, structure tags
export const TPM_ST_NO_SESSIONS = 0x8001;
export const TPM_ST_SESSIONS = 0x8002;
export const TPM_ST_ATTEST_QUOTE = 0x8018;
export const TPM_ST_CREATION = 0x8021;
export const TPM_GENERATED_VALUE = 0xff544347;

// Part 2 §6.3, algorithms
export const TPM_ALG_SHA1 = 0x0004;
export const TPM_ALG_AES = 0x0006;
export const TPM_ALG_KEYEDHASH = 0x0008;
export const TPM_ALG_SHA256 = 0x000b;
export const TPM_ALG_SHA384 = 0x000c;
export const TPM_ALG_SHA512 = 0x000d;
export const TPM_ALG_NULL = 0x0010;
export const TPM_ALG_ECDSA = 0x0018;
export const TPM_ALG_ECC = 0x0023;
export const TPM_ALG_CFB = 0x0043;
export const TPM_ECC_NIST_P256 = 0x0003;

// Part 2 §6.6 and §10.9, start-up and session types
export const TPM_SU_CLEAR = 0x0000;
export const TPM_SU_STATE = 0x0001;
export const TPM_SE_HMAC = 0x00;
export const TPM_SE_POLICY = 0x01;
export const TPM_SE_TRIAL = 0x03;

// Part 2 §7.2, handle types: the top byte of a handle
export const TPM_HT_PCR = 0x00;
export const TPM_HT_NV_INDEX = 0x01;
export const TPM_HT_HMAC_SESSION = 0x02;
export const TPM_HT_POLICY_SESSION = 0x03;
export const TPM_HT_PERMANENT = 0x40;
export const TPM_HT_TRANSIENT = 0x80;

// Part 2 §7.4, permanent handles
export const TPM_RH_OWNER = 0x40000001;
export const TPM_RH_NULL = 0x40000007;
export const TPM_RS_PW = 0x40000009;
export const TPM_RH_LOCKOUT = 0x4000000a;
export const TPM_RH_ENDORSEMENT = 0x4000000b;
export const TPM_RH_PLATFORM = 0x4000000c;

// Part 2 §8.4, session attributes
export const TPMA_SESSION_CONTINUE = 0x01;
export const TPMA_SESSION_AUDIT_EXCLUSIVE = 0x02;
export const TPMA_SESSION_AUDIT_RESET = 0x04;
export const TPMA_SESSION_RESERVED = 0x18;
/** The first parameter of the command is encrypted. */
export const TPMA_SESSION_DECRYPT = 0x20;
/** The first parameter of the response is to be encrypted. */
export const TPMA_SESSION_ENCRYPT = 0x40;
export const TPMA_SESSION_AUDIT = 0x80;

// Part 2 §8.3, object attributes
export const TPMA_OBJECT_FIXED_TPM = 0x00000002;
export const TPMA_OBJECT_ST_CLEAR = 0x00000004;
export const TPMA_OBJECT_FIXED_PARENT = 0x00000010;
export const TPMA_OBJECT_SENSITIVE_DATA_ORIGIN = 0x00000020;
export const TPMA_OBJECT_USER_WITH_AUTH = 0x00000040;
export const TPMA_OBJECT_ADMIN_WITH_POLICY = 0x00000080;
export const TPMA_OBJECT_NO_DA = 0x00000400;
export const TPMA_OBJECT_ENCRYPTED_DUPLICATION = 0x00000800;
export const TPMA_OBJECT_RESTRICTED = 0x00010000;
export const TPMA_OBJECT_DECRYPT = 0x00020000;
export const TPMA_OBJECT_SIGN = 0x00040000;
export const TPMA_OBJECT_RESERVED = 0xfff0f309;

// Part 2 §13.4, NV index attributes
export const TPMA_NV_PPWRITE = 0x00000001;
export const TPMA_NV_OWNERWRITE = 0x00000002;
export const TPMA_NV_AUTHWRITE = 0x00000004;
export const TPMA_NV_POLICYWRITE = 0x00000008;
export const TPMA_NV_TYPE_MASK = 0x000000f0;
export const TPMA_NV_COUNTER = 0x00000010;
export const TPMA_NV_EXTEND = 0x00000040;
export const TPMA_NV_RESERVED = 0x01f00300;
export const TPMA_NV_POLICY_DELETE = 0x00000400;
export const TPMA_NV_WRITELOCKED = 0x00000800;
export const TPMA_NV_WRITEALL = 0x00001000;
export const TPMA_NV_WRITEDEFINE = 0x00002000;
export const TPMA_NV_PPREAD = 0x00010000;
export const TPMA_NV_OWNERREAD = 0x00020000;
export const TPMA_NV_AUTHREAD = 0x00040000;
export const TPMA_NV_POLICYREAD = 0x00080000;
export const TPMA_NV_NO_DA = 0x02000000;
export const TPMA_NV_ORDERLY = 0x04000000;
export const TPMA_NV_CLEAR_STCLEAR = 0x08000000;
export const TPMA_NV_READLOCKED = 0x10000000;
export const TPMA_NV_WRITTEN = 0x20000000;
export const TPMA_NV_PLATFORMCREATE = 0x40000000;

// Part 2 §6.12 and §6.13, capabilities
export const TPM_CAP_HANDLES = 0x00000001;
export const TPM_CAP_TPM_PROPERTIES = 0x00000006;
export const TPM_PT_FIXED = 0x00000100;
export const TPM_PT_MANUFACTURER = 0x00000105;

/** Comparisons of TPM2_PolicyNV, Part 2 §6.11. */
export const TPM_EO = {
  eq: 0x0000,
  neq: 0x0001,
  signedGt: 0x0002,
  unsignedGt: 0x0003,
  signedLt: 0x0004,
  unsignedLt: 0x0005,
  signedGe: 0x0006,
  unsignedGe: 0x0007,
  signedLe: 0x0008,
  unsignedLe: 0x0009,
  bitSet: 0x000a,
  bitClear: 0x000b,
} as const;

/** What the dispatcher must know of a command before it reads any parameter. Part 3, one command a section. */
export interface CommandShape {
  readonly code: number;
  /** Handles in the command's handle area. */
  readonly handles: number;
  /** How many of them, from the first, need an authorization. */
  readonly auths: number;
  /** The response carries one handle before its parameters. */
  readonly responseHandle: boolean;
  /** The first command parameter is a TPM2B, so a session may encrypt it. */
  readonly encryptableCommand: boolean;
  /** The first response parameter is a TPM2B, so a session may encrypt it. */
  readonly encryptableResponse: boolean;
  /** A session area is allowed at all. */
  readonly sessions: boolean;
}

function shape(code: number, handles: number, auths: number, traits = ''): CommandShape {
  return {
    code,
    handles,
    auths,
    responseHandle: traits.includes('h'),
    encryptableCommand: traits.includes('c'),
    encryptableResponse: traits.includes('r'),
    sessions: !traits.includes('x'),
  };
}

/** Traits: `h` returns a handle, `c` and `r` encryptable first parameter of command and response, `x` takes no sessions. */
export const COMMANDS = {
  NV_UndefineSpace: shape(0x122, 2, 1),
  Clear: shape(0x126, 1, 1),
  ClearControl: shape(0x127, 1, 1),
  HierarchyChangeAuth: shape(0x129, 1, 1, 'c'),
  NV_DefineSpace: shape(0x12a, 1, 1, 'c'),
  CreatePrimary: shape(0x131, 1, 1, 'hcr'),
  NV_Increment: shape(0x134, 2, 1),
  NV_Extend: shape(0x136, 2, 1, 'c'),
  NV_Write: shape(0x137, 2, 1, 'c'),
  PCR_Reset: shape(0x13d, 1, 1),
  Startup: shape(0x144, 0, 0, 'x'),
  Shutdown: shape(0x145, 0, 0),
  PolicyNV: shape(0x149, 3, 1, 'c'),
  NV_Read: shape(0x14e, 2, 1, 'r'),
  Create: shape(0x153, 1, 1, 'cr'),
  Load: shape(0x157, 1, 1, 'hcr'),
  Quote: shape(0x158, 1, 1, 'cr'),
  Unseal: shape(0x15e, 1, 1, 'r'),
  FlushContext: shape(0x165, 0, 0, 'x'),
  NV_ReadPublic: shape(0x169, 1, 0, 'r'),
  StartAuthSession: shape(0x176, 2, 0, 'hcr'),
  GetCapability: shape(0x17a, 0, 0),
  GetRandom: shape(0x17b, 0, 0, 'r'),
  PCR_Read: shape(0x17e, 0, 0),
  PolicyPCR: shape(0x17f, 1, 0, 'c'),
  PCR_Extend: shape(0x182, 1, 1),
  PolicyGetDigest: shape(0x189, 1, 0, 'r'),
} as const satisfies Record<string, CommandShape>;

/** A command this client speaks, by the specification's name without `TPM2_`. */
export type CommandName = keyof typeof COMMANDS;

// Limits. The specification leaves these to the implementation; they are swtpm's, and a common chip's are not smaller.
export const MAX_COMMAND_SIZE_BYTES = 4096;
export const MAX_RESPONSE_SIZE_BYTES = 4096;
export const HEADER_SIZE_BYTES = 10;
export const MAX_NV_INDEX_SIZE_BYTES = 2048;
export const MAX_NV_BUFFER_SIZE_BYTES = 1024;
/** Longest nonce, authorization value or digest: SHA-512. */
export const MAX_DIGEST_SIZE_BYTES = 64;
export const MAX_SYM_DATA_BYTES = 128;
export const MAX_LOADED_OBJECTS = 3;
export const MAX_LOADED_SESSIONS = 3;
export const MAX_ACTIVE_SESSIONS = 64;
export const MAX_SESSIONS_IN_COMMAND = 3;
export const IMPLEMENTATION_PCR = 24;
export const PCR_SELECT_BYTES = 3;
export const HASH_COUNT = 4;
export const SHA256_SIZE_BYTES = 32;
