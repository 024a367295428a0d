import type { EncodedRule } from './encode.ts';

/** So many rules of different argument sets load in under 0.1 s whatever they compare; with 8 some took 8 s. */
const maxMixedRules = 5;

/**
 * Whether libseccomp 2.5 turns the rules of one syscall into a filter without delay. Its time grows exponentially
 * where rules with several conditions and rules on other arguments stand together: 24 of them have kept a container from
 * starting for longer than a kubelet waits. Rules that all compare the same arguments, and rules of one condition each,
 * take no time worth speaking of, however many there are.
 */
export function loadsQuickly(rules: readonly EncodedRule[]): boolean {
  if (rules.length <= maxMixedRules || rules.every(({ args }) => args.length <= 1)) return true;
  const [first] = rules;
  return first !== undefined && rules.every((rule) => compareTheSame(rule, first));
}

function compareTheSame({ args }: EncodedRule, other: EncodedRule): boolean {
  return args.length === other.args.length && args.every(({ index }, at) => index === other.args[at]?.index);
}
