import type { LocalPaths } from '#lib/http/local-paths';
import type { RouteDependencies } from '#lib/http/service-server';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { FollowedCatalogs } from '../catalogs.ts';
import type { Readers } from '../readers/readers.ts';
import type { VerifiedProfiles } from '../verified/verified-profiles.ts';

/** What the routes of the API need. */
export interface ApiDependencies extends RouteDependencies {
  readonly profiles: VerifiedProfiles;
  readonly readers: Readers;
  readonly catalogs: FollowedCatalogs;
  readonly policy: Pick<PolicySource, 'current'>;
  /** Returns what loadReferenceDefault returns. */
  readonly baseline: () => Promise<SeccompProfile>;
  /** Files and directories of this machine that errors may name, hidden from callers. */
  readonly localPaths: () => LocalPaths;
}
