/**
 * The anchor: R slots in the TPM's NV memory that say which superblock is the latest.
 *
 * One NV write per commit, into the slot of the oldest epoch. Every access goes through an HMAC session salted to the
 * storage key, with the secret of the indices as key, so that an index which the TPM's owner re-created (with the same
 * Name and an old value, measured on swtpm) is noticed, and so is a changed answer. Indices carry NO_DA: three power cuts
 * would otherwise lock the TPM.
 *
 * What it does not do: decide which slot counts (`anchor-slots.ts`) or what a disk means beside it (`recovery.ts`).
 * Errors of a TPM carry no HMAC and may be forged; therefore every error of `advance` means "outcome unknown".
 */
import { formatSlots, judgeSlots, encodeSlot, slotOf, SLOT_SIZE_BYTES } from './anchor-slots.ts';
import type { AnchorPlace, AnchorPoint, AnchorReading } from './anchor-slots.ts';
import { SsrError } from './errors.ts';
import type { Tpm } from './tpm/client.ts';
import { getHandles, nvDefineSpace, nvRead, nvUndefineSpace, nvWrite, OWNER } from './tpm/commands.ts';
import type { Entity } from './tpm/commands.ts';
import { TpmError, TpmTransportError } from './tpm/errors.ts';
import { NO_PASSWORD } from './tpm/session.ts';
import type { Authorization, Session } from './tpm/session.ts';
import * as spec from './tpm/spec.ts';

/** Indices of the owner, clear of those that the TCG and Linux distributions assign. */
export const NV_INDEX_FIRST = 0x01810000;
const NV_INDEX_LAST = 0x0181ffff;

const ATTRIBUTES = spec.TPMA_NV_AUTHREAD | spec.TPMA_NV_AUTHWRITE | spec.TPMA_NV_NO_DA;

/** What a volume needs of an anchor; the tests put unsafe ones in its place. */
export interface Anchor {
  readonly place: AnchorPlace;
  /** @throws SsrError `SSR_TPM_UNAVAILABLE` if the TPM does not answer */
  read(): Promise<AnchorReading>;
  /**
   * Makes `next` the state that counts, but not before `durable` says that the disk has it: until then nothing is sent.
   * @throws what `durable` rejects with: nothing was sent; SsrError `SSR_COMMIT_UNKNOWN`: read again before anything else
   */
  advance(next: AnchorPoint, durable: Promise<void>): Promise<void>;
}

/** These say that the TPM works and that the slot is not what we left there. */
const DESTROYED_CODES: ReadonlySet<string> = new Set([
  'TPM_RC_HANDLE',
  'TPM_RC_NV_UNINITIALIZED',
  'TPM_RC_BAD_AUTH',
  'TPM_RC_AUTH_FAIL',
  'TPM_RC_NV_AUTHORIZATION',
  'TPM_RC_ATTRIBUTES',
  'TPM_RC_NV_RANGE',
  'TPM_RC_AUTH_UNAVAILABLE',
]);

/** A TPM that cannot answer now: nothing was changed, nothing is known. */
export function tpmUnavailable(cause: unknown): unknown {
  if (!(cause instanceof TpmError || cause instanceof TpmTransportError)) return cause;
  return new SsrError('SSR_TPM_UNAVAILABLE', `the TPM does not do its part (${cause.message})`, {
    help: 'restart the TPM and open again; nothing was changed',
    cause,
  });
}

export interface AnchorAccess {
  readonly tpm: Tpm;
  /** An HMAC session, salted; the anchor uses it alone. */
  readonly session: Session;
  /** The secret of the NV indices. */
  readonly secret: Uint8Array;
}

