import { matchesRepository } from './match.ts';
import { coverage, type PositionBudget } from './match-coverage.ts';
import type { Rule } from './policy.ts';

/**
 * Earlier rules that leave nothing to a rule: it is never asked. `undecided`: it takes too long to
 * tell whether they do.
 */
export type Shadow = readonly Rule[] | 'undecided' | undefined;

/**
 * How many positions of names a whole policy may take: real ones take some hundreds a rule, and
 * some can be written that take millions.
 */
const mostPositions = 300_000;

/**
 * What rules are asked about: profiles of a kind, and what is none of these, about which rules that
 * name kinds are not asked.
 */
const subjects = ['Seccomp', 'AppArmor', 'other'] as const;

type Subject = (typeof subjects)[number];

/**
 * For each rule of a policy, in order, the earlier ones that decide about everything that it is
 * for, be it one or several together; undefined where something is left to it. No more of them are
 * named than it takes.
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
 * Looks for a repository that is left to the rule, asks which earlier rule it goes to instead, and
 * goes on without what that one covers.
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
  // What was found first may be within what was found later.
  for (const each of covering) {
    const others = covering.filter((other) => other !== each);
    if (coverage(rule.match, matchesOf(others), budget) === 'covered') covering = others;
  }
  return covering;
}

function matchesOf(rules: readonly Rule[]): string[] {
  return rules.map(({ match }) => match);
}
