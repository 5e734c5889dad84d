/**
 * Where a device is told of descriptors: derived from the specification, so that no device needs code of its own.
 *
 * A specification walks descriptors from some base, or says that a structure of a pool lies at one. This file follows each
 * base back through the core calculus to what it came from: the register that the driver writes it to, or a field of
 * another descriptor (an AHCI command header names its table). Those are the places where the shield must put the address
 * of its own copy. What pools add, structures that a device without a doorbell finds by itself, is in `pool-plan.ts`.
 *
 * What it cannot follow makes the device unshadowable, and it says why: fail closed, never guess.
 */
import type { Program, Space } from '../../dsslang/index.ts';
import { factsOfProgram, putsInto, stateBehind, type ProgramFacts, type Source } from './address-sources.ts';
import { planPools, type PoolPlan } from './pool-plan.ts';

/** A register that holds (the low half of) the address of command memory. */
export interface PointerRegister {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  readonly count: number;
  readonly stride: number;
  /** Index of the pool whose structures lie there; undefined: it is no pool's. */
  readonly pool?: number;
}

/** A field of a descriptor of `structBytes` that holds the address of more command memory. */
export interface PointerField {
  readonly structBytes: number;
  readonly offset: number;
  readonly bytes: 4 | 8;
  /** Bytes from where it points to the descriptors that the specification walks there: the device reads them too. */
  readonly lead: number;
}

export type Pointers =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly registers: readonly PointerRegister[]; readonly fields: readonly PointerField[] }
  | { readonly kind: 'pools'; readonly registers: readonly PointerRegister[]; readonly plan: PoolPlan }
  | { readonly kind: 'impossible'; readonly reason: string };

const NO_REGISTER = { kind: 'impossible', reason: 'no register is seen to hold the address of descriptors' } as const;

/** Finds every place that holds the address of descriptors. Pure. */
export function findPointers(program: Program): Pointers {
  const facts = factsOfProgram(program);
  return program.pools.length > 0 ? inPools(program, facts) : inRings(facts);
}

function inRings({ writes, all }: ProgramFacts): Pointers {
  if (all.every(({ bases, sizes }) => bases.length === 0 && sizes.size === 0)) return { kind: 'none' };
  const fields = new Map<string, PointerField>();
  for (const { bases, sizes } of all) {
    for (const base of bases) {
      if (base.from === 'value') return { kind: 'impossible', reason: 'descriptors are named by the doorbell itself' };
      if (base.from !== 'field') continue;
      if (base.bytes !== 4 && base.bytes !== 8) return { kind: 'impossible', reason: 'a pointer of odd width' };
      const structBytes = sizes.get(base.walk) ?? 0;
      const { offset, bytes, lead } = base;
      const key = `${structBytes}+${offset}`;
      fields.set(key, { structBytes, offset, bytes, lead: Math.max(lead, fields.get(key)?.lead ?? 0) });
    }
  }
  const state = stateBehind(
    all.flatMap(({ bases }) => bases),
    all,
  );
  if (all.some((facts) => putsInto(state, facts, 'field'))) {
    return { kind: 'impossible', reason: 'a descriptor names another ring, among fields that also name data' };
  }
  const registers = registersInto(state, writes);
  if (registers.length === 0) return NO_REGISTER;
  return { kind: 'found', registers, fields: [...fields.values()] };
}

function inPools(program: Program, { writes, all }: ProgramFacts): Pointers {
  const ofRegisters = writes.flatMap(({ facts }) => facts);
  if (ofRegisters.some(({ bases }) => bases.length > 0)) {
    return { kind: 'impossible', reason: 'it has rings with a doorbell beside its pools' };
  }
  const plan = planPools(program);
  if (typeof plan === 'string') return { kind: 'impossible', reason: plan };
  const held = ofRegisters.flatMap(({ holds }) => holds);
  if (held.some(({ base }) => base.from === 'value')) {
    return { kind: 'impossible', reason: 'structures are named by the doorbell itself' };
  }
  const registers = program.pools.flatMap((pool, index) => {
    const bases: Source[] = held.filter(({ purposes }) => (purposes & pool.purpose) !== 0).map(({ base }) => base);
    return registersInto(stateBehind(bases, all), writes).map((register) => ({ ...register, pool: index }));
  });
  const places = new Set(registers.map(({ space, offset }) => `${space}+${offset}`));
  if (places.size !== registers.length)
    return { kind: 'impossible', reason: 'one register names structures of two pools' };
  return registers.length === 0 ? NO_REGISTER : { kind: 'pools', registers, plan };
}

function registersInto(state: ReadonlySet<string>, writes: ProgramFacts['writes']): PointerRegister[] {
  return writes
    .filter(({ facts }) => facts.some((each) => putsInto(state, each, 'value')))
    .map(({ register: { name, space, offset, count, stride } }) => ({ name, space, offset, count, stride }));
}

/** The pointer register at `offset`; undefined if there is none. */
export function pointerAt(
  registers: readonly PointerRegister[],
  space: Space,
  offset: number,
): PointerRegister | undefined {
  return registers.find((each) => {
    const into = offset - each.offset;
    return each.space === space && into >= 0 && into < each.stride * each.count && into % each.stride === 0;
  });
}
