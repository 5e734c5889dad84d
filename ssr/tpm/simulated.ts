/**
 * A TPM 2.0 in memory that answers with the same bytes as a real one, for the commands that refmon uses.
 *
 * It exists for tests by the million, for machines without swtpm and for browsers. It protects nothing: its secrets lie
 * in this process, its state is gone with it, and whoever holds the object can copy and rewind it. Hence the option that
 * must be written out, and hence nothing in refmon chooses it silently.
 *
 * `execute` is the whole TPM, a synchronous function from bytes to bytes. A differential test holds it to swtpm over
 * random command sequences. What is not simulated is listed at the head of each `simulated-*.ts`; it is refused.
 */
import { ByteWriter } from './codec.ts';
import type { TpmCrypto } from './crypto.ts';
import { TpmTransportError } from './errors.ts';
import {
  clear,
  clearControl,
  getCapability,
  getRandom,
  hierarchyChangeAuth,
  shutdown,
  startup,
} from './simulated-admin.ts';
import { answerSessions, authorize } from './simulated-auth.ts';
import type { UsedSession } from './simulated-auth.ts';
import { readHandles } from './simulated-entity.ts';
import { Input, RC, Refusal } from './simulated-input.ts';
import {
  nvDefineSpace,
  nvExtend,
  nvIncrement,
  nvRead,
  nvReadPublic,
  nvUndefineSpace,
  nvWrite,
} from './simulated-nv.ts';
import { create, createPrimary, load, quote, unseal } from './simulated-object.ts';
import { pcrExtend, pcrRead, pcrReset } from './simulated-pcr.ts';
import { flushContext, policyGetDigest, policyNv, policyPcr, startAuthSession } from './simulated-policy.ts';
import { copyState, freshPermanent, freshVolatile } from './simulated-state.ts';
import type { Machine, PermanentState, VolatileState } from './simulated-state.ts';
import * as spec from './spec.ts';
import type { CommandName } from './spec.ts';
import type { TpmTransport } from './transport.ts';

/** What a command gives back: nothing, parameters, or a new handle with parameters. */
type Answer = undefined | Uint8Array | { readonly handle: number; readonly parameters: Uint8Array };
/** Reads its parameters to the end, checks, and only then changes the machine. @throws Refusal */
type Action = (machine: Machine, handles: readonly number[], input: Input) => Answer | void;

const ACTIONS: Readonly<Record<CommandName, Action>> = {
  NV_UndefineSpace: nvUndefineSpace,
  Clear: clear,
  ClearControl: clearControl,
  HierarchyChangeAuth: hierarchyChangeAuth,
  NV_DefineSpace: nvDefineSpace,
  CreatePrimary: createPrimary,
  NV_Increment: nvIncrement,
  NV_Extend: nvExtend,
  NV_Write: nvWrite,
  PCR_Reset: pcrReset,
  Startup: startup,
  Shutdown: shutdown,
  PolicyNV: policyNv,
  NV_Read: nvRead,
  Create: create,
  Load: load,
  Quote: quote,
  Unseal: unseal,
  FlushContext: flushContext,
  NV_ReadPublic: nvReadPublic,
  StartAuthSession: startAuthSession,
  GetCapability: getCapability,
  GetRandom: getRandom,
  PCR_Read: pcrRead,
  PolicyPCR: policyPcr,
  PCR_Extend: pcrExtend,
  PolicyGetDigest: policyGetDigest,
};

const NAMES: ReadonlyMap<number, CommandName> = new Map(
  (Object.keys(spec.COMMANDS) as CommandName[]).map((name) => [spec.COMMANDS[name].code, name]),
);

