import type { SeccompArg } from '../model.ts';

/** The conditions of one rule as libseccomp gets it, which must all hold; see loadedRules. */
type Conditions = readonly SeccompArg[];

/**
 * Returns how surely libseccomp 2.5 and 2.6 join several rules of one syscall wrongly (see
 * encodeDecision): with LT or LE, or with NE, GE or GT among several conditions, often; with one
 * NE, GE or GT beside several EQ, or if rules with several conditions do not all compare the same
 * arguments, seldom. Undefined if they are not known to.
 *
 * @param rules at least two, each with conditions.
 */
export function doubtAbout(rules: readonly Conditions[]): 'does' | 'may' | undefined {
  const isSingle = (conditions: Conditions) => conditions.length === 1;
  const uses = (conditions: Conditions, ...operators: string[]) => conditions.some(({ op }) => operators.includes(op));
  if (rules.some((conditions) => uses(conditions, 'SCMP_CMP_LT', 'SCMP_CMP_LE'))) return 'does';
  if (rules.every(isSingle)) return undefined;
  const loose = rules.filter((conditions) => uses(conditions, 'SCMP_CMP_NE', 'SCMP_CMP_GE', 'SCMP_CMP_GT'));
  if (!loose.every(isSingle)) return 'does';
  const compared = new Set(rules.map(argumentsOf));
  return loose.length > 0 || compared.size > 1 ? 'may' : undefined;
}

function argumentsOf(conditions: Conditions): string {
  return conditions
    .map(({ index }) => index)
    .sort()
    .join();
}
