/**
 * Numbers for tests that hold two devices side by side: the same everywhere for the same seed. For nothing else.
 */

/** Mulberry32. @returns a function that gives whole numbers from 0 to `below` - 1 */
export function seededRandom(seed: number): (below: number) => number {
  let a = seed >>> 0;
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
