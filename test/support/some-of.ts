/**
 * Whether tests try all cases of tables that take minutes, as `npm run soak` does. Other runs try
 * some of them, chosen anew each time.
 */
export const triesAll = process.env['FAIRLEAD_CASES'] === 'all';

/** Returns `count` of the cases in their order, chosen anew in each run; all if it tries all. */
export function someOf<T>(cases: readonly T[], count: number): readonly T[] {
  if (triesAll) return cases;
  const places = cases.map((_, place) => place).sort(() => Math.random() - 0.5);
  const chosen = new Set(places.slice(0, count));
  return cases.filter((_, place) => chosen.has(place));
}
