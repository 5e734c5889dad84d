/**
 * The optimum in closed form, for sparse updates (far fewer than leaves) and a hash whose price is a line a x + b.
 *
 * One update costs a s + b for its leaf and (a B h + b) log_B(f/s) for its path. The derivative in s vanishes at
 * s* = (B h + b/a) / ln B, whatever the region's size and the number of updates. Over B too: B ln B - B = b / (a h), and
 * then s* = B* h. With free bytes (b = 0) B* = e. The numeric optimiser knows more (ragged levels, dense updates, SHA
 * blocks); these lines explain where its answer comes from.
 */

/** Best leaf for a given arity, in bytes (not whole). */
export function closedFormLeafBytes(
  arity: number,
  perByteUs: number,
  fixedUs: number,
  digestSizeBytes: number,
): number {
  return (arity * digestSizeBytes + fixedUs / perByteUs) / Math.log(arity);
}

/** Best arity and leaf together (neither whole). Newton's method on a convex function, from the right: monotone. */
export function closedFormJoint(
  perByteUs: number,
  fixedUs: number,
  digestSizeBytes: number,
): { readonly arity: number; readonly leafSizeBytes: number } {
  const goal = fixedUs / (perByteUs * digestSizeBytes);
  let arity = Math.E + goal + 1;
  for (let round = 0; round < 100; round += 1) {
    const step = (arity * Math.log(arity) - arity - goal) / Math.log(arity);
    arity -= step;
    if (Math.abs(step) < 1e-12 * arity) break;
  }
  return { arity, leafSizeBytes: arity * digestSizeBytes };
}
