import { basename } from 'node:path';
import type { Turns } from '#lib/concurrency/turns';
import type { LocalPaths } from '#lib/http/local-paths';
import { toProblem } from '#lib/http/problem';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { policyKeys } from '../../../policy-paths.ts';
import type { CatalogState, FollowedCatalogs } from '../../catalogs.ts';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import type { Openness } from './open-to-all.ts';
import type { KeyNames } from './signer-label.ts';
import type { ShownCatalog, Site } from './site.ts';

/** What the pages need of the service. */
export interface PagesDependencies {
  /** The version of Fairlead. */
  readonly version: string;
  readonly catalogs: Pick<FollowedCatalogs, 'current' | 'states'>;
  /** The trust policy in force. */
  readonly policy: { readonly current: TrustPolicy };
  readonly profiles: VerifiedProfiles;
  /** Files and directories of this machine that errors may name, hidden from readers. */
  readonly localPaths: () => LocalPaths;
  /** Who may read: pages show profiles only if all callers may. */
  readonly readers: Openness;
  /** Returns what loadReferenceDefault returns: the profile that others are compared with. */
  readonly baseline: () => Promise<SeccompProfile>;
  /** Where each piece of heavy work takes its turn. */
  readonly turns: Pick<Turns, 'take'>;
}

/** Returns what every page shows of the service. */
export function siteOf({
  version,
  policy: { current },
  readers,
  catalogs,
  localPaths,
}: Pick<PagesDependencies, 'version' | 'policy' | 'readers' | 'catalogs' | 'localPaths'>): {
  site: Site;
  keyNames: KeyNames;
} {
  const shown = readers.areAnonymous ? catalogs.states.map((state) => shownCatalog(state, localPaths())) : [];
  return { site: { version, catalogs: shown, policyRevision: current.revision }, keyNames: keyNamesOf(current) };
}

function shownCatalog({ reference, catalog, problem }: CatalogState, localPaths: LocalPaths): ShownCatalog {
  return {
    reference,
    ...(catalog !== undefined && { built: catalog.built }),
    verified: catalog !== undefined && !catalog.verification.unsigned,
    ...(problem !== undefined && { problem: toProblem(problem, '', localPaths).detail }),
  };
}

/** The names are those of the files, not their paths: readers are not told where they are. */
function keyNamesOf(policy: TrustPolicy): KeyNames {
  return new Map(policyKeys(policy).map(({ key, publicKey }) => [publicKey.fingerprint, basename(key)]));
}
