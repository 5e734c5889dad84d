/** A TPM that tests may power-cut, rewind and watch: swtpm through its control channel, or the simulated one. */
import { nodeCrypto } from '../tpm/crypto-node.ts';
import { Tpm } from '../tpm/client.ts';
import { SimulatedTpm } from '../tpm/simulated.ts';
import type { TpmTransport } from '../tpm/transport.ts';
import { startRewindableSwtpm } from './rewindable-swtpm.ts';

/** A permanent state. `restore` goes back to it with a power cut, and gives a client of the started TPM. */
export type TpmMemory = { readonly restore: () => Promise<Tpm> };

export interface RewindableTpm extends AsyncDisposable {
  readonly kind: 'simulated' | 'swtpm';
  /** The permanent state now, as after a power cut at this moment. */
  remember(): Promise<TpmMemory>;
  /** Power off and on, and a client of the started TPM. Earlier clients are dead. */
  powerOn(): Promise<Tpm>;
  /** The next NV write is torn after so many bytes of the index, and its answer is lost. Simulated only. */
  tearNextWrite(writtenBytes: number): void;
}

async function started(transport: TpmTransport): Promise<Tpm> {
  const tpm = new Tpm(transport, { crypto: nodeCrypto });
  await tpm.startup();
  return tpm;
}

export function rewindableSimulated(entropy?: Uint8Array): RewindableTpm {
  const simulated = new SimulatedTpm({
    acknowledgeNotPersistent: true,
    crypto: nodeCrypto,
    ...(entropy && { entropy }),
  });
  const powerOn = async (): Promise<Tpm> => {
    simulated.disarm();
    simulated.powerCycle();
    return started(simulated.transport());
  };
  return {
    kind: 'simulated',
    remember() {
      const snapshot = simulated.snapshot();
      const restore = (): Promise<Tpm> => {
        simulated.restore(snapshot);
        return powerOn();
      };
      return Promise.resolve({ restore });
    },
    powerOn,
    tearNextWrite(writtenBytes) {
      simulated.inject({ kind: 'torn-write', writtenBytes }, { command: 'NV_Write' });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export async function rewindableSwtpm(): Promise<RewindableTpm> {
  const swtpm = await startRewindableSwtpm();
  return {
    kind: 'swtpm',
    async remember() {
      const state = await swtpm.snapshot();
      const restore = async (): Promise<Tpm> => {
        await swtpm.restore(state);
        return started(swtpm.transport);
      };
      return { restore };
    },
    async powerOn() {
      await swtpm.powerCycle();
      return started(swtpm.transport);
    },
    tearNextWrite() {
      throw new RangeError('swtpm writes whole states; it cannot tear an index');
    },
    [Symbol.asyncDispose]: () => swtpm[Symbol.asyncDispose](),
  };
}
