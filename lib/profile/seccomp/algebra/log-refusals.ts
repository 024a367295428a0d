import type { SeccompRule } from '../model.ts';
import type { Decision } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf } from './outcome.ts';
import type { NumberedMeaning } from './read-meaning.ts';

const logged = outcomeOf('SCMP_ACT_LOG', undefined);

/**
 * Returns a meaning that refuses nothing: what the given one does not allow, it logs. It keeps the
 * order of rules and their conditions, which decide what libseccomp makes of them.
 */
export function logRefusals({ distinct, otherwise, multiplexed, ...meaning }: NumberedMeaning): NumberedMeaning {
  const rules = new Map(multiplexed.map(({ rule }) => [rule, logRule(rule)]));
  return {
    ...meaning,
    distinct: distinct.map(logDecision),
    otherwise: logDecision(otherwise),
    multiplexed: multiplexed.map(({ slot, rule }) => ({ slot, rule: rules.get(rule) ?? rule })),
  };
}

function logDecision({ regions, otherwise, ...decision }: Decision): Decision {
  return {
    ...decision,
    regions: regions.map(({ box, outcome }) => ({ box, outcome: logOutcome(outcome) })),
    otherwise: logOutcome(otherwise),
  };
}

function logOutcome(outcome: Outcome): Outcome {
  return outcome.action === 'SCMP_ACT_ALLOW' ? outcome : logged;
}

function logRule(rule: SeccompRule): SeccompRule {
  return rule.action === 'SCMP_ACT_ALLOW' ? rule : { ...rule, action: logged.action };
}
