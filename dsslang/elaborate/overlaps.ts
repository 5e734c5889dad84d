/**
 * No two things on the same bytes: every byte of a region has one meaning, or an access could pass by a rule.
 *
 * Registers and windows never overlap. An area may lie under registers, which are looked up first; but an access that the
 * register does not take (another width) then falls to the area, so the area must allow nothing that the register guards.
 * One sweep over the sorted places finds the overlaps, however many there are.
 *
 * A `fifo` is one place through which data flows, in accesses that are wider than the distance to the next register, as
 * the data port of a disk is. It lies over its neighbours, and still each access means one register: no two of them, and no
 * window, may take the same width at the same offset.
 */
import type * as ast from '../ast.ts';
import type { Context } from './context.ts';
import type { RegisterDraft } from './symbols.ts';

/** One run of bytes and who claims it. `end` is exclusive. */
interface Claim {
  readonly space: number;
  readonly start: number;
  readonly end: number;
  readonly name: ast.Name;
  readonly at: ast.Location;
  readonly kind: 'register' | 'fifo' | 'window' | 'area';
  readonly register?: RegisterDraft;
}

/** Where the declarations of registers, windows and areas stand in the text. */
export interface Places {
  readonly windows: ReadonlyMap<string, ast.ItemOf<'window'>>;
  readonly areas: ReadonlyMap<string, ast.ItemOf<'area'>>;
}

/** @param readGuarded does reading this register mean something to the monitor? */
export function reportOverlappingPlaces(
  places: Places,
  readGuarded: (register: RegisterDraft) => boolean,
  context: Context,
): void {
  const areas = new Map(context.areas.map((area) => [area.name, area]));
  const complained = new Set<string>();
  const clash = (a: Claim, b: Claim, help?: string): void => {
    // The later declaration is the mistake; each is blamed once.
    const [later, earlier] = a.name.span.start > b.name.span.start ? [a, b] : [b, a];
    if (later.name === earlier.name || complained.has(later.name.text)) return;
    complained.add(later.name.text);
    context.diagnostics.add('DSS215', { a: later.name.text, b: earlier.name.text }, later.at.span, {
      labels: [{ span: earlier.at.span, text: `\`${earlier.name.text}\` is here` }],
      help,
    });
  };
  const judge = (area: Claim, guarded: Claim): void => {
    const mode = areas.get(area.name.text);
    const passesBy =
      mode?.writable === true ||
      (mode?.readable === true && (guarded.register === undefined || readGuarded(guarded.register)));
    if (passesBy)
      clash(area, guarded, 'an access of another width would fall to the area and pass by the rules below it');
  };

  const sorted = collect(places, context).sort((a, b) => a.space - b.space || a.start - b.start || a.end - b.end);
  // Of each sort, the claim that reaches furthest so far: whatever starts before its end overlaps it.
  let area: Claim | undefined;
  let other: Claim | undefined;
  let fifo: Claim | undefined;
  const overlaps = (before: Claim | undefined, claim: Claim): before is Claim =>
    before?.space === claim.space && before.end > claim.start;
  const further = (before: Claim | undefined, claim: Claim): Claim =>
    before?.space === claim.space && before.end > claim.end ? before : claim;
  reportSameAccess(sorted, clash);
  for (const claim of sorted) {
    if (claim.kind === 'fifo') {
      if (overlaps(area, claim)) judge(area, claim);
      fifo = further(fifo, claim);
    } else if (claim.kind === 'area') {
      if (overlaps(fifo, claim)) judge(claim, fifo);
      if (overlaps(area, claim)) clash(area, claim);
      if (overlaps(other, claim)) judge(claim, other);
      area = further(area, claim);
    } else {
      if (overlaps(other, claim)) clash(other, claim);
      if (overlaps(area, claim)) judge(area, claim);
      other = further(other, claim);
    }
  }
}

/** Fifos share bytes with others, but never a width at an offset. */
function reportSameAccess(claims: readonly Claim[], clash: (a: Claim, b: Claim) => void): void {
  const places = new Map<string, Claim>();
  const others = claims.filter(({ kind }) => kind !== 'area');
  for (const claim of [...others].sort((a, b) => Number(a.kind === 'fifo') - Number(b.kind === 'fifo'))) {
    for (const width of claim.register?.accessWidths ?? [claim.end - claim.start]) {
      const access = `${claim.space}:${claim.start}:${width}`;
      const before = places.get(access);
      if (before === undefined) places.set(access, claim);
      else if (claim.kind === 'fifo') clash(before, claim);
    }
  }
}

function collect(places: Places, context: Context): Claim[] {
  const claims: Claim[] = [];
  for (const register of context.registers) {
    const { name, at, fifo } = register.declaration;
    const kind = fifo ? 'fifo' : 'register';
    for (let index = 0; index < register.count; index += 1) {
      const start = register.offset + index * register.stride;
      claims.push({ space: register.space, start, end: start + register.width, name, at, kind, register });
    }
  }
  for (const window of context.windows) {
    const item = places.windows.get(window.name);
    if (item === undefined) continue;
    const end = window.offset + window.width;
    claims.push({ space: window.space, start: window.offset, end, name: item.name, at: item.at, kind: 'window' });
  }
  for (const area of context.areas) {
    const item = places.areas.get(area.name);
    if (item === undefined) continue;
    const end = area.offset + area.sizeBytes;
    claims.push({ space: area.space, start: area.offset, end, name: item.name, at: item.at, kind: 'area' });
  }
  return claims;
}
