import { basename } from 'node:path';
import type { LocalPaths } from '#lib/http/local-paths';
import { type KeyRequirement, policyPlace, type TrustPolicy } from '#lib/trust/policy/policy';

/**
 * Returns the files of a policy, by the names that callers get instead: its own, and keys that it
 * names by a path.
 */
export function policyPaths(policy: TrustPolicy): LocalPaths {
  return {
    ...Object.fromEntries(policyKeys(policy).map(({ key }) => [key, basename(key)])),
    [policyPlace(policy)]: 'the trust policy',
  };
}

/** Returns the keys that the rules of a policy name, in their order. */
export function policyKeys({ rules }: TrustPolicy): readonly KeyRequirement[] {
  const requirements = rules.flatMap(({ require, attestations = [] }) => [
    ...require,
    ...attestations.flatMap(({ by }) => by ?? []),
  ]);
  return requirements.flatMap(({ anyOf }) =>
    anyOf.flatMap((alternative) => (alternative.key === undefined ? [] : [alternative])),
  );
}
