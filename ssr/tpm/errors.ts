/**
 * Errors of the TPM client: what a TPM refused, in a sentence, and what went wrong between us and the TPM.
 *
 * Response codes follow TPM 2.0 Part 2 §6.6. A "format one" code (bit 7) also says which handle, parameter or session
 * was at fault; `decodeResponseCode` takes that apart so that a message can name it.
 * An error response carries no HMAC: whoever sits on the wire can forge one. Errors may stop work, never permit it.
 */

export const RC_SUCCESS = 0x000;
const RC_FMT1 = 0x080;

interface Meaning {
  readonly name: string;
  readonly what: string;
  readonly help: string;
}

function means(name: string, what: string, help: string): Meaning {
  return { name: `TPM_RC_${name}`, what, help };
}

const CALLER = 'this is a mistake of the caller; compare the command with TPM 2.0 Part 3';

/** Format zero and warnings by full code; format one by its low six bits plus 0x80. */
const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [0x01e, means('BAD_TAG', 'the command has a tag of another TPM generation', 'talk to a TPM 2.0')],
  [0x081, means('ASYMMETRIC', 'the asymmetric algorithm is not supported', 'use ECC P-256')],
  [0x082, means('ATTRIBUTES', 'the attributes are inconsistent or do not permit this', CALLER)],
  [0x083, means('HASH', 'the hash algorithm is not supported', 'use SHA-256')],
  [0x084, means('VALUE', 'a value is out of range or not allowed here', CALLER)],
  [0x085, means('HIERARCHY', 'the hierarchy is disabled', 'enable it or use another one')],
  [0x087, means('KEY_SIZE', 'the key size is not supported', 'use P-256 and AES-128')],
  [0x089, means('MODE', 'the mode of operation is not supported', 'use CFB')],
  [0x08a, means('TYPE', 'the object has the wrong type for this', CALLER)],
  [
    0x08b,
    means('HANDLE', 'the handle names nothing', 'define the index or load the object first; it may have been deleted'),
  ],
  [
    0x08e,
    means(
      'AUTH_FAIL',
      'the authorization is wrong, and the failure was counted',
      'stop guessing: after a few tries the TPM locks out',
    ),
  ],
  [0x08f, means('NONCE', 'the nonce is wrong or of the wrong size', CALLER)],
  [0x092, means('SCHEME', 'the scheme is not supported', 'use ECDSA with SHA-256')],
  [0x095, means('SIZE', 'a structure has the wrong size', CALLER)],
  [0x096, means('SYMMETRIC', 'the symmetric algorithm is not supported', 'use AES-128-CFB')],
  [0x098, means('SELECTOR', 'a union selector is wrong', CALLER)],
  [0x09a, means('INSUFFICIENT', 'the command ends before its last field', CALLER)],
  [0x09b, means('SIGNATURE', 'the signature is not valid', CALLER)],
  [0x09c, means('KEY', 'the key does not fit its use', CALLER)],
  [
    0x09d,
    means(
      'POLICY_FAIL',
      'the policy session does not satisfy the policy',
      'the PCRs or the NV values differ from those sealed to',
    ),
  ],
  [
    0x09f,
    means(
      'INTEGRITY',
      'the private blob was not made by this parent',
      'the blob is damaged, or the TPM was cleared or is another one',
    ),
  ],
  [0x0a0, means('TICKET', 'the ticket is not valid', CALLER)],
  [0x0a1, means('RESERVED_BITS', 'reserved bits are set', CALLER)],
  [
    0x0a2,
    means(
      'BAD_AUTH',
      'the authorization is wrong',
      'check the secret; an index re-created by the owner has another one',
    ),
  ],
  [0x0a6, means('CURVE', 'the curve is not supported', 'use P-256')],
  [0x0a7, means('ECC_POINT', 'the point is not on the curve', CALLER)],
  [
    0x100,
    means('INITIALIZE', 'the TPM is not started, or already is', 'send Startup exactly once after each power cycle'),
  ],
  [
    0x101,
    means(
      'FAILURE',
      'the TPM is in failure mode and does nothing more',
      'restart the TPM, then recover; never repeat the command in place',
    ),
  ],
  [
    0x907,
    means(
      'LOCALITY',
      'this is not allowed from our locality',
      'choose a PCR that software may change, such as 16 or 23',
    ),
  ],
  [0x120, means('DISABLED', 'the command is disabled', 'enable it with platform authorization')],
  [0x124, means('AUTH_TYPE', 'this needs a policy session', CALLER)],
  [0x125, means('AUTH_MISSING', 'an authorization is missing', CALLER)],
  [
    0x126,
    means('POLICY', 'the comparison that the policy asks for is false', 'the NV value differs from the one sealed to'),
  ],
  [0x128, means('PCR_CHANGED', 'a PCR changed after the policy read it', 'start a new policy session')],
  [
    0x12f,
    means(
      'AUTH_UNAVAILABLE',
      'this way of authorization is not enabled on the object',
      'look at its attributes: a policy may be required',
    ),
  ],
  [0x142, means('COMMAND_SIZE', 'the size in the header is not the size received', CALLER)],
  [0x143, means('COMMAND_CODE', 'the TPM does not have this command', 'use another TPM')],
  [0x144, means('AUTHSIZE', 'the authorization area is malformed', CALLER)],
  [0x145, means('AUTH_CONTEXT', 'this command takes no authorization', CALLER)],
  [0x146, means('NV_RANGE', 'the access ends past the end of the index', 'read its public area for the size')],
  [0x148, means('NV_LOCKED', 'the index is locked', 'it unlocks at the next power cycle, or never')],
  [
    0x149,
    means('NV_AUTHORIZATION', 'this authorization does not permit access to the index', 'look at its attributes'),
  ],
  [0x14a, means('NV_UNINITIALIZED', 'the index has never been written', 'write or increment it once before reading')],
  [0x14b, means('NV_SPACE', 'no NV space is left', 'undefine an index that is not needed')],
  [0x14c, means('NV_DEFINED', 'the index exists already', 'choose another index or undefine this one')],
  [0x902, means('OBJECT_MEMORY', 'no slot for a loaded object is free', 'flush an object')],
  [0x903, means('SESSION_MEMORY', 'no slot for a loaded session is free', 'flush a session')],
  [0x904, means('MEMORY', 'the TPM has no memory for this', 'flush objects and sessions')],
  [0x905, means('SESSION_HANDLES', 'no session handle is free', 'flush a session')],
  [0x908, means('YIELDED', 'the TPM was interrupted', 'send the command again')],
  [0x909, means('CANCELED', 'the command was cancelled', 'send the command again if it is still wanted')],
  [0x90a, means('TESTING', 'the TPM is testing itself', 'send the command again')],
  [0x910, means('REFERENCE_H0', 'the first handle is not loaded', 'load the object or start the session first')],
  [0x911, means('REFERENCE_H1', 'the second handle is not loaded', 'load the object or start the session first')],
  [0x912, means('REFERENCE_H2', 'the third handle is not loaded', 'load the object or start the session first')],
  [0x918, means('REFERENCE_S0', 'the first session is not loaded', 'start a session; a power cycle ends all of them')],
  [0x919, means('REFERENCE_S1', 'the second session is not loaded', 'start a session; a power cycle ends all of them')],
  [0x91a, means('REFERENCE_S2', 'the third session is not loaded', 'start a session; a power cycle ends all of them')],
  [0x920, means('NV_RATE', 'the TPM limits the rate of NV writes', 'wait, then send the command again')],
  [
    0x921,
    means(
      'LOCKOUT',
      'too many failed authorizations: protected objects are locked',
      'wait, or reset the lockout; use NO_DA objects',
    ),
  ],
  [0x922, means('RETRY', 'the TPM was not ready for the command', 'send the command again')],
  [0x923, means('NV_UNAVAILABLE', 'NV cannot be written now', 'nothing was changed; restart the TPM, then recover')],
]);

