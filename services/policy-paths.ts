import { basename } from 'node:path';
import type { LocalPaths } from '#lib/http/local-paths';
import { policyPlace, type TrustPolicy } from '#lib/trust/policy/policy';

/**
 * Returns the files of a policy, by the names that callers get instead: its own, and keys that it
 * names by a path.
 */
export function policyPaths(policy: TrustPolicy): LocalPaths {
  const requirements = policy.rules.flatMap(({ require, attestations = [] }) => [
    ...require,
    ...attestations.flatMap(({ by }) => by ?? []),
  ]);
  const keys = requirements.flatMap(({ anyOf }) => anyOf.flatMap(({ key }) => key ?? []));
  return {
    ...Object.fromEntries(keys.map((key) => [key, basename(key)])),
    [policyPlace(policy)]: 'the trust policy',
  };
}
