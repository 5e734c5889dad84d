/**
 * Checking a quote: did the TPM that holds this key say, freshly, that its PCRs have these values? (Part 2 §10.12)
 *
 * The signature is checked with node:crypto before the structure is read. Whether the key itself belongs to a real TPM
 * is another question: that needs the maker's certificate, and is not answered here.
 */
import { createPublicKey, verify } from 'node:crypto';
import { ByteReader, concatBytes, decodePcrSelection, equalBytes } from './codec.ts';
import type { EccPoint } from './crypto.ts';
import { TpmTransportError } from './errors.ts';
import type { Quote } from './object-commands.ts';
import { TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE } from './spec.ts';

/** What a genuine quote says. */
export interface QuoteContent {
  readonly nonce: Uint8Array;
  /** Milliseconds the TPM has been powered; goes back to 0 at Clear. */
  readonly clockMs: bigint;
  /** Power cycles without orderly state, and with. Obfuscated by the TPM for keys outside the endorsement hierarchy. */
  readonly resetCount: number;
  readonly restartCount: number;
  /** False if the clock may have been seen with a higher value before. */
  readonly clockSafe: boolean;
  readonly firmwareVersion: bigint;
  readonly pcrs: readonly number[];
  /** SHA-256 over the selected PCRs in ascending order. */
  readonly pcrDigest: Uint8Array;
}

export type QuoteVerdict =
  | { readonly genuine: true; readonly content: QuoteContent }
  | { readonly genuine: false; readonly reason: 'signature' | 'not made by a TPM' | 'malformed' | 'nonce' };

function publicKeyOf(point: EccPoint): ReturnType<typeof createPublicKey> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: base64(point.x), y: base64(point.y) }, format: 'jwk' });
}

function readQuote(attested: Uint8Array): QuoteContent | undefined {
  const reader = new ByteReader(attested);
  if (reader.u32() !== TPM_GENERATED_VALUE || reader.u16() !== TPM_ST_ATTEST_QUOTE) return undefined;
  reader.sized();
  const content = {
    nonce: reader.sized(),
    clockMs: reader.u64(),
    resetCount: reader.u32(),
    restartCount: reader.u32(),
    clockSafe: reader.u8() !== 0,
    firmwareVersion: reader.u64(),
    pcrs: decodePcrSelection(reader),
    pcrDigest: reader.sized(),
  };
  reader.end();
  return content;
}

/** Verifies a quote by `key` for `nonce`. Never throws for what a TPM or an attacker sends. */
export function verifyQuote(quote: Quote, key: EccPoint, nonce: Uint8Array): QuoteVerdict {
  const signature = concatBytes(quote.signature.r, quote.signature.s);
  try {
    const keyObject = publicKeyOf(key);
    if (!verify('sha256', quote.attested, { key: keyObject, dsaEncoding: 'ieee-p1363' }, signature))
      return { genuine: false, reason: 'signature' };
  } catch {
    return { genuine: false, reason: 'signature' };
  }
  try {
    const content = readQuote(quote.attested);
    if (content === undefined) return { genuine: false, reason: 'not made by a TPM' };
    return equalBytes(content.nonce, nonce) ? { genuine: true, content } : { genuine: false, reason: 'nonce' };
  } catch (error) {
    if (error instanceof TpmTransportError) return { genuine: false, reason: 'malformed' };
    throw error;
  }
}
