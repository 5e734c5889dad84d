/**
 * Changes the objects that trusted code in the same thread also uses: shared prototypes, built-in functions, and `io` itself.
 *
 * If `Uint8Array.prototype.set` is the driver's, the monitor's private copy of a descriptor is whatever the driver likes.
 * Must be contained by the hardened realm: all shared objects are frozen, so nothing changes.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { escapeMessage } from './escape-report.ts';
import { bare } from './bare.ts';

type Holder = Record<PropertyKey, unknown>;

/** Taken before anything is changed, so that the program can judge and undo what it did. */
const { get, set, getPrototypeOf, setPrototypeOf, defineProperty, deleteProperty } = Reflect;

/** Objects whose change would be felt outside, and one property of each that trusted code relies on. */
function targets(io: DeviceIo): [name: string, holder: object, property: PropertyKey][] {
  return [
    ['Object.prototype', Object.prototype, 'toString'],
    ['Object.prototype', Object.prototype, 'hasOwnProperty'],
    ['Array.prototype', Array.prototype, 'push'],
    ['Array.prototype', Array.prototype, Symbol.iterator],
    ['Function.prototype', Function.prototype, 'call'],
    ['Function.prototype', Function.prototype, 'apply'],
    ['Uint8Array.prototype', getPrototypeOf(Uint8Array.prototype) as object, 'set'],
    ['Uint8Array.prototype', getPrototypeOf(Uint8Array.prototype) as object, 'subarray'],
    ['DataView.prototype', DataView.prototype, 'getUint32'],
    ['Map.prototype', Map.prototype, 'get'],
    ['Promise.prototype', Promise.prototype, 'then'],
    ['String.prototype', String.prototype, 'split'],
    ['Number', Number, 'isInteger'],
    ['Math', Math, 'min'],
    ['JSON', JSON, 'stringify'],
    ['Reflect', Reflect, 'apply'],
    ['Object', Object, 'freeze'],
    ['io', io, 'write32'],
    ['io.write32', get(io, 'write32'), 'call'],
  ];
}

const WAYS: readonly [name: string, change: (holder: object, property: PropertyKey, value: unknown) => void][] = [
  ['assign', (holder, property, value) => void ((holder as Holder)[property] = value)],
  ['define', (holder, property, value) => void Object.defineProperty(holder, property, { value, configurable: true })],
  ['reflect', (holder, property, value) => void set(holder, property, value)],
  ['delete', (holder, property) => void deleteProperty(holder, property)],
  ['re-parent', (holder, property, value) => void Object.setPrototypeOf(holder, { [property]: value })],
];

export default (io: DeviceIo) =>
  bare(io, {
    attack() {
      const found: string[] = [];
      let tried = 0;
      for (const [name, holder, property] of targets(io)) {
        const genuine: unknown = get(holder, property);
        const parent: unknown = getPrototypeOf(holder);
        for (const [way, change] of WAYS) {
          tried += 1;
          try {
            change(holder, property, () => 'polluted');
          } catch {
            // Refused, as it should be.
          }
          if (get(holder, property) === genuine && getPrototypeOf(holder) === parent) continue;
          found[found.length] = `${way} ${name}.${String(property)}`;
          // Put back, so that the report itself can still be sent.
          setPrototypeOf(holder, parent as object | null);
          defineProperty(holder, property, { value: genuine, configurable: true, writable: true });
        }
      }
      for (const property of ['polluted', '__proto__']) {
        tried += 1;
        try {
          ((({}) as Holder)['__proto__'] as Holder)[property] = { polluted: true };
        } catch {
          // Refused, as it should be.
        }
        if (({} as Holder)['polluted'] === undefined) continue;
        found[found.length] = `new property of every object through ${property}`;
        deleteProperty(Object.prototype, 'polluted');
      }
      io.send(escapeMessage(tried, found));
    },
  });
