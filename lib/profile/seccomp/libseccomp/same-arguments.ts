import type { SeccompArg } from '../model.ts';
import type { EncodedRule } from './encoding.ts';

/*
 * libseccomp 2.5 and 2.6 join rules that do not all compare the same arguments wrongly: after a
 * rule with more conditions fails, the filter may compare the next rule's value with an argument
 * that the failed rule loaded last. Such rules also take time that grows exponentially with their
 * number.
 */

/** Returns how many rules {@link align} makes of some. */
export function alignedLength(rules: readonly EncodedRule[]): number {
  const compared = comparedArguments(rules);
  if (compared === undefined) return rules.length;
  return rules.reduce((sum, { args }) => sum + 2 ** (compared.length - args.length), 0);
}

/**
 * Returns rules with the same meaning that all compare the same arguments, unless each has at most
 * one condition. An argument that a rule does not compare is compared in two copies of it: lowest
 * bit set, and not set.
 *
 * @param rules of EQ and MASKED_EQ conditions in the order of their arguments, if any has several.
 */
export function align(rules: readonly EncodedRule[]): readonly EncodedRule[] {
  const compared = comparedArguments(rules);
  if (compared === undefined) return rules;
  return rules.flatMap(({ args, outcome }) => {
    let copies: readonly SeccompArg[][] = [[]];
    for (const index of compared) {
      const own = args.find((arg) => arg.index === index);
      const either = own === undefined ? lowestBit(index) : [own];
      copies = copies.flatMap((conditions) => either.map((condition) => [...conditions, condition]));
    }
    return copies.map((conditions) => ({ args: conditions, outcome }));
  });
}

function lowestBit(index: number): readonly SeccompArg[] {
  return [0n, 1n].map((valueTwo) => ({ index, value: 1n, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }));
}

/**
 * Returns the arguments that the rules compare together, in order; undefined if they need not be
 * aligned.
 */
function comparedArguments(rules: readonly EncodedRule[]): readonly number[] | undefined {
  let all = 0;
  let several = false;
  for (const { args } of rules) {
    several ||= args.length > 1;
    for (const { index } of args) all |= 1 << index;
  }
  if (!several) return undefined;
  const compared = [0, 1, 2, 3, 4, 5].filter((index) => (all & (1 << index)) !== 0);
  return rules.every(({ args }) => args.length === compared.length) ? undefined : compared;
}
