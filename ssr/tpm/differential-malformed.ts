/** Damaged commands, for the comparison of two TPMs: which mistake is reported first is part of the wire format. */
import { concatBytes } from './codec.ts';
import * as commands from './commands.ts';
import type { DifferentialRun, OperationKind } from './differential.ts';
import { nvCommand } from './differential-nv.ts';
import { policyHandle } from './differential-sessions.ts';
import { AUTH_RW, EMPTY, INDICES, filled, pick, plain } from './differential-world.ts';
import type { Operation, World } from './differential-world.ts';
import * as spec from './spec.ts';

/** Takes a well-formed command and damages it. Plain functions: none looks at `this`. */
export const malformedOperations = {
  async malformed(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    const [kind, draw] = pick(SOURCES, a);
    const bytes = draw(world, { kind, a: c, b: 0, c: e & 1, d, e });
    await run.exact(mutate(bytes, b, c * 20 + d, e));
  },
} as const;

/** Well-formed commands whose answer the standard fixes, to be damaged. */
const SOURCES: readonly (readonly [OperationKind, (world: World, operation: Operation) => Uint8Array])[] = [
  [
    'write',
    (world, operation) =>
      nvCommand(world, operation, 0, (access) => commands.nvWrite({ ...access, data: filled(8, 1) })),
  ],
  [
    'read',
    (world, operation) =>
      nvCommand(world, operation, undefined, (access) => commands.nvRead({ ...access, sizeBytes: 8 })),
  ],
  [
    'increment',
    (world, operation) => nvCommand(world, operation, spec.TPMA_NV_COUNTER, (access) => commands.nvIncrement(access)),
  ],
  ['pcrRead', () => plain(commands.pcrRead([0, 16]))],
  ['pcrExtend', () => plain(commands.pcrExtend(16, filled(32, 1)), EMPTY)],
  ['readPublic', (_world, { a }) => plain(commands.nvReadPublic(pick(INDICES, a)))],
  ['policyPcr', (world, { a }) => plain(commands.policyPcr(policyHandle(world, a), [16]))],
  [
    'policyNv',
    (world, { a }) =>
      plain(
        commands.policyNv({
          index: commands.unnamed(pick(INDICES, a)),
          session: policyHandle(world, a),
          operand: filled(8, 1),
          operation: 'eq',
        }),
        EMPTY,
      ),
  ],
  [
    'define',
    (_world, { a }) =>
      plain(
        commands.nvDefineSpace({
          public: {
            index: pick(INDICES, a),
            attributes: AUTH_RW | spec.TPMA_NV_NO_DA,
            authPolicy: EMPTY,
            sizeBytes: 8,
          },
        }),
        EMPTY,
      ),
  ],
  ['shutdown', () => plain(commands.shutdown())],
  ['flush', () => plain(commands.flushContext(0x02000007))],
  ['clearControl', () => plain(commands.clearControl(commands.PLATFORM, false), EMPTY)],
];

/** Where a command may be cut, stretched or changed without leaving what is simulated. `how` chooses the damage. */
function mutate(bytes: Uint8Array, how: number, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  switch (how % 8) {
    case 0: // cut, with a header that says so
      return resized(copy.slice(0, Math.max(10, at % copy.length)));
    case 1: // the header claims more or less than was sent
      view.setUint32(2, copy.length + (value - 10 || 1));
      return copy;
    case 2: // bytes too many
      return resized(concatBytes(copy, filled(1 + value, 3)));
    case 3: // another tag
      view.setUint16(0, pick([0x8001, 0x8002, 0x8003, 0x00c1, 0], value));
      return copy;
    case 4: // a command that does not exist
      view.setUint32(6, pick([0, 0x11e, 0x1000, 0xffffffff, 0x20000000], value));
      return copy;
    case 5: // a stretched or emptied command
      return resized(concatBytes(copy.slice(0, 10), value > 9 ? filled(4086, value) : EMPTY));
    default: {
      // One byte of parameters or of the session area, never of a handle or of attributes: those select other features.
      const handles = handleAreaLength(copy);
      const from = 10 + handles;
      if (copy.length <= from || isAttributeful(copy)) return copy;
      const place = from + (at % (copy.length - from));
      copy[place] = (copy[place] ?? 0) ^ (1 << (value & 7));
      return copy;
    }
  }
}

function resized(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(2, bytes.length);
  return bytes;
}

function shapeOf(bytes: Uint8Array): spec.CommandShape | undefined {
  const code = new DataView(bytes.buffer).getUint32(6);
  return Object.values(spec.COMMANDS).find((shape) => shape.code === code);
}

function handleAreaLength(bytes: Uint8Array): number {
  return 4 * (shapeOf(bytes)?.handles ?? 0);
}

/** One bit of a definition's attributes, or of a shutdown's type, can ask for a feature that the simulated TPM lacks. */
function isAttributeful(bytes: Uint8Array): boolean {
  const code = shapeOf(bytes)?.code;
  return code === spec.COMMANDS.NV_DefineSpace.code || code === spec.COMMANDS.Shutdown.code;
}
