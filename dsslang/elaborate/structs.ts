/**
 * Structures in memory, and rings of them.
 */
import type * as ast from '../ast.ts';
import type { Span } from '../source.ts';
import type { Context } from './context.ts';
import type { StructField } from './symbols.ts';
import { constantWithin, RINGS_MAX, STRUCT_BYTES_MAX, tooMany } from './limits.ts';
import { bitFields, registerWidth } from './types.ts';

export function declareStruct(item: ast.ItemOf<'struct'>, context: Context): void {
  const sizeBytes = constantWithin(item.size, context, "the struct's size", 1n, BigInt(STRUCT_BYTES_MAX));
  if (sizeBytes === undefined) return;
  const fields = new Map<string, StructField>();
  const spans = new Map<string, Span>();
  for (const field of item.fields) {
    const width = registerWidth(field.type, context);
    const offset = constantWithin(field.offset, context, "the field's place", 0n, BigInt(STRUCT_BYTES_MAX));
    if (width !== undefined && offset !== undefined && offset + width > sizeBytes) {
      context.diagnostics.add('DSS219', { name: field.name.text, end: offset + width, size: sizeBytes }, field.span);
    }
    const earlier = spans.get(field.name.text);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span, {
        labels: [{ span: earlier, text: 'declared here first' }],
      });
      continue;
    }
    spans.set(field.name.text, field.name.span);
    // A field with a mistake is kept, so that its uses are no further mistakes.
    const bytes = width ?? 8;
    const bits = bitFields(field.fields, bytes * 8, `\`${field.name.text}\``, context);
    fields.set(field.name.text, {
      name: field.name.text,
      bits: bytes * 8,
      bytes,
      offset: offset ?? 0,
      fields: bits.fields,
    });
  }
  context.declare(item.name, { kind: 'struct', span: item.name.span, sizeBytes, fields });
}

export function declareRing(item: ast.ItemOf<'ring'>, context: Context): void {
  if (tooMany('rings', context.namesOf('ring').length + 1, RINGS_MAX, item.span, context)) return;
  context.declare(item.name, { kind: 'ring', span: item.name.span, ring: { declaration: item } });
}
