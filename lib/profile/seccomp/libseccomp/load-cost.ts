import { namesTwice } from '../algebra/rule-regions.ts';
import type { SeccompArg } from '../model.ts';

/**
 * This many rules of different argument sets load in under 0.5 s, whatever they compare; with 10
 * some took minutes.
 */
const maxMixedRules = 5;

/** The conditions of one rule as libseccomp gets it: on different arguments, joined by "and". */
type Conditions = readonly SeccompArg[];

/** Why libseccomp does not make a filter of a syscall's rules without delay. */
export interface LoadDelay {
  /** `endless`: it may never end. `slow`: its time grows exponentially with the rules. */
  readonly cause: 'endless' | 'slow';
  /** The first rule with which it is so, counted from 0. */
  readonly rule: number;
}

/**
 * Returns what keeps libseccomp 2.5 from making a filter of one syscall's rules, from an untrusted
 * author, in under a second; undefined if nothing does. Its time grows exponentially where rules
 * with several conditions and rules on other arguments stand together: 24 of them have kept a
 * container from starting for longer than a kubelet waits. It never ends over two rules that share
 * a comparison other than EQ and MASKED_EQ and go on with different ones on later arguments, in one
 * order.
 *
 * @param rules in the order in which a runtime adds them; see loadedRules.
 */
export function loadDelay(rules: readonly Conditions[]): LoadDelay | undefined {
  const followers = new Map<string, string>();
  const compared = new Set<string>();
  let hasSeveral = false;
  for (const [rule, conditions] of rules.entries()) {
    const inOrder = conditions.length > 1 ? conditions.toSorted((a, b) => a.index - b.index) : conditions;
    for (const [at, condition] of inOrder.entries()) {
      const next = inOrder[at + 1];
      if (next === undefined || condition.op === 'SCMP_CMP_EQ' || condition.op === 'SCMP_CMP_MASKED_EQ') continue;
      const [own, following] = [textOf(condition), textOf(next)];
      const other = followers.get(own);
      if (other !== undefined && other !== following) return { cause: 'endless', rule };
      followers.set(own, following);
    }
    compared.add(inOrder.map(({ index }) => index).join());
    hasSeveral ||= inOrder.length > 1;
    if (rule >= maxMixedRules && hasSeveral && compared.size > 1) return { cause: 'slow', rule };
  }
  return undefined;
}

/**
 * Returns an entry's conditions as runtimes pass them to libseccomp, which leaves out comparisons
 * under an empty mask: one rule, or one for each if two name the same argument. A rule without
 * conditions decides alone.
 */
export function loadedRules(args: readonly SeccompArg[]): readonly Conditions[] {
  const compares = ({ op, value }: SeccompArg) => op !== 'SCMP_CMP_MASKED_EQ' || value !== 0n;
  return namesTwice(args) ? args.map((arg) => [arg].filter(compares)) : [args.filter(compares)];
}

/** Returns a condition as 32-bit architectures compare it. */
export function lowHalf(arg: SeccompArg): SeccompArg {
  const { value, valueTwo } = arg;
  if (value <= 0xffff_ffffn && (valueTwo === undefined || valueTwo <= 0xffff_ffffn)) return arg;
  return {
    ...arg,
    value: BigInt.asUintN(32, value),
    ...(valueTwo !== undefined && { valueTwo: BigInt.asUintN(32, valueTwo) }),
  };
}

function textOf({ index, op, value, valueTwo = 0n }: SeccompArg): string {
  return `${index} ${op} ${value} ${op === 'SCMP_CMP_MASKED_EQ' ? valueTwo & value : ''}`;
}