/** Codes after which the same bytes may be sent again: the command was not started, and sessions kept their nonces. */
export const RETRYABLE_CODES: ReadonlySet<number> = new Set([0x908, 0x90a, 0x920, 0x922]);

/** Which part of the command the TPM blames. Numbers count from 1. */
export interface Blame {
  readonly part: 'handle' | 'parameter' | 'session';
  readonly number: number;
}

export interface DecodedResponseCode {
  /** `TPM_RC_HANDLE`, … or `TPM_RC_0x…` for a code this table does not know. */
  readonly name: string;
  readonly what: string;
  readonly help: string;
  readonly blame: Blame | undefined;
}

/** The meaning of a response code; total: an unknown code gets its number as its name. */
export function decodeResponseCode(code: number): DecodedResponseCode {
  const formatOne = (code & RC_FMT1) !== 0;
  const meaning = MEANINGS.get(formatOne ? code & 0xbf : code);
  const blame = formatOne ? blameOf(code) : undefined;
  if (meaning !== undefined) return { ...meaning, blame };
  const name = `TPM_RC_0x${code.toString(16).padStart(3, '0')}`;
  return {
    name,
    what: 'the TPM gave a code that refmon does not know',
    help: 'look it up in TPM 2.0 Part 2, 6.6',
    blame,
  };
}

function blameOf(code: number): Blame | undefined {
  const number = (code >> 8) & 0xf;
  if ((code & 0x040) !== 0) return { part: 'parameter', number };
  if (number === 0) return undefined;
  return number >= 8 ? { part: 'session', number: number - 8 } : { part: 'handle', number };
}

/** The TPM refused a command. `code` is the specification's name: branch on it. */
export class TpmError extends Error {
  readonly code: string;
  readonly responseCode: number;
  /** The command, without `TPM2_`. */
  readonly command: string;
  readonly blame: Blame | undefined;

  constructor(command: string, responseCode: number) {
    const { name, what, help, blame } = decodeResponseCode(responseCode);
    const where = blame === undefined ? '' : ` (${blame.part} ${blame.number})`;
    super(`${command}: ${what}${where}; ${help} [${name}, 0x${responseCode.toString(16)}]`);
    this.name = 'TpmError';
    this.code = name;
    this.responseCode = responseCode;
    this.command = command;
    this.blame = blame;
  }
}

export type TpmTransportErrorCode =
  /** The TPM or the connection to it ended; whether the command in flight was executed is unknown. */
  | 'TPM_GONE'
  /** No answer in time; the outcome is unknown and the connection is closed. */
  | 'TPM_TIMEOUT'
  /** `close()` was called. */
  | 'TPM_CLOSED'
  /** A command was given while another one was in flight on the same transport. */
  | 'TPM_BUSY'
  /** The answer is not a TPM response: wrong sizes, wrong tag, trailing bytes. */
  | 'TPM_BAD_RESPONSE'
  /** The HMAC of the response is wrong: someone between us and the TPM changed it, or the secret differs. */
  | 'TPM_RESPONSE_FORGED'
  /** The connection could not be made. */
  | 'TPM_UNREACHABLE';

/** Between us and the TPM something went wrong. After any of these with a command in flight its outcome is unknown. */
export class TpmTransportError extends Error {
  readonly code: TpmTransportErrorCode;
  constructor(code: TpmTransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TpmTransportError';
    this.code = code;
  }
}
