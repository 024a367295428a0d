import type { FastifyInstance } from 'fastify';
import type { LocalPaths } from '#lib/http/local-paths';
import { toProblem } from '#lib/http/problem';
import type { RouteDependencies } from '#lib/http/service-server';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import type { FollowedCatalogs } from './catalogs.ts';
import type { CatalogView } from './pages/catalog-view.ts';
import { checkedPages } from './pages/checked-pages.ts';
import { type CheckDependencies, CheckedProfiles } from './pages/checks/checked-profiles.ts';
import { pages } from './pages/pages.ts';
import { type Openness, refuseUnlessOpen } from './pages/site/open-to-all.ts';

/** What the web pages of a service show, and how they check it. */
export interface WebPages extends Omit<CheckDependencies, 'turns'>, Pick<RouteDependencies, 'signalOf' | 'turns'> {
  readonly version: string;
  readonly catalog: () => CatalogView;
  readonly readers: Openness;
}

/** Adds the web pages to a service. */
export function addWebPages(app: FastifyInstance, options: WebPages): void {
  const checks = new CheckedProfiles(options);
  let baseline: ReturnType<typeof loadReferenceDefault> | undefined;
  const dependencies = {
    ...options,
    checks,
    baseline: () => {
      baseline ??= loadReferenceDefault();
      return baseline;
    },
    verificationOf: checks.verificationOf.bind(checks),
  };
  void app.register(pages, dependencies);
  void app.register(async (ofProfiles) => {
    refuseUnlessOpen(ofProfiles, options.readers);
    await ofProfiles.register(checkedPages, dependencies);
  });
}

/** Returns the catalogs as the pages show them, without the paths of the service. */
export function catalogView(
  catalogs: Pick<FollowedCatalogs, 'current' | 'states'>,
  localPaths: LocalPaths,
): CatalogView {
  const search = catalogs.current();
  const states = catalogs.states.map(({ reference, catalog, problem }) => ({
    reference,
    ...(catalog !== undefined && { built: catalog.built }),
    verified: catalog !== undefined && !catalog.verification.unsigned,
    ...(problem !== undefined && { problem: toProblem(problem, '', localPaths).detail }),
  }));
  return {
    totals: search.totals,
    catalogs: states,
    search: (query) => search.search(query),
    profile: (registry, repository) => search.get({ registry, repository }),
  };
}
