/**
 * What types and bits may be: widths of registers and variables; named and reserved bits, which do not overlap.
 */
import type * as ast from '../ast.ts';
import type { Field } from '../ir.ts';
import type { Width } from '../runtime.ts';
import type { Span } from '../source.ts';
import { maxOf, type Context } from './context.ts';
import { elaborateConstant } from './expressions.ts';

export function registerWidth(type: ast.TypeNode, context: Context): Width | undefined {
  if (type.bits === 8 || type.bits === 16 || type.bits === 32 || type.bits === 64) return (type.bits / 8) as Width;
  if (type.span.end > 0) context.diagnostics.add('DSS208', { bits: type.bits }, type.span);
  return undefined;
}

export function validType(type: ast.TypeNode, context: Context): boolean {
  if (type.bits >= 1 && type.bits <= 64) return true;
  if (type.span.end > 0) context.diagnostics.add('DSS207', { bits: type.bits }, type.span);
  return false;
}

function bitRange(
  bits: ast.BitRange,
  total: number,
  name: string,
  context: Context,
): { low: number; bits: number } | undefined {
  const high = elaborateConstant(bits.high, context, 'a bit');
  const low = elaborateConstant(bits.low, context, 'a bit');
  if (high === undefined || low === undefined) return undefined;
  if (high < low) {
    context.diagnostics.add('DSS213', { high: Number(high), low: Number(low) }, bits.span);
    return undefined;
  }
  if (high >= BigInt(total)) {
    context.diagnostics.add('DSS209', { name, bits: total }, bits.span);
    return undefined;
  }
  return { low: Number(low), bits: Number(high - low) + 1 };
}

export function bitFields(
  block: ast.FieldBlock | undefined,
  total: number,
  name: string,
  context: Context,
): { fields: Field[]; reservedMask: bigint } {
  const fields: Field[] = [];
  const spans: { name: string; low: number; bits: number; span: Span }[] = [];
  let reservedMask = 0n;
  const claim = (label: string, range: { low: number; bits: number }, span: Span): boolean => {
    const twin = spans.find((each) => each.low < range.low + range.bits && range.low < each.low + each.bits);
    if (twin === undefined) {
      spans.push({ name: label, ...range, span });
      return true;
    }
    context.diagnostics.add('DSS210', { a: label, b: twin.name }, span, {
      labels: [{ span: twin.span, text: 'and here' }],
    });
    return false;
  };
  for (const field of block?.fields ?? []) {
    const range = bitRange(field.bits, total, name, context);
    if (range === undefined) {
      fields.push({ name: field.name.text, low: 0, bits: total }); // so that its uses are no further mistakes
      continue;
    }
    const earlier = spans.find((each) => each.name === field.name.text);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span, {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      });
      continue;
    }
    claim(field.name.text, range, field.span);
    fields.push({ name: field.name.text, ...range });
  }
  for (const bits of block?.reserved ?? []) {
    const range = bitRange(bits, total, name, context);
    if (range !== undefined && claim('reserved', range, bits.span))
      reservedMask |= maxOf(range.bits) << BigInt(range.low);
  }
  return { fields, reservedMask };
}
