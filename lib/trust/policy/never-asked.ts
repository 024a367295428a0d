import { matchesRepository } from './match.ts';
import { coverage, type PositionBudget } from './match-coverage.ts';
import type { Rule } from './policy.ts';

/**
 * The earlier rules because of which a rule never applies; undefined if it can apply. `undecided`:
 * the budget was used up before that was known.
 */
export type Shadow = readonly Rule[] | 'undecided' | undefined;

/**
 * How many positions of names may be examined for a whole policy. Real policies need a few hundred
 * for each rule, but some patterns need millions.
 */
const mostPositions = 300_000;

/**
 * What rules decide about: profiles of a kind, and other content, to which rules with `kinds` do
 * not apply.
 */
const subjects = ['Seccomp', 'AppArmor', 'other'] as const;

type Subject = (typeof subjects)[number];

/**
 * Returns, for each rule of a policy in order, the earlier rules that together decide everything
 * that it matches; undefined if the rule can apply. The list has no rule that is not needed.
 */
export function shadowsOf(
  rules: readonly Rule[],
  budget: PositionBudget = { positions: mostPositions },
): readonly Shadow[] {
  return rules.map((rule, index) => {
    const covering = new Set<Rule>();
    for (const subject of subjectsOf(rule)) {
      const found = coveringRules(
        rule,
        rules.slice(0, index).filter((earlier) => subjectsOf(earlier).includes(subject)),
        budget,
      );
      if (found === undefined || found === 'undecided') return found;
      for (const each of found) covering.add(each);
    }
    return [...covering].sort((a, b) => rules.indexOf(a) - rules.indexOf(b));
  });
}

function subjectsOf({ kinds }: Rule): readonly Subject[] {
  return kinds === undefined ? subjects : subjects.filter((subject) => subject !== 'other' && kinds.includes(subject));
}

/**
 * Returns the earlier rules that together cover a rule. Repeatedly finds a repository that the rule
 * matches and the rules found so far do not, and adds the earlier rule that decides about it.
 */
function coveringRules(rule: Rule, earlier: readonly Rule[], budget: PositionBudget): Shadow {
  let covering: readonly Rule[] = [];
  for (;;) {
    const left = coverage(rule.match, matchesOf(covering), budget);
    if (left === 'undecided') return left;
    if (left === 'covered') break;
    const decides = earlier.find(({ match }) => matchesRepository(match, left.repository));
    if (decides === undefined) return undefined;
    covering = [...covering, decides];
  }
  // Rules that were found later may cover those that were found first.
  for (const each of covering) {
    const others = covering.filter((other) => other !== each);
    if (coverage(rule.match, matchesOf(others), budget) === 'covered') covering = others;
  }
  return covering;
}

function matchesOf(rules: readonly Rule[]): string[] {
  return rules.map(({ match }) => match);
}
