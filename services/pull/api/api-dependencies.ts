import type { RouteDependencies } from '#lib/http/service-server';
import type { Readers } from '../verified/readers.ts';
import type { VerifiedProfiles } from '../verified/verified-profiles.ts';

/** What the routes of the API need. */
export interface ApiDependencies extends RouteDependencies {
  readonly profiles: VerifiedProfiles;
  readonly readers: Readers;
}
