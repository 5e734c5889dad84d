/**
 * A validator for the part of JSON Schema 2020-12 that docs/ir.schema.json uses, and for no more: a keyword that it does not
 * know is an error, so that a schema cannot promise what nobody checks.
 */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Schema = { readonly [key: string]: Json };

const annotations = ['$schema', '$id', '$defs', 'title', 'description'];

/** @returns the first violation as `path: what`, or undefined */
export function violation(root: Schema, value: unknown): string | undefined {
  return check(root, root, value, '');
}

function check(root: Schema, schema: Schema, value: unknown, path: string): string | undefined {
  for (const [keyword, wanted] of Object.entries(schema)) {
    if (annotations.includes(keyword)) continue;
    const problem = keywordProblem(root, schema, keyword, wanted, value, path);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function keywordProblem(
  root: Schema,
  schema: Schema,
  keyword: string,
  wanted: Json,
  value: unknown,
  path: string,
): string | undefined {
  const fails = (holds: boolean): string | undefined =>
    holds ? undefined : `${path || '/'}: not ${keyword} ${JSON.stringify(wanted).slice(0, 80)}`;
  switch (keyword) {
    case '$ref':
      return check(root, resolve(root, wanted as string), value, path);
    case 'type':
      return fails(isOfType(value, wanted as string));
    case 'const':
      return fails(value === wanted);
    case 'enum':
      return fails((wanted as readonly Json[]).includes(value as Json));
    case 'pattern':
      return fails(typeof value !== 'string' || new RegExp(wanted as string, 'u').test(value));
    case 'minimum':
      return fails(typeof value !== 'number' || value >= Number(wanted));
    case 'maximum':
      return fails(typeof value !== 'number' || value <= Number(wanted));
    case 'required':
      return fails(!isObject(value) || (wanted as readonly string[]).every((name) => name in value));
    case 'items':
      if (!Array.isArray(value)) return undefined;
      return first(value, (each: unknown, index) => check(root, wanted as Schema, each, `${path}/${index}`));
    case 'properties':
      if (!isObject(value)) return undefined;
      return first(Object.entries(wanted as Schema), ([name, part]) =>
        name in value ? check(root, part as Schema, value[name], `${path}/${name}`) : undefined,
      );
    case 'additionalProperties': {
      if (wanted !== false) throw new RangeError('`additionalProperties` may only be false');
      const named = Object.keys((schema['properties'] ?? {}) as Schema);
      return fails(!isObject(value) || Object.keys(value).every((name) => named.includes(name)));
    }
    case 'oneOf': {
      const problems = (wanted as readonly Schema[]).map((each) => check(root, each, value, path));
      const matching = problems.filter((problem) => problem === undefined).length;
      if (matching === 1) return undefined;
      // The one that got deepest is the one that was meant.
      const deepest = problems.reduce(
        (most = '', each = '') => (each.split('/').length > most.split('/').length ? each : most),
        '',
      );
      return matching > 1 ? `${path}: ${matching} of oneOf` : deepest;
    }
    default:
      throw new RangeError(`\`${keyword}\` is not among the keywords in use`);
  }
}

function first<T>(list: readonly T[], problemOf: (each: T, index: number) => string | undefined): string | undefined {
  for (const [index, each] of list.entries()) {
    const problem = problemOf(each, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    default:
      return typeof value === type;
  }
}

function resolve(root: Schema, reference: string): Schema {
  const found = reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<Json | undefined>((at, name) => (at as Schema | undefined)?.[name], root);
  if (found === undefined) throw new RangeError(`${reference} leads nowhere`);
  return found as Schema;
}
