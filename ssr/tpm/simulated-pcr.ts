/** PCRs of the simulated TPM: the SHA-256 bank of the PC Client profile, at locality 0 (TPM 2.0 Part 3 §22). */
import { ByteWriter } from './codec.ts';
import { Input, RC, Refusal, selectedPcrs } from './simulated-input.ts';
import type { PcrSelection } from './simulated-input.ts';
import type { Machine } from './simulated-state.ts';
import * as spec from './spec.ts';

/** A response holds at most this many digests. */
const DIGESTS_PER_READ = 8;
/** The debug PCR and those of the dynamic root of trust that applications own do not move the update counter. */
const UNCOUNTED: ReadonlySet<number> = new Set([16, 21, 22, 23]);
const RESETTABLE: ReadonlySet<number> = new Set([16, 23]);

/** Software at locality 0 may extend the static PCRs, the debug PCR and the application PCR. */
function isExtendable(pcr: number): boolean {
  return pcr <= 16 || pcr === 23;
}

function set(machine: Machine, pcr: number, value: Uint8Array): void {
  machine.volatile.pcrs[pcr] = value;
  if (!UNCOUNTED.has(pcr)) machine.volatile.pcrCounter += 1;
}

/** Startup(CLEAR) sets every PCR once, which the update counter shows. */
export function countStartup(machine: Machine): void {
  machine.volatile.pcrCounter = spec.IMPLEMENTATION_PCR - UNCOUNTED.size;
}

export function pcrExtend(machine: Machine, handles: readonly number[], input: Input): void {
  const [pcr = 0] = handles;
  const digests = input.parameter(1).digestValues();
  input.end();
  if (pcr === spec.TPM_RH_NULL) return;
  if (!isExtendable(pcr)) throw new Refusal(RC.LOCALITY);
  for (const { algorithm, digest } of digests) {
    if (algorithm !== spec.TPM_ALG_SHA256) continue;
    set(machine, pcr, machine.crypto.sha256(machine.volatile.pcrs[pcr] ?? new Uint8Array(0), digest));
  }
}

export function pcrReset(machine: Machine, handles: readonly number[], input: Input): void {
  const [pcr = 0] = handles;
  input.end();
  if (!RESETTABLE.has(pcr)) throw new Refusal(RC.LOCALITY);
  set(machine, pcr, new Uint8Array(spec.SHA256_SIZE_BYTES));
}

export function writeSelections(writer: ByteWriter, selections: readonly PcrSelection[]): ByteWriter {
  writer.u32(selections.length);
  for (const { algorithm, bitmap } of selections) writer.u16(algorithm).u8(bitmap.length).bytes(bitmap);
  return writer;
}

export function pcrRead(machine: Machine, _handles: readonly number[], input: Input): Uint8Array {
  const selections = input.parameter(1).pcrSelections();
  input.end();
  const read: Uint8Array[] = [];
  // What does not fit, or is in a bank that does not exist, is taken out of the selection that goes back.
  const answered = selections.map(({ algorithm, bitmap }) => {
    const kept = new Uint8Array(bitmap.length);
    for (const pcr of selectedPcrs([{ algorithm, bitmap }])) {
      if (read.length === DIGESTS_PER_READ) break;
      kept[pcr >> 3] = (kept[pcr >> 3] ?? 0) | (1 << (pcr & 7));
      read.push(machine.volatile.pcrs[pcr] ?? new Uint8Array(0));
    }
    return { algorithm, bitmap: kept };
  });
  const answer = writeSelections(new ByteWriter().u32(machine.volatile.pcrCounter), answered).u32(read.length);
  for (const digest of read) answer.sized(digest);
  return answer.done();
}

export function pcrDigestOf(machine: Machine, selections: readonly PcrSelection[]): Uint8Array {
  return machine.crypto.sha256(
    ...selectedPcrs(selections).map((pcr) => machine.volatile.pcrs[pcr] ?? new Uint8Array(0)),
  );
}