/** Something that goes wrong once, at a chosen command. */
export type SimulatedFault =
  /** The command is not executed and answered with this code; 0x101 is failure mode until the next power cycle. */
  | { readonly kind: 'response-code'; readonly code: number }
  /** Power is cut before the command takes effect; there is no answer. */
  | { readonly kind: 'lost-command' }
  /** Power is cut after the command took effect; there is no answer. */
  | { readonly kind: 'lost-response' }
  /** Power is cut inside an NV write: only the first bytes of the index have their new value; there is no answer. */
  | { readonly kind: 'torn-write'; readonly writtenBytes: number };

export interface FaultPlace {
  /** Only this command counts; every command by default. */
  readonly command?: CommandName;
  /** How many such commands pass unharmed first. */
  readonly skip?: number;
}

export interface SimulatedTpmOptions {
  /** Must be written out: the state is in memory, unprotected, and gone when the process ends. */
  readonly acknowledgeNotPersistent: true;
  readonly crypto: TpmCrypto;
  /** All randomness follows from it, so that a run can be repeated; random by default. */
  readonly entropy?: Uint8Array;
}

/** A whole state, volatile part included; independent of the TPM that it was taken from. */
export interface SimulatedSnapshot {
  readonly permanent: PermanentState;
  readonly volatile: VolatileState;
}

export class SimulatedTpm {
  readonly #machine: Machine;
  #fault: { fault: SimulatedFault; place: FaultPlace; left: number } | undefined;

  constructor(options: SimulatedTpmOptions) {
    if ((options.acknowledgeNotPersistent as unknown) !== true) {
      throw new TypeError(
        'acknowledgeNotPersistent must be true: a simulated TPM protects nothing and forgets everything',
      );
    }
    const { crypto, entropy = crypto.random(spec.SHA256_SIZE_BYTES) } = options;
    this.#machine = { crypto, entropy, permanent: freshPermanent(entropy, crypto), volatile: freshVolatile() };
  }

  /**
   * One command, one response, as on the wire. The input is copied before it is read.
   * @throws TpmTransportError `TPM_GONE` only for an injected fault that takes the answer away
   */
  execute(command: Uint8Array): Uint8Array {
    const bytes = command.slice();
    const machine = this.#machine;
    machine.permanent.clockMs += 1n;
    const fault = this.#takeFault(bytes);
    if (fault === undefined) return respond(machine, bytes);
    switch (fault.kind) {
      case 'response-code':
        if (fault.code === RC.FAILURE) machine.volatile.hasFailed = true;
        return refusalBytes(fault.code);
      case 'lost-command':
        throw lost();
      case 'lost-response':
        respond(machine, bytes);
        throw lost();
      case 'torn-write':
        tear(machine, bytes, fault.writtenBytes);
        throw lost();
    }
  }

  #takeFault(bytes: Uint8Array): SimulatedFault | undefined {
    const pending = this.#fault;
    if (pending === undefined) return undefined;
    const { command } = pending.place;
    if (command !== undefined && commandCode(bytes) !== spec.COMMANDS[command].code) return undefined;
    if (pending.left > 0) {
      pending.left -= 1;
      return undefined;
    }
    this.#fault = undefined;
    return pending.fault;
  }

  /** Arms one fault; a later call replaces an earlier one that has not struck. */
  inject(fault: SimulatedFault, place: FaultPlace = {}): void {
    this.#fault = { fault, place, left: place.skip ?? 0 };
  }

  /** Forgets an armed fault. @returns true if one was still waiting */
  disarm(): boolean {
    const wasArmed = this.#fault !== undefined;
    this.#fault = undefined;
    return wasArmed;
  }

  /** Power off and on: everything volatile is gone, and the TPM waits for Startup. */
  powerCycle(): void {
    this.#machine.volatile = freshVolatile();
  }

  snapshot(): SimulatedSnapshot {
    const { permanent, volatile } = this.#machine;
    return copyState({ permanent, volatile });
  }

  /** Continues from a snapshot, which stays usable. Randomness repeats from there: a rewound TPM is a rewound TPM. */
  restore(snapshot: SimulatedSnapshot): void {
    const { permanent, volatile } = copyState(snapshot);
    this.#machine.permanent = permanent;
    this.#machine.volatile = volatile;
  }

  /** This TPM as a transport. Several may be open; closing one only refuses further use of it. */
  transport(): TpmTransport {
    let isClosed = false;
    return {
      send: (command) => {
        if (isClosed)
          return Promise.reject(new TpmTransportError('TPM_CLOSED', 'the connection to the simulated TPM was closed'));
        // An async function would do the same, one microtask later.
        return new Promise((resolve) => {
          resolve(this.execute(command));
        });
      },
      close: () => {
        isClosed = true;
        return Promise.resolve();
      },
    };
  }
}

