import type { SeccompRule } from './model.ts';

/**
 * How surely libseccomp 2.5 joins several entries of one syscall wrongly (see encodeDecision): entries with LT or LE, or
 * with NE, GE or GT among several conditions, often; entries of one NE, GE or GT beside entries of several EQ, seldom.
 * Undefined where it is not known to.
 *
 * @param entries at least two, or one with several conditions on one argument.
 */
export function doubtAbout(entries: readonly SeccompRule[]): 'does' | 'may' | undefined {
  const lists = entries.map((rule) => rule.args ?? []);
  const isSingle = (list: (typeof lists)[number]) =>
    list.length === 1 || new Set(list.map(({ index }) => index)).size < list.length;
  const uses = (list: (typeof lists)[number], ...operators: string[]) => list.some(({ op }) => operators.includes(op));
  if (lists.some((list) => uses(list, 'SCMP_CMP_LT', 'SCMP_CMP_LE'))) return 'does';
  const loose = lists.filter((list) => uses(list, 'SCMP_CMP_NE', 'SCMP_CMP_GE', 'SCMP_CMP_GT'));
  if (loose.length === 0 || lists.every(isSingle)) return undefined;
  return loose.every(isSingle) ? 'may' : 'does';
}
