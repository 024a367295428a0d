import { basename } from 'node:path';
import type { LocalPaths } from '#lib/http/local-paths';
import type { TrustPolicy } from '#lib/trust/policy/policy';

/**
 * Returns the files of a policy, by the names that callers get instead: its own, and keys that it
 * names by a path.
 */
export function policyPaths({ source, rules }: TrustPolicy): LocalPaths {
  const requirements = rules.flatMap(({ require, attestations = [] }) => [
    ...require,
    ...attestations.flatMap(({ by }) => by ?? []),
  ]);
  const keys = requirements.flatMap(({ anyOf }) => anyOf.flatMap(({ key }) => key ?? []));
  return {
    ...Object.fromEntries(keys.map((key) => [key, basename(key)])),
    [source.replace(/ \(which does not exist\)$/, '')]: 'the trust policy',
  };
}