function lost(): TpmTransportError {
  return new TpmTransportError('TPM_GONE', 'the simulated TPM lost power; the outcome of the command is unknown');
}

function commandCode(bytes: Uint8Array): number {
  return bytes.length < spec.HEADER_SIZE_BYTES ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(6);
}

function refusalBytes(code: number): Uint8Array {
  return new ByteWriter().u16(spec.TPM_ST_NO_SESSIONS).u32(spec.HEADER_SIZE_BYTES).u32(code).done();
}

function respond(machine: Machine, bytes: Uint8Array): Uint8Array {
  if (machine.volatile.hasFailed) return refusalBytes(RC.FAILURE);
  try {
    return perform(machine, bytes);
  } catch (error) {
    if (error instanceof Refusal) return refusalBytes(error.responseCode);
    throw error;
  }
}

/** Header, handles, sessions, parameters, action, response: the order in which mistakes are found is the standard's. */
function perform(machine: Machine, bytes: Uint8Array): Uint8Array {
  const input = new Input(bytes);
  const tag = input.u16();
  if (tag !== spec.TPM_ST_NO_SESSIONS && tag !== spec.TPM_ST_SESSIONS) throw new Refusal(RC.VALUE);
  if (input.u32() !== bytes.length || bytes.length > spec.MAX_COMMAND_SIZE_BYTES) throw new Refusal(RC.COMMAND_SIZE);
  const name = NAMES.get(input.u32());
  if (name === undefined) throw new Refusal(RC.COMMAND_CODE);
  if (machine.volatile.isStarted === (name === 'Startup')) throw new Refusal(RC.INITIALIZE);
  const handles = readHandles(machine, name, input);
  let uses: UsedSession[] | undefined;
  let parameters = input;
  if (tag === spec.TPM_ST_SESSIONS) {
    const authorized = authorize(machine, name, handles, input);
    uses = authorized.uses;
    parameters = new Input(authorized.parameters);
  } else if (spec.COMMANDS[name].auths > 0) throw new Refusal(RC.AUTH_MISSING);
  const answer = ACTIONS[name](machine, handles, parameters) ?? new Uint8Array(0);
  const plain = answer instanceof Uint8Array ? answer : answer.parameters;
  const body = new ByteWriter();
  if (!(answer instanceof Uint8Array)) body.u32(answer.handle);
  body.bytes(uses === undefined ? plain : answerSessions(machine, name, uses, plain));
  const whole = body.done();
  return new ByteWriter()
    .u16(tag)
    .u32(spec.HEADER_SIZE_BYTES + whole.length)
    .u32(0)
    .bytes(whole)
    .done();
}

/** Executes an NV write, then puts back all but the first bytes of the data of each index that changed. */
function tear(machine: Machine, bytes: Uint8Array, writtenBytes: number): void {
  const before = new Map([...machine.permanent.nv].map(([index, { data }]) => [index, data]));
  respond(machine, bytes);
  for (const [index, now] of machine.permanent.nv) {
    const old = before.get(index);
    if (old === undefined || old === now.data) continue;
    const torn = old.slice();
    torn.set(now.data.subarray(0, writtenBytes));
    now.data = torn;
  }
}
