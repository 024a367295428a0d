import { FairleadError } from '#lib/errors';
import type { PolicyStatement, RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { inheritedBlocks, rules } from './rules.ts';

/**
 * Returns a profile as a SelinuxProfile, so that it can be merged: a raw one of which all that it
 * permits are rules for its process. Its dontaudit rules go, for they permit nothing: what they hid
 * is logged.
 *
 * Types of its own are other types than those of another profile, by whatever name. What a
 * membership in an attribute permits, or keeps from, only the node knows. Neither has a place in a
 * SelinuxProfile, and none of them can be left out with the certainty that less is permitted than
 * before.
 *
 * @throws FairleadError InvalidInput naming the statement that cannot be merged.
 */
export function structured(profile: SelinuxProfile | RawSelinuxProfile): SelinuxProfile {
  if (profile.kind === 'SELinux') return profile;
  for (const statement of profile.policy) {
    const reason = obstacle(statement);
    if (reason === undefined) continue;
    throw new FairleadError('InvalidInput', `the raw SELinux profile ${profile.name} cannot be merged: it ${reason}`, {
      hint: 'Only policies with nothing but blockinherit, allow and dontaudit can be merged. To compare others: fairlead diff',
    });
  }
  const inherit = inheritedBlocks(profile);
  if (!inherit.some(({ name }) => name === 'container')) {
    throw new FairleadError(
      'InvalidInput',
      `the raw SELinux profile ${profile.name} cannot be merged: it does not inherit from container`,
      { hint: 'The result is a SelinuxProfile, which always does.' },
    );
  }
  return { kind: 'SELinux', name: profile.name, mode: 'Enforcing', inherit, allow: rules(profile) };
}

/**
 * Returns profiles as SelinuxProfiles; see {@link structured}, also for what it throws. There is at
 * least one.
 */
export function allStructured([first, ...others]: readonly [
  SelinuxProfile | RawSelinuxProfile,
  ...(SelinuxProfile | RawSelinuxProfile)[],
]): readonly [SelinuxProfile, ...SelinuxProfile[]] {
  return [structured(first), ...others.map(structured)];
}

function obstacle(statement: PolicyStatement): string | undefined {
  switch (statement.statement) {
    case 'allow':
    case 'dontaudit':
    case 'blockinherit':
      return undefined;
    case 'type':
    case 'roletype':
      return `has a type of its own, ${statement.type}`;
    case 'typeattributeset':
      return `gives types the attribute ${statement.attribute}`;
  }
}