/** An anchor that exists, or is said to. */
export function openAnchor(access: AnchorAccess, place: AnchorPlace): Anchor {
  const { tpm, session, secret } = access;
  const names = new Map<number, Entity>();
  const use = (encrypt: 'command' | 'response'): Authorization => ({
    kind: 'session',
    session,
    authValue: secret,
    encrypt,
  });

  async function readSlot(slot: number): Promise<Uint8Array | string> {
    try {
      const entity = await tpm.nvEntity(place.firstIndex + slot);
      if ((entity.public.attributes & spec.TPMA_NV_WRITTEN) === 0) return `slot ${slot} was never written`;
      if ((entity.public.attributes & ~spec.TPMA_NV_WRITTEN) !== ATTRIBUTES) {
        return `slot ${slot} has attributes 0x${entity.public.attributes.toString(16)}`;
      }
      if (entity.public.sizeBytes !== SLOT_SIZE_BYTES) return `slot ${slot} has ${entity.public.sizeBytes} bytes`;
      names.set(slot, entity);
      return await tpm.run(nvRead({ index: entity, sizeBytes: SLOT_SIZE_BYTES }), [use('response')]);
    } catch (error) {
      if (error instanceof TpmError && DESTROYED_CODES.has(error.code)) return `slot ${slot}: ${error.message}`;
      if (error instanceof TpmTransportError && error.code === 'TPM_RESPONSE_FORGED')
        return `slot ${slot}: ${error.message}`;
      throw tpmUnavailable(error);
    }
  }

  return {
    place,
    async read() {
      const slots: Uint8Array[] = [];
      for (let slot = 0; slot < place.slotCount; slot += 1) {
        const bytes = await readSlot(slot);
        if (typeof bytes === 'string') return { kind: 'destroyed', reason: bytes };
        slots.push(bytes);
      }
      return judgeSlots(slots);
    },
    async advance(next, durable) {
      const slot = slotOf(next.epoch, place.slotCount);
      const index = names.get(slot);
      if (index === undefined) throw new RangeError('read the anchor before you advance it');
      let isDurable = true;
      // It may fail while the command waits for its turn; the answer is below.
      durable.catch(() => {
        isDurable = false;
      });
      try {
        await tpm.run(nvWrite({ index, data: encodeSlot(next) }), [use('command')], durable);
      } catch (cause) {
        if (!isDurable) throw cause;
        throw new SsrError('SSR_COMMIT_UNKNOWN', `it is unknown whether epoch ${next.epoch} was committed`, {
          help: 'close the volume and open it again: it is then at this epoch or the one before',
          anchorEpoch: next.epoch - 1,
          diskEpoch: next.epoch,
          cause,
        });
      }
    },
  };
}

/** `slotCount` free NV indices in a row. @throws SsrError `SSR_NO_SPACE` */
export async function chooseAnchorPlace(tpm: Tpm, slotCount: number): Promise<AnchorPlace> {
  const used = new Set<number>();
  for (let from = NV_INDEX_FIRST, more = true; more;) {
    const answer = await tpm.run(getHandles(from, 64));
    for (const handle of answer.handles) used.add(handle);
    const last = answer.handles.at(-1);
    more = answer.more && last !== undefined && last < NV_INDEX_LAST;
    from = (last ?? from) + 1;
  }
  for (let first = NV_INDEX_FIRST; first + slotCount - 1 <= NV_INDEX_LAST; first += 1) {
    if (!Array.from({ length: slotCount }, (_, slot) => first + slot).some((index) => used.has(index))) {
      return { firstIndex: first, slotCount };
    }
  }
  throw new SsrError('SSR_NO_SPACE', 'the TPM has no free NV index for an anchor', { help: 'remove old volumes' });
}

/**
 * Defines the slots and writes all of them, the one that counts last. A crash before the end leaves an anchor that is
 * refused as never completely written: the volume was not created. Read it once before you advance it.
 */
export async function formatAnchor(access: AnchorAccess, place: AnchorPlace, point: AnchorPoint): Promise<Anchor> {
  const { tpm, session, secret } = access;
  try {
    for (let slot = 0; slot < place.slotCount; slot += 1) {
      const index = place.firstIndex + slot;
      await tpm.run(
        nvDefineSpace({
          public: { index, attributes: ATTRIBUTES, authPolicy: new Uint8Array(0), sizeBytes: SLOT_SIZE_BYTES },
          authValue: secret,
        }),
        [NO_PASSWORD, { kind: 'session', session, encrypt: 'command' }],
      );
    }
    for (const { slot, bytes } of formatSlots(place.slotCount, point)) {
      const index = await tpm.nvEntity(place.firstIndex + slot);
      await tpm.run(nvWrite({ index, data: bytes }), [
        { kind: 'session', session, authValue: secret, encrypt: 'command' },
      ]);
    }
  } catch (cause) {
    throw tpmUnavailable(cause);
  }
  return openAnchor(access, place);
}

/**
 * Takes an anchor away, if this TPM has it: indices that do not answer to the secret are someone else's and stay.
 * The volume cannot be opened by it afterwards.
 */
export async function removeAnchor(access: AnchorAccess, place: AnchorPlace): Promise<void> {
  const { tpm, session, secret } = access;
  for (let slot = 0; slot < place.slotCount; slot += 1) {
    try {
      const index = await tpm.nvEntity(place.firstIndex + slot);
      await tpm.run(nvRead({ index, sizeBytes: SLOT_SIZE_BYTES }), [
        { kind: 'session', session, authValue: secret, encrypt: 'response' },
      ]);
      await tpm.run(nvUndefineSpace(index, OWNER), [NO_PASSWORD]);
    } catch (error) {
      if (!(error instanceof TpmError && DESTROYED_CODES.has(error.code))) throw tpmUnavailable(error);
    }
  }
}
