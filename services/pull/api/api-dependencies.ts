import type { RouteDependencies } from '#lib/http/service-server';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
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
  readonly connect: (reference: Reference) => ReadTarget;
}
