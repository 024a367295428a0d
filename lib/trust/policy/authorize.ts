import { FairleadError } from '#lib/errors';
import type { ProfileMode } from '#lib/profile/constraint';
import type { ProfileKind } from '#lib/profile/profile';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { matchesRepository } from './match.ts';
import { policyPlace, type Rule, type TrustPolicy } from './policy.ts';

/**
 * Why one rule does or does not apply to a reference: a step of the decision, for output and logs.
 */
export interface DecisionStep {
  readonly rule: string;
  readonly position?: string;
  readonly outcome: 'matches' | 'other repository' | 'other kind';
}

/**
 * What the policy decides about a reference before anything is fetched, and the rules that were
 * tried.
 */
export interface PolicyDecision {
  readonly repository: string;
  readonly kind?: ProfileKind;
  /** Absent if no rule allows it. */
  readonly rule?: Rule;
  /** In file order, up to the rule that decided. */
  readonly steps: readonly DecisionStep[];
}

/** What a policy matches: a reference without its tag, digest or range. */
export type RepositoryName = Pick<Reference, 'registry' | 'repository'>;

/**
 * Returns the decision about a reference: the first rule, in file order, that matches both the
 * repository and the kind. Content other than profiles has no kind, and rules with `kinds` do not
 * match it.
 */
export function decide(policy: TrustPolicy, reference: RepositoryName, kind?: ProfileKind): PolicyDecision {
  const repository = formatRepository(reference);
  const asked = { repository, ...(kind === undefined ? {} : { kind }) };
  const steps: DecisionStep[] = [];
  for (const rule of policy.rules) {
    const outcome = !matchesRepository(rule.match, repository)
      ? 'other repository'
      : rule.kinds !== undefined && (kind === undefined || !rule.kinds.includes(kind))
        ? 'other kind'
        : 'matches';
    steps.push({ rule: rule.match, ...(rule.position === undefined ? {} : { position: rule.position }), outcome });
    if (outcome === 'matches') return { ...asked, rule, steps };
  }
  return { ...asked, steps };
}

/**
 * Returns the rule of the policy for a repository and a kind of profile: the first that matches.
 * Tags and digests are ignored. Throws NotAllowed if no rule matches, and if the rule does not
 * allow the mode.
 *
 * @param mode how the profile is to be applied, if it is not enforced.
 */
export function authorize(
  policy: TrustPolicy,
  reference: RepositoryName,
  kind?: ProfileKind,
  mode?: ProfileMode,
): Rule {
  const { repository, rule, steps } = decide(policy, reference, kind);
  if (rule !== undefined) return withMode(rule, { policy, repository, mode });
  const what = kind === undefined ? 'artifacts' : `${kind} profiles`;
  const otherKind = steps.find(({ outcome }) => outcome === 'other kind');
  const reason =
    otherKind !== undefined
      ? `rule ${otherKind.rule} applies to other kinds`
      : policy.rules.length === 0
        ? 'it has no rules'
        : policy.rules.length === 1
          ? 'its only rule does not match'
          : `none of its ${policy.rules.length} rules matches`;
  const place = policyPlace(policy);
  const adding = policy.missing ? `create ${place} with a rule` : `add a rule to ${place}`;
  const change =
    kind !== undefined && otherKind !== undefined
      ? `add ${kind} to kinds of this rule${placeOf(otherKind)} in ${place}`
      : `${adding} whose match covers ${repository}, with the key to require`;
  throw new FairleadError('NotAllowed', `${policy.source} does not allow ${what} from ${repository}: ${reason}`, {
    hint: `To allow them, ${change}.`,
  });
}

/** Returns where a rule is, as ` (line 4)` or ` (spec.rules[0])`; '' if that is not known. */
function placeOf({ position }: Pick<Rule, 'position'>): string {
  if (position === undefined) return '';
  const [, line] = /^(\d+):\d+$/.exec(position) ?? [];
  return line === undefined ? ` (${position})` : ` (line ${line})`;
}

/** Returns the rule. Throws NotAllowed if it does not allow the mode. */
function withMode(
  rule: Rule,
  { policy, repository, mode }: { policy: TrustPolicy; repository: string; mode: ProfileMode | undefined },
): Rule {
  if (mode === undefined || rule.log === true) return rule;
  throw new FairleadError(
    'NotAllowed',
    `${policy.source} does not allow mode=log for ${repository}: rule ${rule.match}${placeOf(rule)} has no "log: true"`,
    {
      hint: `Remove mode=log, so that the profile is enforced, or add "log: true" to the rule in ${policy.source}.`,
    },
  );
}
