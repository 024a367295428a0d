import type { Turns } from '#lib/concurrency/turns';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { CatalogView } from '../catalog-view.ts';
import type { Openness } from './open-to-all.ts';
import type { KeyNames } from './signer-label.ts';
import type { Site } from './site.ts';
import type { VerificationOf } from './verified-here.ts';

/** What the pages need of the service. */
export interface PagesDependencies {
  /** The version of Fairlead. */
  readonly version: string;
  /** Returns the catalogs as they are now. */
  readonly catalog: () => CatalogView;
  /** The trust policy in force. */
  readonly policy: { readonly current: TrustPolicy };
  readonly verificationOf: VerificationOf;
  /** Who may read: pages show profiles only if all callers may. */
  readonly readers: Openness;
  /** Returns what loadReferenceDefault returns: the profile that others are compared with. */
  readonly baseline: () => Promise<SeccompProfile>;
  /** Where each piece of heavy work takes its turn. */
  readonly turns: Pick<Turns, 'take'>;
}

/** Returns what every page shows of the service. */
export function siteOf(
  { version, policy: { current }, readers }: PagesDependencies,
  { catalogs }: Pick<CatalogView, 'catalogs'>,
): { site: Site; keyNames: KeyNames } {
  return {
    site: { version, catalogs: readers.areAnonymous ? catalogs : [], policyRevision: current.revision },
    keyNames: keyNamesOf(current),
  };
}

/** The names are those of the files, not their paths: readers are not told where they are. */
function keyNamesOf({ rules }: TrustPolicy): KeyNames {
  const requirements = rules.flatMap(({ require, attestations = [] }) => [
    ...require,
    ...attestations.flatMap(({ by }) => by ?? []),
  ]);
  const keys = requirements.flatMap(({ anyOf }) =>
    anyOf.flatMap((alternative) => (alternative.key === undefined ? [] : [alternative])),
  );
  return new Map(keys.map(({ key, publicKey }) => [publicKey.fingerprint, key.replace(/^.*[/\\]/, '')]));
}
