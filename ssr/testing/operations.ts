/** The operations that crash tests make histories of, on a volume of one or two tiny regions. */
import { BLOCK } from './crash-options.ts';
import type { Operation } from './crash-options.ts';
import type { Model } from './shown.ts';

function changed(model: Model, name: string, change: (bytes: Uint8Array) => Uint8Array | void): Model {
  const bytes = (model.get(name) ?? new Uint8Array(0)).slice();
  return new Map(model).set(name, change(bytes) ?? bytes);
}

const writeFirst: Operation = {
  name: 'write block 0',
  change: (transaction, _model, stamp) => transaction.region('a').write(0, new Uint8Array(BLOCK).fill(stamp)),
  model: (model, stamp) => changed(model, 'a', (bytes) => void bytes.fill(stamp, 0, BLOCK)),
};

const writeAcross: Operation = {
  name: 'write across blocks',
  change: (transaction, _model, stamp) => transaction.region('a').write(500, new Uint8Array(24).fill(stamp)),
  model: (model, stamp) => changed(model, 'a', (bytes) => void bytes.fill(stamp, 500, 524)),
};

const resize: Operation = {
  name: 'resize',
  change: (transaction, model, stamp) => {
    const region = transaction.region('a');
    const isLong = model.get('a')?.length === 2 * BLOCK;
    region.resize(isLong ? 530 : 2 * BLOCK);
    region.write(528, new Uint8Array(2).fill(stamp));
  },
  model: (model, stamp) =>
    changed(model, 'a', (bytes) => {
      const resized = new Uint8Array(bytes.length === 2 * BLOCK ? 530 : 2 * BLOCK);
      resized.set(bytes.subarray(0, resized.length));
      return resized.fill(stamp, 528, 530);
    }),
};

const createOrDelete: Operation = {
  name: 'create or delete',
  change: (transaction, model, stamp) => {
    if (model.has('b')) transaction.delete('b');
    else {
      const region = transaction.create('b', { sizeBytes: 100, mode: 'integrity-only' });
      region.write(10, new Uint8Array(20).fill(stamp));
    }
  },
  model: (model, stamp) => {
    const next = new Map(model);
    if (!next.delete('b')) next.set('b', new Uint8Array(100).fill(stamp, 10, 30));
    return next;
  },
};

const rotate: Operation = {
  name: 'rotate key',
  change: (transaction) => transaction.region('a').rotateKey(),
  model: (model) => model,
};

/** Every block, the keys and the superblock change in one commit; the old superblock is overwritten after it. */
export const ROTATE_ROOT: Operation = {
  name: 'rotate root key',
  perform: (volume) => volume.rotateRootKey(),
  model: (model) => model,
};

function crashing(operation: Operation, crash: NonNullable<Operation['crash']>): Operation {
  return { ...operation, name: `${operation.name}, crash: ${crash}`, crash };
}

/** Enough to take every path of a commit and of a recovery. The first three suffice to catch the mutants. */
export const OPERATIONS: readonly Operation[] = [
  writeFirst,
  crashing(writeFirst, 'none-survives'),
  crashing(writeFirst, 'all-survives'),
  writeAcross,
  resize,
  createOrDelete,
  rotate,
];

export const TORN_WRITE: Operation = crashing(writeFirst, 'torn-nv-write');
