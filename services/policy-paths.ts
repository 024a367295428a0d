import { basename } from 'node:path';
import type { LocalPaths } from '#lib/http/local-paths';
import type { TrustPolicy } from '#lib/trust/policy/policy';

/**
 * Returns what a policy was read from, by what callers are told in its place: its file, and keys
 * that it names by more than their file names.
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
