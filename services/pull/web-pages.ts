import type { FastifyInstance } from 'fastify';
import { shownMessage } from '#lib/errors';
import type { RouteDependencies } from '#lib/http/service-server';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import type { FollowedCatalogs } from './catalogs.ts';
import type { CatalogView } from './pages/catalog-view.ts';
import { checkedPages } from './pages/checked-pages.ts';
import { type CheckDependencies, CheckedProfiles } from './pages/checks/checked-profiles.ts';
import { pages } from './pages/pages.ts';

/** What the web pages of a service show, and how they check it. */
export interface WebPages extends Omit<CheckDependencies, 'turns'>, Pick<RouteDependencies, 'signalOf' | 'turns'> {
  readonly version: string;
  readonly catalog: () => CatalogView;
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
  void app.register(checkedPages, dependencies);
}

/** Returns the catalogs as the pages show them. */
export function catalogView(catalogs: Pick<FollowedCatalogs, 'current' | 'states'>): CatalogView {
  const search = catalogs.current();
  const states = catalogs.states.map(({ reference, catalog, problem }) => ({
    reference,
    ...(catalog !== undefined && { built: catalog.built }),
    verified: catalog !== undefined,
    ...(problem !== undefined && { problem: shownMessage(problem) }),
  }));
  return {
    totals: search.totals,
    catalogs: states,
    search: (query) => search.search(query),
    profile: (registry, repository) => search.get({ registry, repository }),
  };
}
