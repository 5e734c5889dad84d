/** The honest disk driver at work: sectors to the medium and back, counted and compared byte by byte. */
import type { DriverMessage, Ipd, OpenBacking } from '../../kernel/index.ts';
import { WorkError, type WorkResult } from '../device-entry.ts';
import { TRANSFER_MAX_BYTES } from './block.ts';

const TIMEOUT_MS = 15_000;
const SECTORS = 2048;
const IN_FLIGHT_MAX = 8;

/** Bytes that follow from where they lie, a whole number of sectors from `sector` on. */
export function testBytes(sector: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (sector * 37 + index * 11 + (index >> 9) * 5) & 0xff);
}

/** The work of a disk in the demo: the first sectors are written, looked at past the device, and read back. @throws WorkError */
export async function blockWork(ipd: Ipd, backing: OpenBacking): Promise<WorkResult> {
  const { disk } = backing;
  if (disk === undefined) throw new WorkError(`${backing.name} has no disk`, undefined);
  const started = performance.now();
  const requests = new Requests(ipd);
  const { sectors, sectorBytes } = await requests.up();
  const count = Math.min(TRANSFER_MAX_BYTES / sectorBytes, sectors);
  const pieces = Array.from({ length: Math.floor(Math.min(SECTORS, sectors) / count) }, (_, index) => index * count);
  const bytes = (sector: number): Uint8Array => testBytes(sector, count * sectorBytes);
  await requests.all(pieces.map((sector) => ({ kind: 'write', sector, bytes: bytes(sector) })));
  await requests.all([{ kind: 'flush' }]);
  for (const sector of pieces) {
    if (Buffer.compare(disk.read(sector * sectorBytes, count * sectorBytes), bytes(sector)) !== 0)
      throw new WorkError(`sectors from ${sector} on are not what was written`, ipd.fault);
  }
  const answers = await requests.all(pieces.map((sector) => ({ kind: 'read', sector, count })));
  answers.forEach(({ bytes: found }, index) => {
    const expected = bytes(pieces[index] ?? 0);
    if (!(found instanceof Uint8Array) || Buffer.compare(found, expected) !== 0)
      throw new WorkError(`sectors from ${pieces[index]} on came back changed`, ipd.fault);
  });
  const moved = pieces.length * count;
  return {
    summary: `a disk of ${sectors} sectors is up; ${moved} sectors out, ${moved} in, each compared byte by byte in the medium`,
    counts: { sectors, written: moved, read: moved },
    milliseconds: Math.round(performance.now() - started),
  };
}

/** What a driver is asked, a few at a time, and what it answers. */
export class Requests {
  readonly #ipd: Ipd;
  readonly #messages: DriverMessage[] = [];
  #wake: () => void = () => undefined;
  #tag = 0;

  constructor(ipd: Ipd) {
    this.#ipd = ipd;
    ipd.onMessage((message) => {
      this.#messages.push(message);
      this.#wake();
    });
    void ipd.exited.then(() => this.#wake());
  }

  /** How large the disk is, once its driver says so. */
  async up(): Promise<{ readonly sectors: number; readonly sectorBytes: number }> {
    const up = await this.#until('the disk is up', ({ kind }) => kind === 'up');
    return { sectors: Number(up['sectors']), sectorBytes: Number(up['sectorBytes']) };
  }

  /** @returns the answers in the order of the requests @throws WorkError for an error, or for silence */
  async all(requests: readonly DriverMessage[]): Promise<readonly DriverMessage[]> {
    const answers: Promise<DriverMessage>[] = [];
    for (const [index, request] of requests.entries()) {
      await answers[index - IN_FLIGHT_MAX];
      this.#tag += 1;
      const tag = this.#tag;
      this.#ipd.send({ ...request, tag });
      answers.push(this.#until(`${request.kind} is answered`, (message) => message['tag'] === tag));
    }
    return Promise.all(answers);
  }

  async #until(what: string, isIt: (message: DriverMessage) => boolean): Promise<DriverMessage> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const at = this.#messages.findIndex(isIt);
      const [found] = at === -1 ? [] : this.#messages.splice(at, 1);
      if (found?.kind === 'error') throw new WorkError(`${what}: ${String(found['what'])}`, this.#ipd.fault);
      if (found !== undefined) return found;
      if (this.#ipd.state !== 'running') throw new WorkError(`the driver was stopped before ${what}`, this.#ipd.fault);
      if (performance.now() > deadline) throw new WorkError(`waited ${TIMEOUT_MS} ms until ${what}`, this.#ipd.fault);
      await this.#change();
    }
  }

  /** The next message, the driver's end, or a moment. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      const timer = setTimeout(resolve, 100);
      this.#wake = () => {
        clearTimeout(timer);
        before();
        this.#wake = before;
        resolve();
      };
    });
  }
}
