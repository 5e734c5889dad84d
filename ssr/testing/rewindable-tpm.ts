/** A TPM that tests may power-cut, rewind and watch: swtpm through its control channel, or the simulated one. */
import { nodeCrypto } from '../tpm/crypto-node.ts';
import { Tpm } from '../tpm/client.ts';
import { SimulatedTpm } from '../tpm/simulated.ts';
import { startSwtpm } from '../tpm/swtpm.ts';

/** A permanent state, as after a power cut at that moment. */
export type TpmMemory = { readonly restore: () => Promise<void> };

export interface RewindableTpm extends AsyncDisposable {
  readonly kind: 'simulated' | 'swtpm';
  /** The permanent state now; restoring it cuts the power too. */
  remember(): Promise<TpmMemory>;
  /** Power off and on, and a client of the started TPM. Earlier clients are dead. */
  powerOn(): Promise<Tpm>;
  /** The next NV write is torn after so many bytes of the index, and its answer is lost. Simulated only. */
  tearNextWrite(writtenBytes: number): void;
}

export function rewindableSimulated(entropy?: Uint8Array): RewindableTpm {
  const simulated = new SimulatedTpm({
    acknowledgeNotPersistent: true,
    crypto: nodeCrypto,
    ...(entropy && { entropy }),
  });
  return {
    kind: 'simulated',
    remember() {
      const snapshot = simulated.snapshot();
      return Promise.resolve({ restore: () => Promise.resolve(simulated.restore(snapshot)) });
    },
    async powerOn() {
      simulated.disarm();
      simulated.powerCycle();
      const tpm = new Tpm(simulated.transport(), { crypto: nodeCrypto });
      await tpm.startup();
      return tpm;
    },
    tearNextWrite(writtenBytes) {
      simulated.inject({ kind: 'torn-write', writtenBytes }, { command: 'NV_Write' });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export async function rewindableSwtpm(): Promise<RewindableTpm> {
  const swtpm = await startSwtpm();
  return {
    kind: 'swtpm',
    async remember() {
      const state = await swtpm.control.snapshot();
      return { restore: () => swtpm.control.restore(state) };
    },
    async powerOn() {
      await swtpm.control.powerCycle();
      const tpm = new Tpm(swtpm.transport, { crypto: nodeCrypto });
      await tpm.startup();
      return tpm;
    },
    tearNextWrite() {
      throw new RangeError('swtpm writes whole states; it cannot tear an index');
    },
    [Symbol.asyncDispose]: () => swtpm.stop(),
  };
}
