/** C functions as text: each takes only what its body names, so that no compiler warns of an unused parameter. */
import { indent } from './js-handlers.ts';

/** What an operation may come with, in the order in which functions take it. */
export const OPERANDS = [
  'offset',
  'width',
  'index',
  'through',
  'value',
  'address',
  'length',
  'purposes',
  'now',
] as const;
export type Operand = (typeof OPERANDS)[number];

const names = (text: string, operand: string): boolean => new RegExp(`(?<!->)\\b${operand}\\b`).test(text);

/** The static functions of a source: what each of them takes, so that calls pass the right arguments. */
export class CFunctions {
  readonly #prefix: string;
  readonly #signatures = new Map<string, readonly string[]>();

  /** @param prefix of the monitor's struct */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get monitor(): string {
    return `struct ${this.#prefix}_monitor *m`;
  }

  /** @param possible the operands that the operation has; others that the body names are 0 */
  define(name: string, possible: readonly Operand[], body: readonly string[]): string[] {
    const text = body.join('\n');
    const used = possible.filter((operand) => names(text, operand));
    const all = [...(/\bm\b/.test(text) ? ['m'] : []), ...used];
    this.#signatures.set(name, all);
    const parameters = all.map((each) => (each === 'm' ? this.monitor : `uint64_t ${each}`));
    return [
      `static int32_t ${name}(${parameters.length === 0 ? 'void' : parameters.join(', ')}) {`,
      ...indent(absent(possible, text)),
      ...indent(body),
      '}',
      '',
    ];
  }

  /** @param passed what to pass for operands that are not variables of the same name */
  call(name: string, passed: Readonly<Partial<Record<string, string>>> = {}): string {
    return `${name}(${(this.#signatures.get(name) ?? []).map((each) => passed[each] ?? each).join(', ')})`;
  }

  /** A function of the header. */
  external(signature: string, possible: readonly Operand[], body: readonly string[]): string[] {
    const text = body.join('\n');
    const unused = [...signature.matchAll(/(\w+)(?=[,)])/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => !names(text, name));
    const silent = unused.map((name) => `(void)${name};`);
    return [`${signature} {`, ...indent([...silent, ...absent(possible, text), ...body]), '}', ''];
  }
}

function absent(possible: readonly Operand[], text: string): string[] {
  return OPERANDS.filter((operand) => !possible.includes(operand) && operand !== 'offset' && operand !== 'width')
    .filter((operand) => names(text, operand))
    .map((operand) => `uint64_t ${operand} = 0;`);
}
